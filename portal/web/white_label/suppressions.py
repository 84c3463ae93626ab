"""Suppressions: addresses that are not written to, why, and what servers suggest to add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from itertools import repeat
from typing import IO, TypeVar

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import (
    FileField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length

from portal.campaigns.csv_reading import LONGEST_CELL, records
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.outbox import suggestions as suggested
from portal.outbox import suppressions as acts
from portal.outbox.states import Reason
from portal.outbox.suppressions import Imported
from portal.web.csv_file import Cell, csv_file
from portal.web.forms import EmailField, Form, Query, is_file, tidy
from portal.web.uploads import takes_files
from portal.web.white_label.door import bp

Answer = TypeVar("Answer")

REASONS: Mapping[Reason, tuple[Words, str]] = {
    Reason.UNSUBSCRIBED: (lazy("Unsubscribed"), "quiet"),
    Reason.BOUNCED: (lazy("Unknown to its server"), "bad"),
    Reason.BY_HAND: (lazy("By hand"), "warn"),
    Reason.IMPORTED: (lazy("Imported"), "quiet"),
}
MOST_UPLOADED = 16 * 1024 * 1024
"""Bytes; some 400,000 addresses."""
SHOWN_SUGGESTIONS = 5
SHOWN_FAULTS = 20


class SearchForm(Query):
    q = StringField(
        lazy("Address"),
        filters=[tidy],
        render_kw={"type": "search", "placeholder": lazy("How it begins")},
    )
    reason = SelectField(
        lazy("Reason"),
        default="",
        choices=[
            SelectChoice("", lazy("Any")),
            *(SelectChoice(reason.value, words) for reason, (words, _look) in REASONS.items()),
        ],
    )

    def wanted(self) -> Reason | None:
        return Reason(self.reason.data) if self.reason.data in list(Reason) else None


class AddForm(Form):
    email = EmailField(
        lazy("E-mail address"),
        filters=[tidy],
        validators=[DataRequired(lazy("Which address?"))],
        render_kw={"autocomplete": "off"},
    )
    note = StringField(
        lazy("Why"), filters=[tidy], description=lazy("For your colleagues, some day.")
    )


class ImportForm(Form):
    file = FileField(
        lazy("A file"),
        description=lazy("CSV or text: the first cell with an address counts in each line."),
        render_kw={"accept": ".csv,.txt,text/csv,text/plain"},
    )
    text = TextAreaField(
        lazy("Or pasted addresses"),
        description=lazy("One in each line."),
        validators=[Length(max=400_000)],
        render_kw={"rows": 6, "spellcheck": "false"},
    )
    reason = RadioField(
        lazy("What is not sent to them"),
        choices=[
            SelectChoice(Reason.IMPORTED.value, lazy("Campaigns; what they ask for still arrives")),
            SelectChoice(Reason.BY_HAND.value, lazy("Nothing at all")),
        ],
        default=Reason.IMPORTED.value,
    )


class RemoveForm(Form):
    why = StringField(
        lazy("Why may it get mail again?"),
        filters=[tidy],
        description=lazy("It stands in the audit, with your name."),
        validators=[DataRequired(lazy("Say why."))],
        render_kw={"autocomplete": "off"},
    )


@bp.get("/campaigns/suppressions")
def suppressions() -> str:
    form = SearchForm()
    tenant = g.white_label.id
    return render_template(
        "white_label/suppressions/list.html",
        form=form,
        page_of=acts.page(
            tenant,
            search=form.q.data or "",
            reason=form.wanted(),
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
        reasons=REASONS,
        suggested=suggested.page(tenant, size=SHOWN_SUGGESTIONS),
        count=suggested.count(tenant),
        most=suggested.MOST_COUNTED,
    )


@bp.get("/campaigns/suppressions.csv")
def suppressions_csv() -> Response:
    """All of them, in a file that can be imported elsewhere."""
    header = (_("Address"), _("Reason"), _("Note"), _("Since"))
    words = {reason: str(label) for reason, (label, _look) in REASONS.items()}

    def rows() -> Iterator[tuple[Cell, ...]]:
        for one in acts.all_of(g.white_label.id):
            yield one.address, words[one.reason], one.note, one.created_at

    return csv_file("suppressions", header, rows())


@bp.route("/campaigns/suppressions/new", methods=["GET", "POST"])
def new_suppression() -> ResponseReturnValue:
    form = AddForm()
    if form.validate_on_submit():
        try:
            is_news = acts.add(
                g.white_label.id,
                form.email.data,
                reason=Reason.BY_HAND,
                note=form.note.data or "",
                by=g.person,
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(
                _("%(email)s gets no more mail.", email=form.email.data)
                if is_news
                else _("%(email)s was on the list already.", email=form.email.data)
            )
            return redirect(url_for(".suppressions"))
    return render_template("white_label/suppressions/new.html", form=form)


@bp.route("/campaigns/suppressions/import", methods=["GET", "POST"])
@takes_files(MOST_UPLOADED)
def import_suppressions() -> ResponseReturnValue:
    """A list from another program."""
    form = ImportForm()
    imported = None
    if form.validate_on_submit():
        if not (is_file(form.file.data) or form.text.data):
            words = _("Choose a file, or paste addresses.")
            form.refuse(Refusal("nothing_given", words, field="file"))
        else:
            lines, reason = _lines(form), Reason(form.reason.data)
            steps = acts.add_many(g.white_label.id, lines, reason=reason, by=g.person)
            *_earlier, imported = _committed(steps)
            if not imported.faulty:
                flash(_told(imported))
                return redirect(url_for(".suppressions"))
    return render_template(
        "white_label/suppressions/import.html", form=form, imported=imported, shown=SHOWN_FAULTS
    )


@bp.route("/campaigns/suppressions/<int:suppression_id>/remove", methods=["GET", "POST"])
def remove_suppression(suppression_id: int) -> ResponseReturnValue:
    found = acts.find(g.white_label.id, suppression_id)
    form = RemoveForm()
    if form.validate_on_submit():
        try:
            acts.remove(found, why=form.why.data)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(email)s may get mail again.", email=found.address))
            return redirect(url_for(".suppressions"))
    return render_template(
        "white_label/suppressions/remove.html", form=form, suppression=found, reasons=REASONS
    )


@bp.get("/campaigns/suppressions/suggested")
def suggestions() -> str:
    """Addresses that a server did not know."""
    return render_template(
        "white_label/suppressions/suggestions.html",
        page_of=suggested.page(
            g.white_label.id,
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
    )


@bp.post("/campaigns/suppressions/suggested")
def take_suggestions() -> ResponseReturnValue:
    """All of them at once."""
    steps = suggested.take_all(g.white_label.id, by=g.person)
    *_earlier, taken = _committed(steps)
    flash(ngettext("%(num)s address is suppressed.", "%(num)s addresses are suppressed.", taken))
    return redirect(url_for(".suppressions"))


@bp.post("/campaigns/suppressions/suggested/<int:suggestion_id>")
def decide_suggestion(suggestion_id: int) -> ResponseReturnValue:
    """One of them: taken, or left and not suggested again."""
    found = suggested.find(g.white_label.id, suggestion_id)
    address = found.address
    if request.form.get("act") == "dismiss":
        suggested.dismiss(found)
        words = _("%(email)s still gets mail.", email=address)
    else:
        suggested.take(found, by=g.person)
        words = _("%(email)s gets no more mail.", email=address)
    db.session.commit()
    flash(words)
    return redirect(url_for(".suppressions"))


def _committed(steps: Iterator[Answer]) -> Iterator[Answer]:
    """What each step says, committed before the next, so that others may write in between."""
    db.session.commit()
    for answer in steps:
        db.session.commit()
        yield answer


def _lines(form: ImportForm) -> Iterator[str]:
    """The address of each line, of the file first."""
    if is_file(form.file.data):
        yield from _cells(form.file.data.stream)
    yield from (form.text.data or "").splitlines()


def _cells(stream: IO[bytes]) -> Iterator[str]:
    """The first cell with an address; a line without one is given as it is, unless it is the head.

    For the lines that are passed over comes an empty one each, so that a fault is told with the
    number that its line has in the file. Latin-1 never fails, and addresses look the same in it
    and in UTF-8.
    """
    text = TextIOWrapper(stream, encoding="latin-1", newline="")
    start = text.read(4096)
    text.seek(0)
    delimiter = max(",;\t", key=start.count)
    line = 0
    for number, record in enumerate(records(text, delimiter)):
        yield from repeat("", record.line - line - 1)
        line = record.line
        cell = next((cell for cell in record.cells if "@" in cell), None)
        if cell is not None:
            yield cell.removeprefix("ï»¿").lstrip("'")
        elif number or max(map(len, record.cells)) > LONGEST_CELL:
            yield delimiter.join(record.cells)
        else:
            yield ""
    text.detach()


def _told(imported: Imported) -> str:
    words = ngettext("%(num)s address was added", "%(num)s addresses were added", imported.added)
    known = ngettext("%(num)s was known", "%(num)s were known", imported.known)
    return f"{words}, {known}."
