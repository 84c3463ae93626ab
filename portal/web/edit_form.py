"""The form of something that is stored: what others save while it stands open is not undone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _
from wtforms import Field, IntegerField, SelectFieldBase, StringField

from portal.web.forms import Form

AS_OPENED = "as_opened"
"""The hidden field that says, for each field, what was stored when the page was made."""


class EditForm(Form):
    """A form that is filled in with what is stored, and knows what that was when it was opened.

    What somebody else has saved since then stays where nothing was typed; where both have
    changed a field, it is said there, and whoever saves again puts theirs on top.
    """

    _is_compared = False

    @property
    def as_opened(self) -> str:
        """What the reader knows to be stored, for the hidden field."""
        sent = request.form.get(AS_OPENED)
        if sent is not None and not self._is_compared:
            return sent
        return " ".join(f"{field.name}={_mark(field.object_data)}" for field in self)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """As its fields say; and nobody else has written where something is typed."""
        overtaken = self._take_over()
        is_fit = super().validate(extra_validators)
        for field in overtaken:
            field.errors = [*field.errors, _overtaken(field)]
        return is_fit and not overtaken

    def _take_over(self) -> list[Field]:
        """Fill in what others have saved since the form was opened; the fields where both wrote."""
        sent = request.form.get(AS_OPENED, "")
        opened = dict(one.split("=", 1) for one in sent.split(" ") if "=" in one)
        self._is_compared = True
        overtaken = []
        for field in self:
            stored, typed = _mark(field.object_data), _mark(field.data)
            before = opened.get(field.name, stored)
            if before == stored or typed == stored:
                continue
            if typed == before:
                field.process_data(field.object_data)
                field.raw_data = [_text(field.object_data)] if field.flags.required else None
            else:
                overtaken.append(field)
        return overtaken


def _mark(value: object) -> str:
    """A few letters that differ where the values do."""
    return hashlib.sha256(_text(value).encode()).hexdigest()[:12]


def _text(value: object) -> str:
    """The same for what is stored and for what a browser sends of it."""
    if value is None or value is False:
        return ""
    if isinstance(value, list | tuple | set | frozenset):
        return "\0".join(sorted(_text(one) for one in value))
    return str(value).replace("\r\n", "\n").strip()


def _overtaken(field: Field) -> str:
    value = _shown(field)
    if not value:
        return str(_("Somebody else changed this in the meantime. Save again to put yours on top."))
    return str(
        _(
            "Somebody else changed this to “%(value)s” in the meantime. Save again to put yours "
            "on top.",
            value=value,
        )
    )


def _shown(field: Field) -> str:
    """What is stored, as the form shows it; nothing where that is no short text."""
    stored = _text(field.object_data)
    if isinstance(field, StringField | IntegerField):
        return stored if len(stored) <= 200 else ""
    if isinstance(field, SelectFieldBase):
        labels = {_text(one.value): str(one.label) for one in field.choices or ()}
        return labels.get(stored, "")
    return ""
