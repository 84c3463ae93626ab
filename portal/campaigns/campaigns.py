"""Campaigns: launched, paused, taken back, sent again; and how they stand.

An act changes the campaign's row and nothing else, so it is done at once however many people the
campaign has. What follows from it for them is done step by step in the background (`steps`); a
delivery that a lane claims meanwhile is judged by the row (`stopping`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import func, select

from portal.accounts.models import Person
from portal.campaigns.acting import locked, refuse_unless, told
from portal.campaigns.drafts import template_of
from portal.campaigns.models import Audience, Campaign, CampaignHour, CampaignState
from portal.campaigns.pace import Pace
from portal.campaigns.pauses import stood_still
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import Refusal
from portal.core.words import _, kept
from portal.mail_templates import templates
from portal.outbox import acts, tally
from portal.outbox.accept import FARTHEST
from portal.outbox.balance import Balance
from portal.outbox.models import IS_NOTABLE, Delivery, Message
from portal.outbox.states import State
from portal.routing import explain
from portal.routing.decide import Facts, NoRoute
from portal.routing.draws import Draw, draws
from portal.routing.facts import Ask, gather


def pace_of(campaign: Campaign) -> Pace:
    """How fast it goes."""
    return Pace(campaign.pace, campaign.per_hour, campaign.min_delay, campaign.max_delay)


def ways_of(campaign: Campaign) -> tuple[Facts, list[Draw]]:
    """The servers its mail may leave by, each with its weight, under the facts of now.

    Raises:
        Refusal: its sender or app is not there any more.
    """
    facts = gather(
        Ask(
            white_label_id=campaign.white_label_id,
            app_id=campaign.app_id,
            author_id=campaign.author_id,
            agent_id=campaign.author_id if campaign.app_id is None else None,
            sender=campaign.sender_id,
            template_id=campaign.template_id,
        )
    )
    return facts, draws(facts)


def launch(campaign: Campaign, *, by: Person | None) -> None:
    """Let it go: now, or at its time. The template's version of this moment is what is sent.

    The caller asks for the work ("campaign") when this is committed.

    Raises:
        Refusal: something is missing, or there is no way out; `field` says where.
    """
    campaign = locked(campaign)
    refuse_unless(campaign, CampaignState.DRAFT, "not_a_draft", _("It is launched already."))
    if campaign.template is None:
        raise Refusal("template_missing", _("Choose a template."), field="template")
    if campaign.audience is not None:
        # Whoever deletes it at this moment waits, and finds that it is in use.
        lock(campaign.audience)
    if campaign.audience is None or campaign.audience.deleted_at is not None:
        raise Refusal("audience_missing", _("Choose an audience."), field="audience")
    if not campaign.audience.size:
        raise Refusal("audience_empty", _("There is nobody in this audience."), field="audience")
    now = clock.now()
    if campaign.start_at is not None and campaign.start_at > now + FARTHEST:
        raise Refusal("send_at_too_far", _("At most one year ahead."), field="start")
    template_of(campaign, campaign.template_id, campaign.language)
    campaign.version_id = templates.newest_version(campaign.template).id
    _facts, ways = ways_of(campaign)
    for way in ways:
        if isinstance(way.decision, NoRoute) and not way.decision.holds:
            words = explain.refusal(way.decision.code, way.decision.step)
            raise Refusal(way.decision.code, words, field="sender")
    campaign.launched_at, campaign.launched_by_id = now, by.id if by else None
    if campaign.start_at is not None and campaign.start_at > now:
        campaign.state = CampaignState.SCHEDULED
    else:
        begin(campaign)
    told(campaign, "launched", {"people": campaign.audience.size})


def begin(campaign: Campaign) -> None:
    """Its time has come: the people who are in the audience now are those it goes to."""
    audience = db.session.get_one(Audience, campaign.audience_id, populate_existing=True)
    campaign.state = CampaignState.RUNNING
    campaign.members_to = audience.visible_to
    campaign.member = campaign.position = 0
    campaign.is_handed_over = False
    campaign.next_due_at = max(clock.now(), campaign.start_at or clock.now())
    tally.begin(campaign.id, audience.size)


def unschedule(campaign: Campaign) -> None:
    """Back to a draft, as long as it has not begun.

    Raises:
        Refusal: it is not scheduled (any more).
    """
    campaign = locked(campaign)
    refuse_unless(
        campaign, CampaignState.SCHEDULED, "not_scheduled", _("It does not wait for its time.")
    )
    campaign.state, campaign.version_id, campaign.launched_at = CampaignState.DRAFT, None, None
    told(campaign, "unscheduled")


def pause(campaign: Campaign, *, why: str | None = None) -> None:
    """Nothing more of it leaves, but for what a server has in hand at this moment.

    Raises:
        Refusal: it is not under way.
    """
    campaign = locked(campaign)
    refuse_unless(campaign, CampaignState.RUNNING, "not_running", _("It is not under way."))
    campaign.state, campaign.paused_at = CampaignState.PAUSED, clock.now()
    campaign.words, campaign.has_moves = why, True
    told(campaign, "paused", {"words": kept(why)} if why else None)


def resume(campaign: Campaign) -> None:
    """It goes on at its pace, from now on.

    Raises:
        Refusal: it is not paused.
    """
    campaign = locked(campaign)
    refuse_unless(campaign, CampaignState.PAUSED, "not_paused", _("It is not paused."))
    campaign.state, campaign.paused_at, campaign.words = CampaignState.RUNNING, None, None
    campaign.next_due_at, campaign.has_moves = clock.now(), True
    told(campaign, "resumed")


def cancel(campaign: Campaign) -> None:
    """Take back everything that has not been handed over to a server.

    Raises:
        Refusal: there is nothing to take back.
    """
    campaign = locked(campaign)
    if not may_cancel(campaign):
        raise Refusal("too_late", _("Nothing of this campaign can be cancelled any more."))
    if campaign.state is CampaignState.SCHEDULED:
        begin(campaign)
    connection = db.session.connection()
    left = tally.balances([campaign.id])[campaign.id].total - campaign.position
    tally.add(connection, campaign.id, {"withdrawn": left})
    campaign.state, campaign.finished_at = CampaignState.CANCELLED, clock.now()
    campaign.is_handed_over, campaign.has_moves = True, campaign.position > 0
    told(campaign, "cancelled")


def resend_failed(campaign: Campaign, *, with_unknown: bool = False) -> int:
    """Try once more what failed until now, by the route of now; how many people that concerns.

    Those whose mail may have arrived get a second copy only if that is asked for; those who are
    suppressed by now get none.

    Raises:
        Refusal: nothing failed, it is still at the first try, or there is no route.
    """
    campaign = locked(campaign)
    if not may_resend(campaign):
        raise Refusal("not_over", _("What failed is sent again when the campaign is through."))
    balance = balance_of(campaign)
    concerned = balance.failed + (balance.unknown if with_unknown else 0)
    if not concerned:
        raise Refusal("nothing_failed", _("Nothing of this campaign has failed."))
    for message in db.session.scalars(select(Message).where(Message.campaign_id == campaign.id)):
        acts.route_anew(message)
    campaign.state, campaign.finished_at = CampaignState.RUNNING, None
    campaign.generation += 1
    campaign.next_due_at = clock.now()
    campaign.resend_before = max(campaign.next_due_at, _last_settled(campaign))
    campaign.resends_unknown, campaign.has_moves = with_unknown, True
    told(campaign, "sent_again", {"people": concerned})
    return concerned


def may_pause(campaign: Campaign) -> bool:
    return campaign.state is CampaignState.RUNNING


def may_resume(campaign: Campaign) -> bool:
    return campaign.state is CampaignState.PAUSED


def may_cancel(campaign: Campaign) -> bool:
    return campaign.state in (
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    )


def may_resend(campaign: Campaign) -> bool:
    """Only when all of it is in the outbox: then what failed is known."""
    is_through = campaign.state in (CampaignState.RUNNING, CampaignState.FINISHED)
    return is_through and campaign.is_handed_over and not campaign.has_moves


def balance_of(campaign: Campaign) -> Balance:
    """Its balance sheet; before it is launched everybody waits."""
    return balances_of([campaign])[campaign.id]


def balances_of(campaigns: Collection[Campaign]) -> dict[int, Balance]:
    """The balance sheets of these, by id."""
    known = tally.balances([campaign.id for campaign in campaigns])
    return {
        campaign.id: known.get(campaign.id)
        or Balance(total=campaign.audience.size if campaign.audience else 0)
        for campaign in campaigns
    }


def estimated_finish(campaign: Campaign) -> datetime | None:
    """When it will be through at its pace and at the speed of the last hour; None: not known.

    The speed is that of the time in which it was under way: a pause is nobody's slowness.
    """
    if campaign.state is not CampaignState.RUNNING:
        return None
    now, waiting = clock.now(), balance_of(campaign).waiting
    by_pace = now + pace_of(campaign).lasts(waiting)
    since = (now - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    done, first = db.session.execute(
        select(func.sum(CampaignHour.count), func.min(CampaignHour.hour)).where(
            CampaignHour.campaign_id == campaign.id,
            CampaignHour.hour >= since,
            CampaignHour.outcome != State.DEFERRED.value,  # it waits, and comes again
        )
    ).one()
    if not done:
        return by_pace if campaign.pace != Pace().kind else None
    begun = max(first, campaign.launched_at or first, campaign.start_at or first)
    passed = now - begun - stood_still(campaign, since=begun)
    return max(by_pace, now + max(passed, timedelta(0)) * (waiting / int(done)))


def _last_settled(campaign: Campaign) -> datetime:
    """When the last of it failed or was lost; the lanes' clock says it and may be ahead of ours."""
    query = (
        select(func.max(Delivery.settled_at))
        .join(Message, Message.id == Delivery.message_id)
        .where(
            IS_NOTABLE,
            Delivery.tenant == campaign.white_label_id,
            Delivery.state.in_((State.FAILED, State.UNKNOWN, State.HELD)),
            Message.campaign_id == campaign.id,
        )
    )
    return db.session.scalar(query) or campaign.created_at
