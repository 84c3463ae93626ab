"""Confirm it is you, before a page that gives power over mail."""

from __future__ import annotations

from flask import redirect, render_template
from flask.typing import ResponseReturnValue

from portal.web.account.door import bp
from portal.web.confirmation import ConfirmationForm, prove
from portal.web.next_page import next_page


@bp.route("/confirm", methods=["GET", "POST"])
def confirm() -> ResponseReturnValue:
    form = ConfirmationForm()
    if form.validate_on_submit() and prove(form):
        return redirect(next_page())
    return render_template("account/confirm.html", form=form)
