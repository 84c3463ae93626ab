"""First run: whoever holds the setup link becomes the first platform owner."""

from __future__ import annotations

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired

from portal.accounts import links, people
from portal.accounts.models import LinkPurpose, OneTimeLink, Role
from portal.audit.trail import Actor, acting
from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.web.forms import EmailField, Form, tidy
from portal.web.public.door import bp
from portal.white_labels import platform


class SetupForm(Form):
    platform_name = StringField(
        lazy("Name of the platform"),
        filters=[tidy],
        description=lazy("Your people see it in the Backoffice and in the mails it writes."),
        validators=[DataRequired(lazy("What is the platform called?"))],
        render_kw={"autocomplete": "organization"},
    )
    name = StringField(
        lazy("Your name"),
        filters=[tidy],
        validators=[DataRequired(lazy("What is your name?"))],
        render_kw={"autocomplete": "name"},
    )
    email = EmailField(
        lazy("Your e-mail address"),
        filters=[tidy],
        description=lazy("You sign in with it."),
        validators=[DataRequired(lazy("Type your e-mail address."))],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        lazy("Password"),
        description=lazy("At least 12 characters. A few words in a row are easy to remember."),
        validators=[DataRequired(lazy("Type a password."))],
        render_kw={"autocomplete": "new-password"},
    )


@bp.route("/setup/<token>", methods=["GET", "POST"])
def setup(token: str) -> ResponseReturnValue:
    """The platform's row and its first owner; never again once there is one."""
    if not g.site.is_platform:
        abort(404)
    link = links.find(Secret(token), LinkPurpose.SETUP)
    if link is None or people.is_there_an_owner():
        return render_template("public/link_over.html", purpose=LinkPurpose.SETUP), 404
    there = platform.find_platform()
    form = SetupForm(platform_name=there.name if there else "")
    if form.validate_on_submit() and _set_up(link, form):
        flash(_("The platform is set up. Sign in as its owner."))
        return redirect(url_for("public.sign_in"))
    return render_template("public/setup.html", form=form)


def _set_up(link: OneTimeLink, form: SetupForm) -> bool:
    config: Config = current_app.config["LIVERY"]
    name, there = form.platform_name.data, platform.find_platform()
    with acting(Actor(form.email.data, None, request.remote_addr or "")):
        try:
            if there is None:
                platform.set_up(name=name, origin=config.platform_origin)
            else:
                platform.change(there, name=name)
            people.create(
                None,
                email=form.email.data,
                name=form.name.data,
                role=Role.PLATFORM_OWNER,
                password=Secret(form.password.data),
            )
            links.use(link)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
            return False
        db.session.commit()
    return True
