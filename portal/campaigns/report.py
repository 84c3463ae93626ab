"""How a campaign went: by the hour, by the server, and what it was refused with.

Hours and servers are read from counters, refusals from the index of what did not simply leave: none
of it costs more the more was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from portal.campaigns.models import Campaign, CampaignHour
from portal.core.db import db
from portal.outbox.hours import Hour
from portal.outbox.models import IS_NOTABLE, Delivery, Message
from portal.outbox.states import State
from portal.smtp_settings.models import SmtpServer

LOOKED_AT = 10_000
"""Failures that refusals are counted among: the newest."""


@dataclass(frozen=True, slots=True)
class ServerCount:
    """What one server did. A mail that comes back later is told to the server's own user."""

    server: SmtpServer | None  # None: the simulator's addresses
    sent: int = 0
    failed: int = 0
    deferred: int = 0

    @property
    def is_custom(self) -> bool:
        """Bounces go to the white label's own server."""
        return self.server is not None and not self.server.is_platform

    @property
    def soft_bounces(self) -> int | None:
        """None is "not tracked", which is not the same as none."""
        return None

    @property
    def hard_bounces(self) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class Refused:
    """One kind of refusal, with the words of one of them."""

    code: int | None
    enhanced: str | None
    kind: str | None
    words: str | None  # the server's
    count: int


def hours(campaign: Campaign) -> list[Hour]:
    """From the first hour in which something was settled to the last, quiet ones left out."""
    rows = db.session.execute(
        select(CampaignHour.hour, CampaignHour.outcome, func.sum(CampaignHour.count))
        .where(CampaignHour.campaign_id == campaign.id)
        .group_by(CampaignHour.hour, CampaignHour.outcome)
        .order_by(CampaignHour.hour)
    )
    counted: dict[datetime, dict[str, int]] = {}
    for hour, outcome, count in rows:
        counted.setdefault(hour, {})[outcome] = int(count)
    return [Hour(hour, **counts) for hour, counts in counted.items()]


def by_server(campaign: Campaign) -> list[ServerCount]:
    """The servers that carried it, the busiest first."""
    rows = db.session.execute(
        select(CampaignHour.server_id, CampaignHour.outcome, func.sum(CampaignHour.count))
        .where(CampaignHour.campaign_id == campaign.id)
        .group_by(CampaignHour.server_id, CampaignHour.outcome)
    )
    counted: dict[int, dict[str, int]] = {}
    for server_id, outcome, count in rows:
        if outcome in ("sent", "failed", "deferred"):
            counted.setdefault(server_id, {})[outcome] = int(count)
    servers = {
        server.id: server
        for server in db.session.scalars(select(SmtpServer).where(SmtpServer.id.in_(counted)))
    }
    shown = [ServerCount(servers.get(number), **counts) for number, counts in counted.items()]
    return sorted(shown, key=lambda one: -one.sent)


def refusals(campaign: Campaign, *, most: int = 10) -> Sequence[Refused]:
    """What it was refused with, the most frequent first."""
    newest = (
        select(Delivery.code, Delivery.enhanced, Delivery.kind, Delivery.words)
        .join(Message, Message.id == Delivery.message_id)
        .where(
            IS_NOTABLE,
            Delivery.tenant == campaign.white_label_id,
            Delivery.state == State.FAILED,
            # The sum keeps the store to the index of what did not simply leave.
            Delivery.id + 0 >= (campaign.first_delivery_id or 0),
            Delivery.id + 0 <= (campaign.last_delivery_id or 0),
            Message.campaign_id == campaign.id,
        )
        .order_by(Delivery.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    count = func.count()
    rows = db.session.execute(
        select(newest.c.code, newest.c.enhanced, newest.c.kind, func.max(newest.c.words), count)
        .group_by(newest.c.code, newest.c.enhanced, newest.c.kind)
        .order_by(count.desc(), newest.c.code)
        .limit(most)
    )
    return [Refused(*row) for row in rows]
