"""What a campaign's row asks for, done step by step in the background, a transaction each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from sqlalchemy import exists, or_, select, update

from portal.campaigns import campaigns, handing_over, moving, progress
from portal.campaigns.models import Campaign, CampaignState
from portal.core import clock
from portal.core.db import db
from portal.outbox.balance import LINES, PAUSED
from portal.outbox.models import IS_NOTABLE, CampaignTally, Delivery, Message
from portal.outbox.states import State


def work(campaign_id: int, *, random: Random | None = None) -> Iterator[None]:
    """Do what there is to do for one campaign; the caller commits after each step.

    Who breaks off loses at most one step; two who work at the same campaign take turns.
    """
    after, seen = 0, None
    while True:
        campaign = db.session.scalar(
            select(Campaign)
            .where(Campaign.id == campaign_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if campaign is None:
            return
        now = clock.now()
        if campaign.has_moves:
            if seen != (campaign.state, campaign.generation):
                after, seen = 0, (campaign.state, campaign.generation)
            after = moving.step(campaign, after, random=random) or 0
        elif campaign.state is CampaignState.SCHEDULED and (campaign.start_at or now) <= now:
            campaigns.begin(campaign)
        elif handing_over.is_due(campaign, now):
            handing_over.step(campaign, random=random)
        else:
            progress.finish(db.session.connection(), [campaign.id], now=now)
            yield
            return
        db.session.flush()
        yield


def to_do() -> Sequence[int]:
    """The campaigns that have something to do now, or that may be over."""
    now = clock.now()
    soon = now + handing_over.HORIZON
    _find_left_behind()
    begins = (Campaign.state == CampaignState.SCHEDULED) & (Campaign.start_at <= now)
    goes_on = (Campaign.state == CampaignState.RUNNING) & or_(
        Campaign.is_handed_over, Campaign.next_due_at <= soon
    )
    query = select(Campaign.id).where(Campaign.has_moves | begins | goes_on)
    return db.session.scalars(query.order_by(Campaign.id)).all()


def _find_left_behind() -> None:
    """A campaign that goes on has nothing that is held by a pause, and one that is over has
    nothing that waits: what was held in it may have been let go.
    """
    final = sum((getattr(CampaignTally, line) for line in LINES), CampaignTally.withdrawn)
    waits = exists().where(CampaignTally.campaign_id == Campaign.id, CampaignTally.total > final)
    db.session.execute(
        update(Campaign)
        .where(Campaign.state == CampaignState.FINISHED, waits)
        .values(state=CampaignState.RUNNING, finished_at=None)
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(Campaign)
        .where(Campaign.state == CampaignState.CANCELLED, ~Campaign.has_moves, waits)
        .values(has_moves=True)
        .execution_options(synchronize_session=False)
    )
    paused = exists().where(
        Delivery.tenant == Campaign.white_label_id,
        IS_NOTABLE,
        Delivery.state == State.HELD,
        Delivery.kind == PAUSED,
        Delivery.message_id == Message.id,
        Message.campaign_id == Campaign.id,
    )
    db.session.execute(
        update(Campaign)
        .where(Campaign.state == CampaignState.RUNNING, paused)
        .values(has_moves=True)
        .execution_options(synchronize_session=False)
    )
