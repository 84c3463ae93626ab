"""One's own passkeys."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import StringField
from wtforms.validators import DataRequired

from portal.accounts import passkeys
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.web.account.door import bp
from portal.web.forms import Form, tidy
from portal.web.guard import confirmed

CHALLENGE = "passkey challenge"


class PasskeyForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("So that you know it again, as “laptop” or “blue key”."),
        validators=[DataRequired(lazy("Give it a name."))],
        render_kw={"autocomplete": "off", "maxlength": "60"},
    )


@bp.get("/passkeys/new")
@confirmed
def new_passkey() -> str:
    return render_template("account/passkey.html", form=PasskeyForm())


@bp.post("/passkeys/question")
@confirmed
def passkey_question() -> ResponseReturnValue:
    """What the browser is asked to make; the challenge waits in the session."""
    question = passkeys.ask_to_register(g.person, host=g.site.host, place=g.site.brand.name)
    session[CHALLENGE] = question.challenge
    return Response(question.options, content_type="application/json")


@bp.post("/passkeys")
@confirmed
def add_passkey() -> ResponseReturnValue:
    form = PasskeyForm()
    try:
        if not form.validate():
            _place, words = next(form.faults())
            raise Refusal("name_not_fit", str(words))
        passkeys.register(
            g.person,
            answer=request.form.get("answer", ""),
            challenge=session.pop(CHALLENGE, ""),
            host=g.site.host,
            origin=g.site.origin,
            name=form.name.data,
        )
    except Refusal as refusal:
        db.session.commit()  # the challenge stays used up
        flash(refusal.words, "error")
        return redirect(url_for(".new_passkey"))
    db.session.commit()
    flash(_("The passkey is added. You can sign in with it here."))
    return redirect(url_for(".security"))


@bp.post("/passkeys/<int:passkey_id>/remove")
@confirmed
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    passkeys.remove(g.person, passkey_id)
    db.session.commit()
    flash(_("The passkey is removed."))
    return redirect(url_for(".security"))
