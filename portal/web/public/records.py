"""A domain's DNS records for whoever keeps the DNS: by a link, without an account, to be read only.

A mail scanner that opens the link sees a button. The first browser in which somebody presses it
gets a cookie, and the link opens nowhere else.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError

from portal.accounts import attempts
from portal.audit.trail import Actor, acting
from portal.config import Config
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.logs import logger
from portal.core.secret import Secret
from portal.core.words import _
from portal.desk import record_links
from portal.desk.request_models import RecordLink
from portal.web.domain_pages import records_of, shown
from portal.web.forms import Form
from portal.web.public.door import bp

COOKIE = "records"
LOOKED_AT = 60
LOOKED_WITHIN = timedelta(minutes=10)
"""From one address; enough to come back after each record, too few to try links out."""


@bp.route("/records/<token>", methods=["GET", "POST"])
def records(token: str) -> ResponseReturnValue:
    """The button, the records, or that there is nothing."""
    if not _is_within_limit():
        return _unlisted(render_template("public/records_later.html"), 429)
    try:
        link = _find(token)
    except NotFound:
        return _unlisted(render_template("public/records_over.html", was_opened=False), 404)
    if record_links.may_read(link, Secret(request.cookies.get(COOKIE, ""))):
        return _unlisted(
            render_template(
                "public/records.html",
                domain=link.domain,
                name=shown(link.domain.name),
                records=records_of(link.domain),
                until=link.expires_at,
            )
        )
    if link.opened_at is not None:
        return _unlisted(render_template("public/records_over.html", was_opened=True), 404)
    form = Form()
    if form.validate_on_submit():
        return _open(link, token)
    return _unlisted(
        render_template("public/records_door.html", form=form, name=shown(link.domain.name))
    )


def _find(token: str) -> RecordLink:
    if g.site.white_label_id is None or g.site.is_suspended:
        raise NotFound(_("link"))
    return record_links.find(g.site.white_label_id, Secret(token))


def _open(link: RecordLink, token: str) -> ResponseReturnValue:
    with acting(Actor("link", None, request.remote_addr or "")):
        try:
            reader = record_links.open_once(link)
        except Refusal:
            db.session.rollback()
            return _unlisted(render_template("public/records_over.html", was_opened=True), 404)
        expires_at = link.expires_at
        db.session.commit()
    config: Config = current_app.config["LIVERY"]
    address = url_for("public.records", token=token)
    response = make_response("", 303)
    response.headers["Location"] = address
    response.set_cookie(
        COOKIE,
        reader.reveal(),
        max_age=expires_at - clock.now(),
        path=address,
        secure=config.is_https,
        httponly=True,
        samesite="Lax",
    )
    return _unlisted(response)


def _unlisted(answer: str | Response, status: int | None = None) -> Response:
    """Nothing keeps it, no search engine lists it."""
    response = make_response(answer)
    if status is not None:
        response.status_code = status
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _is_within_limit() -> bool:
    """One more look from this address; whether that is not too many."""
    subject = attempts.address(request.remote_addr or "").replace("sign-in", "records")
    if attempts.how_often(subject, LOOKED_WITHIN) >= LOOKED_AT:
        return False
    if request.method == "POST":
        attempts.count(subject)
        db.session.commit()  # counted for good, whatever becomes of the link
        return True
    try:
        attempts.count_aside(subject)
    except OperationalError:
        logger("web").info("look_not_counted")  # the store is busy, and this is only a note
    return True
