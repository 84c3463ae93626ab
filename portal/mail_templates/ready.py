"""A text as it is stored: checked, and with what mail programs need of it.

Getting one ready parses it and takes a tenth of a second: do it before a transaction begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.mail_templates.content import prepared
from portal.mail_templates.models import TemplateVersion
from portal.mail_templates.wordings import Wording, check_wording


@dataclass(frozen=True, slots=True)
class ReadyText:
    """What a version says in one language; None where that is the same or cannot be done."""

    wording: Wording
    inlined_html: str | None = None
    derived_text: str | None = None


def make_ready(language: str, wording: Wording) -> ReadyText:
    """Check it, and work out what mail programs need. No database, no clock, no network.

    Raises:
        Refusal: it cannot be merged or sent; `field` says which part.
    """
    check_wording(language, wording)
    if not wording.html:
        return ReadyText(wording)
    for_mail = prepared(wording.html)
    return ReadyText(wording, for_mail.inlined, for_mail.text if wording.text is None else None)


def all_ready(wordings: Mapping[str, Wording]) -> dict[str, ReadyText]:
    """Each of them, by language.

    Raises:
        Refusal: one of them cannot be merged or sent.
    """
    return {language: make_ready(language, wording) for language, wording in wordings.items()}


def texts_of(version: TemplateVersion) -> dict[str, ReadyText]:
    """What a version says, to be said again: nothing is worked out twice."""
    return {
        text.language: ReadyText(
            Wording(text.subject, text.text, text.html), text.inlined_html, text.derived_text
        )
        for text in version.texts
    }
