"""The hostnames of each white label, which the platform's owners may also vouch for."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import StringField
from wtforms.validators import DataRequired

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.web.backoffice.tenant import bp
from portal.web.forms import Form, tidy
from portal.web.guard import confirmed
from portal.web.hostnames import add_hostnames, find_hostname
from portal.white_labels import hostnames as acts

add_hostnames(bp)


class VouchForm(Form):
    because = StringField(
        lazy("Why is it theirs?"),
        filters=[tidy],
        description=lazy("It stands in the audit of the white label, with your name."),
        validators=[DataRequired(lazy("Say why you vouch for this name."))],
        render_kw={"autocomplete": "off", "maxlength": "200"},
    )


@bp.route("/hostnames/<int:hostname_id>/vouch", methods=["GET", "POST"])
@confirmed
def vouch_for_hostname(hostname_id: int) -> ResponseReturnValue:
    """Serve it without a record, on an owner's word."""
    hostname, form = find_hostname(hostname_id), VouchForm()
    if form.validate_on_submit():
        try:
            acts.vouch(hostname, because=form.because.data)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(name)s is served from now on.", name=hostname.name))
            return redirect(url_for(".hostnames"))
    return render_template("backoffice/hostnames/vouch.html", form=form, hostname=hostname)
