"""Settings > Communication: what the platform is called, who answers, and whose servers it has."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import StringField
from wtforms.validators import DataRequired

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.routing.facts import Ask, gather
from portal.routing.ways import way_of
from portal.web.backoffice.door import bp
from portal.web.edit_form import EditForm
from portal.web.forms import EmailField, tidy
from portal.web.smtp_servers import add_pages
from portal.web.smtp_servers.watching import server_rows
from portal.white_labels import platform


class CommunicationForm(EditForm):
    name = StringField(
        lazy("Name of the platform"),
        filters=[tidy],
        description=lazy("It stands in the Backoffice and in the mail that the portal writes."),
        validators=[DataRequired(lazy("What is the platform called?"))],
        render_kw={"autocomplete": "organization", "maxlength": 80},
    )
    support_email = EmailField(
        lazy("Support e-mail"),
        filters=[tidy],
        description=lazy("Where white labels reach you when they need help."),
        render_kw={"autocomplete": "email"},
    )


@bp.route("/settings/communication", methods=["GET", "POST"])
def communication() -> ResponseReturnValue:
    stored = platform.the_platform()
    form = CommunicationForm(obj=stored)
    if form.validate_on_submit():
        try:
            platform.change(
                stored, name=form.name.data, support_email=form.support_email.data or ""
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            return redirect(url_for(".communication"))
    search = request.args.get("q", "").strip()
    return render_template(
        "backoffice/communication/communication.html",
        form=form,
        rows=server_rows(search),
        search=search,
        way=way_of(gather(Ask(white_label_id=None))),
    )


add_pages(bp, at="/settings/communication/servers")
