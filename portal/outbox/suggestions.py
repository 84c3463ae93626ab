"""Addresses that a server did not know: somebody suppresses them with one click, or leaves them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlalchemy import Select, exists, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import UtcTime, db
from portal.core.errors import NotFound
from portal.core.paging import SIZE, Page, page_of
from portal.core.words import _
from portal.outbox import suppressions, unwanted
from portal.outbox.claims import Settlement
from portal.outbox.models import PLATFORM, Delivery, Suggestion, Suppression
from portal.outbox.states import Reason, State
from portal.smtp.replies import Kind

MOST_COUNTED = 1000
"""Counted exactly up to here."""


def page(
    white_label_id: int,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Suggestion]:
    """Addresses that a server did not know, newest first."""
    return page_of(_open(white_label_id), Suggestion.id, before=before, after=after, size=size)


def count(white_label_id: int) -> int:
    """How many there are; more than `MOST_COUNTED` is one more."""
    some = _open(white_label_id).with_only_columns(Suggestion.id).limit(MOST_COUNTED + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def find(white_label_id: int, suggestion_id: int) -> Suggestion:
    """One suggestion that nobody has decided on.

    Raises:
        NotFound: missing, decided, or somebody else's.
    """
    found = db.session.scalar(_open(white_label_id).where(Suggestion.id == suggestion_id))
    if found is None:
        raise NotFound(_("suggestion"))
    return found


def take(suggestion: Suggestion, *, by: Person | None) -> None:
    """Suppress it; the server's words become the note."""
    white_label_id, address = suggestion.white_label_id, suggestion.address
    suppressions.add(
        white_label_id, address, reason=Reason.BOUNCED, note=_note_of(suggestion), by=by
    )
    suppressions.forget_suggestions(white_label_id, [address])


def take_all(white_label_id: int, *, by: Person | None) -> Iterator[int]:
    """Suppress all that are suggested now; how many those were, so far.

    The caller commits after each step; one that ends early can be begun again.
    """
    taken = 0
    by_id = by.id if by else None
    while found := page(white_label_id, size=suppressions.AT_ONCE).rows:
        rows = [(one.address, _note_of(one), None) for one in found]
        addresses = [one.address for one in found]
        suppressions.enter(white_label_id, rows, reason=Reason.BOUNCED, by_id=by_id)
        suppressions.forget_suggestions(white_label_id, addresses)
        taken += len(found)
        yield taken
    for _step in unwanted.stop_all_waiting(white_label_id, Reason.BOUNCED):
        yield taken
    if taken:
        suppressions.told(white_label_id, "suppression.suggestions_taken", "list", {"count": taken})
    yield taken


def _note_of(suggestion: Suggestion) -> str:
    words = " ".join(filter(None, (str(suggestion.code or ""), suggestion.words)))
    return words.strip()[: suppressions.LONGEST_NOTE]


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
    suppressions.told(suggestion.white_label_id, "suppression.dismissed", suggestion.address, {})


def _open(white_label_id: int) -> Select[Suggestion]:
    return select(Suggestion).where(
        Suggestion.white_label_id == white_label_id, Suggestion.dismissed_at.is_(None)
    )
