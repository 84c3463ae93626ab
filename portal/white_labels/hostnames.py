"""The names under which a white label's portal answers: whose they are, and which nobody gets."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.accounts import links, sign_in
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _, kept
from portal.smtp.addresses import AddressError, canonical_domain
from portal.white_labels.models import Hostname, WhiteLabel
from portal.white_labels.platform import the_platform
from portal.white_labels.public_suffixes import is_public_suffix

PROOF_LABEL = "_livery-host"
MOST = 20


class Change(StrEnum):
    """What people are told."""

    PROVEN = "proven"  # served for the first time
    MISSING = "missing"  # its proof has been gone for a day: still served, as a warning
    SUSPENDED = "suspended"  # its proof was gone for the days of grace
    SERVED_AGAIN = "served_again"  # its proof is back


@dataclass(frozen=True, slots=True)
class Proof:
    """A TXT record; its value is known to one white label only, and good for one name only."""

    name: str
    value: str


def add(white_label: WhiteLabel, name: str) -> Hostname:
    """Note the wish for this name. It is served only once it is proven.

    Raises:
        Refusal: it is no host name, belongs to the platform or to everybody, or is served already.
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
    if find_served(canonical) or find_own(white_label, canonical):
        raise Refusal("hostname_taken", _("This name is in use already."), field="hostname")
    if len(hostnames_of(white_label)) >= MOST:
        raise Refusal(
            "hostnames_many", _("At most %(limit)s hostnames.", limit=MOST), field="hostname"
        )
    hostname = Hostname(
        white_label=white_label,
        name=canonical,
        proof_token=secrets.token_hex(16),
        created_at=clock.now(),
        next_check_at=clock.now(),
    )
    db.session.add(hostname)
    db.session.flush()
    trail.record(white_label.id, "hostname.added", canonical)
    return hostname


def proof_of(hostname: Hostname) -> Proof:
    """The record whose presence proves that this white label decides about the name."""
    return Proof(f"{PROOF_LABEL}.{hostname.name}", f"{PROOF_LABEL[1:]}={hostname.proof_token}")


def vouch(hostname: Hostname, *, because: str) -> None:
    """Serve it from now on without looking for a record, now and later.

    Args:
        because: why somebody who may vouches for the name; it stands in the trail.

    Raises:
        Refusal: no reason is given, or another white label is served at this name.
    """
    because = because.strip()
    if not because:
        raise Refusal("reason_missing", _("Say why you vouch for this name."), field="because")
    if len(because) > 200:
        raise Refusal("reason_too_long", _("Use at most 200 characters."), field="because")
    if not hostname.is_served:
        _serve(hostname, because)
    elif not hostname.is_vouched:
        trail.record(hostname.white_label_id, "hostname.vouched", hostname.name, _why(because))
    hostname.is_vouched = True


def was_seen(hostname: Hostname) -> Change | None:
    """DNS shows the proof: serve the name, for the first time or again.

    Raises:
        Refusal: another white label is served at this name.
    """
    hostname.was_seen()
    if hostname.is_served:
        return None
    is_new = hostname.proven_at is None
    _serve(hostname, _("DNS has the record."))
    return Change.PROVEN if is_new else Change.SERVED_AGAIN


def was_missed(hostname: Hostname, *, at: datetime) -> Change | None:
    """DNS answered, and the proof is not there: after the days of grace the name is not served.

    A name that somebody vouches for stays. Whoever is given a name next is also sent the cookies
    and gets the clicks that were meant for it, so what can be used there must end with it.
    """
    if not hostname.is_served or hostname.is_vouched:
        return None
    days_before = hostname.missing_days
    if not hostname.was_missed(at):
        return Change.MISSING if (days_before, hostname.missing_days) == (0, 1) else None
    _end_what_is_open(hostname)
    hostname.suspended_at = at
    db.session.flush()
    trail.record(hostname.white_label_id, "hostname.suspended", hostname.name)
    return Change.SUSPENDED


def remove(hostname: Hostname) -> None:
    """Serve it no longer; anybody who can prove it may have it next."""
    if hostname.is_served:
        _end_what_is_open(hostname)
    db.session.delete(hostname)
    trail.record(hostname.white_label_id, "hostname.removed", hostname.name)


def _serve(hostname: Hostname, because: str) -> None:
    """The database lets one row of a name be served; of two at once the second is refused."""
    action = "hostname.proven" if hostname.proven_at is None else "hostname.served_again"
    taken = Refusal("hostname_taken", _("Another white label is served at this name."))
    served = find_served(hostname.name)
    if served is not None and served.id != hostname.id:
        raise taken
    before = hostname.proven_at, hostname.suspended_at
    try:
        with db.session.begin_nested():
            hostname.proven_at = hostname.proven_at or clock.now()
            hostname.suspended_at = None
    except IntegrityError:
        hostname.proven_at, hostname.suspended_at = before
        raise taken from None
    hostname.was_seen()
    trail.record(hostname.white_label_id, action, hostname.name, _why(because))


def _end_what_is_open(hostname: Hostname) -> None:
    """Browsers signed in here, and the links that were sent while mails led here."""
    sign_in.end_at_host(hostname.name)
    served = [one for one in hostnames_of(hostname.white_label) if one.is_served]
    if served and served[0].id == hostname.id:
        links.withdraw_all(hostname.white_label_id)


def _why(because: str) -> dict[str, object]:
    return {"because": kept(because)}


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
        raise NotFound(_("hostname"))
    return hostname


def hostnames_of(white_label: WhiteLabel) -> Sequence[Hostname]:
    """All of them, served or not; links in mails begin with the first that is served."""
    query = select(Hostname).where(Hostname.white_label_id == white_label.id)
    return db.session.scalars(query.order_by(Hostname.id)).all()


def is_reachable(white_label: WhiteLabel) -> bool:
    """Whether its people have a portal to sign in to."""
    return any(hostname.is_served for hostname in hostnames_of(white_label))


def find_served(canonical: str) -> Hostname | None:
    """Whose portal answers at this name."""
    return db.session.scalar(select(Hostname).where(Hostname.name == canonical, Hostname.is_served))


def find_own(white_label: WhiteLabel, canonical: str) -> Hostname | None:
    """This white label's hostname of this name, served or not."""
    return db.session.scalar(
        select(Hostname).where(
            Hostname.white_label_id == white_label.id, Hostname.name == canonical
        )
    )
