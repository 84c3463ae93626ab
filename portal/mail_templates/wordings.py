"""What a version says in one language, and what it cannot say.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates import merge

# A language and, where it matters, script and region (RFC 5646 2.1, the part people use).
_is_language = re.compile("[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?").fullmatch

LONGEST_SUBJECT = 500
MOST_NAMES = 500
"""Values that a subject or a body asks for: whoever sends it has to know them all."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a version says in one language: a text, an HTML body, or both."""

    subject: str
    text: str | None = None
    html: str | None = None


def check_wording(language: str, wording: Wording) -> None:
    """Refuse what a version cannot say in this language, at the field that is wrong."""
    if not _is_language(language):
        raise Refusal(
            "language_malformed",
            _("A language is written like en, de or pt-BR."),
            field="language",
        )
    subject = wording.subject.strip()
    if not subject or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise Refusal(
            "subject_not_fit",
            _("A subject is one line of 1 to %(limit)s characters.", limit=LONGEST_SUBJECT),
            field="subject",
        )
    if not (wording.text or wording.html):
        raise Refusal("body_missing", _("A text or an HTML body is needed."), field="text")
    _parse("subject", lambda: merge.parse_subject(subject))
    _parse("text", lambda: merge.parse(wording.text or ""))
    _parse("html", lambda: merge.parse(wording.html or "", is_html=True))


def _parse(field: str, read: Callable[[], merge.Template]) -> None:
    """What cannot be merged is refused before it is saved, at its field and with its line."""
    try:
        names = read().variables
    except merge.TemplateError as error:
        raise Refusal(error.code, error.words, field=field) from None
    if len(names) > MOST_NAMES:
        raise Refusal(
            "too_many_names",
            _("A text asks for at most %(limit)s values.", limit=MOST_NAMES),
            field=field,
        )
