"""The domains of each white label, asked for or not, and taking an approval back."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.desk import domain_requests
from portal.desk.request_listing import listed_of, request_of
from portal.domains import allow_list
from portal.domains.models import Domain, DomainState
from portal.outbox import effects
from portal.web.backoffice.domain_requests import ReasonForm
from portal.web.backoffice.tenant import bp, the_white_label
from portal.web.domain_pages import STATES, shown


@bp.get("/domains")
def domains() -> str:
    """What stands on its allow-list, and what has put it there."""
    return render_template(
        "backoffice/domains/domains.html", rows=listed_of(the_white_label()), states=STATES
    )


@bp.route("/domains/<int:domain_id>/revoke", methods=["GET", "POST"])
def revoke_domain(domain_id: int) -> ResponseReturnValue:
    """What it changes; then the approval is taken back."""
    found, form = _find(domain_id), ReasonForm()
    asked = request_of(found)
    back = (
        url_for("backoffice.domain_request", request_id=asked.id) if asked else url_for(".domains")
    )
    if found.state is DomainState.REVOKED:
        return redirect(back)
    if asked is None:
        form.reason.description = _("They read it in the mail and in their audit.")
    if form.validate_on_submit():
        try:
            domain_requests.take_back(found, by=g.person, reason=form.reason.data)
        except NotFound:
            raise
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
            found = _find(domain_id)
        else:
            db.session.commit()
            flash(_("The approval of %(domain)s is taken back.", domain=shown(found.name)))
            return redirect(back)
    return render_template(
        "backoffice/domains/revoke.html",
        form=form,
        name=shown(found.name),
        white_label=the_white_label(),
        effects=effects.of_losing_domain(found),
        back=back,
    )


def _find(domain_id: int) -> Domain:
    return allow_list.find_domain(the_white_label(), domain_id)
