"""Languages of mail: those that are offered, and what each is called."""

from __future__ import annotations

from collections.abc import Iterable

from babel import Locale, UnknownLocaleError
from flask_babel import get_locale
from wtforms import SelectChoice

OFFERED = (
    "ar", "bg", "bs", "ca", "cs", "da", "de", "de-AT", "de-CH", "el", "en", "en-US", "es", "et",
    "fa", "fi", "fr", "he", "hr", "hu", "it", "ja", "ko", "lt", "lv", "nb", "nl", "pl", "pt",
    "pt-BR", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "tr", "uk", "vi", "zh-Hans", "zh-Hant",
)  # fmt: skip
"""What the pages let one choose; programs may write others (RFC 5646)."""


def language_name(code: str) -> str:
    """`German` for `de`, in the reader's language; a code that nobody knows stays as it is."""
    try:
        name = Locale.parse(code, sep="-").get_display_name(get_locale())
    except (UnknownLocaleError, ValueError):
        return code
    return name[:1].upper() + name[1:] if name else code


def choices(codes: Iterable[str]) -> list[SelectChoice]:
    """The codes with their names, by name."""
    named = sorted((language_name(code), code) for code in codes)
    return [SelectChoice(code, f"{name} ({code})") for name, code in named]
