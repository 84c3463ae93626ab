"""Asking DNS for all that a verdict needs: the record, and if it is not there, where else it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from portal.domains import spf
from portal.domains.compare import Diagnosis, Evidence, Verdict, compare
from portal.domains.records import Purpose, RecordState, RecordType, Wanted
from portal.domains.resolver import CouldNotAsk, Dns
from portal.smtp.addresses import MAX_DOMAIN
from portal.white_labels.public_suffixes import registered_domain

Answer = TypeVar("Answer")

PATIENCE = 15.0
"""Seconds for one domain; what is not answered by then is unknown until the next time."""
ONE_TAKES = 4.0
"""Seconds for one question."""
GIVES_UP_AFTER = 3
"""Questions without an answer, one after the other: then nobody is there."""
NOTHING: tuple[str, ...] = ()
UNKNOWN: tuple[str, ...] = ("",)
MOST_OF_SPF = 60
"""Questions that one SPF record may lead to."""


class Asker:
    """Asks each question once, as long as somebody answers and there is time."""

    def __init__(self, dns: Dns, *, patience: float = PATIENCE) -> None:
        self._dns = dns
        self._deadline = time.monotonic() + patience
        self._in_vain = 0
        self._known: dict[tuple[str, str], object] = {}

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._ask("TXT", name, self._dns.texts))

    def alias(self, name: str) -> str | None:
        return self._ask("CNAME", name, self._dns.alias)

    def addresses(self, name: str) -> tuple[str, ...]:
        return tuple(self._ask("A", name, self._dns.addresses))

    def exchanges(self, name: str) -> tuple[str, ...]:
        return tuple(self._ask("MX", name, self._dns.exchanges))

    def _ask(self, kind: str, name: str, ask: Callable[..., Answer]) -> Answer:
        known = self._known.get((kind, name))
        if isinstance(known, CouldNotAsk):
            raise known
        if (kind, name) in self._known:
            return known  # type: ignore[return-value]  # what `ask` of this kind gave
        left = self._deadline - time.monotonic()
        if left <= 0 or self._in_vain >= GIVES_UP_AFTER:
            raise CouldNotAsk("nobody answers")
        try:
            answer = ask(name, timeout=min(ONE_TAKES, left))
        except CouldNotAsk as fault:
            self._known[kind, name] = fault
            self._in_vain += 1
            raise
        self._in_vain = 0
        self._known[kind, name] = answer
        return answer


def judge(domain: str, wanted: Wanted, asker: Asker) -> Verdict:
    """Ask for this record of this domain and judge it; "could not ask" is a verdict, too."""
    try:
        verdict = compare(domain, wanted, _at_its_name(domain, wanted, asker))
        if verdict.state is RecordState.FOUND:
            return verdict
        return compare(domain, wanted, _near_by(domain, wanted, asker))
    except CouldNotAsk:
        return Verdict(Diagnosis.COULD_NOT_ASK)


def _at_its_name(domain: str, wanted: Wanted, asker: Asker) -> Evidence:
    if wanted.type is RecordType.CNAME:
        alias = asker.alias(wanted.name)
        # Where it leads may be unknown, and that is not nowhere.
        texts = _perhaps(asker.texts, wanted.name, UNKNOWN) if alias else NOTHING
        return Evidence(alias=alias, texts=texts, leads_nowhere=alias is not None and not texts)
    texts = asker.texts(wanted.name)
    if wanted.purpose is Purpose.SPF:
        return Evidence(texts=texts, zone=_tree(domain, wanted, texts, asker))
    if wanted.purpose is Purpose.DMARC and not texts:
        above = registered_domain(domain)
        return Evidence(above=asker.texts(f"_dmarc.{above}") if above != domain else ())
    return Evidence(texts=texts)


def _near_by(domain: str, wanted: Wanted, asker: Asker) -> Evidence:
    """The same with all that helps to say what went wrong; its silence proves nothing."""
    first = _at_its_name(domain, wanted, asker)
    is_alias = wanted.type is RecordType.CNAME
    # Panels put their zone behind what is typed, and the zone may be above this domain.
    doubled = {f"{wanted.name}.{zone}" for zone in (domain, registered_domain(domain))}
    appended: dict[str, tuple[str, ...]] = {}
    for name in sorted(name for name in doubled if len(name) <= MAX_DOMAIN):
        if is_alias:
            alias = _perhaps(asker.alias, name, None)
            appended[name] = (alias,) if alias else ()
        else:
            appended[name] = _perhaps(asker.texts, name, NOTHING)
    is_proof = wanted.purpose in (Purpose.OWNERSHIP, Purpose.HOSTNAME)
    return Evidence(
        texts=first.texts or (_perhaps(asker.texts, wanted.name, NOTHING) if is_alias else ()),
        alias=_perhaps(asker.alias, wanted.name, None),
        has_addresses=is_alias and bool(_perhaps(asker.addresses, wanted.name, NOTHING)),
        appended=appended,
        at_domain=_perhaps(asker.texts, domain, NOTHING) if is_proof else (),
        above=first.above,
        zone=first.zone,
    )


def _tree(domain: str, wanted: Wanted, texts: Sequence[str], asker: Asker) -> spf.Zone:
    """All that the published records lead to, and the merged one."""
    published = [text for text in texts if spf.is_spf(text)]
    zone: dict[spf.Question, Sequence[str]] = {}
    silent: set[spf.Question] = set()
    roots = [*published, spf.merged(domain, published, wanted.value)] if published else []
    while len(zone) + len(silent) < MOST_OF_SPF:
        weights = [spf.weigh(domain, root, zone) for root in roots]
        questions = {one for weight in weights for one in weight.open} - silent
        if not questions:
            break
        for kind, name in sorted(questions)[: MOST_OF_SPF - len(zone) - len(silent)]:
            ask = {"TXT": asker.texts, "A": asker.addresses, "MX": asker.exchanges}[kind]
            try:
                zone[kind, name] = ask(name)
            except CouldNotAsk:
                silent.add((kind, name))
    return zone


def _perhaps(ask: Callable[[str], Answer], name: str, otherwise: Answer) -> Answer:
    try:
        return ask(name)
    except CouldNotAsk:
        return otherwise
