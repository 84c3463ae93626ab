"""The gallery: eight templates to begin with, in English and German, each in any brand.

They are written in the marks of `layout.py`, in `starts/<key>.<language>.txt`: first subject,
preheader (what an inbox shows beside the subject) and sample values, then the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from portal.accounts.models import Person
from portal.core.errors import NotFound
from portal.core.words import Words, _, lazy
from portal.mail_templates import layout, templates
from portal.mail_templates.models import MailTemplate, TemplateVersion
from portal.mail_templates.ready import ReadyText, all_ready
from portal.mail_templates.wordings import Wording

FOLDER = Path(__file__).with_name("starts")
LANGUAGES = ("en", "de")


@dataclass(frozen=True, slots=True)
class Start:
    """A template to begin with."""

    key: str
    name: Words
    about: Words


STARTS: Mapping[str, Start] = {
    start.key: start
    for start in (
        Start("invitation", lazy("Invitation"), lazy("To an event, with a date to answer by.")),
        Start("reminder", lazy("Reminder"), lazy("Of something that is still to be done.")),
        Start("welcome", lazy("Welcome"), lazy("The first steps for somebody new.")),
        Start("password-reset", lazy("New password"), lazy("A link that works once.")),
        Start("receipt", lazy("Receipt"), lazy("What was bought, line by line, and the sum.")),
        Start("appointment", lazy("Appointment"), lazy("When, where, and how to move it.")),
        Start("newsletter", lazy("Newsletter"), lazy("As many stories as there are.")),
        Start("announcement", lazy("Announcement"), lazy("One piece of news for everybody.")),
    )
}


def find_start(key: str) -> Start:
    """The one with this key.

    Raises:
        NotFound: there is none.
    """
    if key not in STARTS:
        raise NotFound(_("template"))
    return STARTS[key]


def wordings_of(start: Start) -> dict[str, Wording]:
    """What it says, in each language."""
    return {language: _read(start.key, language)[0] for language in LANGUAGES}


def samples_of(start: Start, language: str) -> Mapping[str, str]:
    """Values to look at it with."""
    return _read(start.key, language)[1]


def texts_of(start: Start) -> Mapping[str, ReadyText]:
    """The same, ready to be saved: worked out once, so ask for it before a transaction begins.

    Where the machine was too busy to work the styles in, whoever asks next has it tried again.
    """
    texts = _worked_out(start)
    if any(text.inlined_html is None for text in texts.values()):
        _worked_out.cache_clear()
    return texts


@cache
def _worked_out(start: Start) -> Mapping[str, ReadyText]:
    return all_ready(wordings_of(start))


def begin(
    template: MailTemplate,
    start: Start,
    *,
    default_language: str,
    by: Person | None,
    texts: Mapping[str, ReadyText] | None = None,
) -> TemplateVersion:
    """Save it as the first version of an empty template, with its samples.

    `texts` are what `texts_of` gave before the transaction began.
    """
    template.samples = dict(samples_of(start, default_language))
    return templates.save_version(
        template, texts or texts_of(start), default_language=default_language, by=by
    )


@cache
def _read(key: str, language: str) -> tuple[Wording, Mapping[str, str]]:
    source = (FOLDER / f"{key}.{language}.txt").read_text(encoding="utf-8")
    top, _blank, letter = source.partition("\n\n")
    facts = dict(line.split(": ", maxsplit=1) for line in top.splitlines())
    samples = {
        name.removeprefix("sample "): value
        for name, value in facts.items()
        if name.startswith("sample ")
    }
    html = layout.as_html(letter, language=language, preheader=facts["preheader"])
    return Wording(facts["subject"], layout.as_text(letter), html), samples
