"""Mail on its way to somebody who does not want it (any more): found, and stopped.

What an entry on the list of suppressions stops depends on its reason, see `Reason`. Mail that the
portal itself writes (an invitation, a new password) is never stopped: nobody can lock a colleague
out with an entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.engine import Connection

from portal.core import clock
from portal.core.db import db, reading
from portal.outbox import tally
from portal.outbox.balance import PAUSED, line_of
from portal.outbox.models import (
    IS_NOTABLE,
    IS_SENDING,
    IS_WAITING,
    Delivery,
    Message,
    Suppression,
)
from portal.outbox.states import Category, Reason, State
from portal.smtp.addresses import Address

AT_ONCE = 1000
"""Deliveries that are stopped in one transaction."""

EVERYTHING = tuple(reason for reason in Reason if reason.stops_everything)


def in_hands(connection: Connection, lane_id: int) -> dict[int, Reason]:
    """Which deliveries in this lane's hands their readers do not want (any more), and why.

    Who says no while mail of theirs is under way is found here when it is tried again.
    """
    rows = connection.execute(_in_hands, {"lane": lane_id})
    return {row[0]: row[1] for row in rows}


def stop_waiting(white_label_id: int, address: Address, reason: Reason) -> None:
    """What waits for this address does not leave.

    Looked up in the spellings that people use, and not looked for in all that waits: a reader of a
    large campaign clicks, and on SQLite nobody else may write meanwhile. What waits in yet another
    spelling is found by `in_hands`.
    """
    its = (Delivery.tenant == white_label_id) & Delivery.email.in_(_spellings(address))
    _stop([or_(*_stoppable(white_label_id, reason))], its, reason=reason)


def _spellings(address: Address) -> set[str]:
    """As it is given, and `ada.admin@`, `Ada.admin@`, `Ada.Admin@`, `ADA.ADMIN@`."""
    small = address.local.lower()
    locals_ = (address.local, small, small.capitalize(), small.title(), small.upper())
    return {f"{local}@{address.domain}" for local in locals_}


def stop_all_waiting(white_label_id: int, reason: Reason) -> Iterator[None]:
    """The same for every entry with this reason; the caller commits after each step.

    What waits is looked through while others may write. What is missed is found by `in_hands`.
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
    stopped: list[int | None] = []
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
            .returning(tally.ITS_CAMPAIGN)
            .execution_options(synchronize_session=False)
        )
    if stopped:
        line = line_of(State.SUPPRESSED, reason.value)
        tally.add_moved(db.session.connection(), stopped, line)
        db.session.expire_all()


def _is_notice() -> ColumnElement[bool]:
    """Mail that the portal itself writes: a new password has to arrive."""
    return exists().where(
        Message.id == Delivery.message_id,
        Message.app_id.is_(None),
        Message.details["notice"].as_string().is_not(None),
    )


_in_hands = (
    select(Delivery.id, Suppression.reason)
    .join(
        Suppression,
        (Suppression.white_label_id == Delivery.tenant)
        & (Suppression.address == func.lower(Delivery.email)),
    )
    .where(
        IS_SENDING,
        Delivery.lane_id == bindparam("lane"),
        (Delivery.priority == Category.CAMPAIGN.priority) | Suppression.reason.in_(EVERYTHING),
        ~_is_notice(),
    )
)
