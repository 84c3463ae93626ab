"""A server's health: resting, parked, slowed down, and well again.

Written by the delivery engine inside its own transactions (hence a connection, not a session);
read by routing and by pages. Every act is one statement that says what must be true for it to
apply, so that several lanes that see the same fault at once count it once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from portal.smtp_settings.models import ParkedSender, ServerHealth

RESTS = (1, 5, 30, 60, 120, 300, 600, 900)
"""Seconds after the first, second, … fault in a row; from the third on it is a breaker."""
BREAKS_AT = 3
PROBES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""When a parked server is tried again, counted from the last try; daily in the end."""
QUOTA_PROBE = timedelta(hours=1)
SLOWEST = 1.0
"""Messages a second: a server that takes fewer says so by deferring."""
CREEPS_EVERY = timedelta(seconds=30)
CREEPS_BY = 1.1
FAST_AGAIN = 200.0
"""Messages a second: a server that takes so many needs no brake of ours."""


_NOT_PARKED = {
    "parked_at": None,
    "parked_kind": None,
    "parked_words": None,
    "probe_at": None,
    "probes": 0,
}


def settled(connection: Connection, server_id: int, *, sent: int, failed: int) -> None:
    """Count a batch. A message that was taken also ends every rest."""
    connection.execute(_settled, {"of_server": server_id, "more_sent": sent, "more_failed": failed})
    if sent:
        end_rest(connection, server_id)


def end_rest(connection: Connection, server_id: int) -> None:
    """It answers again: the next fault is a first one."""
    connection.execute(_end_rest, {"of_server": server_id})


# What every batch executes is built once: building it takes longer than SQLite does.
_settled = (
    update(ServerHealth)
    .where(ServerHealth.server_id == bindparam("of_server"))
    .values(
        sent=ServerHealth.sent + bindparam("more_sent"),
        failed=ServerHealth.failed + bindparam("more_failed"),
    )
)
_end_rest = (
    update(ServerHealth)
    .where(ServerHealth.server_id == bindparam("of_server"), ServerHealth.faults > 0)
    .values(faults=0, resting_until=None, fault_words=None)
)


def rest(
    connection: Connection, server_id: int, *, words: str, now: datetime, wait: int | None = None
) -> None:
    """A fault of the server: leave it alone, longer each time."""
    faults = connection.scalar(select(ServerHealth.faults).where(_is(server_id))) or 0
    seconds = RESTS[min(faults, len(RESTS) - 1)]
    connection.execute(
        update(ServerHealth)
        # Lanes that lose their connections at the same moment saw one fault, not many.
        .where(
            _is(server_id),
            (ServerHealth.resting_until.is_(None)) | (ServerHealth.resting_until <= now),
        )
        .values(
            faults=ServerHealth.faults + 1,
            resting_until=now + timedelta(seconds=max(seconds, wait or 0)),
            fault_words=words,
        )
    )


def never_pipeline(connection: Connection, server_id: int) -> None:
    """It answered out of step: one command at a time from now on."""
    connection.execute(update(ServerHealth).where(_is(server_id)).values(is_out_of_step=True))


def park(
    connection: Connection,
    server_id: int,
    *,
    kind: str,
    words: str,
    now: datetime,
    probe_in: timedelta | None = None,
) -> bool:
    """Send nothing through it until it is mended; whether it was not parked before."""
    usual = QUOTA_PROBE if kind == "quota" else PROBES[0]
    first = usual if probe_in is None else probe_in
    parked = connection.execute(
        update(ServerHealth)
        .where(_is(server_id), ServerHealth.parked_at.is_(None))
        .values(parked_at=now, parked_kind=kind, parked_words=words, probe_at=now + first, probes=0)
    )
    return parked.rowcount == 1


def shut(connection: Connection, server_id: int, *, cause: str, now: datetime) -> bool:
    """Send nothing through it until `open_again`; nobody tries it meanwhile. Whether it was open.

    One that is parked for another reason stays so: that has to be mended as well.
    """
    shut_now = connection.execute(
        update(ServerHealth)
        .where(_is(server_id), ServerHealth.parked_at.is_(None))
        .values(parked_at=now, parked_kind=cause, parked_words=cause, probe_at=None, probes=0)
    )
    return shut_now.rowcount == 1


def open_again(connection: Connection, server_id: int, *, cause: str) -> bool:
    """What it was shut for is over; whether it was shut for that."""
    opened = connection.execute(
        update(ServerHealth)
        .where(_is(server_id), ServerHealth.parked_kind == cause)
        .values(_NOT_PARKED)
    )
    return opened.rowcount == 1


def take_probe(connection: Connection, server_id: int, *, now: datetime) -> bool:
    """The right to try a parked server once. One worker gets it, and the next try is set."""
    row = connection.execute(
        select(ServerHealth.probes, ServerHealth.parked_kind).where(_is(server_id))
    ).first()
    if row is None:
        return False
    pause = PROBES[min(row.probes + 1, len(PROBES) - 1)]
    if row.parked_kind == "quota":
        pause = QUOTA_PROBE
    taken = connection.execute(
        update(ServerHealth)
        .where(_is(server_id), ServerHealth.parked_at.is_not(None), ServerHealth.probe_at <= now)
        .values(probes=ServerHealth.probes + 1, probe_at=now + pause)
    )
    return taken.rowcount == 1


def unpark(connection: Connection, server_id: int) -> bool:
    """Somebody mended it, or a probe passed; whether it was parked."""
    mended = connection.execute(
        update(ServerHealth)
        .where(_is(server_id), ServerHealth.parked_at.is_not(None))
        .values(_NOT_PARKED)
    )
    return mended.rowcount == 1


def forget_faults(connection: Connection, server_id: int) -> None:
    """Its settings are new: what was learnt about the old ones does not count."""
    unpark(connection, server_id)
    connection.execute(
        update(ServerHealth)
        .where(_is(server_id))
        .values(
            faults=0,
            resting_until=None,
            fault_words=None,
            rate=None,
            rate_words=None,
            rate_at=None,
            is_out_of_step=False,
        )
    )


def slow_down(
    connection: Connection, server_id: int, *, words: str, now: datetime, present: float
) -> None:
    """Half of what it is, or of `present` messages a second; once a second at most."""
    halved = func.coalesce(ServerHealth.rate, present) / 2
    connection.execute(
        update(ServerHealth)
        .where(
            _is(server_id),
            (ServerHealth.rate_at.is_(None)) | (ServerHealth.rate_at <= now - timedelta(seconds=1)),
        )
        .values(rate=case((halved < SLOWEST, SLOWEST), else_=halved), rate_words=words, rate_at=now)
    )


def creep_back(connection: Connection, *, now: datetime) -> None:
    """Every slowed-down server a little faster again, and free once it is fast."""
    faster = ServerHealth.rate * CREEPS_BY
    connection.execute(
        update(ServerHealth)
        .where(ServerHealth.rate.is_not(None), ServerHealth.rate_at <= now - CREEPS_EVERY)
        .values(
            rate=case((faster >= FAST_AGAIN, None), else_=faster),
            rate_words=case((faster >= FAST_AGAIN, None), else_=ServerHealth.rate_words),
            rate_at=case((faster >= FAST_AGAIN, None), else_=now),
        )
    )


def refuse_sender(
    connection: Connection, server_id: int, from_email: str, *, words: str, now: datetime
) -> bool:
    """This server does not send for this address; whether that is news."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    refused = connection.execute(
        insert(ParkedSender)
        .values(server_id=server_id, from_email=from_email, parked_at=now, words=words)
        .on_conflict_do_nothing()
        .returning(ParkedSender.server_id)
    )
    return refused.first() is not None


def accept_sender(connection: Connection, server_id: int, from_email: str) -> bool:
    """Somebody mended it; whether it was refused."""
    gone = connection.execute(delete(ParkedSender).where(_pair(server_id, from_email)))
    return gone.rowcount == 1


def _is(server_id: int) -> ColumnElement[bool]:
    return ServerHealth.server_id == server_id


def _pair(server_id: int, from_email: str) -> ColumnElement[bool]:
    return (ParkedSender.server_id == server_id) & (ParkedSender.from_email == from_email)
