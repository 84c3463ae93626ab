"""Signing in with a password and, where it is set up, a second factor; and signing out."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired

from portal.accounts import attempts, passwords, people, second_factor
from portal.accounts import sign_in as sign_ins
from portal.accounts.models import Person
from portal.audit.trail import Actor, acting
from portal.core import clock
from portal.core.db import db
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.web.confirmation import too_fast
from portal.web.forms import EmailField, Form, tidy
from portal.web.guard import SignedIn
from portal.web.next_page import is_page, next_page
from portal.web.public.door import bp

HALFWAY = "halfway"
HALFWAY_FOR = timedelta(minutes=10)


class SignInForm(Form):
    email = EmailField(
        lazy("E-mail address"),
        filters=[tidy],
        validators=[DataRequired(lazy("Type your e-mail address."))],
        render_kw={"autocomplete": "username webauthn", "autofocus": True},
    )
    password = PasswordField(
        lazy("Password"),
        validators=[DataRequired(lazy("Type your password."))],
        render_kw={"autocomplete": "current-password"},
    )


class CodeForm(Form):
    code = StringField(
        lazy("Code"),
        filters=[tidy],
        description=lazy("Six digits from your app, or one of your recovery codes."),
        validators=[DataRequired(lazy("Type the code that the app shows."))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True},
    )


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """A password, compared at the same cost whether or not there is such a person."""
    if current_user.is_authenticated:
        return redirect(next_page())
    form = SignInForm()
    if form.validate_on_submit():
        person = _who(form)
        if person is not None:
            if second_factor.is_on(person):
                return _go_halfway(person)
            return let_in(person, to=next_page())
    is_new = g.site.is_platform and not people.is_there_an_owner()
    return render_template("public/sign_in.html", form=form, is_new=is_new)


def _who(form: SignInForm) -> Person | None:
    """Whose name and password these are; else the words stand in the form."""
    password = Secret(form.password.data)
    tenant = g.site.white_label_id
    account = attempts.account(tenant, form.email.data)
    wait = attempts.begin(account, attempts.address(request.remote_addr or ""))
    person = people.by_email(tenant, form.email.data)
    stored = person.password_hash if person else None
    db.session.commit()  # counted for good, and no lock is held while the password is worked on
    if wait:
        form.form_errors.append(too_fast(wait))
        return None

    is_right = passwords.is_right(stored, password)
    if not is_right or person is None or g.site.is_suspended:
        form.form_errors.append(
            _("This portal is closed for now; its owner knows why.")
            if g.site.is_suspended
            else _("The address or the password is not right.")
        )
        return None
    people.keep_hash_current(person, password)
    if not second_factor.is_on(person):
        attempts.forget(account)
    return person


def _go_halfway(person: Person) -> ResponseReturnValue:
    db.session.commit()
    session[HALFWAY] = {"person": person.id, "at": clock.now().isoformat(), "next": next_page()}
    return redirect(url_for("public.code"))


@bp.route("/sign-in/code", methods=["GET", "POST"])
def code() -> ResponseReturnValue:
    """The second factor of somebody whose password was right a moment ago."""
    halfway = session.get(HALFWAY)
    if halfway is None or clock.now() - datetime.fromisoformat(halfway["at"]) > HALFWAY_FOR:
        session.pop(HALFWAY, None)
        return redirect(url_for("public.sign_in"))
    form = CodeForm()
    if form.validate_on_submit():
        person = people.named(g.site.white_label_id, halfway["person"])
        # Counted apart from passwords: six digits are few, and the right password frees none.
        account = attempts.account(g.site.white_label_id, f"code of {person.id}")
        wait = attempts.begin(account, attempts.address(request.remote_addr or ""))
        db.session.commit()
        if wait:
            form.code.errors = [too_fast(wait)]
        elif not second_factor.is_right(person, form.code.data):
            form.code.errors = [_("This code is not right, or was used already.")]
        else:
            attempts.forget(account)
            attempts.forget(attempts.account(g.site.white_label_id, person.email))
            wanted = halfway["next"]
            return let_in(person, to=wanted if is_page(wanted) else url_for("public.front"))
        db.session.commit()
    return render_template("public/code.html", form=form)


def let_in(person: Person, *, to: str) -> ResponseReturnValue:
    """Start a new session for this browser; nothing of the old one is kept."""
    address = request.remote_addr or ""
    with acting(Actor(person.email, person.id, address)):
        row, token = sign_ins.start(
            person, host=g.site.host, address=address, browser=request.user_agent.string
        )
        db.session.commit()
    session.clear()
    login_user(SignedIn(row, token))
    return redirect(to)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the row, so that a copy of the cookie is worth nothing either."""
    if current_user.is_authenticated:
        sign_ins.end(current_user.sign_in)
        db.session.commit()
    logout_user()
    session.clear()
    flash(_("You are signed out."))
    return redirect(url_for("public.sign_in"))
