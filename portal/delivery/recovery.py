"""Settling what dead workers left: nothing is lost, and at most one message a lane is in doubt.

1. Workers of this folder whose lock nobody holds are dead; workers of other machines are when
   their lease has run out.
2. For each lane they had, the journal is read. How much it may be believed depends:

       same boot      all of it: it has every dot that left
       another boot   its good news only: lines may be missing, so silence proves nothing
       elsewhere      it is not there

3. A reply counts as if the lane had settled it. A dot without reply is unknown. What was not
   handed over goes back; what was in hand when the end came is counted, and the second time held
   as poison.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from random import SystemRandom

from sqlalchemy import exists, select
from sqlalchemy.engine import Connection

from portal.core.logs import logger
from portal.core.words import kept, lazy
from portal.delivery import mails, outcomes, register, settling
from portal.delivery.journal import NOTHING, Recollection, path_of, recall
from portal.delivery.models import Lane, Worker
from portal.delivery.outcomes import Terms
from portal.delivery.settling import Result
from portal.delivery.store import Store
from portal.outbox import claims
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.states import State
from portal.smtp.replies import Stage, classify

DEADLY = 2
"""Workers that a message may take down before it is put aside."""
POISON = lazy("Two workers died while they had this message in hand; somebody should look at it.")


class Trust(Enum):
    """How far a journal is believed."""

    WHOLE = "whole"
    GOOD_NEWS = "good news"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Found:
    """A worker that may be dead."""

    id: int
    folder: str
    boot_id: str
    heartbeat_at: datetime
    lease_until: datetime


def settle_the_dead(
    store: Store,
    *,
    folder: Path,
    mark: str,
    boot: str,
    worker_id: int,
    heard: dict[int, datetime],
    now: Callable[[], datetime],
) -> int:
    """Do it for every dead worker that can be known to be dead; how many deliveries that were.

    `heard` keeps from one call to the next when each was last heard of: who still beats is alive,
    whatever a clock that was set says of its lease.
    """
    total = 0
    others = store.read(lambda connection: _others(connection, worker_id))
    for dead in others:
        if dead.folder == mark:
            total += _settle_neighbour(store, dead, folder, boot, now())
        elif dead.lease_until < now() and heard.get(dead.id) == dead.heartbeat_at:
            total += _settle_worker(store, dead, folder, Trust.NONE, now())
    heard.clear()
    heard.update({other.id: other.heartbeat_at for other in others})
    return total


def _settle_neighbour(store: Store, dead: Found, folder: Path, boot: str, now: datetime) -> int:
    """Of this folder: if nobody holds its lock, and its journals can be read."""
    try:
        heirloom = register.Alive.taken_over(folder, dead.id)
        if heirloom is None:
            return 0
        trust = Trust.WHOLE if dead.boot_id == boot else Trust.GOOD_NEWS
        try:
            return _settle_worker(store, dead, folder, trust, now)
        finally:
            heirloom.let_go()
    except OSError as fault:
        logger("delivery").error("cannot_bury_worker", worker=dead.id, fault=str(fault))
        return 0


def _others(connection: Connection, worker_id: int) -> list[Found]:
    """Who has not signed off; and who has, but a lane that it had given up came into the books only
    then: it would count as a connection to its server for ever."""
    has_lanes = exists().where(Lane.worker_id == Worker.id)
    rows = connection.execute(
        select(Worker.id, Worker.folder, Worker.boot_id, Worker.heartbeat_at, Worker.lease_until)
        .where(Worker.id != worker_id, Worker.ended_at.is_(None) | has_lanes)
        .order_by(Worker.id)
    )
    return [Found(*row) for row in rows]


def _settle_worker(store: Store, dead: Found, folder: Path, trust: Trust, now: datetime) -> int:
    count = 0
    for lane_id, server_id in store.read(lambda c: register.lanes_of(c, dead.id)):
        count += bury(store, folder, lane_id, server_id, trust=trust, now=now)
    store.write(lambda connection: register.sign_off(connection, dead.id, now=now))
    logger("delivery").warning("worker_buried", worker=dead.id, trust=trust.value, settled=count)
    return count


def bury(
    store: Store,
    folder: Path,
    lane_id: int,
    server_id: int,
    *,
    trust: Trust,
    now: datetime,
    is_deadly: bool = True,
) -> int:
    """Settle what one dead lane had claimed, and remove its row and journal.

    `is_deadly` counts what it had in hand as suspect; not so when the lane was ended on purpose.
    """
    path = path_of(folder, lane_id)
    told = NOTHING if trust is Trust.NONE else recall(path)

    def work(connection: Connection) -> int:
        register.close_lane(connection, lane_id)  # first: it claims nothing more
        rows = claims.held_by(connection, lane_id)
        terms = mails.terms_of(connection, {row.message_id for row in rows})
        fates = [
            _fate(row, told, trust, terms[row.message_id], now, is_deadly=is_deadly) for row in rows
        ]
        results = [
            Result(fate, row.tenant, terms[row.message_id].campaign)
            for row, fate in zip(rows, fates, strict=True)
        ]
        settling.write(connection, lane_id=lane_id, server_id=server_id, results=results, now=now)
        return len(rows)

    count = store.write(work)
    if trust is not Trust.NONE:
        path.unlink(missing_ok=True)
    return count


def _fate(
    row: Claimed, told: Recollection, trust: Trust, terms: Terms, now: datetime, *, is_deadly: bool
) -> Settlement:
    """What one claimed delivery becomes."""
    reply = told.replies.get(row.id)
    if reply is not None and (trust is Trust.WHOLE or reply.is_positive):
        verdict = classify(reply, Stage.BODY)
        settled = outcomes.settlement(
            row, verdict, Stage.BODY, terms=terms, now=now, random=SystemRandom()
        )
        assert settled is not None
        return settled
    if trust is not Trust.WHOLE or row.id in told.dots:
        return outcomes.unknown(row, terms=terms, now=now)

    losses = row.losses + (1 if is_deadly and row.id in told.killed_by() else 0)
    back = Settlement(
        row.id,
        State.QUEUED,
        attempts=row.attempts,
        copies=row.copies,
        losses=losses,
        is_try=False,
    )
    if losses >= DEADLY:
        return back._replace(state=State.HELD, kind="poison", words=kept(POISON))
    return back
