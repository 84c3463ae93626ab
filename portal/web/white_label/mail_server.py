"""Settings > Custom mail server: the platform's server or an own one, and what that means now."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.apps import apps
from portal.core.db import db
from portal.routing.ways import ways_of
from portal.smtp_settings import servers
from portal.web.white_label.door import bp
from portal.white_labels import tenants
from portal.white_labels.models import MailMode


@bp.get("/settings")
def mail_server() -> str:
    """Which of the two is chosen, and which way each app's mail takes because of it."""
    there = apps.apps_of(g.white_label)
    return render_template(
        "white_label/mail_server/mail_server.html",
        uses_own=g.white_label.mail_mode is MailMode.OWN,
        servers=servers.servers_of(g.white_label),
        apps=there,
        ways=ways_of(there),
    )


@bp.post("/settings")
def choose_mail_server() -> ResponseReturnValue:
    """Switch; whoever chooses an own server and has none goes on to the form for it."""
    wants_own = request.form.get("use") == "own"
    tenants.change(g.white_label, mail_mode=MailMode.OWN if wants_own else MailMode.PLATFORM)
    has_none = not servers.servers_of(g.white_label)
    db.session.commit()
    if wants_own and has_none:
        return redirect(url_for(".new_server"))
    flash(
        _("Own servers are used from now on, where their owner's apps send.")
        if wants_own
        else _("All mail leaves through the platform's server from now on.")
    )
    return redirect(url_for(".mail_server"))
