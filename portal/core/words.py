"""Words for readers from rooms that know no web framework: gettext through one settable door."""

from __future__ import annotations

from collections.abc import Callable

_translate: Callable[[str], str] = str


def set_translator(translate: Callable[[str], str]) -> None:
    """Install what turns an English sentence into the reader's language."""
    global _translate
    _translate = translate


def _(text: str, **values: object) -> str:
    """The sentence in the reader's language, `%(name)s` filled in from `values`."""
    translated = _translate(text)
    return translated % values if values else translated


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
