"""One's own name, language, time zone and look."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.web.account.door import bp
from portal.web.forms import Form, tidy
from portal.web.reader import languages


class ProfileForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        validators=[DataRequired(lazy("What is your name?"))],
        render_kw={"autocomplete": "name"},
    )
    language = SelectField(
        lazy("Language"), description=lazy("Of these pages and of mails to you.")
    )
    time_zone = SelectField(lazy("Time zone"), description=lazy("Times are shown in it."))


@bp.route("/", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    form = ProfileForm(obj=g.person)
    form.language.choices = list(languages().items())
    form.time_zone.choices = sorted(available_timezones())
    if form.validate_on_submit():
        try:
            people.rename(g.person, name=form.name.data)
            people.prefer(g.person, language=form.language.data, time_zone=form.time_zone.data)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            return redirect(url_for(".profile"))
    return render_template("account/profile.html", form=form)
