"""What every act on a campaign begins and ends with."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from portal.audit import trail
from portal.campaigns.models import Campaign, CampaignState
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _


def locked(campaign: Campaign) -> Campaign:
    """As it is now, and nobody else changes it until this transaction ends.

    Raises:
        NotFound: somebody has just thrown the draft away.
    """
    its = select(Campaign).where(Campaign.id == campaign.id).with_for_update()
    found = db.session.scalar(its.execution_options(populate_existing=True))
    if found is None:
        raise NotFound(_("campaign"))
    return found


def refuse_unless(campaign: Campaign, state: CampaignState, code: str, words: str) -> None:
    """Refuse with these words what can be done in this state alone."""
    if campaign.state is not state:
        raise Refusal(code, words)


def told(campaign: Campaign, what: str, facts: Mapping[str, object] | None = None) -> None:
    """For the audit trail."""
    target = f"{target_of(campaign)}{campaign.name}"
    trail.record(campaign.white_label_id, f"campaign.{what}", target, facts or {})


def target_of(campaign: Campaign) -> str:
    """What everything that was ever told of it begins with; its name follows, and may change."""
    return f"campaign {campaign.public_id} "
