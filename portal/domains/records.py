"""DNS records that a domain or hostname needs: the one list that page, mail and checker read.

Pure. A list begins with the proof of ownership; what else is on it depends on whose server sends.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from portal.core.errors import Refusal
from portal.core.words import _
from portal.domains import spf
from portal.smtp.addresses import MAX_DOMAIN, AddressError, canonical_domain, is_within

if TYPE_CHECKING:
    from portal.white_labels.hostnames import Proof

CHALLENGE_LABEL = "_livery-challenge"
"""Underscored, so that it never meets a host's name (RFC 8552)."""
LONGEST_DOMAIN = MAX_DOMAIN - len(CHALLENGE_LABEL) - 1
"""Characters of a domain below which the proof of ownership still has a name."""
MAX_VALUE = 4096
MAX_RECORDS = 20


class Purpose(StrEnum):
    OWNERSHIP = "ownership"  # who asks decides about the domain
    SPF = "spf"  # the server may send for it (RFC 7208)
    DKIM = "dkim"  # the key that its signatures are checked with (RFC 6376)
    DMARC = "dmarc"  # what receivers do with mail that fails both (RFC 7489)
    RETURN_PATH = "return_path"  # where bounces go, so that SPF is aligned
    PROVIDER = "provider"  # anything else that the provider wants to see
    HOSTNAME = "hostname"  # who asks decides about the portal's name


class RecordType(StrEnum):
    TXT = "TXT"
    CNAME = "CNAME"


class RecordState(StrEnum):
    FOUND = "found"  # it is there and does what it should
    WRONG = "wrong"  # something is there, or near by, that does not do it
    MISSING = "missing"  # DNS answered: there is nothing
    UNKNOWN = "unknown"  # not asked yet, or could not ask: which is never "no"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record as it is to be published.

    `value` of an SPF record is what to publish where there is none yet: what must be added to one
    that is there already is for `portal.domains.spf.merged` to say.
    """

    purpose: Purpose
    type: RecordType
    name: str  # canonical, absolute, no dot at the end
    value: str  # text in one piece, or a canonical target
    is_required: bool = True


def canonical_name(typed: str) -> str:
    """The domain that was typed, if it is one that can be proven.

    Raises:
        Refusal: at `name`.
    """
    try:
        domain = canonical_domain(typed.strip())
    except AddressError as refusal:
        raise Refusal(refusal.code, refusal.words, field="name") from None
    if len(domain) > LONGEST_DOMAIN:
        raise Refusal(
            "domain_too_long",
            _("A domain cannot be longer than %(limit)s characters.", limit=LONGEST_DOMAIN),
            field="name",
        )
    return domain


def ownership(domain: str, token: str) -> Wanted:
    """The proof of ownership; the token is of one approval only, and good for nobody else."""
    name = f"{CHALLENGE_LABEL}.{domain}"
    return Wanted(Purpose.OWNERSHIP, RecordType.TXT, name, f"{CHALLENGE_LABEL[1:]}={token}")


def hostname_proof(proof: Proof) -> Wanted:
    """The proof that a white label decides about a hostname."""
    return Wanted(Purpose.HOSTNAME, RecordType.TXT, proof.name, proof.value)


def spf_record(domain: str, *includes: str) -> Wanted:
    """Let the servers behind these names send for the domain."""
    terms = " ".join(f"include:{name}" for name in includes)
    return Wanted(Purpose.SPF, RecordType.TXT, domain, f"v=spf1 {terms} ~all")


def dmarc_record(domain: str, *, report_to: str | None = None) -> Wanted:
    """Ask for reports and for no harsher treatment; anything stricter is fine too.

    `report_to` should be an address at the domain itself: elsewhere, reports come only if that
    domain has agreed to it in its own DNS (RFC 7489 7.1).
    """
    value = f"v=DMARC1; p=none; rua=mailto:{report_to or f'postmaster@{domain}'}"
    return Wanted(Purpose.DMARC, RecordType.TXT, f"_dmarc.{domain}", value, is_required=False)


def dkim_alias(domain: str, selector: str, target: str) -> Wanted:
    """The provider keeps the key and changes it when it likes."""
    name = f"{selector}._domainkey.{domain}"
    return Wanted(Purpose.DKIM, RecordType.CNAME, name, target)


def dkim_key(domain: str, selector: str, value: str) -> Wanted:
    """The key itself: `v=DKIM1; k=rsa; p=…`."""
    return Wanted(Purpose.DKIM, RecordType.TXT, f"{selector}._domainkey.{domain}", value)


def return_path(domain: str, label: str, target: str) -> Wanted:
    """Bounces go to the provider under a name of the domain."""
    return Wanted(Purpose.RETURN_PATH, RecordType.CNAME, f"{label}.{domain}", target)


_is_name = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?").fullmatch
_has_key = re.compile(r"(?:.*;)?\s*p\s*=\s*[A-Za-z0-9+/]", re.DOTALL).match
_STRING = r'"((?:[^"\\]|\\.)*)"'
_are_strings = re.compile(rf"{_STRING}(?:\s*{_STRING})*", re.DOTALL).fullmatch
_strings = re.compile(_STRING, re.DOTALL).findall
_escape = re.compile(r"\\(\d{3}|.)", re.DOTALL)
_find_control = re.compile("[\x00-\x1f\x7f]").search


def checked(domain: str, specs: Sequence[Wanted]) -> list[Wanted]:
    """The same records in canonical form, in the same order.

    Names are taken as people copy them: relative to the domain (`mail`, `@`), absolute, or with a
    dot at the end; texts with or without quotation marks, in one or several strings.

    Raises:
        Refusal: a name outside of the domain, a malformed name, value or target, two that exclude
            each other, or too many. The words name the record.
    """
    if len(specs) > MAX_RECORDS:
        raise _bad("records_many", _("At most %(limit)s records.", limit=MAX_RECORDS))
    tidy = [_tidy(domain, one) for one in specs]
    seen: set[tuple[str, RecordType, str]] = set()
    for one in tidy:
        if (one.name, one.type, one.value) in seen:
            raise _bad("record_twice", _("%(name)s is on the list twice.", name=one.name))
        seen.add((one.name, one.type, one.value))
        # RFC 1034 3.6.2: where an alias is, nothing else is.
        if one.type is RecordType.CNAME and sum(other.name == one.name for other in tidy) > 1:
            raise _bad(
                "record_beside_alias",
                _("%(name)s has a CNAME, so it can have no other record.", name=one.name),
            )
    if sum(one.purpose is Purpose.SPF for one in tidy) > 1:
        raise _bad("spf_twice", _("Only one SPF record is possible: put all into one."))
    return tidy


def zone_line(wanted: Wanted, value: str | None = None) -> str:
    """The record as a line of a zone file; a text is split at 255 octets (RFC 1035 3.3)."""
    content = value if value is not None else wanted.value
    if wanted.type is RecordType.CNAME:
        return f"{wanted.name}. CNAME {content}."
    pieces = [content[at : at + 255] for at in range(0, len(content), 255)] or [""]
    escaped = [piece.replace("\\", "\\\\").replace('"', '\\"') for piece in pieces]
    return f"{wanted.name}. TXT " + " ".join(f'"{piece}"' for piece in escaped)


def absolute_name(domain: str, typed: str) -> str:
    """The name that somebody means who types `@`, `mail`, `mail.acme.example` or it with a dot.

    Raises:
        Refusal: it is no name, or none of this domain.
    """
    name = typed.strip().lower()
    if name in ("", "@"):
        name = domain
    elif name.endswith("."):
        name = name.removesuffix(".")
    elif not is_within(name, domain):
        # A dot alone does not make it absolute: selector1._domainkey is relative.
        name = f"{name}.{domain}"
    if not is_within(name, domain):
        raise _bad("record_foreign", _("%(name)s is not within %(domain)s.", **_pair(name, domain)))
    if len(name) > MAX_DOMAIN or not all(_is_name(label) for label in name.split(".")):
        raise _bad("record_name", _("%(name)s is not a valid name of a record.", name=name[:253]))
    return name


def unquoted(text: str) -> str:
    """The text that a zone file's strings `"one" "two"` stand for; others stay as they are."""
    text = text.strip()
    if not _are_strings(text):
        return text
    return "".join(_escape.sub(_unescaped, string) for string in _strings(text))


def _unescaped(escape: re.Match[str]) -> str:
    """RFC 1035 5.1: `\\DDD` is an octet, `\\X` is X."""
    code = escape[1]
    return chr(int(code)) if len(code) == 3 and int(code) < 256 else code


def _tidy(domain: str, spec: Wanted) -> Wanted:
    name = absolute_name(domain, spec.name)
    if spec.type is RecordType.CNAME:
        if name == domain:
            raise _bad("alias_at_top", _("%(name)s itself cannot have a CNAME.", name=name))
        return Wanted(spec.purpose, spec.type, name, _target(name, spec.value), spec.is_required)

    value = unquoted(spec.value)
    if not value or len(value) > MAX_VALUE or _find_control(value) or not value.isascii():
        raise _bad(
            "record_value",
            _("The value of %(name)s is empty, too long, or has a forbidden sign.", name=name),
        )
    if spec.purpose is Purpose.SPF:
        record = spf.parse(value)
        if record is None or record.faults:
            raise _bad("spf_malformed", _("%(value)s is not an SPF record.", value=value[:80]))
    if spec.purpose is Purpose.DKIM and not _has_key(value):
        raise _bad("dkim_malformed", _("The value of %(name)s has no key: p=….", name=name))
    return Wanted(spec.purpose, spec.type, name, value, spec.is_required)


def _target(name: str, value: str) -> str:
    target = value.strip().lower().removesuffix(".")
    labels = target.split(".")
    try:
        if "_" not in target:
            return canonical_domain(target)
        canonical_domain(".".join(labels[-2:]))  # the part that somebody has registered
    except AddressError as fault:
        raise _bad("record_target", f"{name}: {fault.words}") from None
    if len(target) > MAX_DOMAIN or not all(_is_name(label) for label in labels):
        raise _bad("record_target", _("%(name)s is not a valid name of a record.", name=target))
    return target


def _pair(name: str, domain: str) -> dict[str, str]:
    return {"name": name[:253], "domain": domain}


def _bad(code: str, words: str) -> Refusal:
    return Refusal(code, words, field="records")
