"""Campaigns: written, launched, paused, taken back, and looked up; the white label comes first.

An act changes the campaign's row and nothing else, so it is done at once however many people the
campaign has. What follows from it for them is done step by step in the background (`steps`); a
delivery that a lane claims meanwhile is judged by the row (`stopping`).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, or_, select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.audit import trail
from portal.campaigns import audiences
from portal.campaigns.models import Audience, Campaign, CampaignHour, CampaignState
from portal.campaigns.pace import Pace
from portal.campaigns.schedule import Start
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import each_word_in
from portal.core.words import _
from portal.mail_templates import templates
from portal.mail_templates.models import MailTemplate
from portal.outbox import acts, tally, unsubscribing
from portal.outbox.accept import FARTHEST
from portal.outbox.balance import Balance
from portal.outbox.models import Message
from portal.routing import explain
from portal.routing.decide import Facts, NoRoute
from portal.routing.draws import Draw, draws
from portal.routing.facts import Ask, gather
from portal.senders.models import Sender
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel

LONGEST_NAME = 120
LONGEST_VALUE = 2000
MOST_VALUES = 200
LONGEST_VALUE_NAME = 100


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a campaign is to be; what is None is not chosen yet."""

    name: str
    template_id: int | None = None
    language: str | None = None  # None: each in their own
    sender_id: int | None = None  # None: by the rule of the route
    audience_id: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    start: Start | None = None  # None: when it is launched
    pace: Pace = field(default_factory=Pace)


def create(
    white_label: WhiteLabel, *, name: str, author: Person | None, app: App | None = None
) -> Campaign:
    """A draft.

    Raises:
        Refusal: the name is missing or too long.
    """
    campaign = Campaign(
        public_id=f"cmp_{secrets.token_hex(12)}",
        white_label_id=white_label.id,
        author_id=author.id if author else None,
        app_id=app.id if app else None,
        name=_fit_name(name),
        state=CampaignState.DRAFT,
        values={},
        created_at=clock.now(),
    )
    db.session.add(campaign)
    unsubscribing.make_key(white_label.id)
    db.session.flush()
    _told(campaign, "created")
    return campaign


def change(campaign: Campaign, wishes: Wishes) -> None:
    """Write a draft anew.

    Raises:
        Refusal: it is launched already, or something of it is not there; `field` says what.
    """
    _refuse_unless(campaign, CampaignState.DRAFT, "not_a_draft", _("It is launched already."))
    campaign.name = _fit_name(wishes.name)
    campaign.template_id = _template(campaign, wishes.template_id, wishes.language)
    campaign.language = wishes.language or None
    campaign.sender_id = _sender(campaign, wishes.sender_id)
    campaign.audience_id = _audience(campaign, wishes.audience_id)
    if len(wishes.values) > MOST_VALUES:
        raise Refusal(
            "too_many_values",
            _("A campaign has at most %(limit)s values.", limit=MOST_VALUES),
            field="values",
        )
    if any(len(name) > LONGEST_VALUE_NAME for name in wishes.values):
        raise Refusal(
            "value_name_not_fit",
            _("The name of a value has at most %(limit)s characters.", limit=LONGEST_VALUE_NAME),
            field="values",
        )
    if any(len(value) > LONGEST_VALUE for value in wishes.values.values()):
        raise Refusal(
            "value_not_fit",
            _("A value has at most %(limit)s characters.", limit=LONGEST_VALUE),
            field="values",
        )
    campaign.values = {name: value for name, value in wishes.values.items() if value.strip()}
    campaign.start_at = wishes.start.at if wishes.start else None
    if wishes.start:
        campaign.time_zone = wishes.start.zone
    campaign.pace = wishes.pace.kind
    campaign.per_hour = wishes.pace.per_hour
    campaign.min_delay, campaign.max_delay = wishes.pace.min_delay, wishes.pace.max_delay
    db.session.flush()
    db.session.refresh(campaign)


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
    campaign = _locked(campaign)
    _refuse_unless(campaign, CampaignState.DRAFT, "not_a_draft", _("It is launched already."))
    if campaign.template is None:
        raise Refusal("template_missing", _("Choose a template."), field="template")
    if campaign.audience is None or campaign.audience.deleted_at is not None:
        raise Refusal("audience_missing", _("Choose an audience."), field="audience")
    if not campaign.audience.size:
        raise Refusal("audience_empty", _("There is nobody in this audience."), field="audience")
    now = clock.now()
    if campaign.start_at is not None and campaign.start_at > now + FARTHEST:
        raise Refusal("send_at_too_far", _("At most one year ahead."), field="start")
    _template(campaign, campaign.template_id, campaign.language)
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
    _told(campaign, "launched", {"people": campaign.audience.size})


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
    campaign = _locked(campaign)
    _refuse_unless(
        campaign, CampaignState.SCHEDULED, "not_scheduled", _("It does not wait for its time.")
    )
    campaign.state, campaign.version_id, campaign.launched_at = CampaignState.DRAFT, None, None
    _told(campaign, "unscheduled")


def pause(campaign: Campaign, *, why: str | None = None) -> None:
    """Nothing more of it leaves, but for what a server has in hand at this moment.

    Raises:
        Refusal: it is not under way.
    """
    campaign = _locked(campaign)
    _refuse_unless(campaign, CampaignState.RUNNING, "not_running", _("It is not under way."))
    campaign.state, campaign.paused_at = CampaignState.PAUSED, clock.now()
    campaign.words, campaign.has_moves = why, True
    _told(campaign, "paused", {"words": why} if why else None)


def resume(campaign: Campaign) -> None:
    """It goes on at its pace, from now on.

    Raises:
        Refusal: it is not paused.
    """
    campaign = _locked(campaign)
    _refuse_unless(campaign, CampaignState.PAUSED, "not_paused", _("It is not paused."))
    campaign.state, campaign.paused_at, campaign.words = CampaignState.RUNNING, None, None
    campaign.next_due_at, campaign.has_moves = clock.now(), True
    _told(campaign, "resumed")


def cancel(campaign: Campaign) -> None:
    """Take back everything that has not been handed over to a server.

    Raises:
        Refusal: there is nothing to take back.
    """
    campaign = _locked(campaign)
    if not may_cancel(campaign):
        raise Refusal("too_late", _("Nothing of this campaign can be cancelled any more."))
    if campaign.state is CampaignState.SCHEDULED:
        begin(campaign)
    connection = db.session.connection()
    left = tally.balances([campaign.id])[campaign.id].total - campaign.position
    tally.add(connection, campaign.id, {"withdrawn": left})
    campaign.state, campaign.finished_at = CampaignState.CANCELLED, clock.now()
    campaign.is_handed_over, campaign.has_moves = True, campaign.position > 0
    _told(campaign, "cancelled")


def resend_failed(campaign: Campaign, *, with_unknown: bool = False) -> int:
    """Try once more what failed until now, by the route of now; how many people that concerns.

    Those whose mail may have arrived get a second copy only if that is asked for; those who are
    suppressed by now get none.

    Raises:
        Refusal: nothing failed, it is still at the first try, or there is no route.
    """
    campaign = _locked(campaign)
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
    campaign.resend_before = campaign.next_due_at = clock.now()
    campaign.resends_unknown, campaign.has_moves = with_unknown, True
    _told(campaign, "sent_again", {"people": concerned})
    return concerned


def copy(campaign: Campaign, *, author: Person | None) -> Campaign:
    """A draft like it."""
    name = _("%(name)s (copy)", name=campaign.name[: LONGEST_NAME - 20])
    twin = create(campaign.white_label, name=name, author=author)
    for attribute in (
        "template_id", "language", "sender_id", "audience_id", "values", "time_zone",
        "pace", "per_hour", "min_delay", "max_delay",
    ):  # fmt: skip
        setattr(twin, attribute, getattr(campaign, attribute))
    db.session.flush()
    return twin


def delete(campaign: Campaign) -> None:
    """Throw a draft away.

    Raises:
        Refusal: it is launched; what was sent stays readable.
    """
    _refuse_unless(campaign, CampaignState.DRAFT, "not_a_draft", _("It is launched already."))
    _told(campaign, "deleted")
    db.session.delete(campaign)
    db.session.flush()


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


# Looking


def find(white_label_id: int, campaign_id: int) -> Campaign:
    """One campaign of this white label.

    Raises:
        NotFound: missing or somebody else's.
    """
    return _one(_of(white_label_id).where(Campaign.id == campaign_id))


def find_in_any(campaign_id: int) -> Campaign:
    """One campaign, whosever it is: for the Backoffice alone.

    Raises:
        NotFound: missing.
    """
    return _one(select(Campaign).where(Campaign.id == campaign_id))


def find_public(white_label_id: int, public_id: str) -> Campaign:
    """The same as `find` by the id that programs use."""
    return _one(_of(white_label_id).where(Campaign.public_id == public_id))


def page(
    white_label_id: int,
    *,
    search: str = "",
    state: CampaignState | None = None,
    whose: int | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Campaign]:
    """The campaigns, newest first; each word of `search` is in the name, `whose` a person's id."""
    query = _of(white_label_id).where(*each_word_in(search, Campaign.name))
    if state is not None:
        query = query.where(Campaign.state == state)
    if whose is not None:
        query = query.where(Campaign.author_id == whose)
    return page_of(query, Campaign.id, before=before, after=after, size=size)


def to_choose_from(white_label_id: int, *, chosen: int | None = None) -> Sequence[Campaign]:
    """This white label's newest campaigns, and the chosen one however old it is, newest first."""
    its_own = _of(white_label_id)
    return _newest_and(chosen, newest=its_own, within=its_own)


def to_choose_from_any(
    *, of: WhiteLabel | None = None, chosen: int | None = None
) -> Sequence[Campaign]:
    """The same of all white labels, for the Backoffice alone; `of` narrows the newest to one."""
    everybodys = select(Campaign)
    return _newest_and(chosen, newest=_of(of.id) if of else everybodys, within=everybodys)


def name_of(campaign_id: int | None) -> str | None:
    """What the campaign of a message is called; None: it belongs to none."""
    if campaign_id is None:
        return None
    return db.session.scalar(select(Campaign.name).where(Campaign.id == campaign_id))


def on_server(server: SmtpServer) -> Sequence[Campaign]:
    """Campaigns that are not over and were to leave through this server, by their name.

    A sender that was chosen decides; without one it is the template that may prefer a server.
    """
    going = (
        CampaignState.DRAFT,
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    )
    by_sender = and_(Sender.server_id == server.id, Sender.deleted_at.is_(None))
    by_template = and_(Campaign.sender_id.is_(None), MailTemplate.preferred_server_id == server.id)
    query = (
        select(Campaign)
        .outerjoin(Sender, Sender.id == Campaign.sender_id)
        .outerjoin(MailTemplate, MailTemplate.id == Campaign.template_id)
        .where(Campaign.state.in_(going), or_(by_sender, by_template))
    )
    return db.session.scalars(query.order_by(Campaign.name, Campaign.id)).all()


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
    """When it will be through at its pace and at the speed of the last hour; None: not known."""
    if campaign.state is not CampaignState.RUNNING:
        return None
    now, waiting = clock.now(), balance_of(campaign).waiting
    by_pace = now + pace_of(campaign).lasts(waiting)
    since = (now - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    done, first = db.session.execute(
        select(func.sum(CampaignHour.count), func.min(CampaignHour.hour)).where(
            CampaignHour.campaign_id == campaign.id, CampaignHour.hour >= since
        )
    ).one()
    if not done:
        return by_pace if campaign.pace != Pace().kind else None
    passed = now - max(first, campaign.launched_at or first)
    return max(by_pace, now + passed * (waiting / int(done)))


def _template(campaign: Campaign, template_id: int | None, language: str | None) -> int | None:
    if template_id is None:
        return None
    white_label = db.session.get_one(WhiteLabel, campaign.white_label_id)
    try:
        template = templates.find_template(white_label, template_id)
    except NotFound as missing:
        raise Refusal("template_unknown", _("There is no such template."), field="template") from (
            missing
        )
    version = templates.newest_version(template)
    if language and language not in templates.languages_of(version):
        raise Refusal(
            "language_unknown", _("The template has no text in this language."), field="language"
        )
    return template.id


def _sender(campaign: Campaign, sender_id: int | None) -> int | None:
    if sender_id is None:
        return None
    its = select(Sender.id).where(
        Sender.id == sender_id,
        Sender.white_label_id == campaign.white_label_id,
        Sender.deleted_at.is_(None),
    )
    if db.session.scalar(its) is None:
        raise Refusal("sender_unknown", _("There is no such sender."), field="sender")
    return sender_id


def _audience(campaign: Campaign, audience_id: int | None) -> int | None:
    if audience_id is None:
        return None
    try:
        return audiences.find(campaign.white_label_id, audience_id).id
    except NotFound as missing:
        raise Refusal("audience_unknown", _("There is no such audience."), field="audience") from (
            missing
        )


def _fit_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refusal(
            "name_not_fit",
            _("A name has 1 to %(limit)s characters.", limit=LONGEST_NAME),
            field="name",
        )
    return name


def _refuse_unless(campaign: Campaign, state: CampaignState, code: str, words: str) -> None:
    if campaign.state is not state:
        raise Refusal(code, words)


def _locked(campaign: Campaign) -> Campaign:
    """As it is now, and nobody else changes it until this transaction ends."""
    db.session.refresh(campaign, with_for_update=True)
    return campaign


def _of(white_label_id: int) -> Select[Campaign]:
    return select(Campaign).where(Campaign.white_label_id == white_label_id)


def _one(query: Select[Campaign]) -> Campaign:
    found = db.session.scalar(query)
    if found is None:
        raise NotFound(_("campaign"))
    return found


def _newest_and(
    chosen: int | None, *, newest: Select[Campaign], within: Select[Campaign]
) -> Sequence[Campaign]:
    offered = list(page_of(newest, Campaign.id).rows)
    if chosen is not None and all(one.id != chosen for one in offered):
        offered += db.session.scalars(within.where(Campaign.id == chosen))
    return sorted(offered, key=lambda one: -one.id)


def _told(campaign: Campaign, what: str, facts: Mapping[str, object] | None = None) -> None:
    target = f"campaign {campaign.public_id} {campaign.name}"
    trail.record(campaign.white_label_id, f"campaign.{what}", target[:200], facts or {})
