"""How long a campaign stood still: its row knows only a pause that lasts, the audit trail all."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.audit.search import lately
from portal.campaigns.acting import target_of
from portal.campaigns.models import Campaign


def stood_still(campaign: Campaign, *, since: datetime) -> timedelta:
    """For how long it was paused since then; it is under way now.

    Of pauses so far back in the trail that they are not looked for any more it knows nothing.
    """
    acts = lately(
        campaign.white_label_id,
        ("campaign.paused", "campaign.resumed"),
        target=target_of(campaign),
        since=since,
    )
    still, paused_at = timedelta(0), since  # the first that is told may be the end of a pause
    for act in acts:
        if act.action == "campaign.resumed":
            still += act.at - paused_at
        paused_at = act.at
    return still
