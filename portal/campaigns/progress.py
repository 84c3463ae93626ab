"""What a settled batch means for its campaigns: the balance sheet, the hours, and the end.

Called in the transaction that settles, with what really changed; a handful of statements for each
campaign in the batch, however large either is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from portal.campaigns.models import Campaign, CampaignHour, CampaignState
from portal.core.db import adding
from portal.outbox import tally
from portal.outbox.balance import LINES, line_of
from portal.outbox.claims import Settlement
from portal.outbox.models import CampaignTally
from portal.outbox.states import State

COUNTED = (State.SENT, State.FAILED, State.DEFERRED, State.HELD)
"""What a report shows by the hour."""


def settled(
    connection: Connection,
    server_id: int,
    done: Iterable[tuple[int | None, Settlement]],
    *,
    now: datetime,
) -> None:
    """Count what became of these deliveries of these campaigns."""
    batches: dict[int, list[Settlement]] = defaultdict(list)
    for campaign_id, settlement in done:
        if campaign_id is not None:
            batches[campaign_id].append(settlement)
    # In one order everywhere, so that two lanes never wait for each other.
    for campaign_id, batch in sorted(batches.items()):
        _count(connection, campaign_id, batch)
        _count_by_hour(connection, campaign_id, server_id, batch, now)
    finish(connection, batches, now=now)


def finish(connection: Connection, campaign_ids: Iterable[int], *, now: datetime) -> None:
    """A campaign ends when everybody is in the outbox and nobody waits there any more."""
    ids = sorted(campaign_ids)
    if not ids:
        return
    final = sum((getattr(CampaignTally, line) for line in LINES), CampaignTally.withdrawn)
    is_over = select(CampaignTally.campaign_id).where(final == CampaignTally.total)
    connection.execute(
        update(Campaign)
        .where(
            Campaign.id.in_(ids),
            Campaign.state == CampaignState.RUNNING,
            Campaign.is_handed_over,
            ~Campaign.has_moves,
            Campaign.id.in_(is_over),
        )
        .values(state=CampaignState.FINISHED, finished_at=now)
    )


def _count(connection: Connection, campaign_id: int, batch: Sequence[Settlement]) -> None:
    if any(one.is_late for one in batch):
        # It stood in another line before, and which one is not known any more.
        tally.count_anew(connection, [campaign_id])
        return
    lines = Counter(line for one in batch if (line := line_of(one.state, one.kind)) is not None)
    tally.add(connection, campaign_id, lines)


def _count_by_hour(
    connection: Connection,
    campaign_id: int,
    server_id: int,
    batch: Sequence[Settlement],
    now: datetime,
) -> None:
    upsert = _more_in_hour[connection.dialect.name]
    outcomes = Counter(
        one.state.value
        for one in batch
        if one.state in COUNTED and (one.state is not State.HELD or line_of(one.state, one.kind))
    )
    for outcome, count in sorted(outcomes.items()):
        row = {
            "campaign_id": campaign_id,
            "hour": now.replace(minute=0, second=0, microsecond=0),
            "server_id": server_id,
            "outcome": outcome,
            "count": count,
        }
        connection.execute(upsert, row)


_more_in_hour = adding(CampaignHour, "count")
