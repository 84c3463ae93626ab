"""What is wanted against what DNS has: a verdict with a code for what is the matter.

Pure. How a record was written does not matter: strings it is split into, a dot at the end, capital
letters where they mean nothing. What receivers would stumble over does: quotation marks inside of
the value, a second SPF record, a key that is another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from portal.domains import spf
from portal.domains.records import Purpose, RecordState, RecordType, Wanted, unquoted
from portal.smtp.addresses import is_within


class Diagnosis(StrEnum):
    # found
    FOUND = "found"
    FOUND_EVERYBODY = "found_everybody"  # SPF ends in +all: anybody may send
    FOUND_UNCOUNTED = "found_uncounted"  # SPF, but a part of its tree could not be asked for
    FOUND_STRICTER = "found_stricter"  # DMARC asks for more than advised
    FOUND_ABOVE = "found_above"  # DMARC of the registered domain counts below it (RFC 7489 6.6.3)
    FOUND_EMPTY = "found_empty"  # the alias is right, what it leads to is not there yet
    # wrong
    SPF_TWO = "spf_two"
    SPF_LOOKUPS = "spf_lookups"  # more than 10
    SPF_VOIDS = "spf_voids"  # more than 2 lead nowhere
    SPF_BROKEN = "spf_broken"  # an include leads to no usable record
    SPF_NOT_OURS = "spf_not_ours"  # it is there, and does not name the servers
    SPF_MALFORMED = "spf_malformed"
    DMARC_TWO = "dmarc_two"
    DMARC_MALFORMED = "dmarc_malformed"
    QUOTED = "quoted"  # quotation marks are part of the value
    OLD_VALUE = "old_value"  # of an earlier request or key
    REVOKED_KEY = "revoked_key"  # DKIM with an empty p= (RFC 6376 3.6.1)
    OTHER_VALUE = "other_value"
    APPENDED = "appended"  # the panel put the domain behind the name once more
    AT_DOMAIN = "at_domain"  # at the domain itself in place of the name
    TARGET_APPENDED = "target_appended"  # … behind the target
    OTHER_TARGET = "other_target"
    IS_ALIAS = "is_alias"  # a CNAME where a TXT is wanted
    IS_TEXT = "is_text"  # a TXT where a CNAME is wanted
    PROXIED = "proxied"  # addresses where a CNAME is wanted
    # missing
    MISSING = "missing"
    # unknown
    NOT_ASKED = "not_asked"
    COULD_NOT_ASK = "could_not_ask"


_FOUND = {one for one in Diagnosis if one.value.startswith("found")}
_UNKNOWN = {Diagnosis.NOT_ASKED, Diagnosis.COULD_NOT_ASK}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What DNS has at the name and near by. What was not asked for is empty."""

    texts: tuple[str, ...] = ()
    alias: str | None = None
    leads_nowhere: bool = False  # the alias: DNS has no text where it leads
    has_addresses: bool = False
    appended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Texts, or the alias's target, at names with a domain behind them once more."""
    at_domain: tuple[str, ...] = ()  # texts at the domain itself
    above: tuple[str, ...] = ()  # DMARC texts of the registered domain
    zone: spf.Zone = field(default_factory=dict)  # what an SPF record leads to


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one record stands."""

    diagnosis: Diagnosis
    found: tuple[str, ...] = ()
    publish: str | None = None  # in place of the wanted value: a merged SPF record
    facts: Mapping[str, object] = field(default_factory=dict)  # for the words

    @property
    def state(self) -> RecordState:
        if self.diagnosis in _FOUND:
            return RecordState.FOUND
        if self.diagnosis in _UNKNOWN:
            return RecordState.UNKNOWN
        is_missing = self.diagnosis is Diagnosis.MISSING
        return RecordState.MISSING if is_missing else RecordState.WRONG


def compare(domain: str, wanted: Wanted, evidence: Evidence) -> Verdict:
    """Judge one record of this domain by what DNS has."""
    if wanted.type is RecordType.CNAME:
        return _alias(domain, wanted, evidence)
    match wanted.purpose:
        case Purpose.SPF:
            return _spf(domain, wanted, evidence)
        case Purpose.DMARC:
            return _dmarc(evidence)
        case Purpose.DKIM:
            return _dkim(wanted, evidence)
        case Purpose.OWNERSHIP | Purpose.HOSTNAME:
            return _proof(wanted, evidence)
        case _:
            return _text(domain, wanted, evidence)


def _alias(domain: str, wanted: Wanted, evidence: Evidence) -> Verdict:
    target = _host(wanted.value)
    if evidence.alias is not None:
        found = _host(evidence.alias)
        if found == target:
            is_empty = wanted.purpose is Purpose.DKIM and evidence.leads_nowhere
            diagnosis = Diagnosis.FOUND_EMPTY if is_empty else Diagnosis.FOUND
        elif found.startswith(f"{target}.") and is_within(domain, found[len(target) + 1 :]):
            diagnosis = Diagnosis.TARGET_APPENDED
        else:
            diagnosis = Diagnosis.OTHER_TARGET
        return Verdict(diagnosis, (found,))
    for name, targets in evidence.appended.items():
        if target in map(_host, targets):
            return Verdict(Diagnosis.APPENDED, targets, facts={"at": name})
    if any(_host(unquoted(text)) == target for text in evidence.texts):
        return Verdict(Diagnosis.IS_TEXT, evidence.texts)
    if evidence.has_addresses:
        return Verdict(Diagnosis.PROXIED)
    if evidence.texts:
        return Verdict(Diagnosis.IS_TEXT, evidence.texts)
    return Verdict(Diagnosis.MISSING)


def _proof(wanted: Wanted, evidence: Evidence) -> Verdict:
    """A token that only we read: quotation marks in it, and capital letters, do no harm."""
    value = _bare(wanted.value)
    if value in map(_bare, evidence.texts):
        return Verdict(Diagnosis.FOUND, evidence.texts)
    if value in map(_bare, evidence.at_domain):
        return Verdict(Diagnosis.AT_DOMAIN, evidence.at_domain)
    label, _sign, _token = value.partition("=")
    old = [text for text in evidence.texts if _bare(text).startswith(f"{label}=")]
    if old:
        return Verdict(Diagnosis.OLD_VALUE, tuple(old))
    return _elsewhere(evidence, lambda text: _bare(text) == value)


def _text(domain: str, wanted: Wanted, evidence: Evidence) -> Verdict:
    """Something that the provider reads, who knows how exactly it wants it."""
    if wanted.value in map(str.strip, evidence.texts):
        return Verdict(Diagnosis.FOUND, evidence.texts)
    if wanted.value in map(unquoted, evidence.texts):
        return Verdict(Diagnosis.QUOTED, evidence.texts)
    if wanted.name == domain:
        evidence = replace(evidence, texts=())  # many texts stand there, and none in another's way
    return _elsewhere(evidence, lambda text: unquoted(text) == wanted.value)


def _dkim(wanted: Wanted, evidence: Evidence) -> Verdict:
    key = tags_of(wanted.value)
    for text in evidence.texts:
        tags = tags_of(text)
        if _key(tags) == _key(key):
            return Verdict(Diagnosis.FOUND, evidence.texts)
        if '"' in text and _key(tags_of(unquoted(text))) == _key(key):
            return Verdict(Diagnosis.QUOTED, evidence.texts)
    keys = [tags for text in evidence.texts if "p" in (tags := tags_of(text))]
    if any(not tags["p"] for tags in keys):
        return Verdict(Diagnosis.REVOKED_KEY, evidence.texts)
    if keys:
        return Verdict(Diagnosis.OLD_VALUE, evidence.texts)
    return _elsewhere(evidence, lambda text: _key(tags_of(text)) == _key(key))


def _dmarc(evidence: Evidence) -> Verdict:
    policies = [text for text in evidence.texts if _is_dmarc(text)]
    if len(policies) > 1:
        return Verdict(Diagnosis.DMARC_TWO, tuple(policies))
    if policies:
        return Verdict(_policy(policies[0]), tuple(policies))
    if any(_is_dmarc(unquoted(text)) for text in evidence.texts):
        return Verdict(Diagnosis.QUOTED, evidence.texts)
    if any("dmarc" in text.lower() for text in evidence.texts):
        return Verdict(Diagnosis.DMARC_MALFORMED, evidence.texts)
    above = [text for text in evidence.above if _is_dmarc(text)]
    if len(above) == 1 and _policy(above[0]) is not Diagnosis.DMARC_MALFORMED:
        return Verdict(Diagnosis.FOUND_ABOVE, tuple(above))
    return _elsewhere(evidence, _is_dmarc)


def _policy(text: str) -> Diagnosis:
    """RFC 7489 6.6.3: without a sound p= the record counts only for its reports, as p=none."""
    tags = tags_of(text)
    match tags.get("p", "").lower():
        case "none":
            return Diagnosis.FOUND
        case "quarantine" | "reject":
            return Diagnosis.FOUND_STRICTER
        case _:
            return Diagnosis.DMARC_MALFORMED


def _spf(domain: str, wanted: Wanted, evidence: Evidence) -> Verdict:
    published = [text for text in evidence.texts if spf.is_spf(text)]
    if not published:
        if any(spf.is_spf(unquoted(text)) for text in evidence.texts):
            return Verdict(Diagnosis.QUOTED, evidence.texts)
        if meant := [text for text in evidence.texts if _is_meant_as_spf(text)]:
            return Verdict(Diagnosis.SPF_MALFORMED, tuple(meant), facts={"terms": [meant[0][:40]]})
        return _elsewhere(replace(evidence, texts=()), spf.is_spf)

    advised = spf.merged(domain, published, wanted.value)
    after = spf.weigh(domain, advised, evidence.zone)
    facts: dict[str, object] = {"count": after.lookups}
    if len(published) > 1:
        return Verdict(Diagnosis.SPF_TWO, tuple(published), advised, facts)
    record = spf.parse(published[0])
    if record is None or record.faults:
        terms = list(record.faults) if record else []
        return Verdict(
            Diagnosis.SPF_MALFORMED, tuple(published), advised, {**facts, "terms": terms}
        )

    now = spf.weigh(domain, published[0], evidence.zone)
    found = tuple(published)
    if not spf.needed_keys(domain, wanted.value) <= now.passes:
        if now.open and now.lookups <= spf.MAX_LOOKUPS:
            return Verdict(Diagnosis.COULD_NOT_ASK, found, advised)  # it may be in the rest
        return Verdict(Diagnosis.SPF_NOT_OURS, found, advised, facts)
    if now.lookups > spf.MAX_LOOKUPS:
        return Verdict(Diagnosis.SPF_LOOKUPS, found, advised, facts)
    if now.broken:
        return Verdict(Diagnosis.SPF_BROKEN, found, advised, {**facts, "names": list(now.broken)})
    if now.voids > spf.MAX_VOIDS:
        return Verdict(Diagnosis.SPF_VOIDS, found, advised, {**facts, "voids": now.voids})
    diagnosis = Diagnosis.FOUND_UNCOUNTED if now.open else Diagnosis.FOUND
    if record.all is not None and record.all.qualifier == "+":
        diagnosis = Diagnosis.FOUND_EVERYBODY
    return Verdict(diagnosis, found, published[0], facts)


def _elsewhere(evidence: Evidence, is_it: Callable[[str], bool]) -> Verdict:
    """It is not at its name: where is it, or what is there?"""
    for name, texts in evidence.appended.items():
        if any(is_it(text) for text in texts):
            return Verdict(Diagnosis.APPENDED, texts, facts={"at": name})
    if evidence.texts:
        return Verdict(Diagnosis.OTHER_VALUE, evidence.texts)
    if evidence.alias is not None:
        return Verdict(Diagnosis.IS_ALIAS, (evidence.alias,))
    return Verdict(Diagnosis.MISSING)


def _is_dmarc(text: str) -> bool:
    """RFC 7489 6.4: the version is the first tag, and written like this."""
    return re.match(r"v\s*=\s*DMARC1\s*(?:;|\Z)", text) is not None


def _is_meant_as_spf(text: str) -> bool:
    return re.match(r'[\s"]*(?:v\s*=\s*)?spf', text, re.IGNORECASE) is not None


def tags_of(text: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record (RFC 6376 3.2): `v=DKIM1; k=rsa; p=…`."""
    pairs = (piece.partition("=") for piece in text.split(";"))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def _key(tags: Mapping[str, str]) -> tuple[str, str]:
    """Type and key; space within the key means nothing (RFC 6376 3.6.1)."""
    return tags.get("k", "rsa").lower(), "".join(tags.get("p", "").split())


def _bare(text: str) -> str:
    return "".join(unquoted(text).split()).strip('"').lower().removesuffix(".")


def _host(name: str) -> str:
    return name.strip().lower().removesuffix(".")
