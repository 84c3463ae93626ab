"""A list on its way into an audience: which column is what, what is wrong with it, taken or not."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import Field, SelectChoice, SelectField, StringField

from portal.campaigns import imports as acts
from portal.campaigns.mapping import Mapping
from portal.campaigns.models import AudienceImport, ImportState
from portal.core import background
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.web.forms import Form, tidy
from portal.web.white_label.door import bp

ADDRESS, NAME, LANGUAGE, VARIABLE, NOTHING = "address", "name", "language", "variable", ""
MEANINGS = (
    SelectChoice(ADDRESS, lazy("The address")),
    SelectChoice(NAME, lazy("The name")),
    SelectChoice(LANGUAGE, lazy("The language")),
    SelectChoice(VARIABLE, lazy("A variable")),
    SelectChoice(NOTHING, lazy("Left out")),
)
STATES: Map[ImportState, tuple[Words, str]] = {
    ImportState.UPLOADED: (lazy("Columns to be chosen"), "wait"),
    ImportState.CHECKING: (lazy("Being read"), "wait"),
    ImportState.CHECKED: (lazy("Waits for your decision"), "warn"),
    ImportState.DONE: (lazy("In the audience"), "good"),
    ImportState.CANCELLED: (lazy("Not taken"), "quiet"),
    ImportState.FAILED: (lazy("Could not be read"), "bad"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the list with the two fields about it."""

    title: str
    cells: Sequence[str]
    meaning: Field
    variable: Field


@bp.route("/campaigns/imports/<int:import_id>", methods=["GET", "POST"])
def audience_import(import_id: int) -> ResponseReturnValue:
    """Where it stands; as long as its columns can be chosen, the form for that."""
    found = acts.find(g.white_label.id, import_id)
    if found.state is not ImportState.UPLOADED:
        return _standing(found)
    form, columns = _form(found)
    if form.validate_on_submit():
        try:
            acts.map_columns(found, _mapping(columns))
            acts.begin(found)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            background.ask("import", import_id)
            return redirect(url_for(".audience_import", import_id=import_id))
    return render_template(
        "white_label/audiences/columns.html", form=form, columns=columns, imported=found
    )


@bp.post("/campaigns/imports/<int:import_id>/take")
def take_import(import_id: int) -> ResponseReturnValue:
    """All of its people are in the audience, at once."""
    found = acts.find(g.white_label.id, import_id)
    try:
        acts.confirm(found)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
        return redirect(url_for(".audience_import", import_id=import_id))
    audience_id, added = found.audience_id, found.added
    db.session.commit()
    flash(
        ngettext(
            "%(num)s person is in the audience.", "%(num)s more people are in the audience.", added
        )
    )
    return redirect(url_for(".audience", audience_id=audience_id))


@bp.post("/campaigns/imports/<int:import_id>/drop")
def drop_import(import_id: int) -> ResponseReturnValue:
    """It is not wanted; the audience is as it was."""
    found = acts.find(g.white_label.id, import_id)
    try:
        acts.cancel(found)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
    else:
        db.session.commit()
        background.ask("import", import_id)
        flash(_("The list was not taken; the audience is as it was."))
    return redirect(url_for(".audience", audience_id=found.audience_id))


def _standing(found: AudienceImport) -> str:
    return render_template(
        "white_label/audiences/import.html",
        imported=found,
        states=STATES,
        progress=acts.progress(found),
        faults=acts.faults_of(found),
    )


def _form(found: AudienceImport) -> tuple[Form, list[Column]]:
    """Two fields for each column, filled in with what it seems to be."""
    mapping = acts.mapping_of(found)
    fields: dict[str, Field] = {}
    for at, title in enumerate(found.header):
        fields[f"meaning-{at}"] = SelectField(
            _("Meaning of %(column)s", column=title or at + 1),
            choices=list(MEANINGS),
            default=_meaning(mapping, at),
        )
        fields[f"variable-{at}"] = StringField(
            _("Name of the variable"),
            filters=[tidy],
            default=mapping.variables.get(at, ""),
            render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 40},
        )
    form: Form = type("ColumnsForm", (Form,), fields)()
    columns = [
        Column(
            title,
            [row[at] for row in found.sample[:3] if at < len(row)],
            form[f"meaning-{at}"],
            form[f"variable-{at}"],
        )
        for at, title in enumerate(found.header)
    ]
    return form, columns


def _meaning(mapping: Mapping, at: int) -> str:
    singles = {mapping.address: ADDRESS, mapping.name: NAME, mapping.language: LANGUAGE}
    return singles.get(at) or (VARIABLE if at in mapping.variables else NOTHING)


def _mapping(columns: Sequence[Column]) -> Mapping:
    """What was chosen.

    Raises:
        Refusal: not exactly one column is the address, or two are the name or the language.
    """
    found: dict[str, list[int]] = {}
    for at, column in enumerate(columns):
        found.setdefault(column.meaning.data, []).append(at)
    for meaning, words in (
        (ADDRESS, _("Exactly one column is the address.")),
        (NAME, _("At most one column is the name.")),
        (LANGUAGE, _("At most one column is the language.")),
    ):
        given = found.get(meaning, [])
        if len(given) > 1 or (meaning == ADDRESS and not given):
            at = given[1] if given else 0
            raise Refusal("columns_not_fit", words, field=f"meaning-{at}")
    single = {name: next(iter(found.get(name, ())), None) for name in (NAME, LANGUAGE)}
    variables = {at: columns[at].variable.data or "" for at in found.get(VARIABLE, ())}
    for at, name in variables.items():
        if not name:
            words = _("What is the variable called?")
            raise Refusal("variable_missing", words, field=f"variable-{at}")
    return Mapping(found[ADDRESS][0], single[NAME], single[LANGUAGE], variables)
