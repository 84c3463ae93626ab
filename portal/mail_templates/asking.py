"""What a text asks for: its variables, and which of them it cannot do without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from portal.mail_templates import merge
from portal.mail_templates.models import TemplateText
from portal.mail_templates.wordings import Wording

GIVEN = frozenset({"email", "name", "brand", "unsubscribe_url"})
"""What every mail knows by itself; nobody is asked for it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The values that whoever sends this text gives, as `order` and `user.first_name`."""

    names: tuple[str, ...]  # in order of appearance
    needed: frozenset[str]  # printed, and without a `default`
    needs_name: bool = False  # prints the recipient's name


def asked_by(text: TemplateText | Wording) -> Asked:
    """What this text asks for in subject and bodies together."""
    return _asked(text.subject, text.text, text.html)


@lru_cache(maxsize=256)
def _asked(subject: str, text: str | None, html: str | None) -> Asked:
    parsed = [merge.parse_subject(subject)]
    if text is not None:
        parsed.append(merge.parse(text))
    if html is not None:
        parsed.append(merge.parse(html, is_html=True))
    names = dict.fromkeys(name for one in parsed for name in one.variables)
    printed = frozenset(name for one in parsed for name in one.missing({}))
    own = tuple(name for name in names if name.split(".")[0] not in GIVEN)
    return Asked(own, printed & frozenset(own), "name" in printed)


def nested(named: Mapping[str, object]) -> dict[str, Any]:
    """Values by name as templates look them up: ``user.name`` becomes ``{"user": {"name": …}}``."""
    values: dict[str, Any] = {}
    for name, value in named.items():
        *path, last = name.split(".")
        place = values
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place.setdefault(last, value)
    return values
