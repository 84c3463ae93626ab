"""The names under which a white label's portal answers: whose they are, and which nobody gets."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList
from sqlalchemy import select

from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.smtp.addresses import AddressError, canonical_domain
from portal.white_labels.models import Hostname, WhiteLabel
from portal.white_labels.platform import the_platform

PROOF_LABEL = "_livery-host"


@dataclass(frozen=True, slots=True)
class Proof:
    """A TXT record; its value is known to one white label only, and good for one name only."""

    name: str
    value: str


def add(white_label: WhiteLabel, name: str) -> Hostname:
    """Note the wish for this name. It is served only once it is proven.

    Raises:
        Refusal: it is no host name, belongs to the platform or to everybody, or is taken.
    """
    try:
        canonical = canonical_domain(name.strip())
    except AddressError as refusal:
        raise Refusal(refusal.code, refusal.words, field="hostname") from None
    if canonical == urlsplit(the_platform().origin).hostname:
        raise Refusal("hostname_reserved", _("This is the platform's own name."), field="hostname")
    if is_public_suffix(canonical):
        raise Refusal(
            "hostname_public",
            _("%(name)s belongs to a registry, not to one customer.", name=canonical),
            field="hostname",
        )
    if find_hostname(canonical) is not None:
        raise Refusal("hostname_taken", _("This name is in use already."), field="hostname")
    hostname = Hostname(
        white_label=white_label,
        name=canonical,
        proof_token=secrets.token_hex(16),
        created_at=clock.now(),
    )
    db.session.add(hostname)
    db.session.flush()
    trail.record(white_label.id, "hostname.added", canonical)
    return hostname


def proof_of(hostname: Hostname) -> Proof:
    """The record whose presence proves that this white label decides about the name."""
    return Proof(f"{PROOF_LABEL}.{hostname.name}", f"{PROOF_LABEL[1:]}={hostname.proof_token}")


def prove(hostname: Hostname, *, because: str) -> None:
    """Serve it from now on.

    Args:
        because: what stands in the trail: that DNS showed the record, or why somebody who may
            vouches for the name without it.

    Raises:
        Refusal: no reason is given.
    """
    because = because.strip()
    if not because:
        raise Refusal("reason_missing", _("Say why you vouch for this name."), field="because")
    if len(because) > 200:
        raise Refusal("reason_too_long", _("Use at most 200 characters."), field="because")
    if hostname.proven_at is None:
        hostname.proven_at = clock.now()
        trail.record(
            hostname.white_label_id, "hostname.proven", hostname.name, {"because": because}
        )


def remove(hostname: Hostname) -> None:
    """Serve it no longer; anybody who can prove it may have it next."""
    trail.record(hostname.white_label_id, "hostname.removed", hostname.name)
    db.session.delete(hostname)


def named(white_label: WhiteLabel, hostname_id: int) -> Hostname:
    """This white label's hostname with this id.

    Raises:
        NotFound: missing, or somebody else's.
    """
    query = select(Hostname).where(
        Hostname.white_label_id == white_label.id, Hostname.id == hostname_id
    )
    hostname = db.session.scalar(query)
    if hostname is None:
        raise NotFound("hostname")
    return hostname


def hostnames_of(white_label: WhiteLabel) -> Sequence[Hostname]:
    """All of them, proven or not; links in mails begin with the first proven one."""
    query = select(Hostname).where(Hostname.white_label_id == white_label.id)
    return db.session.scalars(query.order_by(Hostname.id)).all()


def is_reachable(white_label: WhiteLabel) -> bool:
    """Whether its people have a portal to sign in to."""
    return any(hostname.is_served for hostname in hostnames_of(white_label))


def find_hostname(canonical: str) -> Hostname | None:
    """Whose name this is, proven or not."""
    return db.session.scalar(select(Hostname).where(Hostname.name == canonical))


def is_public_suffix(domain: str) -> bool:
    """Whether everybody may register below this canonical domain (com, co.uk, github.io …)."""
    return _public_suffixes().is_public(domain)


def registered_domain(domain: str) -> str:
    """The name at or above this one that somebody has registered; itself if nobody could."""
    return _public_suffixes().privatesuffix(domain) or domain


def registered_name(domain: str) -> str:
    """What somebody registered: `acme.co.uk` of the canonical `mail.acme.co.uk`."""
    return _public_suffixes().privatesuffix(domain) or domain


@lru_cache(maxsize=1)
def _public_suffixes() -> PublicSuffixList:
    # 10,000 rules are read at the first question, not at every start of every command.
    return PublicSuffixList()
