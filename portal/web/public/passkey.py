"""Signing in with a passkey: the browser asks its owner, the page only carries the answer."""

from __future__ import annotations

from flask import Response, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts import attempts, passkeys
from portal.core.db import db
from portal.core.errors import Refusal
from portal.web.confirmation import too_fast
from portal.web.next_page import next_page
from portal.web.public.door import bp
from portal.web.public.sign_in import let_in

CHALLENGE = "passkey challenge"


@bp.post("/sign-in/passkey/question")
def passkey_question() -> ResponseReturnValue:
    """What the browser's owner is asked to sign; the challenge waits in the session."""
    question = passkeys.ask_to_sign_in(host=g.site.host)
    session[CHALLENGE] = question.challenge
    return Response(question.options, content_type="application/json")


@bp.post("/sign-in/passkey")
def passkey() -> ResponseReturnValue:
    """Who answered; a passkey opened by its owner is both factors at once."""
    subject = attempts.address(request.remote_addr or "")
    wait = attempts.begin(f"passkeys of {subject}"[:120], subject)
    db.session.commit()
    try:
        if wait or g.site.is_suspended:
            words = too_fast(wait) if wait else _("This portal is closed for now.")
            raise Refusal("not_now", words)
        person = passkeys.sign_in(
            g.site.white_label_id,
            answer=request.form.get("answer", ""),
            challenge=session.pop(CHALLENGE, ""),
            host=g.site.host,
            origin=g.site.origin,
        )
    except Refusal as refusal:
        db.session.commit()  # the challenge stays used up
        flash(refusal.words, "error")
        return redirect(url_for("public.sign_in"))
    return let_in(person, to=next_page())
