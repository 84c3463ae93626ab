"""Sample values: what a template is looked at with, typed by people, one line for each name.

A value is text; one that begins with a bracket is JSON, for lists and things with parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates.asking import GIVEN, nested

PARTS_OF_BRAND = (
    "name", "colour", "on_colour", "link", "dark_colour", "on_dark_colour", "dark_link",
    "logo", "url", "answer_to",
)  # fmt: skip
LONGEST = 4000
"""Characters of one sample value."""
MOST = 200
MOST_GUESSED = 20
MOST_KNOWN = 200
LONGEST_GUESSED = 40
"""What is compared for slips: so many names with so many, and none longer. A second at worst."""


def check_samples(typed: Mapping[str, str]) -> dict[str, str]:
    """The samples to keep: those that say something.

    Raises:
        Refusal: at `sample-<name>`: it is too long, or no JSON although it begins like it.
    """
    kept = {name: value.strip() for name, value in list(typed.items())[:MOST]}
    for name, value in kept.items():
        if len(value) > LONGEST:
            raise Refusal(
                "sample_too_long",
                _("A sample has at most %(limit)s characters.", limit=LONGEST),
                field=f"sample-{name}",
            )
        if _looks_like_json(value) and _as_json(value) is None:
            raise Refusal(
                "sample_malformed",
                _("It begins like a list or a thing with parts, but is no JSON."),
                field=f"sample-{name}",
            )
    return {name: value for name, value in kept.items() if value}


def values_of(
    samples: Mapping[str, str], names: Iterable[str] = (), own: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Values to merge with: `{"user.name": "Ada"}` becomes `{"user": {"name": "Ada"}}`.

    `names` that have no sample stand for themselves: `[name]`. `own` are values that are known.
    """
    own = own or {}
    named: dict[str, object] = {
        name: f"[{name}]" for name in names if "[" not in name and _top(name) not in own
    }
    for name, text in samples.items():
        thing = _as_json(text) if _looks_like_json(text) else None
        named[name] = text if thing is None else thing  # an empty list is one, too
    return {**own, **nested(named)}


def unknown(names: Iterable[str], known: Iterable[str]) -> dict[str, str | None]:
    """The names that nothing is known of, each with the known one that it may be a slip for.

    `brand.nmae` is unknown although `brand` is known: its parts are all ours. Slips are a guess,
    and guessing compares each name with each: only the first few are guessed at.
    """
    ours = {*GIVEN, *(f"brand.{part}" for part in PARTS_OF_BRAND)}
    known = {*known, *ours}
    likely = [*ours, *sorted(name for name in known - ours if len(name) <= LONGEST_GUESSED)]
    likely = likely[:MOST_KNOWN]
    whole = {name.partition(".")[0] for name in known}
    found: dict[str, str | None] = {}
    for name in names:
        is_part_of_known = _top(name) in known and _top(name) != "brand"
        if name in known or name in whole or is_part_of_known:
            continue
        may_be_slip = len(found) < MOST_GUESSED and len(name) <= LONGEST_GUESSED
        close = get_close_matches(name, likely, n=1, cutoff=0.75) if may_be_slip else []
        found[name] = close[0] if close else None
    return found


def _top(name: str) -> str:
    """`items` of `items[0].name`."""
    return re.split(r"[.\[]", name, maxsplit=1)[0]


def _looks_like_json(text: str) -> bool:
    return text[:1] in ("[", "{")


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
