"""What waits, server by server, and who is at work: for the operator's terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, TextClause, func, select

from portal.core import clock
from portal.core.db import db
from portal.core.words import _
from portal.delivery import fence
from portal.delivery.models import Lane, Worker
from portal.delivery.status import SILENT
from portal.outbox import claims
from portal.outbox.accept import SIMULATOR
from portal.outbox.models import IS_NOTABLE, IS_SENDING, IS_WAITING, Delivery
from portal.outbox.states import State
from portal.smtp_settings.models import ServerHealth, SmtpServer
from portal.smtp_settings.standing import reason_of_parking
from portal.white_labels.models import WhiteLabel


@dataclass(frozen=True, slots=True)
class ServerQueue:
    """The mail that waits for one server."""

    name: str  # ``acme/own``; without a white label the platform's
    waiting: int
    oldest_due: datetime
    parked: str | None  # why nothing leaves through it
    resting_until: datetime | None


@dataclass(frozen=True, slots=True)
class WorkerAtWork:
    """A delivery process that was heard of lately."""

    host: str
    pid: int
    lanes: int
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class Outbox:
    """Everything that has not left, and who carries it."""

    queues: Sequence[ServerQueue]
    sending: int
    unknown: int
    held: int
    workers: Sequence[WorkerAtWork]
    fenced: str | None  # why nothing leaves at all


def outbox() -> Outbox:
    """How sending stands at this moment."""
    return Outbox(
        queues=_queues(),
        sending=_count(IS_SENDING),
        unknown=_count(IS_NOTABLE, Delivery.state == State.UNKNOWN),
        held=_count(IS_NOTABLE, Delivery.state == State.HELD),
        workers=_workers(),
        fenced=fence.why(db.session.connection()),
    )


def _queues() -> list[ServerQueue]:
    oldest: dict[int, datetime] = {}
    for queue in claims.queues(db.session.connection()):
        known = oldest.get(queue.server_id, queue.due_at)
        oldest[queue.server_id] = min(known, queue.due_at)
    waiting = {
        server_id: _count(IS_WAITING, Delivery.server_id == server_id) for server_id in oldest
    }
    names = _servers(list(oldest))
    shown = []
    for server_id, due_at in sorted(oldest.items(), key=lambda item: item[1]):
        gone = _("server %(number)s, which is gone", number=server_id)
        name, health = names.get(server_id, (gone, None))
        shown.append(
            ServerQueue(
                name=_("Simulator") if server_id == SIMULATOR else name,
                waiting=waiting[server_id],
                oldest_due=due_at,
                parked=reason_of_parking(health.server)
                if health is not None and health.is_parked
                else None,
                resting_until=health.resting_until if health is not None else None,
            )
        )
    return shown


def _servers(server_ids: Sequence[int]) -> dict[int, tuple[str, ServerHealth | None]]:
    rows = db.session.execute(
        select(SmtpServer.id, SmtpServer.name, WhiteLabel.slug, ServerHealth)
        .join(WhiteLabel, WhiteLabel.id == SmtpServer.white_label_id, isouter=True)
        .join(ServerHealth, ServerHealth.server_id == SmtpServer.id, isouter=True)
        .where(SmtpServer.id.in_(server_ids))
    )
    return {
        server_id: (f"{slug}/{name}" if slug else name, health)
        for server_id, name, slug, health in rows
    }


def _workers() -> list[WorkerAtWork]:
    lanes = select(func.count()).where(Lane.worker_id == Worker.id).scalar_subquery()
    rows = db.session.execute(
        select(Worker.host, Worker.pid, lanes, Worker.heartbeat_at)
        .where(Worker.ended_at.is_(None), Worker.heartbeat_at > clock.now() - SILENT)
        .order_by(Worker.id)
    )
    return [WorkerAtWork(*row) for row in rows]


def _count(*conditions: ColumnElement[bool] | TextClause) -> int:
    query = select(func.count()).select_from(Delivery).where(*conditions)
    return db.session.scalar(query) or 0
