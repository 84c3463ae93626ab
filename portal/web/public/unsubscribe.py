"""Where the link in a campaign's mail leads: one click, without sign-in, cookies or JavaScript.

RFC 8058: a mail program sends a POST and is answered at once, without a redirect; a GET, which
scanners send too, only shows the button.

A mail outlives the hostname that its link names: the portal may have moved, the name may be
suspended, or be another white label's by now. The token says whose link it is, so it works at any
host that reaches us; only the pages of the white label itself and of the platform show a brand.
"""

from __future__ import annotations

from flask import Response, abort, current_app, g, render_template, request
from flask.typing import ResponseReturnValue

from portal.audit.trail import Actor, acting
from portal.core.db import db
from portal.outbox import unsubscribing
from portal.outbox.unsubscribing import Unsubscriber
from portal.web.public.door import bp


@bp.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """The button; nothing happens by looking."""
    who = unsubscribing.read(token)
    if who is None:
        return _unknown()
    return _page(who, is_off=unsubscribing.is_unsubscribed(who), token=token)


@bp.post("/unsubscribe/<token>")
def take_off(token: str) -> ResponseReturnValue:
    """By the button or by a mail program: it is done when this is answered."""
    who = unsubscribing.read(token)
    if who is None:
        return _unknown()
    with acting(Actor(who.email, None, request.remote_addr or "")):
        unsubscribing.unsubscribe(who)
        db.session.commit()
    return _page(who, is_off=True, token=token)


@bp.get("/unsubscribe/<token>/plain.css")
def plain_style(token: str) -> Response:
    """How the page looks where no other file is served; to those who have a link."""
    if unsubscribing.read(token) is None:
        abort(404)
    return current_app.send_static_file("css/plain.css")


def _page(who: Unsubscriber, *, is_off: bool, token: str) -> str:
    has_brand = "site" in g and (g.site.is_platform or g.site.white_label_id == who.white_label.id)
    return render_template(
        "public/unsubscribe.html", who=who, is_off=is_off, token=token, has_brand=has_brand
    )


def _unknown() -> ResponseReturnValue:
    """Not one of our links, or not the whole of it."""
    if "site" not in g:
        abort(404)
    return render_template("public/unsubscribe_unknown.html"), 404
