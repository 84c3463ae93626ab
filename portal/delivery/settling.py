"""One batch's results in one transaction: states, counters, and what the server deserves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from sqlalchemy import ColumnElement, exists, update
from sqlalchemy.engine import Connection

from portal.campaigns import progress
from portal.core.db import adding
from portal.delivery.consequences import (
    Consequence,
    FewerLanes,
    Park,
    RefuseSender,
    Rest,
    SlowDown,
)
from portal.delivery.models import Hourly
from portal.outbox import claims, held, suggestions, tally
from portal.outbox.balance import line_of
from portal.outbox.claims import Settlement
from portal.outbox.models import IS_WAITING, Delivery, Message
from portal.outbox.states import State
from portal.routing.decide import Check
from portal.smtp_settings import health

COUNTED = (State.SENT, State.FAILED, State.DEFERRED, State.HELD)


class Result(NamedTuple):
    """What became of one delivery, and whose it is."""

    settlement: Settlement
    tenant: int
    campaign: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A consequence, and the From address and present rate that it may need."""

    consequence: Consequence
    from_email: str = ""
    rate: float = 0.0  # messages a second, as it was when the server complained


def write(
    connection: Connection,
    *,
    lane_id: int,
    server_id: int,
    results: Sequence[Result],
    troubles: Sequence[Trouble] = (),
    now: datetime,
) -> list[Park]:
    """Settle; what is news to the admins comes back, to be told when the transaction holds.

    Run again after a commit of unknown outcome it changes and counts nothing twice.
    """
    tenants = {result.settlement.id: result.tenant for result in results}
    campaigns = {result.settlement.id: result.campaign for result in results}
    done = claims.settle(connection, lane_id, [result.settlement for result in results], now=now)
    _count(connection, server_id, [(tenants[one.id], one) for one in done], now)
    progress.settled(connection, server_id, [(campaigns[one.id], one) for one in done], now=now)
    if unknown_there := [one.id for one in done if suggestions.is_candidate(one)]:
        suggestions.suggest(connection, unknown_there, now=now)
    return [
        trouble.consequence
        for trouble in troubles
        if _apply(connection, server_id, trouble, now) and isinstance(trouble.consequence, Park)
    ]


def _count(
    connection: Connection,
    server_id: int,
    done: Sequence[tuple[int, Settlement]],
    now: datetime,
) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    counts = Counter((tenant, one.state) for tenant, one in done if one.state in COUNTED)
    upsert = _more_in_hour[connection.dialect.name]
    for (tenant, state), count in sorted(counts.items()):
        row = {
            "tenant": tenant,
            "hour": hour,
            "server_id": server_id,
            "outcome": state.value,
            "count": count,
        }
        connection.execute(upsert, row)
    sent = sum(count for (_tenant, state), count in counts.items() if state is State.SENT)
    failed = sum(count for (_tenant, state), count in counts.items() if state is State.FAILED)
    if sent or failed:
        health.settled(connection, server_id, sent=sent, failed=failed)


_more_in_hour = adding(Hourly, "count")


def _apply(connection: Connection, server_id: int, trouble: Trouble, now: datetime) -> bool:
    """Do to the server what must be done; whether that is news."""
    match trouble.consequence:
        case Rest(words, wait, is_out_of_step):
            health.rest(connection, server_id, words=words, now=now, wait=wait)
            if is_out_of_step:
                health.never_pipeline(connection, server_id)
            return False
        case Park(kind=kind, words=words, wait=wait):
            probe_in = timedelta(seconds=wait) if wait is not None else None
            return health.park(
                connection, server_id, kind=kind, words=words, now=now, probe_in=probe_in
            )
        case RefuseSender(words):
            return refuse_sender(connection, server_id, trouble.from_email, words, now)
        case SlowDown(words):
            health.slow_down(connection, server_id, words=words, now=now, present=trouble.rate)
            return False
        case FewerLanes():
            return False  # the worker's own affair, see `memory`
        case _:
            assert_never(trouble.consequence)


def refuse_sender(
    connection: Connection, server_id: int, from_email: str, words: str, now: datetime
) -> bool:
    """Park this server for this From address: all that waits for the pair is held, at once."""
    is_news = health.refuse_sender(connection, server_id, from_email, words=words, now=now)
    stopped = connection.execute(
        update(Delivery)
        .where(Delivery.server_id == server_id, IS_WAITING, leaves_from(from_email))
        .values(state=State.HELD, kind=Check.SENDER_REFUSED, words=words, settled_at=now)
        .returning(tally.ITS_CAMPAIGN)
    )
    tally.add_moved(connection, stopped.scalars(), line_of(State.HELD, Check.SENDER_REFUSED))
    return is_news


def accept_sender(connection: Connection, server_id: int, from_email: str, *, now: datetime) -> int:
    """Somebody mended it: what was held for the pair goes on its way; how much that is."""
    health.accept_sender(connection, server_id, from_email)
    freed = connection.execute(
        update(Delivery)
        .where(
            held.because(Check.SENDER_REFUSED),
            Delivery.server_id == server_id,
            leaves_from(from_email),
        )
        .values(state=State.QUEUED, settled_at=None, due_at=now)
        .returning(tally.ITS_CAMPAIGN)
    )
    campaigns = freed.scalars().all()
    tally.add_moved(connection, campaigns, line_of(State.HELD, Check.SENDER_REFUSED), by=-1)
    return len(campaigns)


def leaves_from(from_email: str) -> ColumnElement[bool]:
    """Deliveries of messages from this address."""
    return exists().where(Message.id == Delivery.message_id, Message.from_email == from_email)
