"""A campaign that must not send: what a lane does with a delivery of it that it has claimed.

Pausing and cancelling change one row, and so hold at once: every lane looks at it when it claims.
The campaign's waiting deliveries follow step by step (`moving`).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from portal.campaigns.models import Campaign, CampaignState
from portal.core.db import db
from portal.core.words import kept, lazy
from portal.outbox.balance import PAUSED
from portal.outbox.claims import Settlement
from portal.outbox.states import State

STOPPED: Collection[CampaignState] = (CampaignState.PAUSED, CampaignState.CANCELLED)
WORDS = lazy("The campaign is paused.")


def stop_of(campaign_id: int | None) -> Settlement | None:
    """What becomes of a delivery of this campaign instead of being sent; None: it may go.

    The settlement is for delivery 0: the caller writes in which one is meant.
    """
    if campaign_id is None:
        return None
    # Whoever lets it go on waits until what is decided here is written, and then moves that too.
    query = select(Campaign.state).where(Campaign.id == campaign_id).with_for_update(read=True)
    match db.session.scalar(query):
        case CampaignState.PAUSED:
            return Settlement(0, State.HELD, kind=PAUSED, words=kept(WORDS))
        case CampaignState.CANCELLED:
            return Settlement(0, State.CANCELLED)
        case _:
            return None
