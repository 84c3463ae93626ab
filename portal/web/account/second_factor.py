"""Codes from an app, as a second factor: set up, renewed, taken away."""

from __future__ import annotations

import segno
from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired

from portal.accounts import second_factor
from portal.core import vault
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.web.account.door import bp
from portal.web.forms import Form, tidy
from portal.web.guard import confirmed


class CodeForm(Form):
    """The secret travels sealed in the form until the first code proves that the app has it."""

    sealed = HiddenField()
    code = StringField(
        lazy("Code"),
        filters=[tidy],
        description=lazy("The six digits that the app shows now."),
        validators=[DataRequired(lazy("Type the code that the app shows."))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )


@bp.route("/second-factor", methods=["GET", "POST"])
@confirmed
def set_up_second_factor() -> ResponseReturnValue:
    form = CodeForm()
    secret = _secret_in(form)
    if form.validate_on_submit():
        try:
            codes = second_factor.enable(g.person, secret, code=form.code.data)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            return render_template("account/recovery_codes.html", codes=codes)
    uri = second_factor.uri(secret, person=g.person, place=g.site.brand.name)
    # Its own colours: a QR code in dark mode still has to be dark on light.
    picture = segno.make(uri).svg_inline(scale=5, border=3, dark="#000", light="#fff")
    return render_template(
        "account/second_factor.html",
        form=form,
        picture=Markup(picture),  # noqa: S704 – drawn here from squares
        secret=secret.reveal(),
    )


@bp.post("/second-factor/off")
@confirmed
def turn_off_second_factor() -> ResponseReturnValue:
    second_factor.disable(g.person)
    db.session.commit()
    flash(_("Codes are no longer asked for when you sign in."))
    return redirect(url_for(".security"))


@bp.post("/recovery-codes")
@confirmed
def renew_recovery_codes() -> ResponseReturnValue:
    """New codes, shown this once; the old ones stop working."""
    if not second_factor.is_on(g.person):
        return redirect(url_for(".security"))
    codes = second_factor.new_recovery_codes(g.person)
    db.session.commit()
    return render_template("account/recovery_codes.html", codes=codes)


def _secret_in(form: CodeForm) -> Secret:
    """The secret that the page showed, or a fresh one for a page that is shown first."""
    binding = ("second factor to be", g.person.id, g.sign_in.id)
    try:
        secret = vault.unseal(form.sealed.data or "", binding)
    except vault.CannotOpen:
        secret = second_factor.new_secret()
        form.sealed.data = vault.seal(secret, binding)
    return secret
