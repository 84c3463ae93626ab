"""Mail whose route is no longer what it was decided on: decided again, by the same rule.

Implicit mail finds its new way, explicit mail is held with the reason. Either is an event of the
message, so that the log can tell why it left elsewhere or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from random import SystemRandom
from typing import Any

from sqlalchemy import update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from portal.campaigns import stopping
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.core.words import _, kept
from portal.delivery import settling
from portal.delivery.settling import Result
from portal.delivery.works import Load, Works
from portal.outbox import accept, claims, tally, wake
from portal.outbox.again import decide_again
from portal.outbox.balance import line_of
from portal.outbox.claims import Settlement
from portal.outbox.models import IS_WAITING, Delivery, Event, Message
from portal.outbox.states import State
from portal.routing import explain
from portal.routing.decide import Facts, NoRoute, Route

AT_ONCE = 20
"""Messages in one transaction: on SQLite nobody else writes meanwhile."""


def again(works: Works, lane_id: int, server_id: int, loads: Sequence[Load]) -> None:
    """Find a new way for these claimed deliveries, or hold them; the lane has none of them after.

    What cannot be done now (the store is away) goes back and is found again.
    """
    ordered = sorted(loads, key=lambda load: load.row.message_id)
    by_message = [list(same) for _id, same in groupby(ordered, lambda load: load.row.message_id)]
    for at in range(0, len(by_message), AT_ONCE):
        try:
            with works.context():
                connection = db.session.connection()
                for same in by_message[at : at + AT_ONCE]:
                    _decide_again(connection, lane_id, server_id, same, works.moments.now())
                wake.tell(connection)
                db.session.commit()
        except DBAPIError as fault:
            logger("delivery").warning("reroute_failed", fault=str(fault.orig))
            left = [load.row.id for same in by_message[at:] for load in same]
            works.store.write(partial(claims.give_back, lane_id=lane_id, ids=left))
            return


class _Stay(SystemRandom):
    """A draw that stays where it fell, as long as that server is among those to draw from."""

    def __init__(self, server_id: int | None) -> None:
        super().__init__()
        self.server_id = server_id

    def choices(self, population: Any, *args: Any, **kwargs: Any) -> list[Any]:
        present = [route for route in population if route.server == self.server_id]
        return present or super().choices(population, *args, **kwargs)


def _decide_again(
    connection: Connection, lane_id: int, server_id: int, loads: Sequence[Load], now: datetime
) -> None:
    """One message."""
    message = db.session.get_one(Message, loads[0].row.message_id, populate_existing=True)
    stop = stopping.stop_of(message.campaign_id)
    if stop is not None:
        stopped = [_moved(load, stop._replace(id=load.row.id)) for load in loads]
        settling.write(connection, lane_id=lane_id, server_id=server_id, results=stopped, now=now)
        return
    try:
        decision, facts = decide_again(message, random=_Stay(message.server_id))
    except Refusal as refusal:
        _hold(connection, lane_id, server_id, message, loads, refusal.code, refusal.words, now)
        return
    if not isinstance(decision, Route):
        code = decision.code if isinstance(decision, NoRoute) else "no_server"
        words = explain.answer(decision, facts)
        _hold(connection, lane_id, server_id, message, loads, code, words, now)
        return
    _send_on(connection, lane_id, server_id, message, loads, decision, facts, now)


def _send_on(
    connection: Connection,
    lane_id: int,
    server_id: int,
    message: Message,
    loads: Sequence[Load],
    decision: Route,
    facts: Facts,
    now: datetime,
) -> None:
    """The message has a way: the old one under new facts, or another one."""
    before = (message.server_id, message.from_email)
    accept.apply(message, decision, facts)
    db.session.flush()
    if before != (decision.server, message.from_email):
        words = _("Routed anew: %(answer)s", answer=explain.answer(decision, facts))
        db.session.add(Event(message_id=message.id, at=now, kind="rerouted", words=words))
    if decision.server != server_id:
        connection.execute(
            update(Delivery)
            .where(Delivery.message_id == message.id, Delivery.server_id == server_id, IS_WAITING)
            .values(server_id=decision.server)
        )
    moved = [
        _moved(load, Settlement(load.row.id, State.QUEUED, server_id=decision.server))
        for load in loads
    ]
    settling.write(connection, lane_id=lane_id, server_id=server_id, results=moved, now=now)


def _hold(
    connection: Connection,
    lane_id: int,
    server_id: int,
    message: Message,
    loads: Sequence[Load],
    code: str,
    words: str,
    now: datetime,
) -> None:
    """There is no way: a person decides, or what caused it is mended."""
    db.session.add(Event(message_id=message.id, at=now, kind="held", words=words))
    db.session.flush()
    with_it = connection.execute(
        update(Delivery)
        .where(Delivery.message_id == message.id, Delivery.server_id == server_id, IS_WAITING)
        .values(state=State.HELD, kind=code, words=words, settled_at=now)
    )
    campaigns = [message.campaign_id] * with_it.rowcount
    tally.add_moved(connection, campaigns, line_of(State.HELD, code))
    held = [
        _moved(load, Settlement(load.row.id, State.HELD, kind=code, words=kept(words)))
        for load in loads
    ]
    settling.write(connection, lane_id=lane_id, server_id=server_id, results=held, now=now)


def _moved(load: Load, settlement: Settlement) -> Result:
    """Nothing was tried, so nothing is counted against the delivery."""
    row = load.row
    return Result(
        settlement._replace(
            attempts=row.attempts,
            copies=row.copies,
            losses=row.losses,
            is_try=False,
        ),
        row.tenant,
        load.mail.terms.campaign,
    )
