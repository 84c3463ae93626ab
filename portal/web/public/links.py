"""Forgotten passwords and invitations: a link from a mail, opened by anything, used by a person."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import PasswordField
from wtforms.validators import DataRequired

from portal.accounts import attempts, links, people
from portal.accounts.models import LinkPurpose, OneTimeLink, Person
from portal.audit.trail import Actor, acting
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.notices import letters
from portal.web.forms import EmailField, Form, tidy
from portal.web.public.door import bp

ASKED_PER_ACCOUNT = 3
ASKED_PER_ADDRESS = 20
ASKED_WITHIN = timedelta(hours=1)


class ForgottenForm(Form):
    email = EmailField(
        lazy("E-mail address"),
        filters=[tidy],
        validators=[DataRequired(lazy("Type your e-mail address."))],
        render_kw={"autocomplete": "username", "autofocus": True},
    )


class NewPasswordForm(Form):
    password = PasswordField(
        lazy("New password"),
        description=lazy("At least 12 characters. A few words in a row are easy to remember."),
        validators=[DataRequired(lazy("Type a new password."))],
        render_kw={"autocomplete": "new-password", "autofocus": True},
    )


@bp.route("/forgotten", methods=["GET", "POST"])
def forgotten() -> ResponseReturnValue:
    """Ask for a link. The answer is the same, and comes as fast, for names that do not exist."""
    form = ForgottenForm()
    if not form.validate_on_submit():
        return render_template("public/forgotten.html", form=form)

    email, tenant = form.email.data, g.site.white_label_id
    is_counted = _count_request(email)
    db.session.commit()
    answer = current_app.make_response(redirect(url_for("public.link_sent")))
    if is_counted and not g.site.is_suspended:
        portal: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        address = request.remote_addr or ""
        # Looking the name up and writing the mail takes time, so it happens after the answer.
        answer.call_on_close(lambda: _send_link(portal, tenant, email, address))
    return answer


def _count_request(email: str) -> bool:
    """Whether this request is within what one account and one address may ask for."""
    account = attempts.account(g.site.white_label_id, email).replace("sign-in", "reset")
    address = attempts.address(request.remote_addr or "").replace("sign-in", "reset")
    limits = {account: ASKED_PER_ACCOUNT, address: ASKED_PER_ADDRESS}
    if any(attempts.how_often(who, ASKED_WITHIN) >= limit for who, limit in limits.items()):
        return False
    for who in limits:
        attempts.count(who)
    return True


def _send_link(portal: Flask, white_label_id: int | None, email: str, address: str) -> None:
    with portal.app_context(), acting(Actor(email, None, address)):
        person = people.by_email(white_label_id, email)
        if person is not None:
            letters.send_reset(person)
            db.session.commit()


@bp.get("/forgotten/sent")
def link_sent() -> str:
    """What to do now."""
    return render_template("public/link_sent.html")


@bp.route("/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """A new password for somebody who can read the account's mail."""
    return _choose_password(LinkPurpose.RESET, token)


@bp.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    """The first password of somebody who was invited."""
    return _choose_password(LinkPurpose.INVITATION, token)


def _choose_password(purpose: LinkPurpose, token: str) -> ResponseReturnValue:
    link = links.find(Secret(token), purpose, white_label_id=g.site.white_label_id)
    if link is None or link.person is None:
        return render_template("public/link_over.html", purpose=purpose), 404
    form = NewPasswordForm()
    if form.validate_on_submit() and _set_password(link, link.person, form):
        flash(_("Your password is set. Sign in with it."))
        return redirect(url_for("public.sign_in"))
    return render_template(
        "public/new_password.html", form=form, purpose=purpose, person=link.person
    )


def _set_password(link: OneTimeLink, person: Person, form: NewPasswordForm) -> bool:
    with acting(Actor(person.email, person.id, request.remote_addr or "")):
        try:
            people.set_password(
                person,
                Secret(form.password.data),
                known=(g.site.brand.name, g.site.host),
            )
            links.use(link)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
            return False
        db.session.commit()
    return True
