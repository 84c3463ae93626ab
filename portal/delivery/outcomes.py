"""What becomes of a delivery after a try: the state machine's answer to the server's.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import assert_never

from portal.core.words import kept, lazy
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.states import Category, State
from portal.smtp.protocol import Fate, NotSent, Unknown
from portal.smtp.replies import Failed, Kind, Reply, Sent, ServerFault, Stage, TryAgain

BACK_OFF = (1, 2, 4, 8, 15, 30, 60)
"""Minutes until the next try after the first, second, … ; hourly from then on."""
SPREAD = 0.2
"""So that what was turned away together does not come back together."""
SOON = timedelta(seconds=1)
"""Until a copy is sent after a lost answer, or a message is tried again that stepped aside."""
NEVER_LEARNT = lazy("It was handed over, but whether the server took it was never learnt.")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a message says about how its deliveries are tried."""

    category: Category
    give_up_at: datetime
    copies: int  # allowed after an outcome that could not be learnt
    campaign: int | None = None  # in whose balance sheet they stand


def settlement(
    row: Claimed, fate: Fate, stage: Stage, *, terms: Terms, now: datetime, random: Random
) -> Settlement | None:
    """What the delivery becomes. None: it was not begun and goes back as it was."""
    match fate:
        case Sent(reply):
            return taken(row, reply)
        case Failed(kind, reply):
            return _done(row, State.FAILED, stage, reply, kind)
        case TryAgain(kind, reply, wait):
            return _deferred(row, stage, kind, reply, wait, terms, now, random)
        case ServerFault(Kind.SENDER, reply):
            # The pair of server and sender is parked; this one waits with the others.
            return _kept(row, State.HELD, stage, "sender_refused", reply)
        case ServerFault() as fault if stage is not Stage.MAIL:
            return _stepped_aside(row, stage, fault, terms, now, random)
        case NotSent(why) if stage is not Stage.MAIL:
            return _stepped_aside(row, stage, why, terms, now, random)
        case ServerFault(kind, reply):
            # Not this message's fault: no attempt is charged, and it keeps its place.
            return _kept(row, State.QUEUED, stage, kind, reply)
        case Unknown():
            return unknown(row, terms=terms, now=now)
        case NotSent():
            return None
        case _:
            assert_never(fate)


def taken(row: Claimed, reply: Reply) -> Settlement:
    """The server has it."""
    return _done(row, State.SENT, Stage.BODY, reply)


def unknown(row: Claimed, *, terms: Terms, now: datetime) -> Settlement:
    """The dot left and the answer is lost: one more copy, marked as such, or a person decides."""
    may_repeat = row.copies < terms.copies
    return Settlement(
        row.id,
        State.QUEUED if may_repeat else State.HELD,
        attempts=row.attempts + 1,
        copies=row.copies + 1 if may_repeat else row.copies,
        losses=row.losses,
        due_at=now + SOON if may_repeat else None,
        words=kept(NEVER_LEARNT),
        stage=Stage.BODY,
        kind="unknown",
        as_unknown=True,
    )


def back_off(attempts: int, random: Random) -> timedelta:
    """How long to wait after so many tries."""
    minutes = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
    return timedelta(minutes=minutes * random.uniform(1 - SPREAD, 1 + SPREAD))


def _stepped_aside(
    row: Claimed, stage: Stage, fault: ServerFault, terms: Terms, now: datetime, random: Random
) -> Settlement:
    """The server is at fault, but perhaps it is this very message that it stumbles over: others go
    first. Nothing is charged, unless its time is up."""
    if now > terms.give_up_at:
        return _deferred(row, stage, fault.kind, fault.reply, None, terms, now, random)
    aside = _kept(row, State.DEFERRED, stage, fault.kind, fault.reply)
    return aside._replace(due_at=now + SOON)


def _deferred(
    row: Claimed,
    stage: Stage,
    kind: Kind,
    reply: Reply | None,
    wait: int | None,
    terms: Terms,
    now: datetime,
    random: Random,
) -> Settlement:
    pause = back_off(row.attempts + 1, random)
    if wait is not None:
        pause = timedelta(seconds=wait * random.uniform(1, 1 + SPREAD))
    due_at = now + pause
    # However long it had to wait for its server, it was tried for a while before it is given up.
    if due_at > terms.give_up_at and row.attempts + 1 >= len(BACK_OFF):
        return _done(row, State.FAILED, stage, reply, "expired")
    return _done(row, State.DEFERRED, stage, reply, kind, due_at)


def _done(
    row: Claimed,
    state: State,
    stage: Stage,
    reply: Reply | None,
    kind: str | None = None,
    due_at: datetime | None = None,
) -> Settlement:
    """A try that counts."""
    return Settlement(
        row.id,
        state,
        attempts=row.attempts + 1,
        copies=row.copies,
        losses=row.losses,
        due_at=due_at,
        code=reply.code if reply else None,
        enhanced=reply.enhanced if reply else None,
        words=reply.text if reply else None,
        stage=stage,
        kind=kind,
    )


def _kept(row: Claimed, state: State, stage: Stage, kind: str, reply: Reply | None) -> Settlement:
    """A try that the message is not charged for."""
    return Settlement(
        row.id,
        state,
        attempts=row.attempts,
        copies=row.copies,
        losses=row.losses,
        code=reply.code if reply else None,
        enhanced=reply.enhanced if reply else None,
        words=reply.text if reply else None,
        stage=stage,
        kind=kind,
    )
