"""Words for readers from rooms that know no web framework: gettext through one settable door."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_translate: Callable[[str], str] = str


def set_translator(translate: Callable[[str], str]) -> None:
    """Install what turns an English sentence into the reader's language."""
    global _translate
    _translate = translate


_speaking: ContextVar[Callable[[str], str] | None] = ContextVar("speaking", default=None)


@contextmanager
def speaking(translate: Callable[[str], str]) -> Iterator[None]:
    """Sentences in here are for another reader than the one who asks: the recipient of a mail."""
    token = _speaking.set(translate)
    try:
        yield
    finally:
        _speaking.reset(token)


def _(text: str, **values: object) -> str:
    """The sentence in the reader's language, `%(name)s` filled in from `values`."""
    translated = (_speaking.get() or _translate)(text)
    return Said(translated % values if values else translated, text, values)


class Said(str):
    """A sentence of ours in the reader's language that still knows what it was made of."""

    __slots__ = ("source", "values")

    source: str  # the English sentence, with its gaps
    values: Mapping[str, object]  # what fills them

    def __new__(
        cls, shown: str, source: str = "", values: Mapping[str, object] | None = None
    ) -> Said:
        said = super().__new__(cls, shown)
        said.source, said.values = source or shown, values or {}
        return said


_MARK = "\x1f"
"""Before our own sentences where they are kept; what others say has no control characters."""


def kept(words: str | Words) -> str:
    """Words as they are written down for later readers, whatever their language is.

    A sentence of ours becomes its English source and what fills its gaps; all other words, a
    server's for example, stay as they are.
    """
    if isinstance(words, Words):
        words = str(words)
    if not isinstance(words, Said):
        return words
    values = {name: _kept_value(value) for name, value in words.values.items()}
    return f"{_MARK}{words.source}" + (f"{_MARK}{json.dumps(values)}" if values else "")


def told(words: str) -> str:
    """What was `kept`, in the language of whoever reads it now."""
    if not words.startswith(_MARK):
        return words
    source, _mark, values = words[1:].partition(_MARK)
    try:
        gaps = json.loads(values) if values else {}
        if gaps and "%" in _plain_gap.sub("", source):
            raise ValueError("not a sentence of ours")
        return _(source, **{name: _told_value(value) for name, value in gaps.items()})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return words.replace(_MARK, "")  # somebody else's, who knows our mark


_plain_gap = re.compile(r"%\(\w+\)s|%%")


def _kept_value(value: object) -> object:
    match value:
        case Said() | Words():
            return kept(value)
        case str():
            return value.lstrip(_MARK)
        case int() | float() | None:
            return value
        case _:
            return str(value)


def _told_value(value: object) -> object:
    return told(value) if isinstance(value, str) else value


class Words:
    """A sentence that is translated when it is shown, not when it is written down."""

    __slots__ = ("_text", "_values")

    def __init__(self, text: str, **values: object) -> None:
        self._text = text
        self._values = values

    def __str__(self) -> str:
        return _(self._text, **self._values)

    def __mod__(self, values: object) -> str:
        # WTForms fills limits into a validator's message like this.
        return str(self) % values

    def __repr__(self) -> str:
        return f"Words({self._text!r})"

    def __html__(self) -> str:
        # Shown in a page it is text like any other, so it is escaped like any other.
        from_text = str(self)
        return (
            from_text.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            .replace('"', "&#34;")
            .replace("'", "&#39;")
        )


def lazy(text: str, **values: object) -> Words:
    """Mark a sentence for translation in a constant; `str()` of it gives the reader's language."""
    return Words(text, **values)
