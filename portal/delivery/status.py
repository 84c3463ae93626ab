"""How sending is doing as a whole: for the operator, for monitoring, for the overview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.exc import SQLAlchemyError

from portal.core import clock
from portal.core.db import db, reading
from portal.delivery.models import Engine, Worker
from portal.outbox.models import IS_NOTABLE, IS_SENDING, IS_WAITING, PLATFORM, Delivery
from portal.outbox.states import State
from portal.smtp_settings.models import ServerHealth, SmtpServer
from portal.white_labels.models import WhiteLabel

SILENT = timedelta(seconds=60)
"""A worker that was not heard of for so long is taken for dead."""
LATE = timedelta(minutes=10)
"""Due mail on a server that works should not be older than this."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this installation can take mail and send it, check by check."""

    checks: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return all(answer == "ok" for answer in self.checks.values())


def readiness() -> Readiness:
    """Ask the database, the workers and the queue."""
    try:
        with reading(), db.engine.connect() as connection:
            heard = connection.scalar(
                select(func.max(Worker.heartbeat_at)).where(Worker.ended_at.is_(None))
            )
            fenced = connection.scalar(select(Engine.is_fenced))
            oldest = connection.scalar(_oldest_due())
    except SQLAlchemyError as fault:
        return Readiness({"database": type(fault).__name__})
    now = clock.now()
    worker = "ok" if heard and heard > now - SILENT else "no worker was heard of for a minute"
    queue = "ok"
    if oldest is not None and oldest < now - LATE:
        queue = f"mail is due since {oldest.isoformat(timespec='seconds')}"
    return Readiness(
        {
            "database": "ok",
            "worker": worker,
            "queue": queue,
            "fence": "nothing leaves until flask outbox resume" if fenced else "ok",
        }
    )


def _oldest_due() -> Select[datetime]:
    """The oldest due mail of servers that are not parked: parked ones are somebody's task."""
    parked = select(ServerHealth.server_id).where(ServerHealth.parked_at.is_not(None))
    return select(func.min(Delivery.due_at)).where(
        IS_WAITING,
        Delivery.server_id.in_(select(SmtpServer.id).where(SmtpServer.id.not_in(parked))),
    )


def _counted() -> Iterator[Select[State, int]]:
    """What is on its way or stopped, by state: each read from an index that has nothing else."""
    count = select(Delivery.state, func.count()).group_by(Delivery.state)
    yield count.where(IS_WAITING)
    yield count.where(IS_SENDING)
    # All tenants by name, since the index begins with the tenant.
    tenants = union_all(select(WhiteLabel.id), select(literal(PLATFORM)))
    for state in (State.UNKNOWN, State.HELD):
        yield count.where(IS_NOTABLE, Delivery.tenant.in_(tenants), Delivery.state == state)


def registry() -> CollectorRegistry:
    """The present numbers, fresh for every scrape, so several web workers agree."""
    numbers = CollectorRegistry()
    waiting = Gauge("livery_deliveries", "Deliveries by state.", ["state"], registry=numbers)
    sent = Gauge("livery_server_sent", "Sent by server.", ["server"], registry=numbers)
    failed = Gauge("livery_server_failed", "Failed by server.", ["server"], registry=numbers)
    parked = Gauge("livery_server_parked", "1 while parked.", ["server"], registry=numbers)
    with reading(), db.engine.connect() as connection:
        for counted in _counted():
            for state, count in connection.execute(counted):
                waiting.labels(state.value).set(count)
        rows = connection.execute(
            select(
                SmtpServer.id, ServerHealth.sent, ServerHealth.failed, ServerHealth.parked_at
            ).join(ServerHealth, ServerHealth.server_id == SmtpServer.id)
        )
        for server, sent_count, failed_count, parked_at in rows:
            sent.labels(str(server)).set(sent_count)
            failed.labels(str(server)).set(failed_count)
            parked.labels(str(server)).set(0 if parked_at is None else 1)
    return numbers
