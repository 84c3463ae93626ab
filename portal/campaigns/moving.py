"""What a change of a campaign means for its deliveries, some at a time, each in one transaction.

    paused      what waits is held, so that no lane looks at it again and again
    cancelled   what waits or is held is cancelled; what may have arrived stays unknown
    going on    what was held by the pause, and what is to be sent again, is due at its pace

Which of them is due is read from the campaign's row. Run twice or by two, nothing moves twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from random import Random, SystemRandom
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, case, exists, func, select, update

from portal.campaigns import campaigns
from portal.campaigns.models import Campaign, CampaignState
from portal.campaigns.stopping import WORDS
from portal.core import clock
from portal.core.db import db
from portal.outbox import tally, wake
from portal.outbox.accept import PATIENCE, SIMULATOR
from portal.outbox.balance import NEVER_LEARNT, PAUSED, line_of
from portal.outbox.models import Delivery, Message, Suppression
from portal.outbox.states import WAITING, State

AT_ONCE = 2000


def step(campaign: Campaign, after: int, *, random: Random | None = None) -> int | None:
    """Move the next deliveries behind this id; the last one's id, None when there were no more.

    The caller has locked the campaign's row, and commits.
    """
    rows = _next(campaign, after)
    if rows:
        match campaign.state:
            case CampaignState.PAUSED:
                _set(rows, state=State.HELD, kind=PAUSED, words=str(WORDS))
            case CampaignState.CANCELLED:
                _set(rows, state=State.CANCELLED, kind=None, words=None)
                _count(campaign, rows, becomes="cancelled")
            case _:
                _let_go(campaign, rows, random or SystemRandom())
                _count(campaign, rows, becomes=None)
    if len(rows) < AT_ONCE:
        campaign.has_moves = False
        if campaign.state is CampaignState.RUNNING:
            # Paused in the middle of sending again, it goes on with that afterwards.
            campaign.resend_before = None
        db.session.flush()
        return None
    return int(rows[-1].id)


def _next(campaign: Campaign, after: int) -> Sequence[Row[*tuple[Any, ...]]]:
    first, last = campaign.first_delivery_id, campaign.last_delivery_id
    if first is None or last is None:
        return []
    messages = select(Message.id).where(Message.campaign_id == campaign.id)
    message_id: ColumnElement[int] = Delivery.message_id.expression
    if db.engine.dialect.name == "sqlite" and _is_walked(campaign, first, last):
        message_id = message_id + 0  # of an expression there is no index
    query = (
        select(Delivery.id, Delivery.message_id, Delivery.state, Delivery.kind)
        .where(
            Delivery.id > max(after, first - 1),
            Delivery.id <= last,
            message_id.in_(db.session.scalars(messages).all()),
            _moves(campaign),
        )
        .order_by(Delivery.id)
        .limit(AT_ONCE)
        .with_for_update()
    )
    return db.session.execute(query).all()


def _is_walked(campaign: Campaign, first: int, last: int) -> bool:
    """Whether to look for the next ones id by id instead of by their messages.

    By its messages SQLite reads and sorts the whole campaign in each step. By id it reads what lies
    between the next ones, which is little unless the campaign is one among many.
    """
    return AT_ONCE * (last - first + 1) < campaign.position**2


def _moves(campaign: Campaign) -> ColumnElement[bool]:
    """The deliveries that are concerned."""
    held_here = (Delivery.state == State.HELD) & Delivery.kind.is_not_distinct_from(PAUSED)
    unknown = (Delivery.state == State.UNKNOWN) | (
        (Delivery.state == State.HELD) & Delivery.kind.is_not_distinct_from(NEVER_LEARNT)
    )
    match campaign.state:
        case CampaignState.PAUSED:
            return Delivery.state.in_(WAITING)
        case CampaignState.CANCELLED:
            held = (Delivery.state == State.HELD) & ~unknown
            return Delivery.state.in_(WAITING) | held
        case _ if campaign.resend_before is None:
            return held_here
        case _:
            ended = Delivery.state == State.FAILED
            if campaign.resends_unknown:
                ended |= unknown
            is_unwanted = exists().where(
                Suppression.white_label_id == Delivery.tenant,
                Suppression.address == func.lower(Delivery.email),
            )
            again = ended & (Delivery.settled_at <= campaign.resend_before) & ~is_unwanted
            return held_here | again


def _set(rows: Sequence[Row[*tuple[Any, ...]]], **values: object) -> None:
    db.session.execute(
        update(Delivery)
        .where(Delivery.id.in_([row.id for row in rows]))
        .values(settled_at=clock.now(), **values)
        .execution_options(synchronize_session=False)
    )


def _let_go(campaign: Campaign, rows: Sequence[Row[*tuple[Any, ...]]], random: Random) -> None:
    """On their way again, one after the other at the campaign's pace."""
    now = clock.now()
    dues = campaigns.pace_of(campaign).dues(max(now, campaign.next_due_at or now), random)
    moves = [
        {
            "of_delivery": row.id,
            "then": due,
            "becomes": State.SCHEDULED if due > now else State.QUEUED,
            "again": row.kind != PAUSED,
            "copy": line_of(row.state, row.kind) == "unknown",
        }
        for row, due in zip(rows, dues, strict=False)
    ]
    connection = db.session.connection()
    resumed = [move for move in moves if not move["again"]]
    resent = [move for move in moves if move["again"]]
    if resumed:
        connection.execute(_goes_on, resumed)
    if resent:
        connection.execute(_again, resent)
    last: datetime = moves[-1]["then"]
    campaign.next_due_at = next(dues)
    db.session.execute(
        update(Message)
        .where(
            Message.id.in_({row.message_id for row in rows}),
            Message.give_up_at < last + PATIENCE,
        )
        .values(give_up_at=last + PATIENCE)
        .execution_options(synchronize_session=False)
    )
    wake.tell(connection)


_goes_on = (
    update(Delivery)
    .where(Delivery.id == bindparam("of_delivery"))
    .values(
        state=bindparam("becomes", type_=Delivery.state.type),
        due_at=bindparam("then", type_=Delivery.due_at.type),
        kind=None,
        words=None,
        settled_at=None,
    )
)
# By the route that the message has now; a second copy of what may have arrived is marked as one.
_again = _goes_on.values(
    server_id=case(
        (Delivery.server_id == SIMULATOR, SIMULATOR),
        else_=select(Message.server_id)
        .where(Message.id == Delivery.message_id)
        .correlate(Delivery)
        .scalar_subquery(),
    ),
    attempts=0,
    losses=0,
    copies=case((bindparam("copy"), Delivery.copies + 1), else_=Delivery.copies),
    code=None,
    enhanced=None,
    stage=None,
)


def _count(
    campaign: Campaign, rows: Sequence[Row[*tuple[Any, ...]]], *, becomes: str | None
) -> None:
    """Out of the lines they stood in, into another or none."""
    lines: Counter[str] = Counter()
    for row in rows:
        if (line := line_of(row.state, row.kind)) is not None:
            lines[line] -= 1
        if becomes is not None:
            lines[becomes] += 1
    tally.add(db.session.connection(), campaign.id, lines)
