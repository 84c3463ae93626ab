"""Numbers for the overviews. None of them costs more the more mail there is.

What was settled is read from hourly counters; what waits or is stopped is counted in small indexes,
and only as far as a reader cares (`MOST`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, TextClause, func, select

from portal.core import clock
from portal.core.db import db
from portal.delivery.models import Engine, Hourly
from portal.outbox import claims
from portal.outbox.hours import Hour
from portal.outbox.models import IS_NOTABLE, IS_WAITING, PLATFORM, Delivery
from portal.outbox.states import State
from portal.smtp_settings.models import ServerHealth, SmtpServer
from portal.white_labels.models import WhiteLabel

MOST = 10_000
"""Counted exactly up to here; beyond, "more than" says enough."""
HOURS = 24


class Total(Protocol):
    """Something with a sum of mails."""

    @property
    def total(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Count:
    """A number that is exact up to `MOST`."""

    number: int

    @property
    def is_more(self) -> bool:
        return self.number > MOST

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How the mail of a tenant stands at this moment."""

    hours: Sequence[Hour]
    waiting: Count
    oldest_due: datetime | None  # of what waits
    held: Count
    unknown: Count
    parked: Sequence[SmtpServer]
    is_fenced: bool

    @property
    def sent(self) -> int:
        return sum(hour.sent for hour in self.hours)

    @property
    def failed(self) -> int:
        return sum(hour.failed for hour in self.hours)

    @property
    def top(self) -> int:
        """Where a plot of these hours ends."""
        return top_of(self.hours)

    @property
    def is_quiet(self) -> bool:
        """Nothing was settled in these hours."""
        return not any(hour.total for hour in self.hours)


def top_of(hours: Sequence[Total]) -> int:
    """Where a plot of these ends: a round number that none of them passes."""
    highest = max((hour.total for hour in hours), default=0)
    unit = int(10 ** max(0, len(str(highest)) - 2))
    tops = (unit * step for step in (2, 4, 6, 8, 10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100))
    return next(top for top in tops if top >= highest)


def standing(white_label: WhiteLabel | None) -> Standing:
    """Of one white label, or, for the Backoffice (None), of everything."""
    queues = [
        queue
        for queue in claims.queues(db.session.connection())
        if white_label is None or queue.tenant == white_label.id
    ]
    tenants = [white_label.id] if white_label is not None else _all_tenants()
    return Standing(
        hours=hours(white_label),
        waiting=_waiting(queues),
        oldest_due=min((queue.due_at for queue in queues), default=None),
        held=_stopped(tenants, State.HELD),
        unknown=_stopped(tenants, State.UNKNOWN),
        parked=parked(white_label),
        is_fenced=bool(db.session.scalar(select(Engine.is_fenced))),
    )


def hours(white_label: WhiteLabel | None, *, count: int = HOURS) -> list[Hour]:
    """The last hours, the present one last; those without mail too."""
    present = clock.now().replace(minute=0, second=0, microsecond=0)
    first = present - timedelta(hours=count - 1)
    query = (
        select(Hourly.hour, Hourly.outcome, func.sum(Hourly.count))
        .where(Hourly.hour >= first)
        .group_by(Hourly.hour, Hourly.outcome)
    )
    # All tenants by name, since the key begins with the tenant.
    tenants = [white_label.id] if white_label is not None else _all_tenants()
    counted: dict[datetime, dict[str, int]] = {}
    for hour, outcome, total in db.session.execute(query.where(Hourly.tenant.in_(tenants))):
        counted.setdefault(hour, {})[outcome] = int(total)
    shown = ("sent", "failed", "deferred", "held")
    return [
        Hour(hour, **{name: counted.get(hour, {}).get(name, 0) for name in shown})
        for hour in (first + timedelta(hours=number) for number in range(count))
    ]


def parked(white_label: WhiteLabel | None) -> Sequence[SmtpServer]:
    """Parked servers that somebody here can mend: the white label's own, or all of them."""
    query = (
        select(SmtpServer)
        .join(ServerHealth, ServerHealth.server_id == SmtpServer.id)
        .where(
            ServerHealth.parked_at.is_not(None),
            SmtpServer.deleted_at.is_(None),
            SmtpServer.is_enabled,
        )
        .order_by(ServerHealth.parked_at)
    )
    if white_label is not None:
        query = query.where(SmtpServer.white_label_id == white_label.id)
    return db.session.scalars(query).all()


def has_mail(white_label: WhiteLabel | None) -> bool:
    """Whether anything was ever accepted."""
    query = select(Delivery.id).limit(1)
    if white_label is not None:
        query = query.where(Delivery.tenant == white_label.id)
    return db.session.scalar(query) is not None


def _waiting(queues: Sequence[claims.Queue]) -> Count:
    total = 0
    for queue in queues:
        total += _counted(
            IS_WAITING,
            Delivery.server_id == queue.server_id,
            Delivery.tenant == queue.tenant,
            Delivery.priority == queue.priority,
        )
        if total > MOST:
            break
    return Count(total)


def _stopped(tenants: Collection[int], state: State) -> Count:
    return Count(_counted(IS_NOTABLE, Delivery.tenant.in_(tenants), Delivery.state == state))


def _counted(*conditions: ColumnElement[bool] | TextClause) -> int:
    some = select(Delivery.id).where(*conditions).limit(MOST + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def _all_tenants() -> list[int]:
    return [PLATFORM, *db.session.scalars(select(WhiteLabel.id))]
