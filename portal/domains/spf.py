"""SPF records: read, weighed, and merged into one that keeps its meaning (RFC 7208).

Pure. What DNS has is handed in as a `Zone`; whatever a record still leads to and the zone does not
show is handed back as open questions, so that the asking can be done elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal, TypeAlias

VERSION = "v=spf1"
MAX_LOOKUPS = 10
"""Terms that make a receiver ask DNS, over the whole tree of includes (RFC 7208 4.6.4)."""
MAX_VOIDS = 2
"""Of those, how many may have no answer (RFC 7208 4.6.4)."""
ENOUGH = 50
"""A tree with so many terms is hopeless: it is not looked at any further."""

Kind: TypeAlias = Literal["TXT", "A", "MX"]
Question: TypeAlias = tuple[Kind, str]
Zone: TypeAlias = Mapping[Question, Sequence[str]]
"""What DNS has: the texts, the addresses (any of A and AAAA), the mail exchanges of a name."""

_ASKING = {"include", "a", "mx", "ptr", "exists", "redirect"}
_NEEDS_NAME = {"include", "exists", "redirect", "exp"}
_read_mechanism = re.compile(r"([-+?~]?)([A-Za-z][A-Za-z0-9]*)(?:([:/])(.*))?", re.DOTALL).fullmatch
_read_modifier = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL).fullmatch
_cut_prefix = re.compile(r"(/\d{1,3})?(//\d{1,3})?$")


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism (`~include:mail.example`) or a modifier (`redirect=mail.example`)."""

    name: str  # lower case
    value: str = ""  # what stands behind ":" or "=", or from "/" on
    qualifier: str = "+"
    is_modifier: bool = False

    def __str__(self) -> str:
        if self.is_modifier:
            return f"{self.name}={self.value}"
        sign = "" if self.qualifier == "+" else self.qualifier
        colon = ":" if self.value and not self.value.startswith("/") else ""
        return f"{sign}{self.name}{colon}{self.value}"

    @property
    def target(self) -> str:
        """The name it leads to, without prefix lengths; empty for the domain itself."""
        if self.name in ("a", "mx"):
            return _cut_prefix.sub("", self.value).lower().removesuffix(".")
        return self.value.lower().removesuffix(".")

    def key(self, domain: str) -> str:
        """One text for all spellings that match the same senders."""
        if self.name in ("ip4", "ip6"):
            return f"{self.name}:{_network(self.value)}"
        if self.name in ("a", "mx", "ptr"):
            prefix = _cut_prefix.search(self.value)
            return f"{self.name}:{self.target or domain}{prefix.group() if prefix else ''}"
        return f"{self.name}:{self.target}"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read. `faults` are terms that make receivers give up on all of it."""

    mechanisms: tuple[Term, ...]  # up to "all"; what stands behind it is never looked at (5.1)
    all: Term | None
    modifiers: tuple[Term, ...]  # without a redirect that "all" overrules (6.1)
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        terms = (*self.mechanisms, *((self.all,) if self.all else ()), *self.modifiers)
        return " ".join((VERSION, *map(str, terms)))


@dataclass(frozen=True, slots=True)
class Weight:
    """What a receiver has to do to judge by this record, and whom it lets pass."""

    lookups: int
    voids: int
    passes: frozenset[str]  # keys of the mechanisms that let somebody pass, includes followed
    open: tuple[Question, ...]  # what the zone does not show: the weight is a lower bound
    broken: tuple[str, ...]  # names that are included and have no usable record: all is in vain


def is_spf(text: str) -> bool:
    """Whether receivers take this TXT record for one of SPF (RFC 7208 4.5)."""
    head, _space, _rest = text.partition(" ")
    return head.lower() == VERSION


def parse(text: str) -> Record | None:
    """Read a TXT record; None if it is not one of SPF."""
    if not is_spf(text):
        return None
    mechanisms: list[Term] = []
    modifiers: dict[str, Term] = {}
    everybody: Term | None = None
    faults: list[str] = []
    for written in text.split(" ")[1:]:
        term = _term(written) if written else None
        if term is None:
            faults += [written] if written else []
        elif term.is_modifier:
            if term.name in modifiers and term.name in _NEEDS_NAME:
                faults.append(written)
            modifiers.setdefault(term.name, term)
        elif everybody is None:
            if term.name == "all":
                everybody = term
            else:
                mechanisms.append(term)
    if everybody is not None:
        modifiers.pop("redirect", None)
    return Record(tuple(mechanisms), everybody, tuple(modifiers.values()), tuple(faults))


def merged(domain: str, published: Iterable[str], needed: str) -> str:
    """One record that lets pass whom the published ones let pass, and whom `needed` names.

    What is needed goes before "all"; whatever else is published keeps its place and its meaning.
    Terms that nobody understands are left out: with them, receivers ignore the whole record. Of
    several published records, which together mean nothing, the gentler "no" is kept.

    Args:
        published: the TXT records at the domain, SPF or not.
        needed: the record that would do if there were no other.
    """
    wanted = parse(needed)
    if wanted is None:
        raise ValueError(f"not an SPF record: {needed}")
    records = [record for text in published if (record := parse(text)) is not None]
    if not records:
        return str(wanted)

    ours = {term.key(domain): term for term in wanted.mechanisms}
    mechanisms: dict[str, Term] = {}
    for record in records:
        for term in record.mechanisms:
            key = term.key(domain)
            if key in ours and term.qualifier != ours[key].qualifier:
                continue  # the first that matches decides, and it must be ours
            mechanisms.setdefault(key, term)
    for key, term in ours.items():
        mechanisms.setdefault(key, term)

    everybody = _gentler(record.all for record in records)
    modifiers: dict[str, Term] = {}
    for record in records:
        for term in record.modifiers:
            if not (term.name == "redirect" and everybody):
                modifiers.setdefault(term.name, term)
    return str(Record(tuple(mechanisms.values()), everybody, tuple(modifiers.values())))


def weigh(domain: str, text: str, zone: Zone) -> Weight:
    """What this record at this domain costs a receiver in the worst case: if nothing matches."""
    scales = _Scales(zone)
    record = parse(text)
    if record is not None:
        scales.put(record, domain, passes=True, way=(domain,))
    return Weight(
        scales.lookups,
        scales.voids,
        frozenset(scales.passes),
        tuple(dict.fromkeys(scales.open)),
        tuple(dict.fromkeys(scales.broken)),
    )


def needed_keys(domain: str, needed: str) -> frozenset[str]:
    """What must be among the `passes` of a record that does what `needed` would do."""
    record = parse(needed)
    return frozenset(term.key(domain) for term in record.mechanisms) if record else frozenset()


@dataclass(slots=True)
class _Scales:
    zone: Zone
    lookups: int = 0
    voids: int = 0
    passes: set[str] = field(default_factory=set)
    open: list[Question] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def put(self, record: Record, domain: str, *, passes: bool, way: tuple[str, ...]) -> None:
        """Add a record and all that it leads to. `way`: the names that led here."""
        for term in self._asking(record, domain, passes=passes):
            target = term.target or domain
            if "%" in target:
                continue  # a macro (RFC 7208 7): what is asked depends on the message
            if term.name in ("include", "redirect"):
                lets_pass = passes and term.qualifier == "+"
                self._follow(target, passes=lets_pass, way=way)
            elif term.name in ("a", "exists"):
                self._answered(("A", target))
            elif term.name == "mx":
                self._answered(("MX", target))

    def _asking(self, record: Record, domain: str, *, passes: bool) -> Iterator[Term]:
        for term in (*record.mechanisms, *record.modifiers):
            if passes and not term.is_modifier and term.qualifier == "+":
                self.passes.add(term.key(domain))
            if term.name in _ASKING:
                if self.lookups >= ENOUGH:
                    return
                self.lookups += 1
                yield term

    def _follow(self, name: str, *, passes: bool, way: tuple[str, ...]) -> None:
        if name in way:
            self.broken.append(name)  # it includes itself: receivers run into the limit
            return
        texts = self._answered(("TXT", name))
        if texts is None:
            return
        records = [record for text in texts if (record := parse(text)) is not None]
        if len(records) != 1 or records[0].faults:
            self.broken.append(name)  # RFC 7208 5.2: none, or a permanent error
            return
        self.put(records[0], name, passes=passes, way=(*way, name))

    def _answered(self, question: Question) -> Sequence[str] | None:
        """What the zone shows; nothing there is a void look-up."""
        if question not in self.zone:
            self.open.append(question)
            return None
        found = self.zone[question]
        if not found:
            self.voids += 1
        return found


def _term(written: str) -> Term | None:
    """One term; None if receivers stumble over it."""
    if not written.isascii() or not written.isprintable():
        return None
    if (modifier := _read_modifier(written)) is not None:
        name, value = modifier[1].lower(), modifier[2]
        if name in _NEEDS_NAME and not _is_target(value):
            return None
        return Term(name, value, is_modifier=True)

    mechanism = _read_mechanism(written)
    if mechanism is None:
        return None
    qualifier, name, sign = mechanism[1] or "+", mechanism[2].lower(), mechanism[3] or ""
    value = (mechanism[4] or "") if sign != "/" else f"/{mechanism[4] or ''}"
    match name:
        case "all":
            is_sound = not sign
        case "include" | "exists":
            is_sound = sign == ":" and _is_target(value)
        case "a" | "mx":
            bare = _cut_prefix.sub("", value)
            is_sound = not sign or (sign == ":" and _is_target(bare)) or (sign == "/" and not bare)
        case "ptr":
            is_sound = not sign or (sign == ":" and _is_target(value))
        case "ip4":
            is_sound = sign == ":" and isinstance(_network(value), IPv4Network)
        case "ip6":
            is_sound = sign == ":" and isinstance(_network(value), IPv6Network)
        case _:
            is_sound = False
    return Term(name, value, qualifier) if is_sound else None


def _is_target(value: str) -> bool:
    """A domain-spec, roughly: macros are taken as they are (RFC 7208 7.1)."""
    if "%" in value:
        return True
    labels = value.removesuffix(".").split(".")
    return len(labels) > 1 and len(value) <= 254 and all(0 < len(label) <= 63 for label in labels)


def _network(value: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(value, strict=False)
    except ValueError:
        return None


def _gentler(terms: Iterable[Term | None]) -> Term | None:
    """Of several endings the one that harms least; one that lets everybody pass only if alone."""
    endings = [term for term in terms if term is not None]
    order = "~-?+"
    return min(endings, key=lambda term: order.index(term.qualifier), default=None)
