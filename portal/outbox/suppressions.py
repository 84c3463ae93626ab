"""Addresses that a white label does not write to: kept, and found.

An entry holds back what is written from then on (`outbox.accept`, the launch of a campaign), and
stops what waits in the outbox (`unwanted`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import joinedload

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.words import _
from portal.outbox import unwanted
from portal.outbox.models import Suggestion, Suppression
from portal.outbox.states import Category, Reason
from portal.outbox.unwanted import EVERYTHING
from portal.smtp.addresses import AddressError, parse_address, parse_mailbox

AT_ONCE = 1000
"""Rows of an import or export in memory."""
FIRST_FAULTS = 100
LONGEST_NOTE = 500


@dataclass(slots=True)
class Imported:
    """What became of a list of addresses."""

    added: int = 0
    known: int = 0
    faulty: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)  # line, why; the first ones


def add(
    white_label_id: int,
    email: str,
    *,
    reason: Reason,
    note: str = "",
    by: Person | None,
    campaign_id: int | None = None,
) -> bool:
    """Write to this address no more; whether that is news. A stronger reason replaces a weaker one.

    Raises:
        Refusal: it is no address, or the note is too long.
    """
    if len(note) > LONGEST_NOTE:
        raise Refusal(
            "note_too_long",
            _("A note has at most %(limit)s characters.", limit=LONGEST_NOTE),
            field="note",
        )
    try:
        address = parse_address(email.strip())
    except AddressError as error:
        raise Refusal(error.code, error.words, field="email") from None
    rows = [(address.folded, note, campaign_id)]
    if not enter(white_label_id, rows, reason=reason, by_id=by.id if by else None):
        return False
    unwanted.stop_waiting(white_label_id, address, reason)
    forget_suggestions(white_label_id, [address.folded])
    told(white_label_id, "suppression.added", address.folded, {"reason": reason.value})
    return True


def add_many(
    white_label_id: int, lines: Iterable[str], *, reason: Reason, by: Person | None
) -> Iterator[Imported]:
    """The same for a list, one address (or ``Name <address>``) a line; empty lines are passed over.

    The caller commits after each step, and is told how far it has come; the list is read while no
    transaction is open. One that ends early can be begun again: what is there counts as known.
    """
    result = Imported()
    by_id = by.id if by else None
    numbered = enumerate(lines, start=1)
    while batch := list(islice(numbered, AT_ONCE)):
        new = _read(batch, result)
        rows = [(address, "", None) for address in new]
        added = enter(white_label_id, rows, reason=reason, by_id=by_id)
        result.added += len(added)
        result.known += len(new) - len(added)
        forget_suggestions(white_label_id, added)
        yield result
    for _step in unwanted.stop_all_waiting(white_label_id, reason):
        yield result
    if result.added:
        facts = {"count": result.added, "reason": reason.value}
        told(white_label_id, "suppression.imported", "list", facts)
    yield result


def _read(batch: Iterable[tuple[int, str]], result: Imported) -> Collection[str]:
    """The addresses of these lines, folded; what is none, or stands there twice, is counted."""
    found: dict[str, None] = {}
    for number, line in batch:
        if not line.strip():
            continue
        try:
            address = parse_mailbox(line.strip()).address
        except AddressError as error:
            result.faulty += 1
            if len(result.faults) < FIRST_FAULTS:
                result.faults.append((number, error.words))
            continue
        result.known += address.folded in found
        found[address.folded] = None
    return found


def remove(suppression: Suppression, *, why: str) -> None:
    """Write to this address again.

    Raises:
        Refusal: it is not said why.
    """
    if not why.strip():
        raise Refusal("why_missing", _("Say why this address may get mail again."), field="why")
    facts = {"reason": suppression.reason.value, "why": why.strip()[:LONGEST_NOTE]}
    db.session.delete(suppression)
    told(suppression.white_label_id, "suppression.removed", suppression.address, facts)


def among(white_label_id: int, addresses: Collection[str], category: Category) -> dict[str, Reason]:
    """Which of these folded addresses get no mail of this category, and why."""
    rows = db.session.execute(
        select(Suppression.address, Suppression.reason).where(
            Suppression.white_label_id == white_label_id,
            Suppression.address.in_(addresses),
            _applies_to(category),
        )
    )
    return {row[0]: row[1] for row in rows}


def _applies_to(category: Category) -> ColumnElement[bool]:
    """The entries that stop mail of this category."""
    if category is Category.CAMPAIGN:
        return Suppression.id.is_not(None)
    return Suppression.reason.in_(EVERYTHING)


# Looking


def find(white_label_id: int, suppression_id: int) -> Suppression:
    """One entry.

    Raises:
        NotFound: missing or somebody else's.
    """
    found = db.session.scalar(_of(white_label_id).where(Suppression.id == suppression_id))
    if found is None:
        raise NotFound(_("suppression"))
    return found


def page(
    white_label_id: int,
    *,
    search: str = "",
    reason: Reason | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Suppression]:
    """The entries, newest first; `search` is how an address begins."""
    query = _of(white_label_id).options(joinedload(Suppression.by))
    if search.strip():
        query = query.where(Suppression.address.startswith(search.strip().lower(), autoescape=True))
    if reason is not None:
        query = query.where(Suppression.reason == reason)
    return page_of(query, Suppression.id, before=before, after=after, size=size)


def all_of(white_label_id: int) -> Iterator[Suppression]:
    """Every entry, newest first, read piece by piece."""
    before = None
    while True:
        found = page(white_label_id, before=before, size=AT_ONCE)
        yield from found.rows
        if found.older is None:
            return
        before = found.older


def count(white_label_id: int) -> int:
    """How many there are."""
    query = select(func.count()).where(Suppression.white_label_id == white_label_id)
    return db.session.scalar(query) or 0


# Rows


def enter(
    white_label_id: int,
    rows: Collection[tuple[str, str, int | None]],
    *,
    reason: Reason,
    by_id: int | None,
) -> Collection[str]:
    """Store those that are new, or that had a weaker reason; which ones."""
    if not rows:
        return ()
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(Suppression)
    if reason.stops_everything:
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=[Suppression.white_label_id, Suppression.address],
            set_={"reason": new.reason, "note": new.note, "by_id": new.by_id},
            where=and_(*(Suppression.reason != strong for strong in EVERYTHING)),
        )
    else:
        statement = statement.on_conflict_do_nothing()
    now = clock.now()
    # Row by row for the driver: written out as one statement, its text takes far longer than it.
    stored = db.session.connection().execute(
        statement.returning(Suppression.address),
        [
            {
                "white_label_id": white_label_id,
                "address": address,
                "reason": reason,
                "note": note,
                "campaign_id": campaign_id,
                "created_at": now,
                "by_id": by_id,
            }
            for address, note, campaign_id in rows
        ],
    )
    return stored.scalars().all()


def forget_suggestions(white_label_id: int, addresses: Collection[str]) -> None:
    """They are decided on, one way or the other."""
    db.session.execute(
        delete(Suggestion).where(
            Suggestion.white_label_id == white_label_id, Suggestion.address.in_(addresses)
        ),
        execution_options={"synchronize_session": False},
    )


def _of(white_label_id: int) -> Select[Suppression]:
    return select(Suppression).where(Suppression.white_label_id == white_label_id)


def told(white_label_id: int, action: str, what: str, facts: Mapping[str, object]) -> None:
    """For the audit trail: something was done about an address, or a list of them."""
    trail.record(white_label_id, action, f"address {what}", facts)
