"""Keys that sign mail of a white label's domain: made anew and given up, beside its request."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.core.db import db
from portal.core.errors import Refusal
from portal.desk import request_listing, signing_keys
from portal.desk.request_models import DomainRequest
from portal.web.backoffice.door import bp


@bp.post("/domain-requests/<int:request_id>/signing-key")
def new_signing_key(request_id: int) -> ResponseReturnValue:
    """Make one; it signs once its record is seen."""
    return _done(
        request_id,
        lambda found: signing_keys.renew(found, by=g.person),
        _("The key is made. It signs as soon as its record is seen in DNS."),
    )


@bp.post("/domain-requests/<int:request_id>/stop-signing")
def stop_signing(request_id: int) -> ResponseReturnValue:
    """Sign nothing more."""
    return _done(
        request_id,
        lambda found: signing_keys.stop(found, by=g.person),
        _("Its mail is not signed here any more."),
    )


def _done(
    request_id: int, act: Callable[[DomainRequest], object], words: str
) -> ResponseReturnValue:
    found = request_listing.find_request(None, request_id)
    try:
        act(found)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
    else:
        db.session.commit()
        flash(words)
    return redirect(url_for(".domain_request", request_id=request_id, _anchor="signing"))
