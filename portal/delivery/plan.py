"""Which lanes a worker opens, looking at what waits, how the servers are, and what it has.

Pure: no database, no clock, no network.

1. A server with due mail and no lane gets one; one whose lane is idle is called.
2. A busy server gets more, one at a time, when it has proven itself, its limits leave room and
   this process has computing time to spare: more lanes do not make a full processor faster.
3. Servers that have not shown lately that they take mail share three quarters of the lanes, so
   that however many of them are dead, slow or hostile, there is room for those that work.
4. A server that is gone gets a lane that finds its mail another way; a parked one whose time has
   come is probed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.delivery.servers import Condition
from portal.delivery.works import Errand
from portal.outbox.claims import Queue

SIMULATOR = 0
FOR_STRANGERS = 0.75
"""Of all lanes: what servers may hold that never took a message, or failed since they did."""
GROWS_EVERY = 0.25
"""Seconds between two lanes more for the same server."""


@dataclass(frozen=True, slots=True)
class Present:
    """What this worker has open to one server, and what it knows of it."""

    lanes: int = 0
    idle: int = 0
    is_proven: bool = False
    most: int = 1
    may_look: bool = True  # no limit or full house is known to last
    seconds_since_last: float = 1e9


@dataclass(frozen=True, slots=True)
class Start:
    server_id: int
    errand: Errand


@dataclass(frozen=True, slots=True)
class Plan:
    start: tuple[Start, ...]
    call: frozenset[int]  # servers whose idle lanes have something to do


def plan(
    queues: Iterable[Queue],
    conditions: Mapping[int, Condition],
    present: Mapping[int, Present],
    *,
    now: datetime,
    latest: datetime,
    most_lanes: int,
    has_time: bool,
) -> Plan:
    """See the module."""
    due: dict[int, datetime] = {}
    for queue in queues:
        if queue.is_due(now, latest):
            first = due.get(queue.server_id, queue.due_at)
            due[queue.server_id] = min(first, queue.due_at)

    calls = frozenset(server for server in due if _of(present, server).idle)
    wanted: list[tuple[tuple[bool, int, datetime], Start]] = []
    for server, since in due.items():
        if server not in calls:
            errand = _errand(server, conditions.get(server), _of(present, server), now, has_time)
            if errand is not None:
                faults = conditions[server].faults if server in conditions else 0
                stranger = _is_stranger(server, conditions, present)
                wanted.append(((stranger, faults, since), Start(server, errand)))
    for server, condition in conditions.items():
        if server not in due and condition.wants_probe(now) and not _of(present, server).lanes:
            wanted.append(((True, condition.faults, now), Start(server, Errand.PROBE)))

    room = most_lanes - sum(one.lanes for one in present.values())
    strangers = int(most_lanes * FOR_STRANGERS) - sum(
        one.lanes for server, one in present.items() if _is_stranger(server, conditions, present)
    )
    start = []
    for (is_stranger, _faults, _since), one in sorted(wanted, key=lambda item: item[0]):
        if room <= 0 or (is_stranger and strangers <= 0):
            continue
        start.append(one)
        room -= 1
        strangers -= is_stranger
    return Plan(tuple(start), calls)


def _errand(
    server: int, condition: Condition | None, here: Present, now: datetime, has_time: bool
) -> Errand | None:
    """What another lane to this server would be for, if one is due."""
    if server == SIMULATOR:
        return None if here.lanes else Errand.SIMULATE
    if condition is None or condition.is_gone:
        return None if here.lanes else Errand.REROUTE
    if condition.wants_probe(now):
        return None if here.lanes else Errand.PROBE
    if not condition.may_send(now) or not here.may_look:
        return None
    if not here.lanes:
        return Errand.SEND
    grows = (
        here.is_proven
        and has_time
        and here.lanes < here.most
        and here.seconds_since_last >= 2 * GROWS_EVERY
    )
    return Errand.SEND if grows else None


def _is_stranger(
    server: int, conditions: Mapping[int, Condition], present: Mapping[int, Present]
) -> bool:
    """Whether it has yet to show that it takes mail."""
    condition = conditions.get(server)
    has_worked = condition is not None and condition.has_sent and not condition.faults
    return not (has_worked or _of(present, server).is_proven)


def _of(present: Mapping[int, Present], server: int) -> Present:
    return present.get(server, _NOTHING)


_NOTHING = Present()


def next_due(queues: Collection[Queue], *, now: datetime) -> float | None:
    """Seconds until more is due, of what is not yet; None: nothing waits for its time."""
    later = [(queue.due_at - now).total_seconds() for queue in queues if queue.due_at > now]
    return min(later, default=None)
