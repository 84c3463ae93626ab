"""Fields that the server form needs beyond those of WTForms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, ClassVar

from wtforms import Field, Form, IntegerField, SelectMultipleField
from wtforms import RadioField as PlainRadioField
from wtforms.validators import StopValidation
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from portal.core.errors import Refusal
from portal.core.words import Words, lazy

MEGABYTE = 1_000_000
_LARGEST = 100_000
"""Megabytes; a message of more is a slip of the keyboard."""
_NO_NUMBER = lazy("This is not a number.")


class NumberField(IntegerField):
    """A whole number, or nothing."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        # Digits only: Python would take `1_0` and Arabic digits as well.
        if not (text.isascii() and text.isdecimal() and len(text) < 16):
            raise ValueError(str(_NO_NUMBER))
        self.data = int(text)


class MegabytesField(Field):
    """A size that people read in megabytes and the data holds in bytes."""

    widget = TextInput()

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(self.data) / MEGABYTE:f}"

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        text = valuelist[0].strip().replace(",", ".") if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            size = Decimal(text)
        except InvalidOperation:
            raise ValueError(str(_NO_NUMBER)) from None
        if not size.is_finite() or not 0 < size < _LARGEST:
            raise ValueError(str(_NO_NUMBER))
        self.data = int(size * MEGABYTE)


class RadioField(PlainRadioField):
    """One of a few, of which some are shown but cannot be chosen: `closed` says why, by value.

    Its name is that of the plain one, by which the templates know how to show it.
    """

    closed: Mapping[str, Words] = MappingProxyType({})

    def __iter__(self) -> Iterator[Field]:
        for option in super().__iter__():
            if option.data in self.closed:
                option.render_kw = {**(option.render_kw or {}), "disabled": True}
            yield option

    def pre_validate(self, form: Form) -> None:
        """A browser does not send what is disabled; whoever does is told why it is."""
        if self.data in self.closed:
            raise StopValidation(str(self.closed[self.data]))
        super().pre_validate(form)


class BoxesField(SelectMultipleField):
    """Several of a few: a box for each."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class FitsIf:
    """As long as the condition holds, what the room would refuse is told with all other faults."""

    def __init__(self, condition: Callable[[Any], bool], check: Callable[[str], object]) -> None:
        self.condition = condition
        self.check = check

    def __call__(self, form: Form, field: Field) -> None:
        if self.condition(form):
            try:
                self.check(field.data or "")
            except Refusal as refusal:
                raise StopValidation(refusal.words) from None


class NeededIf:
    """Must be filled in as long as the condition holds; the asterisk stays."""

    field_flags: ClassVar = {"required": True}

    def __init__(self, condition: Callable[[Any], bool], words: Words) -> None:
        self.condition = condition
        self.words = words

    def __call__(self, form: Form, field: Field) -> None:
        if not field.data and self.condition(form):
            field.errors[:] = []
            raise StopValidation(str(self.words))
