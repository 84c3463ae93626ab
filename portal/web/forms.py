"""What every form of the portal can do beyond Flask-WTF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.datastructures import FileStorage
from wtforms import Field, FieldList, FormField, StringField
from wtforms.widgets import TextInput

from portal.core.errors import Refusal
from portal.smtp.addresses import find_forbidden


class Form(FlaskForm):
    """A form that can show a refusal where it belongs, and list its errors for the summary."""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """As its fields say; and none has a NUL in it, which PostgreSQL cannot keep."""
        fits = super().validate(extra_validators)
        laced = [field for field in _leaves(self) if any(map(_has_nul, field.raw_data or ()))]
        for field in laced:
            words = _("This cannot contain %(character)s.", character=find_forbidden("\0"))
            field.errors = [*field.errors, words]
        return fits and not laced

    def refuse(self, refusal: Refusal) -> None:
        """Put the words at the field they are about, else on top of the form."""
        field = self._fields.get(refusal.field or "")
        if field is None:
            self.form_errors.append(refusal.words)
        else:
            field.errors = [*field.errors, refusal.words]

    def faults(self) -> Iterator[tuple[str | None, object]]:
        """Every error with the id of the element to go to (None: the form as a whole)."""
        for words in self.form_errors:
            yield None, words
        for field in _leaves(self):
            for words in field.errors:
                yield field.id, words


class Query(Form):
    """A form that asks and changes nothing: its values stand in the address."""

    class Meta:
        csrf = False

    def __init__(self) -> None:
        super().__init__(formdata=request.args)


class _EmailInput(TextInput):
    """The keyboard for an address, and nothing that changes one."""

    def __call__(self, field: Field, **attributes: object) -> Markup:
        hints = {"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
        markup: Markup = super().__call__(field, **{**hints, **attributes})
        return markup


class EmailField(StringField):
    """An address as it was typed.

    Not of the type `email`: there, Chromium turns the domain into A-labels before it is sent, by
    the rules of 2003, and straße.example becomes strasse.example, which is another domain.
    """

    widget = _EmailInput()


def _leaves(fields: Iterable[Field]) -> Iterator[Field]:
    """The fields that somebody fills in: no form within a form, and no list."""
    for field in fields:
        if isinstance(field, FormField | FieldList):
            yield from _leaves(field)
        else:
            yield field


def _has_nul(given: object) -> bool:
    """What came of a field: a text, or a file, whose name may have one."""
    text = given.filename if isinstance(given, FileStorage) else given
    return isinstance(text, str) and "\0" in text


def tidy(text: str | None) -> str | None:
    """A filter for text fields: a space at either end is a slip."""
    return text.strip() if text else text


def number_in(text: object) -> int | None:
    """The id or number that stands in a hidden field or in an address; None where none does.

    Nine digits at most: every store takes them, and Python reads as many as it is given.
    """
    digits = str(text)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def is_file(given: object) -> bool:
    """Whether a file was chosen; browsers send an empty one where none was."""
    return isinstance(given, FileStorage) and bool(given.filename)
