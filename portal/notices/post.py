"""Writing one notice: two templates, the reader's language and brand, and into the outbox.

`templates/mail/<kind>.txt` begins with the subject on a line of its own; `<kind>.html` says the
same for programs that show it. Templates get `to`, `brand` and the facts. The caller commits.
"""

from __future__ import annotations

import gettext
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portal.accounts.models import Person
from portal.core import schema
from portal.core.db import db
from portal.core.words import Said, kept, speaking, told
from portal.outbox.accept import Accepted, accept
from portal.outbox.submission import OwnContent, Recipient, Submission
from portal.smtp.addresses import Mailbox, parse_address
from portal.white_labels import brand as brands
from portal.white_labels import origins
from portal.white_labels.models import WhiteLabel
from portal.white_labels.platform import the_platform

TEMPLATES = schema.PROJECT / "templates" / "mail"
TRANSLATIONS = schema.PROJECT / "portal" / "translations"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The brand that a notice is written in."""

    name: str
    colour: str
    on_colour: str
    origin: str  # links begin with it: stored, never taken from a request


def post(kind: str, *, to: Person, author: Person | None = None, **facts: object) -> Accepted:
    """Write a notice of this kind to somebody, in their language.

    `author` is whose act it tells of; it leaves by the way that this person's mail takes.

    Raises:
        Refusal: the outbox does not take it.
    """
    letterhead = letterhead_of(to)
    plain, escaped = (_letters(to.language, is_html=is_html) for is_html in (False, True))
    # A fact may be a sentence of ours, said in the language of whoever caused this notice.
    with speaking(_catalogue(to.language).gettext):
        facts = {name: told(kept(f)) if isinstance(f, Said) else f for name, f in facts.items()}
    words = {"to": to, "brand": letterhead, "language": to.language, **facts}
    subject, _line, text = plain.get_template(f"{kind}.txt").render(words).partition("\n")
    html = escaped.get_template(f"{kind}.html").render(words)
    return accept(
        Submission(
            white_label_id=to.white_label_id,
            to=(Recipient(Mailbox(parse_address(to.email), to.name)),),
            content=OwnContent(subject=subject.strip(), text=text.strip() + "\n", html=html),
            author_id=author.id if author else None,
            details={"notice": kind},
        )
    )


def letterhead_of(person: Person) -> Letterhead:
    """The brand of the portal that this person works in."""
    white_label = None
    if person.white_label_id is not None:
        white_label = db.session.get_one(WhiteLabel, person.white_label_id)
    place = white_label or the_platform()
    shades = brands.in_light(place.colour)
    return Letterhead(place.name, shades.fill, shades.on_fill, origins.origin_of(white_label))


@cache
def _letters(language: str, *, is_html: bool) -> Environment:
    """The templates in one language; a missing catalogue or sentence is English.

    For HTML every file of them escapes, those that both kinds of letter take their words from
    too: Jinja takes what a macro says for safe wherever the page that calls it escapes.
    """
    letters = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",), default=is_html),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    letters.install_gettext_translations(_catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    return letters


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(
        "messages", localedir=TRANSLATIONS, languages=[language], fallback=True
    )
