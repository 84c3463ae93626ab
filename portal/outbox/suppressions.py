"""Addresses that a white label does not write to: kept, found, and heeded.

An entry holds back what is written from then on (`outbox.accept`, the launch of a campaign), and
stops what waits in the outbox. What an entry stops depends on its reason, see `Reason`; mail that
the portal itself writes (an invitation, a new password) is never stopped: nobody can lock a
colleague out with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import joinedload

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import UtcTime, db, reading
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.words import _
from portal.outbox import tally
from portal.outbox.balance import PAUSED
from portal.outbox.claims import Settlement
from portal.outbox.models import (
    IS_NOTABLE,
    IS_SENDING,
    IS_WAITING,
    PLATFORM,
    Delivery,
    Message,
    Suggestion,
    Suppression,
)
from portal.outbox.states import Category, Reason, State
from portal.smtp.addresses import AddressError, parse_address, parse_mailbox
from portal.smtp.replies import Kind

AT_ONCE = 1000
"""Rows of an import or export in memory."""
FIRST_FAULTS = 100
LONGEST_NOTE = 500
MOST_SUGGESTIONS = 1000
"""Counted exactly up to here."""

EVERYTHING = tuple(reason for reason in Reason if reason.stops_everything)


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
    if not _insert(white_label_id, rows, reason=reason, by_id=by.id if by else None):
        return False
    _stop_waiting(white_label_id, address.folded, reason)
    _forget_suggestions(white_label_id, [address.folded])
    _told(white_label_id, "suppression.added", address.folded, {"reason": reason.value})
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
        added = _insert(white_label_id, rows, reason=reason, by_id=by_id)
        result.added += len(added)
        result.known += len(new) - len(added)
        _forget_suggestions(white_label_id, added)
        yield result
    for _step in _stop_all_waiting(white_label_id, reason):
        yield result
    if result.added:
        facts = {"count": result.added, "reason": reason.value}
        _told(white_label_id, "suppression.imported", "list", facts)
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
    _told(suppression.white_label_id, "suppression.removed", suppression.address, facts)
    db.session.delete(suppression)
    db.session.flush()


def among(white_label_id: int, addresses: Collection[str], category: Category) -> dict[str, Reason]:
    """Which of these folded addresses get no mail of this category, and why."""
    rows = db.session.execute(
        select(Suppression.address, Suppression.reason).where(
            Suppression.white_label_id == white_label_id,
            Suppression.address.in_(addresses),
            applies_to(category),
        )
    )
    return {row[0]: row[1] for row in rows}


def unwanted(connection: Connection, lane_id: int) -> dict[int, Reason]:
    """Which deliveries in this lane's hands their readers do not want (any more), and why.

    Who says no while mail of theirs is under way is found here when it is tried again.
    """
    rows = connection.execute(
        select(Delivery.id, Suppression.reason)
        .join(
            Suppression,
            (Suppression.white_label_id == Delivery.tenant)
            & (Suppression.address == func.lower(Delivery.email)),
        )
        .where(
            IS_SENDING,
            Delivery.lane_id == lane_id,
            (Delivery.priority == Category.CAMPAIGN.priority) | Suppression.reason.in_(EVERYTHING),
            ~_is_notice(),
        )
    )
    return {row[0]: row[1] for row in rows}


def _is_notice() -> ColumnElement[bool]:
    """Mail that the portal itself writes: a new password has to arrive."""
    return exists().where(
        Message.id == Delivery.message_id,
        Message.app_id.is_(None),
        Message.details["notice"].as_string().is_not(None),
    )


def applies_to(category: Category) -> ColumnElement[bool]:
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


# Suggestions


def suggestions(
    white_label_id: int,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Suggestion]:
    """Addresses that a server did not know, newest first."""
    return page_of(_open(white_label_id), Suggestion.id, before=before, after=after, size=size)


def count_suggestions(white_label_id: int) -> int:
    """How many there are; more than `MOST_SUGGESTIONS` is one more."""
    some = _open(white_label_id).with_only_columns(Suggestion.id).limit(MOST_SUGGESTIONS + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def find_suggestion(white_label_id: int, suggestion_id: int) -> Suggestion:
    """One suggestion that nobody has decided on.

    Raises:
        NotFound: missing, decided, or somebody else's.
    """
    found = db.session.scalar(_open(white_label_id).where(Suggestion.id == suggestion_id))
    if found is None:
        raise NotFound(_("suggestion"))
    return found


def take_suggestion(suggestion: Suggestion, *, by: Person | None) -> None:
    """Suppress it; the server's words become the note."""
    white_label_id, address = suggestion.white_label_id, suggestion.address
    add(white_label_id, address, reason=Reason.BOUNCED, note=_note_of(suggestion), by=by)
    _forget_suggestions(white_label_id, [address])


def take_all_suggestions(white_label_id: int, *, by: Person | None) -> Iterator[int]:
    """Suppress all that are suggested now; how many those were, so far.

    The caller commits after each step; one that ends early can be begun again.
    """
    taken = 0
    by_id = by.id if by else None
    while found := suggestions(white_label_id, size=AT_ONCE).rows:
        rows = [(one.address, _note_of(one), None) for one in found]
        addresses = [one.address for one in found]
        _insert(white_label_id, rows, reason=Reason.BOUNCED, by_id=by_id)
        _forget_suggestions(white_label_id, addresses)
        taken += len(found)
        yield taken
    for _step in _stop_all_waiting(white_label_id, Reason.BOUNCED):
        yield taken
    if taken:
        _told(white_label_id, "suppression.suggestions_taken", "list", {"count": taken})
    yield taken


def _note_of(suggestion: Suggestion) -> str:
    words = " ".join(filter(None, (str(suggestion.code or ""), suggestion.words)))
    return words.strip()[:LONGEST_NOTE]


def suggest(connection: Connection, delivery_ids: Collection[int], *, now: datetime) -> None:
    """Suggest the addresses of these deliveries, unless that was done or decided before."""
    is_postgresql = connection.dialect.name == "postgresql"
    insert = postgresql.insert if is_postgresql else sqlite.insert
    address = func.lower(Delivery.email)
    is_known = exists().where(
        Suppression.white_label_id == Delivery.tenant, Suppression.address == address
    )
    found = select(
        Delivery.tenant,
        address,
        Delivery.id,
        Delivery.code,
        Delivery.enhanced,
        Delivery.words,
        literal(now, UtcTime()),
    ).where(Delivery.id.in_(delivery_ids), Delivery.tenant != PLATFORM, ~is_known)
    columns = ("white_label_id", "address", "delivery_id", "code", "enhanced", "words", "at")
    connection.execute(insert(Suggestion).from_select(columns, found).on_conflict_do_nothing())


def is_candidate(settlement: Settlement) -> bool:
    """Whether a server said that there is no such address (RFC 3463 3.2: X.1.X)."""
    return (
        settlement.state is State.FAILED
        and settlement.kind == Kind.ADDRESS
        and (settlement.enhanced or "").startswith("5.1.")
    )


def dismiss(suggestion: Suggestion) -> None:
    """Leave it; it does not come back."""
    suggestion.dismissed_at = clock.now()
    _told(suggestion.white_label_id, "suppression.dismissed", suggestion.address, {})


# Rows


def _insert(
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


def _stop_waiting(white_label_id: int, address: str, reason: Reason) -> None:
    """What waits for this folded address does not leave, however it is spelt there."""
    _stop(_stoppable(white_label_id, reason), func.lower(Delivery.email) == address, reason=reason)


def _stop_all_waiting(white_label_id: int, reason: Reason) -> Iterator[None]:
    """The same for every entry with this reason; the caller commits after each step.

    What waits is looked through while others may write. What is missed is found by `unwanted`.
    """
    parts = _stoppable(white_label_id, reason)
    is_entry = exists().where(
        Suppression.white_label_id == white_label_id,
        Suppression.address == func.lower(Delivery.email),
        Suppression.reason == reason,
    )
    with reading():
        found = [
            delivery_id
            for part in parts
            for delivery_id in db.session.scalars(select(Delivery.id).where(part, is_entry))
        ]
    yield
    for start in range(0, len(found), AT_ONCE):
        _stop(parts, Delivery.id.in_(found[start : start + AT_ONCE]), reason=reason)
        yield


def _stoppable(white_label_id: int, reason: Reason) -> Sequence[ColumnElement[bool]]:
    """What waits, in two parts: each has an index of its own. ``+ 0`` keeps the log's out of it."""
    its = ~_is_notice()
    if not reason.stops_everything:
        its = and_(its, Delivery.priority == Category.CAMPAIGN.priority)
    is_paused = and_(IS_NOTABLE, Delivery.state == State.HELD, Delivery.kind == PAUSED)
    return (
        and_(IS_WAITING, Delivery.tenant + 0 == white_label_id, its),
        and_(is_paused, Delivery.tenant == white_label_id, its),
    )


def _stop(
    parts: Sequence[ColumnElement[bool]], which: ColumnElement[bool], *, reason: Reason
) -> None:
    stopped: list[int] = []
    for part in parts:
        stopped += db.session.scalars(
            update(Delivery)
            .where(part, which)
            .values(
                state=State.SUPPRESSED,
                kind=reason.value,
                words=None,
                settled_at=clock.now(),
            )
            .returning(Delivery.message_id)
            .execution_options(synchronize_session=False)
        )
    if stopped:
        _count_stopped(stopped)
        db.session.expire_all()


def _count_stopped(messages: Sequence[int]) -> None:
    """Into the balance sheets of their campaigns; they waited, so they stood in no line before."""
    rows = db.session.execute(
        select(Message.id, Message.campaign_id).where(Message.id.in_(set(messages)))
    )
    campaign_of = dict(iter(rows))
    campaigns = (campaign_of[message_id] for message_id in messages)
    counts = Counter(number for number in campaigns if number is not None)
    for campaign_id, count in sorted(counts.items()):
        tally.add(db.session.connection(), campaign_id, {"suppressed": count})


def _forget_suggestions(white_label_id: int, addresses: Collection[str]) -> None:
    db.session.execute(
        delete(Suggestion).where(
            Suggestion.white_label_id == white_label_id, Suggestion.address.in_(addresses)
        ),
        execution_options={"synchronize_session": False},
    )


def _of(white_label_id: int) -> Select[Suppression]:
    return select(Suppression).where(Suppression.white_label_id == white_label_id)


def _open(white_label_id: int) -> Select[Suggestion]:
    return select(Suggestion).where(
        Suggestion.white_label_id == white_label_id, Suggestion.dismissed_at.is_(None)
    )


def _told(white_label_id: int, action: str, what: str, facts: Mapping[str, object]) -> None:
    trail.record(white_label_id, action, f"address {what}"[:200], facts)
