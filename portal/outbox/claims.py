"""Claims: a lane takes some of what is due, and says what became of it.

1. `queues` finds every queue that waits (server, tenant, priority) and since when, without
   looking at what is in it.
2. `claim` takes a batch for one lane: tenants take turns, and within a tenant everything
   transactional goes first. The claim is committed before a byte is sent.
3. `settle` writes what became of the batch, `give_back` returns what was not begun. Both touch
   only what the lane still owns: a lane that was believed dead has lost its claim.
4. A late 250 counts in any case: `settle` records it even where the claim was lost.

All functions work inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Select, bindparam, insert, literal_column, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.elements import ColumnElement, TextClause
from sqlalchemy.sql.selectable import TextualSelect

from portal.core.db import UtcTime
from portal.outbox.models import IS_SENDING, IS_WAITING, Attempt, Delivery
from portal.outbox.states import State

SMALLEST_SHARE = 8
"""Of a batch that a tenant gets at its turn, so that many tenants do not cost many statements."""


class Queue(NamedTuple):
    """Mail of one tenant and priority that waits for one server."""

    server_id: int
    tenant: int
    priority: int
    due_at: datetime  # of what is due first
    is_queued: bool = False  # what is due first was to be sent at once

    def is_due(self, now: datetime, latest: datetime) -> bool:
        """Whether something of it should leave. `latest` is now by any clock that may have written
        the moment: what was to be sent at once does not wait until ours says the same."""
        return self.due_at <= (latest if self.is_queued else now)


class Claimed(NamedTuple):
    """One delivery in a lane's hands."""

    id: int
    message_id: int
    position: int
    tenant: int
    server_id: int
    priority: int
    email: str
    name: str
    raw_values: Any  # as the store gave it, see `values`
    attempts: int
    copies: int
    losses: int
    due_at: Any  # as the store gave it: to sort by

    @property
    def values(self) -> Mapping[str, Any]:
        """The recipient's own values."""
        if isinstance(self.raw_values, str):
            # As the store keeps it there is nothing before or behind the object.
            parsed: dict[str, Any] = _decode_json(self.raw_values)[0]
            return parsed
        return self.raw_values or {}


_decode_json = json.JSONDecoder().raw_decode


class Settlement(NamedTuple):
    """What a delivery becomes, and what is remembered of it."""

    id: int
    state: State
    attempts: int = 0
    copies: int = 0
    losses: int = 0
    due_at: datetime | None = None  # None: as it was
    server_id: int | None = None  # None: as it was
    code: int | None = None
    enhanced: str | None = None
    words: str | None = None
    stage: str | None = None
    kind: str | None = None
    transcript: str | None = None  # of the try
    is_try: bool = True  # something was tried: worth a line in the log if it was no plain success
    as_unknown: bool = False  # the try itself ended without an answer
    is_late: bool = False  # set by `settle`: the claim was lost, and then it was sent after all


_TAKEN: list[ColumnElement[Any]] = [
    literal_column('"values"' if f == "raw_values" else f) for f in Claimed._fields
]


def queues(
    connection: Connection, *, server_id: int | None = None, limit: int = 10_000
) -> list[Queue]:
    """Every queue that waits, or those of one server, with the moment its first mail is due.

    A loose index scan: one look into `ix_delivery_waiting` for each queue, however long it is.
    """
    rows = connection.execute(
        _queues_of_all if server_id is None else _queues_of_one,
        {"limit": limit} if server_id is None else {"limit": limit, "server_id": server_id},
    )
    return [Queue._make(row) for row in rows]


_WAITS = IS_WAITING.text


def _queues_sql(where: str) -> TextualSelect:
    key = "server_id, tenant, priority"

    def first(further: str) -> str:
        return (
            f"(SELECT id FROM delivery WHERE {_WAITS} AND {where} AND {further} "  # noqa: S608
            f"ORDER BY {key}, due_at LIMIT 1)"
        )

    # Three looks instead of one comparison of rows, for which SQLite would walk the whole queue.
    next_priority = first(
        "server_id = at.server_id AND tenant = at.tenant AND priority > at.priority"
    )
    next_tenant = first("server_id = at.server_id AND tenant > at.tenant")
    next_server = first("server_id > at.server_id")
    return text(
        f"""
        WITH RECURSIVE first_of (id) AS (
            SELECT id FROM (
                SELECT id FROM delivery WHERE {_WAITS} AND {where}
                ORDER BY {key}, due_at LIMIT 1
            ) AS very_first
            UNION ALL
            SELECT coalesce({next_priority}, {next_tenant}, {next_server})
            FROM first_of JOIN delivery AS at ON at.id = first_of.id
        )
        SELECT {key}, due_at, state = 'queued' AS is_queued
        FROM first_of JOIN delivery USING (id) LIMIT :limit
        """  # noqa: S608 - made of constants only
    ).columns(
        server_id=Delivery.server_id.type,
        tenant=Delivery.tenant.type,
        priority=Delivery.priority.type,
        due_at=UtcTime(),
        is_queued=Boolean(),
    )


_queues_of_all = _queues_sql("server_id IS NOT NULL")
_queues_of_one = _queues_sql("server_id = :server_id")


def claim(
    connection: Connection,
    *,
    lane_id: int,
    server_id: int,
    now: datetime,
    limit: int,
    latest: datetime | None = None,
    after: int | None = None,
) -> list[Claimed]:
    """Take up to `limit` deliveries that are due at `now`, in the order in which they should leave.

    `latest` is now by any other clock, see `Queue.is_due`; `after` is the tenant whose turn it was
    last, and the next one begins.
    """
    latest = latest or now
    waiting = queues(connection, server_id=server_id)
    due = [queue for queue in waiting if queue.is_due(now, latest)]
    turns = _turns(due, after)
    taken: list[list[Claimed]] = []
    left = limit
    for turn, of_tenant in enumerate(turns):
        share = min(left, max(SMALLEST_SHARE, -(-left // (len(turns) - turn))))
        mine: list[Claimed] = []
        for queue in of_tenant:
            if len(mine) < share:
                mine += _take(connection, queue, lane_id, now, latest, share - len(mine))
        taken.append(mine)
        left -= len(mine)
        if left <= 0:
            break
    return _interleaved(taken)


def _turns(due: Iterable[Queue], after: int | None) -> list[list[Queue]]:
    """Each tenant's queues, transactional first; the tenants in turn, beginning behind `after`."""
    of_tenant: dict[int, list[Queue]] = {}
    for queue in due:
        of_tenant.setdefault(queue.tenant, []).append(queue)
    return [of_tenant[tenant] for tenant in sorted(of_tenant, key=lambda t: (t <= (after or 0), t))]


def _take(
    connection: Connection,
    queue: Queue,
    lane_id: int,
    now: datetime,
    latest: datetime,
    limit: int,
) -> list[Claimed]:
    rows = connection.execute(
        _statements(connection).claim,
        {
            "server": queue.server_id,
            "whose": queue.tenant,
            "how_urgent": queue.priority,
            "now": now,
            "latest": latest,
            "most": limit,
            "lane": lane_id,
        },
    ).fetchall()
    return sorted(map(Claimed._make, rows), key=lambda row: (row.due_at, row.id))


def _claim(*, passing_over: bool) -> ReturningUpdate[Any]:
    chosen = _chosen()
    if passing_over:
        # Several lanes claim at once and pass over what another one is just taking.
        chosen = chosen.with_for_update(skip_locked=True)
    return (
        update(Delivery)
        .where(Delivery.id.in_(select(chosen.cte("chosen").c.id)))
        .values(state=State.SENDING, lane_id=bindparam("lane"))
        .returning(*_TAKEN)
    )


def _chosen() -> Select[int]:
    return (
        select(Delivery.id)
        .where(
            Delivery.server_id == bindparam("server"),
            Delivery.tenant == bindparam("whose"),
            Delivery.priority == bindparam("how_urgent"),
            Delivery.due_at <= bindparam("latest", type_=UtcTime()),
            (Delivery.due_at <= bindparam("now", type_=UtcTime()))
            | (Delivery.state == literal_column("'queued'")),
            IS_WAITING,
        )
        .order_by(Delivery.due_at)
        .limit(bindparam("most"))
    )


def _interleaved(taken: Sequence[Sequence[Claimed]]) -> list[Claimed]:
    """Urgent mail of all tenants first, and within each urgency the tenants by turns."""
    ordered: list[Claimed] = []
    for priority in sorted({row.priority for rows in taken for row in rows}):
        by_tenant = [[row for row in rows if row.priority == priority] for rows in taken]
        ordered += [row for row in chain(*zip_longest(*by_tenant)) if row is not None]
    return ordered


def held_by(connection: Connection, lane_id: int) -> list[Claimed]:
    """Everything this lane claimed and has not settled."""
    rows = connection.execute(
        select(*_TAKEN).select_from(Delivery).where(IS_SENDING, Delivery.lane_id == lane_id)
    )
    return [Claimed._make(row) for row in rows]


def give_back(connection: Connection, lane_id: int, ids: Sequence[int]) -> None:
    """Return deliveries that were claimed and not begun: they keep their place."""
    if ids:
        connection.execute(_statements(connection).give_back, {"lane": lane_id, "rows": _json(ids)})


def settle(
    connection: Connection, lane_id: int, settlements: Sequence[Settlement], *, now: datetime
) -> list[Settlement]:
    """Write what became of deliveries that this lane claimed; which of them that really changed.

    What the lane does not own any more stays as it is, except that a 250 counts in any case.
    """
    statements = _statements(connection)
    sent = [done for done in settlements if done.state is _SENT]
    others = [done for done in settlements if done.state is not _SENT]
    changed: set[int] = set()
    too_late: set[int] = set()
    if sent:
        rows = _json([(s.id, s.code, s.enhanced, s.words, s.attempts) for s in sent])
        owned = {"rows": rows, "lane": lane_id, "now": now}
        changed.update(connection.execute(statements.sent, owned).scalars())
        if len(changed) < len(sent):
            late = {"rows": rows, "now": now}
            too_late.update(connection.execute(statements.sent_late, late).scalars())
    if others:
        document = _json([_as_row(done, statements.moment) for done in others])
        owned = {"rows": document, "lane": lane_id, "now": now}
        changed.update(connection.execute(statements.other, owned).scalars())

    done_now = [done for done in settlements if done.id in changed]
    done_now += [done._replace(is_late=True) for done in settlements if done.id in too_late]
    tries = [_try(done, now) for done in done_now if _is_worth_a_line(done)]
    if tries:
        connection.execute(_attempt, tries)
    return done_now


_SENT = State.SENT  # Python 3.11 is slow to find a member of an Enum


def _is_worth_a_line(done: Settlement) -> bool:
    return done.is_try and (done.state is not _SENT or done.attempts > 1 or done.copies > 0)


def _try(done: Settlement, now: datetime) -> dict[str, Any]:
    return {
        "of_delivery": done.id,
        "number": done.attempts,
        "at": now,
        "state": State.UNKNOWN if done.as_unknown else done.state,
        "kind": done.kind,
        "stage": done.stage,
        "code": done.code,
        "enhanced": done.enhanced,
        "words": done.words,
        "transcript": done.transcript,
    }


_attempt = insert(Attempt).values(
    delivery_id=bindparam("of_delivery"),
    # Where it was tried: re-routing moves a delivery only when nothing was tried.
    server_id=select(Delivery.server_id)
    .where(Delivery.id == bindparam("of_delivery"))
    .scalar_subquery(),
)


# A batch travels as one JSON document and is joined to the table: one statement for all of it.


def _as_row(done: Settlement, moment: Callable[[datetime], str]) -> Sequence[object]:
    return (
        done.id,
        done.state.value,
        moment(done.due_at) if done.due_at else None,
        done.attempts,
        done.copies,
        done.losses,
        done.server_id,
        done.code,
        done.enhanced,
        done.words,
        done.stage,
        done.kind,
    )


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class _Statements:
    """The same few statements, in the words of one store."""

    claim: ReturningUpdate[Any]
    give_back: TextClause
    sent: TextClause
    sent_late: TextClause
    other: TextClause
    moment: Callable[[datetime], str]


def _statements(connection: Connection) -> _Statements:
    return _on_postgresql if connection.dialect.name == "postgresql" else _on_sqlite


def _written_for(
    *,
    batch: str,
    item: Callable[[int, str], str],
    whole: str,
    moment: Callable[[datetime], str],
    passing_over: bool,
) -> _Statements:
    # Each row is found by its id. Written like this the condition fits no index: else both stores
    # would walk through all that the lane holds for every row of the batch.
    owned = "delivery.state || '' = 'sending' AND delivery.lane_id + 0 = :lane"
    this = f"delivery.id = {item(0, 'bigint')}"
    sent = f"""
        UPDATE delivery SET state = 'sent', lane_id = NULL, settled_at = :now,
            code = {item(1, "smallint")}, enhanced = {item(2, "text")}, words = {item(3, "text")},
            attempts = {item(4, "smallint")}, stage = 'body', kind = NULL
        FROM {batch} WHERE {this}"""  # noqa: S608 - made of constants only
    other = f"""
        UPDATE delivery SET state = {item(1, "text")}, lane_id = NULL,
            settled_at = CASE WHEN {item(1, "text")}
                IN ('failed', 'held', 'unknown', 'cancelled', 'suppressed') THEN :now END,
            due_at = coalesce({item(2, "timestamptz")}, due_at),
            attempts = {item(3, "smallint")}, copies = {item(4, "smallint")},
            losses = {item(5, "smallint")},
            server_id = coalesce({item(6, "integer")}, server_id),
            code = {item(7, "smallint")}, enhanced = {item(8, "text")}, words = {item(9, "text")},
            stage = {item(10, "text")}, kind = {item(11, "text")}
        FROM {batch} WHERE {this} AND {owned} RETURNING delivery.id"""  # noqa: S608
    back = f"""
        UPDATE delivery SET state = 'queued', lane_id = NULL
        FROM {batch} WHERE delivery.id = {whole} AND {owned}"""  # noqa: S608
    moment_of = bindparam("now", type_=UtcTime())
    return _Statements(
        claim=_claim(passing_over=passing_over),
        give_back=text(back),
        sent=text(f"{sent} AND {owned} RETURNING delivery.id").bindparams(moment_of),
        sent_late=text(
            f"{sent} AND delivery.state NOT IN ('sent', 'sandboxed', 'suppressed') "
            "RETURNING delivery.id"
        ).bindparams(moment_of),
        other=text(other).bindparams(moment_of),
        moment=moment,
    )


_on_sqlite = _written_for(
    batch="json_each(:rows) AS item",
    item=lambda at, _kind: f"(item.value ->> {at})",
    whole="item.value",
    moment=lambda at: at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    passing_over=False,
)
_on_postgresql = _written_for(
    batch="jsonb_array_elements(cast(:rows AS jsonb)) AS item",
    item=lambda at, kind: f"cast(item.value ->> {at} AS {kind})",
    whole="cast(item.value AS bigint)",
    moment=lambda at: at.isoformat(),
    passing_over=True,
)
