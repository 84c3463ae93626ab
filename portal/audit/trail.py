"""Writing the trail in the same transaction as the change, and proving that nobody rewrote it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import func, select, text

from portal.audit.models import AuditEntry
from portal.core import clock
from portal.core.db import db

PLATFORM = 0
START = "0" * 64
LONGEST_TARGET = 200
LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where; the doors set it for each request or command."""

    name: str
    person_id: int | None = None
    address: str = ""


SYSTEM = Actor("system")
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Everything recorded in here was done by this actor."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def record(
    white_label_id: int | None,
    action: str,
    target: str,
    changes: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Append one entry to the chain. Secrets belong in here as the word "changed" only.

    Of a very long target, an address of 254 characters for one, the beginning is kept; so it is
    of what a proxy calls the client's address.
    """
    chain = white_label_id or PLATFORM
    if db.engine.dialect.name == "postgresql":
        # One writer a chain at a time, so that two acts at once queue up instead of failing. What
        # is to be written comes first: else one could wait for a row with the chain in its hand,
        # and whoever has the row for the chain.
        db.session.flush()
        db.session.execute(text("SELECT pg_advisory_xact_lock(7061, :chain)"), {"chain": chain})
    last = db.session.scalar(
        select(AuditEntry)
        .where(AuditEntry.chain == chain)
        .order_by(AuditEntry.number.desc())
        .limit(1)
    )
    actor = _actor.get()
    entry = AuditEntry(
        chain=chain,
        number=last.number + 1 if last else 1,
        at=clock.now(),
        actor_id=actor.person_id,
        actor=actor.name,
        address=actor.address[:LONGEST_ADDRESS],
        action=action,
        target=target[:LONGEST_TARGET],
        changes=dict(changes or {}),
        previous_hash=last.hash if last else START,
    )
    entry.hash = _digest(entry)
    db.session.add(entry)
    db.session.flush()
    return entry


def first_broken(chain: int) -> int | None:
    """The number of the first entry that does not fit its chain, or None when all do."""
    previous, expected = START, 1
    query = select(AuditEntry).where(AuditEntry.chain == chain).order_by(AuditEntry.number)
    # Closed at once where the chain breaks: PostgreSQL keeps a cursor for the rest.
    with db.session.scalars(query.execution_options(yield_per=500)) as entries:
        for entry in entries:
            if (
                entry.number != expected
                or entry.previous_hash != previous
                or entry.hash != _digest(entry)
            ):
                return expected
            previous, expected = entry.hash, expected + 1
    return None


def chains() -> list[int]:
    """All chains there are: 0 for the platform, else ids of white labels."""
    return list(db.session.scalars(select(AuditEntry.chain).distinct().order_by(AuditEntry.chain)))


def length(chain: int) -> int:
    query = select(func.count()).select_from(AuditEntry).where(AuditEntry.chain == chain)
    return db.session.scalar(query) or 0


def _digest(entry: AuditEntry) -> str:
    facts = (
        entry.chain,
        entry.number,
        entry.at.isoformat(),
        entry.actor_id,
        entry.actor,
        entry.address,
        entry.action,
        entry.target,
        entry.changes,
        entry.previous_hash,
    )
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
