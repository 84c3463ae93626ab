"""Audiences: lists of people, kept and used again, one of them and what is done with it.

How a list gets into one stands in `imports`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import Field, FileField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.campaigns import audiences as acts
from portal.campaigns import imports
from portal.campaigns.models import Audience, AudienceImport
from portal.core import background
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.web.csv_file import Cell, csv_file
from portal.web.forms import EmailField, Form, Query, is_file, tidy
from portal.web.uploads import takes_files
from portal.web.white_label.door import bp

MOST_UPLOADED = imports.LARGEST + 1024 * 1024
_PREFIX = "value-"


class SearchForm(Query):
    q = StringField(lazy("Name"), filters=[tidy], render_kw={"type": "search"})


class MemberSearchForm(Query):
    q = StringField(
        lazy("Address"),
        filters=[tidy],
        render_kw={"type": "search", "placeholder": lazy("How it begins")},
    )


class ListForm(Form):
    """Where the people come from."""

    file = FileField(
        lazy("A file"),
        description=lazy(
            "CSV, with the names of the columns in its first line; up to 200,000 rows. "
            "Columns become variables of the template."
        ),
        render_kw={"accept": ".csv,.txt,.tsv,text/csv,text/plain"},
    )
    text = TextAreaField(
        lazy("Or pasted text"),
        description=lazy("Rows from a spreadsheet, or addresses as a mail program has them."),
        validators=[Length(max=400_000)],
        render_kw={"rows": 6, "spellcheck": "false"},
    )

    def take(self, audience: Audience) -> AudienceImport:
        """Keep what was given, to be looked at.

        Raises:
            Refusal: nothing was given, or it cannot be taken.
        """
        if is_file(self.file.data):
            file = self.file.data
            return imports.upload(audience, file.stream, filename=file.filename, by=g.person)
        if (self.text.data or "").strip():
            return imports.paste(audience, self.text.data, by=g.person)
        words = _("Choose a file, or paste some rows.")
        raise Refusal("nothing_given", words, field="file")


class NameForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "off", "maxlength": acts.LONGEST_NAME},
    )


class NewForm(NameForm, ListForm):
    """A new audience with its first list."""


class MemberForm(Form):
    email = EmailField(
        lazy("E-mail address"),
        filters=[tidy],
        validators=[DataRequired(lazy("Which address?"))],
        render_kw={"autocomplete": "off"},
    )
    name = StringField(lazy("Name"), filters=[tidy], render_kw={"autocomplete": "off"})
    language = StringField(
        lazy("Language"),
        filters=[tidy],
        description=lazy("Such as en, de or pt-BR; empty: the template's default."),
        render_kw={"autocomplete": "off"},
    )


@bp.get("/campaigns/audiences")
def audiences() -> str:
    form = SearchForm()
    return render_template(
        "white_label/audiences/list.html",
        form=form,
        page_of=acts.page(
            g.white_label.id,
            search=form.q.data or "",
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
    )


@bp.get("/campaigns/audiences.csv")
def audiences_csv() -> Response:
    header = (_("Name"), _("People"), _("Variables"), _("Created"))
    rows = [
        (one.name, one.size, ", ".join(acts.columns_of(one)), one.created_at)
        for one in acts.choices(g.white_label.id)
    ]
    return csv_file("audiences", header, rows)


@bp.route("/campaigns/audiences/new", methods=["GET", "POST"])
@takes_files(MOST_UPLOADED)
def new_audience() -> ResponseReturnValue:
    form = NewForm()
    if form.validate_on_submit():
        try:
            imported = form.take(acts.create(g.white_label, name=form.name.data, by=g.person))
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            return redirect(url_for(".audience_import", import_id=imported.id))
    return render_template("white_label/audiences/new.html", form=form)


@bp.get("/campaigns/audiences/<int:audience_id>")
def audience(audience_id: int) -> str:
    found = acts.find(g.white_label.id, audience_id)
    form = MemberSearchForm()
    return render_template(
        "white_label/audiences/audience.html",
        audience=found,
        form=form,
        page_of=acts.members(
            found,
            search=form.q.data or "",
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
        columns=[name for name in acts.columns_of(found) if name != "name"],
        campaigns=acts.campaigns_of(found),
        lists=imports.latest_of(found),
    )


@bp.get("/campaigns/audiences/<int:audience_id>.csv")
def audience_csv(audience_id: int) -> Response:
    """Everybody in it, in a file that can be taken in again."""
    found = acts.find(g.white_label.id, audience_id)
    columns = [name for name in acts.columns_of(found) if name != "name"]

    def rows() -> Iterator[list[Cell]]:
        for one in acts.all_members(found):
            values = one.values or {}
            yield [one.email, one.name, one.language, *(values.get(name) for name in columns)]

    return csv_file(f"audience-{found.id}", ("email", "name", "language", *columns), rows())


@bp.route("/campaigns/audiences/<int:audience_id>/add", methods=["GET", "POST"])
@takes_files(MOST_UPLOADED)
def add_to_audience(audience_id: int) -> ResponseReturnValue:
    """One more list for it."""
    found = acts.find(g.white_label.id, audience_id)
    form = ListForm()
    if form.validate_on_submit():
        try:
            imported = form.take(found)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            return redirect(url_for(".audience_import", import_id=imported.id))
    return render_template("white_label/audiences/add.html", form=form, audience=found)


@bp.route("/campaigns/audiences/<int:audience_id>/people/new", methods=["GET", "POST"])
def new_member(audience_id: int) -> ResponseReturnValue:
    """One person, typed."""
    found = acts.find(g.white_label.id, audience_id)
    names = [name for name in acts.columns_of(found) if name != "name"]
    fields: dict[str, Any] = {f"{_PREFIX}{name}": StringField(name) for name in names}
    form: MemberForm = type("PersonForm", (MemberForm,), fields)()
    values = [field for field in form if field.name.startswith(_PREFIX)]
    if form.validate_on_submit():
        try:
            acts.add_member(
                found,
                email=form.email.data,
                name=form.name.data or "",
                language=form.language.data or "",
                values=_typed(values),
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(email)s is in the audience.", email=form.email.data))
            return redirect(url_for(".audience", audience_id=audience_id))
    return render_template(
        "white_label/audiences/new_member.html", form=form, values=values, audience=found
    )


@bp.post("/campaigns/audiences/<int:audience_id>/people/<int:member_id>/remove")
def remove_member(audience_id: int, member_id: int) -> ResponseReturnValue:
    found = acts.find(g.white_label.id, audience_id)
    member = acts.find_member(found, member_id)
    email = member.email
    acts.remove_member(found, member)
    db.session.commit()
    flash(_("%(email)s is no longer in this audience.", email=email))
    return redirect(url_for(".audience", audience_id=audience_id))


@bp.route("/campaigns/audiences/<int:audience_id>/name", methods=["GET", "POST"])
def rename_audience(audience_id: int) -> ResponseReturnValue:
    found = acts.find(g.white_label.id, audience_id)
    form = NameForm(name=found.name)
    if form.validate_on_submit():
        try:
            acts.rename(found, name=form.name.data)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            return redirect(url_for(".audience", audience_id=audience_id))
    return render_template("white_label/audiences/rename.html", form=form, audience=found)


@bp.route("/campaigns/audiences/<int:audience_id>/delete", methods=["GET", "POST"])
def delete_audience(audience_id: int) -> ResponseReturnValue:
    """What goes with it; then it goes."""
    found = acts.find(g.white_label.id, audience_id)
    form = Form()
    if form.validate_on_submit():
        try:
            acts.delete(found)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            name = found.name
            db.session.commit()
            background.ask("audience", audience_id)
            flash(_("The audience %(name)s is deleted.", name=name))
            return redirect(url_for(".audiences"))
    return render_template(
        "white_label/audiences/delete.html",
        form=form,
        audience=found,
        campaigns=acts.campaigns_of(found),
    )


def _typed(values: list[Field]) -> dict[str, str]:
    return {field.name.removeprefix(_PREFIX): field.data for field in values if field.data}
