"""A mail as its reader would see it, made of sample values; nothing is stored, nothing leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.core.errors import Refusal
from portal.mail_templates import merge, samples
from portal.mail_templates.content import text_from_html
from portal.mail_templates.wordings import Wording
from portal.outbox import letterhead
from portal.smtp.segments import Content
from portal.white_labels import origins
from portal.white_labels.in_mail import brand_values
from portal.white_labels.models import WhiteLabel

READER = {"email": "kim@customer.example", "name": "Kim"}
"""Who reads it, unless a sample says somebody else."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where mail is written: what a white label's, or the platform's, looks like."""

    own: Mapping[str, Any]  # what every mail knows by itself
    answer_to: str | None
    notice_language: str


def desk_of(white_label: WhiteLabel | None) -> Desk:
    """Read it, so that no transaction need be open while mail is made."""
    origin = origins.origin_of(white_label)
    own = {
        **READER,
        "brand": brand_values(white_label),
        "unsubscribe_url": f"{origin}/unsubscribe/example",
    }
    if white_label is None:
        return Desk(own, None, "en")
    return Desk(own, white_label.answer_to, white_label.notice_language)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a part cannot be shown."""

    part: str  # subject, text or html
    words: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What there is to see; a part with a fault is empty."""

    subject: str
    text: str
    html: str | None
    faults: tuple[Fault, ...] = ()

    def in_full(self) -> Preview:
        """Itself.

        Raises:
            Refusal: a part of it cannot be made.
        """
        for fault in self.faults:
            raise Refusal("template_failed", fault.words, field=fault.part)
        return self


def preview(desk: Desk, language: str, wording: Wording, *, typed: Mapping[str, str]) -> Preview:
    """The wording with the samples that were typed, in the brand and with the last line.

    Names without a sample stand for themselves: `[order]`.
    """
    parsed: dict[str, merge.Template] = {}
    faults: list[Fault] = []
    for part, source in (
        ("subject", wording.subject),
        ("text", wording.text),
        ("html", wording.html),
    ):
        try:
            if source:
                parsed[part] = _parsed(part, source)
        except merge.TemplateError as error:
            faults.append(Fault(part, error.words))
    names = [name for template in parsed.values() for name in template.variables]
    values = samples.values_of(typed, names, own=desk.own)
    made: dict[str, str] = {}
    for part, template in parsed.items():
        try:
            made[part] = template.merged(values)
        except merge.TemplateError as error:
            faults.append(Fault(part, error.words))
    html = made.get("html")
    text = made.get("text") or (text_from_html(html) if html else "")
    text, html = _with_last_line(desk, language, text, html)
    return Preview(made.get("subject", ""), text, html, tuple(faults))


def _parsed(part: str, source: str) -> merge.Template:
    return (
        merge.parse_subject(source)
        if part == "subject"
        else merge.parse(source, is_html=part == "html")
    )


def _with_last_line(
    desk: Desk, language: str, text: str, html: str | None
) -> tuple[str, str | None]:
    if not desk.answer_to:
        return text, html
    added = {"language": language, "else_language": desk.notice_language}
    line = letterhead.notice_line(added, desk.answer_to)
    return (
        _as_text(letterhead.below_text(text, line)),
        None if html is None else _as_text(letterhead.below_html(html, line)),
    )


def _as_text(content: Content) -> str:
    assert isinstance(content, str)  # text in, text out
    return content
