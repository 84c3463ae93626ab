"""How much a server may be given: per second, minute, hour and day, shared by all workers.

A limit of L in a window of T seconds is kept over any T seconds that one looks at, not only from
one full minute to the next: what was used in the window before counts for the part of it that is
still within T (a sliding window counter, rounded so that it never gives too much). A few a second
are given one by one instead, each a moment after the last. The counters live in the database, so
they hold for all workers on all machines and outlast restarts. A lane takes its messages and the
allowance for them in one transaction, so a limit simply shortens its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any

from sqlalchemy import BindParameter, bindparam, insert, select, update
from sqlalchemy.engine import Connection

from portal.delivery.models import Allowance
from portal.smtp_settings.models import ServerHealth

WINDOWS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}

FEW = 10
"""Messages a second up to which they are spaced: rounding would take half of one a second."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` messages in any `window`."""

    window: str
    most: int

    @property
    def spacing(self) -> timedelta | None:
        """Between two messages, where each has its own moment."""
        is_spaced = self.window == "second" and self.most <= FEW
        return WINDOWS[self.window] / self.most if is_spaced else None


@dataclass(frozen=True, slots=True)
class Used:
    """What the store says about one window."""

    starts_at: datetime  # of spaced messages: when the next may leave
    used: int = 0
    used_before: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """How many may go now, and, if none, in how many seconds it is worth asking again."""

    messages: int
    wait: float = 0.0


def limits_of(
    *,
    per_second: int | None,
    per_minute: int | None,
    per_hour: int | None,
    per_day: int | None,
    rate: float | None,
) -> tuple[Limit, ...]:
    """The limits that are set; `rate` is what the server has taught us, in messages a second."""
    second = min((most for most in (per_second, rate) if most is not None), default=None)
    asked = (("second", second), ("minute", per_minute), ("hour", per_hour), ("day", per_day))
    return tuple(Limit(window, max(1, floor(most))) for window, most in asked if most is not None)


def room(limits: Sequence[Limit], used: dict[str, Used], now: datetime) -> Room:
    """What all limits together leave. Pure."""
    messages, wait = 1_000_000, 0.0
    for limit in limits:
        window = WINDOWS[limit.window]
        if limit.spacing is not None:
            until = (_next_at(limit.spacing, used.get(limit.window), now) - now).total_seconds()
            messages, wait = min(messages, 0 if until else 1), max(wait, until)
            continue
        present = _turned(used.get(limit.window, Used(now)), window, now)
        passed = (now - present.starts_at) / window
        weighted = present.used + ceil(present.used_before * (1 - passed))
        free = max(0, limit.most - weighted)
        messages = min(messages, free)
        if not free:
            wait = max(wait, _until_one_is_free(limit, present, passed) * window.total_seconds())
    return Room(messages, wait)


def spent(limit: Limit, used: Used | None, count: int, now: datetime) -> Used:
    """The counters once so many more are taken; a negative count is given back. Pure."""
    if limit.spacing is not None:
        return Used(_next_at(limit.spacing, used, now) + count * limit.spacing)
    present = _turned(used or Used(now), WINDOWS[limit.window], now)
    return replace(present, used=max(0, present.used + count))


def _next_at(spacing: timedelta, used: Used | None, now: datetime) -> datetime:
    """When one more may leave; never far away, whatever another limit has left in the store."""
    return min(max(now, used.starts_at), now + spacing) if used else now


def _until_one_is_free(limit: Limit, present: Used, passed: float) -> float:
    """In windows from now on."""
    if present.used >= limit.most or not present.used_before:
        # Nothing before the next window; there, what is used now fades.
        fades_to = 1 - (limit.most - 1) / max(present.used, 1)
        return (1 - passed) + max(0.0, fades_to)
    # Now already, as the window before fades.
    return max(0.0, 1 - (limit.most - 1 - present.used) / present.used_before - passed)


def _turned(used: Used, window: timedelta, now: datetime) -> Used:
    """The same counters, seen from the window that `now` is in."""
    behind = (now - used.starts_at) // window
    if behind <= 0:
        return used
    before = used.used if behind == 1 else 0
    return Used(used.starts_at + behind * window, 0, before)


def look(connection: Connection, server_id: int, limits: Sequence[Limit], *, now: datetime) -> Room:
    """What may go through this server now; nobody else can take it until the transaction ends."""
    if not limits:
        return Room(1_000_000)
    # One lane at a time. The lock is on a row that is always there, the counters may not be yet.
    # SQLite has one writer at a time anyway and leaves it out.
    connection.execute(_lock, {"of_server": server_id})
    return room(limits, _stored(connection, server_id), now)


def take(
    connection: Connection, server_id: int, limits: Sequence[Limit], count: int, *, now: datetime
) -> None:
    """Use the allowance for so many messages; a negative count gives back what was not used."""
    if not limits or not count:
        return
    stored = _stored(connection, server_id)
    for limit in limits:
        known = stored.get(limit.window)
        after = spent(limit, known, count, now)
        row = {
            "of_server": server_id,
            "of_window": limit.window,
            "starts_at": after.starts_at,
            "used": after.used,
            "used_before": after.used_before,
        }
        connection.execute(_insert if known is None else _update, row)


def _stored(connection: Connection, server_id: int) -> dict[str, Used]:
    rows = connection.execute(_counters, {"of_server": server_id})
    return {window: Used(starts_at, used, before) for window, starts_at, used, before in rows}


_lock = (
    select(ServerHealth.server_id)
    .where(ServerHealth.server_id == bindparam("of_server"))
    .with_for_update()
)
_counters = select(
    Allowance.window, Allowance.starts_at, Allowance.used, Allowance.used_before
).where(Allowance.server_id == bindparam("of_server"))
_key: dict[str, BindParameter[Any]] = {
    "server_id": bindparam("of_server"),
    "window": bindparam("of_window"),
}
_insert = insert(Allowance).values(_key)
_update = update(Allowance).where(
    Allowance.server_id == bindparam("of_server"), Allowance.window == bindparam("of_window")
)
