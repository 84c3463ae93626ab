"""Where the link in a campaign's mail leads: one click, without sign-in, cookies or JavaScript.

RFC 8058: a mail program sends a POST and is answered at once, without a redirect; a GET, which
scanners send too, only shows the button.
"""

from __future__ import annotations

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from portal.audit.trail import Actor, acting
from portal.core.db import db
from portal.outbox import unsubscribing
from portal.outbox.unsubscribing import Unsubscriber
from portal.web.public.door import bp


@bp.get("/unsubscribe/<token>")
def unsubscribe(token: str) -> ResponseReturnValue:
    """The button; nothing happens by looking."""
    who = _who(token)
    if who is None:
        return render_template("public/unsubscribe_unknown.html"), 404
    return render_template(
        "public/unsubscribe.html", who=who, is_off=unsubscribing.is_unsubscribed(who)
    )


@bp.post("/unsubscribe/<token>")
def take_off(token: str) -> ResponseReturnValue:
    """By the button or by a mail program: it is done when this is answered."""
    who = _who(token)
    if who is None:
        return render_template("public/unsubscribe_unknown.html"), 404
    with acting(Actor(who.email, None, request.remote_addr or "")):
        unsubscribing.unsubscribe(who)
        db.session.commit()
    return render_template("public/unsubscribe.html", who=who, is_off=True)


def _who(token: str) -> Unsubscriber | None:
    """Whose link it is, if it is one of this portal's.

    A white label without a hostname of its own has its links at the platform's.
    """
    who = unsubscribing.read(token)
    if who is None or not (g.site.is_platform or who.white_label.id == g.site.white_label_id):
        return None
    return who
