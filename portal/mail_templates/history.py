"""The versions of a template, and what differs between two of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from enum import StrEnum
from itertools import accumulate

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, page_of
from portal.core.words import _
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.mail_templates.wordings import Wording

AROUND = 3
"""Equal lines that are shown on either side of a difference."""
MOST_LINES = 4000
"""Of one side."""
MOST_WORK = 4_000_000
"""Pairs of lines that one comparison looks at: half a second. A page of lines that are all the same
would take the cube of their number."""


class Kind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"  # equal lines that are left out


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison; `number` counts in the text it stands in, the newer if in both."""

    kind: Kind
    number: int
    text: str = ""


def versions_of(
    template: MailTemplate, *, before: int | None = None, after: int | None = None
) -> Page[TemplateVersion]:
    """Its versions, the newest first, with who saved them and the languages they speak."""
    query = (
        select(TemplateVersion)
        .where(TemplateVersion.template_id == template.id)
        .options(
            joinedload(TemplateVersion.created_by),
            selectinload(TemplateVersion.texts).load_only(
                TemplateText.version_id, TemplateText.language
            ),
        )
    )
    return page_of(query, TemplateVersion.id, before=before, after=after)


def version_numbered(template: MailTemplate, number: int) -> TemplateVersion:
    """One version.

    Raises:
        NotFound: there is none with this number.
    """
    version = db.session.scalar(
        select(TemplateVersion).where(
            TemplateVersion.template_id == template.id, TemplateVersion.number == number
        )
    )
    if version is None:
        raise NotFound(_("version"))
    return version


def difference(before: Wording | None, after: Wording | None) -> dict[str, list[Line]]:
    """What differs, by the part it is in (`subject`, `text`, `html`); equal parts are left out."""
    found = {}
    for part in ("subject", "text", "html"):
        old = (getattr(before, part) if before else None) or ""
        new = (getattr(after, part) if after else None) or ""
        if old != new:
            found[part] = lines_between(old.splitlines(), new.splitlines())
    return found


def lines_between(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    """The lines that were removed and added, each with its neighbours."""
    if max(len(old), len(new)) > MOST_LINES:
        gone = [Line(Kind.REMOVED, number, text) for number, text in enumerate(old, 1)]
        return [*gone, *(Line(Kind.ADDED, number, text) for number, text in enumerate(new, 1))]
    return list(_told(_Comparison(old, new), old, new))


class _Comparison(SequenceMatcher[str]):
    """What is equal, as far as the work reaches; what lies between counts as replaced."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new, autojunk=False)
        often = Counter(new)
        pairs = (1 + often[line] for line in old)
        self._pairs_before = [0, *accumulate(pairs)]
        self._left = MOST_WORK

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        pairs = self._pairs_before
        self._left -= pairs[-1 if ahi is None else ahi] - pairs[alo]
        if self._left < 0:
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _told(matcher: SequenceMatcher[str], old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    shown_to = 0
    for group in matcher.get_grouped_opcodes(AROUND):
        if group[0][3] > shown_to:
            yield Line(Kind.SKIPPED, group[0][3] - shown_to)
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                for at in range(new_from, new_to):
                    yield Line(Kind.SAME, at + 1, new[at])
                continue
            for at in range(old_from, old_to):
                yield Line(Kind.REMOVED, at + 1, old[at])
            for at in range(new_from, new_to):
                yield Line(Kind.ADDED, at + 1, new[at])
        shown_to = group[-1][4]
    if shown_to < len(new):
        yield Line(Kind.SKIPPED, len(new) - shown_to)
