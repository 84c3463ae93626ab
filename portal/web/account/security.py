"""One's own password, codes from an app, and the browsers that are signed in."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import PasswordField
from wtforms.validators import DataRequired

from portal.accounts import passkeys, people, second_factor
from portal.accounts import sign_in as sign_ins
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.web.account.door import bp
from portal.web.confirmation import ConfirmationForm, prove


class PasswordForm(ConfirmationForm):
    password = PasswordField(
        lazy("New password"),
        description=lazy("At least 12 characters. A few words in a row are easy to remember."),
        validators=[DataRequired(lazy("Type a new password."))],
        render_kw={"autocomplete": "new-password"},
    )


@bp.get("/security")
def security() -> str:
    """What lets this person in, and where they are signed in."""
    return render_template(
        "account/security.html",
        has_second_factor=second_factor.is_on(g.person),
        codes_left=second_factor.codes_left(g.person),
        passkeys=passkeys.of_person(g.person),
        browsers=sign_ins.of_person(g.person),
    )


@bp.route("/password", methods=["GET", "POST"])
def password() -> ResponseReturnValue:
    """A new password; all other browsers are signed out."""
    form = PasswordForm()
    if form.validate_on_submit() and prove(form):
        try:
            people.set_password(
                g.person,
                Secret(form.password.data),
                known=(g.site.brand.name, g.site.host),
                keep=g.sign_in.id,
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Your password is changed. Your other browsers are signed out."))
            return redirect(url_for(".security"))
    return render_template("account/password.html", form=form)


@bp.post("/browsers/<int:sign_in_id>/end")
def end_browser(sign_in_id: int) -> ResponseReturnValue:
    """Sign one browser out."""
    sign_ins.end_one(g.person, sign_in_id)
    db.session.commit()
    flash(_("That browser is signed out."))
    return redirect(url_for(".security"))


@bp.post("/browsers/end-others")
def end_other_browsers() -> ResponseReturnValue:
    """Sign every browser out but this one."""
    sign_ins.end_all(g.person, keep=g.sign_in.id)
    db.session.commit()
    flash(_("All other browsers are signed out."))
    return redirect(url_for(".security"))
