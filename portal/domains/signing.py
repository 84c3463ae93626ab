"""Keys that Livery signs mail with, for the domains that show them in DNS (DKIM).

1. `announce` makes a key under a selector of its own and puts its record on the domain's list.
2. When a check has seen the record, `follow` lets the key sign; the one before it retires.
3. A retired key's record stays while mail that it signed may still be under way. After that
   `withdraw_retired` takes the record from the list and erases the private key.

A private key is sealed to its domain, selector and white label, and opened only to sign: by the
delivery engine, and for a test mail. It signs what its own white label sends, through whichever
server that leaves.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from portal.audit import trail
from portal.core import clock, sealed, vault
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.vault import Binding, CannotOpen
from portal.core.words import _
from portal.domains import allow_list, records
from portal.domains.models import Domain, DomainRecord, DomainState, KeyState, SigningKey
from portal.domains.records import RecordState, Wanted
from portal.smtp import dkim
from portal.smtp.addresses import is_within
from portal.smtp.dkim import Signer

KEPT_PUBLISHED = timedelta(days=8)
"""Mail is tried for three days here, and by the relays behind for four or five more (RFC 5321
4.5.4.1); all that time somebody may still want to verify it."""

GRACE = timedelta(days=1)
"""A key goes on signing so long after its record was last missed. What fails to verify counts as
not signed, so this costs nothing, and one name server out of step does not stop the signing."""


class LiveKey(NamedTuple):
    """What the engine has to know of a key that may sign now."""

    id: int
    domain: str
    includes_subdomains: bool

    def covers(self, domain: str) -> bool:
        return is_within(domain, self.domain, including_subdomains=self.includes_subdomains)


class Signature(NamedTuple):
    """Which key has signed: what stands behind `d=` and `s=`."""

    domain: str
    selector: str


# Acts


def announce(domain: Domain) -> SigningKey:
    """Make a key; it signs once its record, which is put on the domain's list, is seen in DNS.

    A domain that is in use stays so, whether or not the new record appears.

    Raises:
        Refusal: another one waits for its record, or the approval was taken back.
    """
    if domain.state is DomainState.REVOKED:
        raise Refusal("domain_revoked", _("The approval of this domain was taken back."))
    if key_in(domain, KeyState.ANNOUNCED) is not None:
        raise Refusal(
            "key_announced", _("A new key waits for its record in DNS. One at a time is enough.")
        )
    now = clock.now()
    private = dkim.new_key()
    key = SigningKey(
        domain=domain,
        selector=f"lv{now:%Y%m%d}{secrets.token_hex(4)}",
        public_key=dkim.public_key(private),
        state=KeyState.ANNOUNCED,
        created_at=now,
    )
    db.session.add(key)
    db.session.flush()
    key.key_sealed = vault.seal(private, binding_of(key))
    is_required = domain.state is DomainState.ALLOWED
    allow_list.put_record(domain, replace(record_of(key), is_required=is_required))
    _tell(key, "key_announced")
    return key


def stop(domain: Domain) -> None:
    """Sign nothing more for the domain; what is under way can still be verified."""
    for key in keys_of(domain):
        if key.state is KeyState.ANNOUNCED:
            _withdraw(key)
        elif key.state is KeyState.LIVE:
            _retire(key)


def follow(domain: Domain) -> None:
    """Take over what a check has found in DNS. "Could not ask" changes nothing."""
    found = {record.name: record.state for record in domain.records}
    for key in keys_of(domain):
        state = found.get(_name(key), RecordState.UNKNOWN)
        match key.state:
            case KeyState.ANNOUNCED if state is RecordState.FOUND:
                _let_sign(key)
            case KeyState.LIVE:
                _note_presence(key, state)
            case _:
                pass


def withdraw_retired(before: datetime) -> int:
    """Erase the keys that retired before then, whatever became of their domains; how many."""
    query = select(SigningKey).where(
        SigningKey.state == KeyState.RETIRED, SigningKey.retired_at <= before
    )
    keys = db.session.scalars(query).all()
    for key in keys:
        _withdraw(key)
    return len(keys)


# Questions


def keys_of(domain: Domain) -> Sequence[SigningKey]:
    """Those whose record is on the list, the oldest first."""
    query = select(SigningKey).where(
        SigningKey.domain_id == domain.id, SigningKey.state != KeyState.WITHDRAWN
    )
    return db.session.scalars(query.order_by(SigningKey.id)).all()


def key_in(domain: Domain, state: KeyState) -> SigningKey | None:
    """The domain's key in this state; of announced and live ones there is one at most."""
    return next((key for key in reversed(keys_of(domain)) if key.state is state), None)


def record_of(key: SigningKey) -> Wanted:
    """What DNS has to show for this key."""
    return records.dkim_key(key.domain.name, key.selector, dkim.record_text(key.public_key))


def records_of(domain: Domain) -> list[Wanted]:
    """The records of the keys as they are on the list; `allow_list.set_records` replaces it all,
    so whoever calls that has to hand these in again."""
    names = {_name(key) for key in keys_of(domain)}
    return [record.wanted for record in domain.records if record.name in names]


def signature_at(white_label_id: int, from_email: str, moment: datetime) -> Signature | None:
    """Whose key signs what leaves from this address at that moment.

    None where none does, and where that is not known any more: the domain has lapsed since.
    """
    rows = db.session.execute(
        select(Domain.name, SigningKey.selector, Domain.includes_subdomains)
        .join(SigningKey, SigningKey.domain_id == Domain.id)
        .where(
            Domain.white_label_id == white_label_id,
            Domain.state == DomainState.VERIFIED,
            Domain.verified_at <= moment,
            SigningKey.live_at <= moment,
            or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > moment),
            or_(SigningKey.missing_since.is_(None), SigningKey.missing_since > moment - GRACE),
        )
    )
    host = from_email.rpartition("@")[2]
    covering = [
        Signature(name, selector)
        for name, selector, is_wide in rows
        if is_within(host, name, including_subdomains=is_wide)
    ]
    return max(covering, key=lambda one: len(one.domain), default=None)


def signed(white_label_id: int, message: bytes, *, from_email: str, but: frozenset[bytes]) -> bytes:
    """A message that leaves from a page, signed as the engine would; without a key, as it is.

    Raises:
        Refusal: the key does not open.
    """
    connection = db.session.connection()
    key = key_for(live_keys(connection, {white_label_id}).get(white_label_id, ()), from_email)
    if key is None:
        return message
    try:
        signer = open_key(connection, key.id)
    except CannotOpen:
        words = _("The key that signs for this domain does not open; make a new one.")
        raise Refusal("cannot_sign", words) from None
    return signer.sign(message, but=but)


# The engine's


def live_keys(
    connection: Connection, tenants: Collection[int | None]
) -> Mapping[int, Sequence[LiveKey]]:
    """The keys that may sign now, by white label; the most particular domain first."""
    rows = connection.execute(
        _live_keys, {"tenants": list(tenants), "missed_after": clock.now() - GRACE}
    )
    found: dict[int, list[LiveKey]] = {}
    for row in rows:
        found.setdefault(row.white_label_id, []).append(
            LiveKey(row.id, row.name, row.includes_subdomains)
        )
    for keys in found.values():
        keys.sort(key=lambda key: len(key.domain), reverse=True)
    return found


# Every batch asks for them, and to build this takes longer than to answer it.
_live_keys = (
    select(Domain.white_label_id, SigningKey.id, Domain.name, Domain.includes_subdomains)
    .join(SigningKey, SigningKey.domain_id == Domain.id)
    .where(
        Domain.white_label_id.in_(bindparam("tenants", expanding=True)),
        Domain.state == DomainState.VERIFIED,
        SigningKey.state == KeyState.LIVE,
        or_(
            SigningKey.missing_since.is_(None),
            SigningKey.missing_since > bindparam("missed_after"),
        ),
    )
)


def key_for(keys: Iterable[LiveKey], from_email: str) -> LiveKey | None:
    """The key that signs what comes from this address."""
    domain = from_email.rpartition("@")[2]
    return next((key for key in keys if key.covers(domain)), None)


def open_key(connection: Connection, key_id: int) -> Signer:
    """The key, ready to sign.

    Raises:
        CannotOpen: it is erased, or was made for another domain, selector or white label.
    """
    with Session(bind=connection, autoflush=False) as session:
        key = session.get(SigningKey, key_id)
        if key is None or key.key_sealed is None:
            raise CannotOpen("erased")
        private = vault.unseal(key.key_sealed, binding_of(key))
        return Signer(private, domain=key.domain.name, selector=key.selector)


def binding_of(key: SigningKey) -> Binding:
    """What a private key is sealed to; the row must have its id."""
    domain = key.domain
    return (
        *("signing_key", "key_sealed", key.id),
        *(domain.id, domain.white_label_id, domain.name, key.selector),
    )


# Steps


def _let_sign(key: SigningKey) -> None:
    before = key_in(key.domain, KeyState.LIVE)
    if before is not None:
        _retire(before)
        db.session.flush()  # there may be one live key at any moment, not two
    key.state = KeyState.LIVE
    key.live_at = clock.now()
    _require(key, is_required=True)
    _tell(key, "key_live")


def _note_presence(key: SigningKey, state: RecordState) -> None:
    if state is RecordState.FOUND:
        key.missing_since = None
    elif state is not RecordState.UNKNOWN and key.missing_since is None:
        key.missing_since = clock.now()
        _tell(key, "key_missed")


def _retire(key: SigningKey) -> None:
    key.state = KeyState.RETIRED
    key.retired_at = clock.now()
    _require(key, is_required=False)
    _tell(key, "key_retired")


def _withdraw(key: SigningKey) -> None:
    record = _record(key)
    if record is not None:
        allow_list.drop_record(key.domain, record.wanted)
    key.state = KeyState.WITHDRAWN
    key.key_sealed = None
    _tell(key, "key_withdrawn")


def _require(key: SigningKey, *, is_required: bool) -> None:
    record = _record(key)
    if record is not None:
        record.is_required = is_required


def _record(key: SigningKey) -> DomainRecord | None:
    return next((one for one in key.domain.records if one.name == _name(key)), None)


def _name(key: SigningKey) -> str:
    return dkim.record_name(key.selector, key.domain.name)


def _tell(key: SigningKey, what: str) -> None:
    domain = key.domain
    trail.record(domain.white_label_id, f"domain.{what}", domain.name, {"selector": key.selector})


sealed.register(SigningKey.key_sealed, binding_of)
