"""Lookalikes: what a domain can be mistaken for, and which scripts it mixes.

Pure. For the platform owner before the decision; nothing here refuses anything. The comparison is
a short cut through UTS 39: letters that people do not tell apart are folded into one skeleton.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import idna

from portal.core.words import _
from portal.white_labels.public_suffixes import registered_domain


@dataclass(frozen=True, slots=True)
class Held:
    """A name that somebody else has here."""

    name: str  # canonical
    owner: str
    kind: Literal["domain", "hostname"]


class Reason(StrEnum):
    SAME_LOOK = "same_look"  # letters that look alike: rnicrosoft, аcme
    SAME_NAME = "same_name"  # another ending: acme.example, acme.test
    NEAR = "near"  # one letter more, less, other or swapped: amce
    CONTAINED = "contained"  # the name with something added: acme-mail
    RELATED = "related"  # a name below or above it


@dataclass(frozen=True, slots=True)
class Likeness:
    """One name that the domain may be mistaken for."""

    held: Held
    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """A domain as programs and as people see it."""

    a_label: str
    u_label: str
    scripts: tuple[str, ...]  # of its letters, in order of appearance, without digits and hyphens
    is_mixed: bool  # scripts stand side by side in one label as no language does
    warnings: tuple[str, ...]


NEAR_FROM = 5
"""Shorter labels differ by one letter all the time: ada, eda, ida."""
CONTAINED_FROM = 4

# Letters that in common fonts look like a Latin one. Lower case only: UTS 46 has folded the rest.
_LOOKS = str.maketrans(
    {
        **dict(zip("асԁеһіјӏорԛѕԝхуѵьгпкнмтвз", "acdehijlopqswxyvbrnkhmtb3", strict=True)),
        **dict(zip("αβγεικνορτυωχη", "abyeikvoptuwxn", strict=True)),
        **dict(zip("ıłøđħŧɑɡɩ", "ilodhtagi", strict=True)),
        **dict(zip("օոսցհ", "onugh", strict=True)),
        "ß": "b",
        "æ": "ae",
        "œ": "oe",
        "0": "o",
        "1": "l",
        "3": "e",
        "5": "s",
        "i": "l",
    }
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"))
_TOGETHER = (
    {"Latin", "Han", "Hiragana", "Katakana"},
    {"Latin", "Han", "Bopomofo"},
    {"Latin", "Han", "Hangul"},
)
"""Scripts that one language mixes (UTS 39 5.2, "highly restrictive")."""


def portrait(domain: str) -> Portrait:
    """Both spellings of a canonical domain, the scripts in it, and what is odd about them."""
    labels = [_unicode(label) for label in domain.split(".")]
    scripts = tuple(dict.fromkeys(name for label in labels for name in _scripts(label)))
    mixed = [label for label in labels if _is_mixed(label)]
    warnings = [
        _(
            "%(label)s mixes letters of %(scripts)s.",
            label=label,
            scripts=", ".join(dict.fromkeys(_scripts(label))),
        )
        for label in mixed
    ]
    warnings += [
        _("%(label)s has no Latin letter, but looks like %(look)s.", label=label, look=look)
        for label in labels
        if (look := _pretends(label)) and label not in mixed
    ]
    return Portrait(domain, ".".join(labels), scripts, bool(mixed), tuple(warnings))


def both_spellings(domain: str) -> str:
    """As people write it, with what stands in DNS where that is another: nobody is fooled."""
    shown = portrait(domain).u_label
    return shown if shown == domain else f"{shown} ({domain})"


def alike(domain: str, held: Iterable[Held]) -> list[Likeness]:
    """Those of the names that this canonical domain may be mistaken for, the worst first.

    The name itself, held by somebody else, is a conflict and not a lookalike.
    """
    order = list(Reason)
    found = [
        Likeness(one, reason, _words(reason, one))
        for one in held
        if (reason := _reason(domain, one.name)) is not None
    ]
    return sorted(found, key=lambda one: (order.index(one.reason), one.held.name))


def _reason(domain: str, other: str) -> Reason | None:
    if domain == other:
        return None
    if domain.endswith(f".{other}") or other.endswith(f".{domain}"):
        return Reason.RELATED
    mine, theirs = _unicode_name(domain), _unicode_name(other)
    if skeleton(mine) == skeleton(theirs):
        return Reason.SAME_LOOK
    my_label, their_label = _main_label(domain), _main_label(other)
    if my_label == their_label:
        return Reason.SAME_NAME
    my_look, their_look = skeleton(my_label), skeleton(their_label)
    if my_look == their_look:
        return Reason.SAME_LOOK
    shorter, longer = sorted((my_look, their_look), key=len)
    if len(shorter) >= NEAR_FROM and _is_one_slip(shorter, longer):
        return Reason.NEAR
    if len(shorter) >= CONTAINED_FROM and shorter in longer.split("-"):
        return Reason.CONTAINED
    return None


def skeleton(text: str) -> str:
    """One text for all that look the same: marks are taken off, letters that look alike folded."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text.lower())
        if not unicodedata.combining(letter)
    )
    folded = plain.translate(_LOOKS)
    for pair, single in _PAIRS:
        folded = folded.replace(pair, single)
    return folded


def _words(reason: Reason, held: Held) -> str:
    values = {"name": held.name, "owner": held.owner}
    match reason:
        case Reason.SAME_LOOK:
            return _("Looks the same as %(name)s of %(owner)s.", **values)
        case Reason.SAME_NAME:
            return _("The same name as %(name)s of %(owner)s, with another ending.", **values)
        case Reason.NEAR:
            return _("One letter away from %(name)s of %(owner)s.", **values)
        case Reason.CONTAINED:
            return _("Shares its main word with %(name)s of %(owner)s.", **values)
        case Reason.RELATED:
            return _("Above or below %(name)s of %(owner)s.", **values)


def _main_label(domain: str) -> str:
    """The word that people know a name by: what somebody has registered, without its ending."""
    return _unicode(registered_domain(domain).split(".")[0])


def _is_one_slip(shorter: str, longer: str) -> bool:
    """Whether one letter was added, left out, replaced, or swapped with its neighbour."""
    if len(longer) - len(shorter) > 1:
        return False
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    if len(shorter) < len(longer):
        return shorter[start:] == longer[start + 1 :]
    if shorter[start + 1 :] == longer[start + 1 :]:
        return True
    swapped = longer[start + 1 : start + 2] + longer[start : start + 1]
    return shorter[start:] == swapped + longer[start + 2 :]


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except idna.IDNAError:
        return label


def _unicode_name(domain: str) -> str:
    return ".".join(_unicode(label) for label in domain.split("."))


def _scripts(label: str) -> list[str]:
    """The script of each letter; the first word of its Unicode name says it."""
    return [_script(letter) for letter in label if unicodedata.category(letter).startswith("L")]


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]
    return "Han" if first in ("CJK", "IDEOGRAPHIC") else first.capitalize()


def _is_mixed(label: str) -> bool:
    scripts = set(_scripts(label))
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


def _pretends(label: str) -> str:
    """What a label without any Latin letter reads like, if all of it looks Latin."""
    letters = [letter for letter in label if letter.isalpha()]
    if not letters or any(letter.isascii() for letter in letters):
        return ""
    look = label.translate(_LOOKS)
    return look if look.isascii() else ""
