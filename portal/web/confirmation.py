"""Confirm it is you: what gives power over mail asks for a factor again, and loses nothing typed.

A page is asked for first and shown afterwards. A form that was sent while the last proof had
grown old is carried through the question, sealed: the browser gets it back as one field that
only this sign-in can open at this address, so that no secret stands in a page.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import ImmutableMultiDict
from wtforms import HiddenField, PasswordField
from wtforms.validators import DataRequired

from portal.accounts import attempts, passwords, second_factor
from portal.accounts import sign_in as sign_ins
from portal.accounts.models import Person
from portal.core import clock, vault
from portal.core.db import db
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.web.forms import Form

CARRIED_FOR = timedelta(minutes=15)
FIELD = "carried"


class ConfirmationForm(Form):
    proof = PasswordField(
        lazy("Your password, or a code from your app"),
        validators=[DataRequired(lazy("Type your password or a code."))],
        render_kw={"autocomplete": "current-password", "autofocus": True},
    )
    carried = HiddenField()


def ask() -> ResponseReturnValue | None:
    """The question in place of the view; None when the proof came with the form."""
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("account.confirm", next=request.full_path.rstrip("?")))

    form = ConfirmationForm()
    if FIELD not in request.form:
        form.carried.data = _carry()
        form.proof.data = ""
        return render_template("account/confirm.html", form=form), 403

    if not (form.validate() and prove(form)):
        return render_template("account/confirm.html", form=form), 403
    return _unpack(form.carried.data)


def prove(form: ConfirmationForm) -> bool:
    """Whether the proof is right; then the sign-in counts as confirmed from now on."""
    proof = Secret(form.proof.data)
    wait = attempts.begin(*_subjects(g.person))
    person_hash = g.person.password_hash
    db.session.commit()  # counted for good, and no lock is held while the password is worked on
    if wait:
        form.proof.errors = [too_fast(wait)]
        return False

    is_password = passwords.is_right(person_hash, proof)
    if not is_password and not second_factor.is_right(g.person, proof.reveal()):
        db.session.commit()
        form.proof.errors = [_("This is neither your password nor a valid code.")]
        return False
    attempts.forget(_subjects(g.person)[0])
    sign_ins.confirm(g.sign_in)
    db.session.commit()
    return True


def too_fast(wait: timedelta) -> str:
    """How long to wait, in words."""
    seconds = max(1, round(wait.total_seconds()))
    return str(_("Too many tries. Wait %(seconds)s seconds, then try again.", seconds=seconds))


def _subjects(person: Person) -> tuple[str, str]:
    account = attempts.account(person.white_label_id, person.email)
    return account, attempts.address(request.remote_addr or "")


def _carry() -> str:
    fields = [
        [name, value]
        for name, values in request.form.lists()
        for value in values
        if name != "csrf_token"
    ]
    parcel = json.dumps({"at": clock.now().isoformat(), "fields": fields})
    return vault.seal(Secret(parcel), _binding())


def _unpack(envelope: str) -> ResponseReturnValue | None:
    """Give the view the form as it was first sent."""
    try:
        parcel = json.loads(vault.unseal(envelope, _binding()).reveal())
    except vault.CannotOpen:
        return redirect(url_for("public.front"))
    if clock.now() - datetime.fromisoformat(parcel["at"]) > CARRIED_FOR:
        return redirect(url_for("public.front"))
    request.form = ImmutableMultiDict((name, value) for name, value in parcel["fields"])
    return None


def _binding() -> vault.Binding:
    return ("carried form", g.sign_in.id, g.site.host, request.path)
