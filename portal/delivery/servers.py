"""Servers as the engine sees them: may it send now, how much, and with what session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, or_, select
from sqlalchemy.engine import Connection

from portal.delivery.limits import Limit, limits_of
from portal.delivery.models import Engine
from portal.smtp_settings.models import ServerHealth, SmtpServer


@dataclass(frozen=True, slots=True)
class Condition:
    """One server at one moment."""

    id: int
    version: int
    is_gone: bool  # deleted or switched off: its mail finds another way
    is_fenced: bool  # nothing leaves at all
    is_parked: bool
    probe_at: datetime | None
    resting_until: datetime | None
    faults: int
    has_sent: bool  # ever
    is_out_of_step: bool
    limits: tuple[Limit, ...]
    max_connections: int
    max_per_connection: int | None
    max_bytes: int | None
    rate: int = 0  # messages a second, of the limits; 0: any number

    def may_send(self, now: datetime) -> bool:
        """Whether a lane may be open to it, probes apart."""
        return not (self.is_gone or self.is_fenced or self.is_parked or self.is_resting(now))

    def is_resting(self, now: datetime) -> bool:
        return self.resting_until is not None and self.resting_until > now

    def wants_probe(self, now: datetime) -> bool:
        return (
            self.is_parked
            and not self.is_gone
            and not self.is_fenced
            and self.probe_at is not None
            and self.probe_at <= now
        )


def condition(connection: Connection, server_id: int) -> Condition | None:
    """How this server is now; None: there is no such row."""
    row = connection.execute(_condition_of, {"server": server_id}).first()
    return _condition(row) if row is not None else None


def conditions(
    connection: Connection, server_ids: Collection[int], *, now: datetime
) -> dict[int, Condition]:
    """These servers, and those that are parked and due for a probe."""
    rows = connection.execute(_conditions_of, {"servers": list(server_ids), "now": now})
    return {row.id: _condition(row) for row in rows}


_conditions = select(
    SmtpServer.id,
    SmtpServer.version,
    SmtpServer.is_enabled,
    SmtpServer.deleted_at,
    SmtpServer.per_second,
    SmtpServer.per_minute,
    SmtpServer.per_hour,
    SmtpServer.per_day,
    SmtpServer.max_connections,
    SmtpServer.max_per_connection,
    SmtpServer.max_bytes,
    ServerHealth.parked_at,
    ServerHealth.probe_at,
    ServerHealth.resting_until,
    ServerHealth.faults,
    ServerHealth.sent,
    ServerHealth.rate,
    ServerHealth.is_out_of_step,
    select(Engine.is_fenced).scalar_subquery().label("is_fenced"),
).outerjoin(ServerHealth, ServerHealth.server_id == SmtpServer.id)
_condition_of = _conditions.where(SmtpServer.id == bindparam("server"))
_conditions_of = _conditions.where(
    or_(
        SmtpServer.id.in_(bindparam("servers", expanding=True)),
        ServerHealth.probe_at <= bindparam("now"),
    )
)


def _condition(row: Row[*tuple[Any, ...]]) -> Condition:
    limits = limits_of(
        per_second=row.per_second,
        per_minute=row.per_minute,
        per_hour=row.per_hour,
        per_day=row.per_day,
        rate=row.rate,
    )
    return Condition(
        id=row.id,
        version=row.version,
        is_gone=row.deleted_at is not None or not row.is_enabled,
        is_fenced=bool(row.is_fenced),
        is_parked=row.parked_at is not None,
        probe_at=row.probe_at,
        resting_until=row.resting_until,
        faults=row.faults or 0,
        has_sent=bool(row.sent),
        is_out_of_step=bool(row.is_out_of_step),
        limits=limits,
        rate=next((limit.most for limit in limits if limit.window == "second"), 0),
        max_connections=row.max_connections,
        max_per_connection=row.max_per_connection,
        max_bytes=row.max_bytes,
    )
