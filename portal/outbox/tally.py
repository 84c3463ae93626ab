"""Counting how the deliveries of a campaign stand, without a page ever counting the big table.

What a lane settles is added batch by batch, and so is what one statement moves from one line to
another. Where the line they stood in is not known (releasing or cancelling by hand, a 250 that
came late) the campaign is counted anew in the same transaction: rare, and then exact.

On PostgreSQL both take the tally's row first or last: who counts anew has locked it before it
looks, so what others have settled is either seen or added afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import func, select, update
from sqlalchemy.engine import Connection

from portal.core.db import db
from portal.outbox.balance import LINES, Balance, line_of
from portal.outbox.models import CampaignTally, Delivery, Message
from portal.outbox.states import State


def begin(campaign_id: int, total: int) -> None:
    """A campaign is launched to so many people."""
    db.session.merge(CampaignTally(campaign_id=campaign_id, total=total))
    db.session.flush()


def add(connection: Connection, campaign_id: int, changes: Mapping[str, int]) -> None:
    """Count so many more (or fewer) in these columns."""
    wanted = {name: number for name, number in changes.items() if number}
    if wanted:
        connection.execute(
            update(CampaignTally)
            .where(CampaignTally.campaign_id == campaign_id)
            .values({name: getattr(CampaignTally, name) + n for name, n in wanted.items()})
        )


ITS_CAMPAIGN = (
    select(Message.campaign_id)
    .where(Message.id == Delivery.message_id)
    .correlate(Delivery)
    .scalar_subquery()
)
"""For `RETURNING`: the campaign of a delivery that is moved; None if it belongs to none."""


def add_moved(
    connection: Connection, campaigns: Iterable[int | None], line: str | None, *, by: int = 1
) -> None:
    """As many deliveries as these have come into this line out of none, or with -1 have left it.

    A campaign is named once for each of its deliveries, see `ITS_CAMPAIGN`.
    """
    if line is None:
        return
    counts = Counter(number for number in campaigns if number is not None)
    # In one order everywhere, so that two lanes never wait for each other.
    for campaign_id, count in sorted(counts.items()):
        add(connection, campaign_id, {line: by * count})


def count_anew(connection: Connection, campaigns: Iterable[int | None]) -> None:
    """Count these campaigns' deliveries as they are in this transaction."""
    for campaign_id in sorted({number for number in campaigns if number is not None}):
        locked = select(CampaignTally.campaign_id).where(CampaignTally.campaign_id == campaign_id)
        connection.execute(locked.with_for_update())
        rows = connection.execute(
            select(Delivery.state, Delivery.kind, func.count())
            .join(Message, Message.id == Delivery.message_id)
            .where(Message.campaign_id == campaign_id)
            .group_by(Delivery.state, Delivery.kind)
        )
        lines = dict.fromkeys(LINES, 0)
        launched = 0
        for state, kind, count in rows:
            launched += count
            if (line := line_of(state, kind)) is not None:
                lines[line] += count
        connection.execute(
            update(CampaignTally)
            .where(CampaignTally.campaign_id == campaign_id)
            .values(launched=launched, **lines)
        )


def balances(campaign_ids: Collection[int]) -> dict[int, Balance]:
    """The balance sheets of these campaigns; one that was never launched has none."""
    rows = db.session.scalars(
        select(CampaignTally)
        .where(CampaignTally.campaign_id.in_(campaign_ids))
        .execution_options(populate_existing=True)
    )
    return {row.campaign_id: _balance(row) for row in rows}


def _balance(row: CampaignTally) -> Balance:
    lines = {line: getattr(row, line) for line in LINES}
    lines["cancelled"] += row.withdrawn
    return Balance(total=row.total, unsubscribed=row.unsubscribed, **lines)


def is_counted(state: State, kind: str | None) -> bool:
    """Whether a delivery that becomes this stands in a line of the balance sheet."""
    return line_of(state, kind) is not None
