"""From an audience into the outbox: some people at a time, each time in one transaction.

1. Take the next members, as many as are due soon at the campaign's pace.
2. See to it that there is a message for each text and each server that takes turns (a *wave*). A
   wave lasts some hours; then the route is decided anew and its mail bears a new date.
3. One `INSERT … SELECT` for each message of the wave: who reads its language, in the share of its
   server. Who is suppressed gets a row that says so, and no mail.
4. Leave behind how far it came, in the same transaction. Killed at any moment and run again, nobody
   is left out and nobody gets two.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random, SystemRandom
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    case,
    cast,
    column,
    func,
    insert,
    literal,
    null,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.orm import InstrumentedAttribute

from portal.campaigns import campaigns
from portal.campaigns.models import (
    AudienceMember,
    Campaign,
    CampaignPart,
    CampaignState,
)
from portal.campaigns.pace import PaceKind
from portal.core import clock
from portal.core.db import BigId, Json, UtcTime, db
from portal.core.errors import Refusal
from portal.mail_templates import templates
from portal.mail_templates.models import TemplateText, TemplateVersion
from portal.outbox import accept, composition, tally, wake
from portal.outbox.accept import PATIENCE, SIMULATOR, SIMULATOR_DOMAIN
from portal.outbox.balance import line_of
from portal.outbox.letterhead import letterhead_of
from portal.outbox.models import IS_WAITING, Delivery, Message, Suppression
from portal.outbox.states import Category, State
from portal.routing import explain
from portal.routing.decide import By, NoRoute
from portal.smtp_settings.models import SmtpServer

AT_ONCE = 2000
"""People in one transaction: on SQLite nobody else writes meanwhile."""
HORIZON = timedelta(hours=2)
"""How long before it is due somebody comes into the outbox; who unsubscribes until then is not."""
WAVE = timedelta(hours=6)
"""How long messages are used: their Date is at most this old, and their route as well."""

# Knuth's multiplicative hash: spreads ids that follow each other evenly.
_MIXED, _OF = 2_654_435_761, 2**32


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some people and when each of them is due."""

    last: int  # a member's id
    people: int
    dues: Sequence[datetime]
    next_due: datetime
    is_end: bool


def is_due(campaign: Campaign, now: datetime) -> bool:
    """Whether somebody should come into the outbox now."""
    return (
        campaign.state is CampaignState.RUNNING
        and not campaign.is_handed_over
        and campaign.next_due_at is not None
        and campaign.next_due_at <= now + HORIZON
        and not _is_stuck(campaign)
    )


def _is_stuck(campaign: Campaign) -> bool:
    """Whether two horizons' worth of its mail waits and was never tried, so its server is parked.

    With a pace no more comes into the outbox then: all that became due meanwhile would leave at
    once when the server is back. Who is asked to come again later stops nobody else.
    """
    gap = campaigns.pace_of(campaign).gap
    most = max(1, int(2 * HORIZON / timedelta(seconds=gap))) if gap else None
    if most is None or campaign.position - campaigns.balance_of(campaign).final <= most:
        return False
    messages = select(Message.id).where(Message.campaign_id == campaign.id)
    untried = (
        select(Delivery.id)
        .where(
            IS_WAITING,
            Delivery.server_id.in_(select(SmtpServer.id)),
            Delivery.tenant == campaign.white_label_id,
            Delivery.state != State.DEFERRED,
            # Never by its messages: what was sent long ago would be read as well.
            (Delivery.message_id + 0).in_(messages),
        )
        .limit(most + 1)
    )
    return len(db.session.scalars(untried).all()) > most


def step(campaign: Campaign, *, random: Random | None = None) -> None:
    """Hand the next people over; the caller has locked the campaign's row, and commits.

    What cannot be sent at all pauses the campaign with the reason.
    """
    batch = _next(campaign, random or SystemRandom())
    if batch.people:
        try:
            with db.session.begin_nested():
                wave = _wave(campaign)
        except Refusal as refusal:
            campaigns.pause(campaign, why=refusal.words)
            return
        _hand_over(campaign, wave, batch)
    campaign.is_handed_over = batch.is_end
    db.session.flush()
    if batch.is_end:
        _close(campaign)


def _next(campaign: Campaign, random: Random) -> _Batch:
    """Step 1."""
    ids = db.session.scalars(
        select(AudienceMember.id)
        .where(
            AudienceMember.audience_id == campaign.audience_id,
            AudienceMember.id > campaign.member,
            AudienceMember.id <= campaign.members_to,
        )
        .order_by(AudienceMember.id)
        .limit(AT_ONCE)
    ).all()
    now = clock.now()
    pace = campaigns.pace_of(campaign)
    # What was missed while nothing worked is not made up for: that would break the pace.
    first = max(now, campaign.next_due_at or now)
    dues = list(islice(pace.dues(first, random), len(ids) + 1))
    people = max(1, bisect_right(dues, now + HORIZON, hi=len(ids))) if ids else 0
    return _Batch(
        last=ids[people - 1] if ids else campaign.members_to,
        people=people,
        dues=dues[:people],
        next_due=dues[people],
        is_end=people == len(ids) < AT_ONCE,
    )


# Step 2


def _wave(campaign: Campaign) -> list[CampaignPart]:
    """The messages to use now: those of the present wave, or new ones."""
    newest = select(func.max(CampaignPart.wave)).where(CampaignPart.campaign_id == campaign.id)
    number = db.session.scalar(newest) or 0
    parts = db.session.scalars(
        select(CampaignPart).where(
            CampaignPart.campaign_id == campaign.id, CampaignPart.wave == number
        )
    ).all()
    oldest = clock.now() - WAVE
    is_fresh = parts and all(part.message.created_at > oldest for part in parts)
    if is_fresh and _is_held_rightly(campaign, parts):
        return list(parts)
    return _new_wave(campaign, number + 1)


def _is_held_rightly(campaign: Campaign, parts: Sequence[CampaignPart]) -> bool:
    """Whether the parts that have no way would have none now, for the same reasons.

    What lets held mail go looks for deliveries, so a part that had no people yet is left as it was:
    whoever came into it now would be held for a reason that is over. As long as the reasons are
    the same so is the wave, however many people come into it.
    """
    held = Counter(
        (part.text_id, part.message.reason)
        for part in parts
        if _begins(part.message)[0] is State.HELD
    )
    if not held:
        return True
    _facts, ways = campaigns.ways_of(campaign)
    stopped = [way.decision.code for way in ways if isinstance(way.decision, NoRoute)]
    texts = {part.text_id for part in parts}
    return held == Counter((text_id, code) for text_id in texts for code in stopped)


def _new_wave(campaign: Campaign, number: int) -> list[CampaignPart]:
    facts, ways = campaigns.ways_of(campaign)
    parts = []
    assert campaign.version is not None  # a campaign that runs was launched
    for text in texts_of(campaign, campaign.version):
        for way in ways:
            if isinstance(way.decision, NoRoute) and not way.decision.holds:
                raise Refusal(
                    way.decision.code, explain.refusal(way.decision.code, way.decision.step)
                )
            message = message_of(campaign, text)
            accept.apply(message, way.decision, facts)
            composition.compiled(message, text, ())
            db.session.add(message)
            db.session.flush()
            parts.append(
                CampaignPart(
                    message_id=message.id,
                    campaign_id=campaign.id,
                    wave=number,
                    text_id=text.id,
                    weight=max(1, round(way.weight)),
                    message=message,
                    text=text,
                )
            )
    db.session.add_all(parts)
    db.session.flush()
    return parts


def message_of(campaign: Campaign, text: TemplateText) -> Message:
    """The message that says this text, without a route yet."""
    now = clock.now()
    return Message(
        public_id=accept.new_public_id(),
        white_label_id=campaign.white_label_id,
        campaign_id=campaign.id,
        app_id=campaign.app_id,
        author_id=campaign.author_id,
        agent_id=campaign.author_id if campaign.app_id is None else None,
        category=Category.CAMPAIGN,
        created_at=now,
        give_up_at=now + PATIENCE,
        wanted_sender_id=campaign.sender_id,
        reply_to=[],
        cc_header=[],
        recipients=1,
        template_text_id=text.id,
        headers={},
        values=dict(campaign.values),
        details={},
        letterhead=letterhead_of(
            campaign.white_label, text, variables=composition.variables_of(text)
        ),
    )


def texts_of(campaign: Campaign, version: TemplateVersion) -> list[TemplateText]:
    """The texts that its people read: one, or each its own."""
    if campaign.language is not None:
        return [templates.text_in(version, campaign.language)]
    return sorted(version.texts, key=lambda text: text.language)


# Step 3


def _hand_over(campaign: Campaign, wave: Sequence[CampaignPart], batch: _Batch) -> None:
    connection = db.session.connection()
    version = campaign.version
    assert version is not None  # a campaign that runs was launched
    before = campaign.position
    people = _ranked(campaign, batch)
    due_at, source = _dues(connection, campaign, people, batch)
    for part in wave:
        mine = reads(campaign, version, part.text, people.c.language)
        mine &= _has_turn(wave, part, people)
        _insert(connection, part.message, people, source, mine, due_at)
        part.message.give_up_at = max(part.message.give_up_at, batch.dues[-1] + PATIENCE)

    ends = func.min(Delivery.id), func.max(Delivery.id)
    its = Delivery.message_id.in_([part.message_id for part in wave])
    new = its & (Delivery.position > before) & (Delivery.position <= before + batch.people)
    lines: Counter[str] = Counter()
    for state, kind, count, first, last in connection.execute(
        select(Delivery.state, Delivery.kind, func.count(), *ends)
        .where(new)
        .group_by(Delivery.state, Delivery.kind)
    ):
        lines["launched"] += count
        if (line := line_of(state, kind)) is not None:
            lines[line] += count
        campaign.first_delivery_id = min(campaign.first_delivery_id or first, first)
        campaign.last_delivery_id = max(campaign.last_delivery_id or last, last)
    if lines["launched"] != batch.people:
        raise RuntimeError("somebody would have been left out, or got two")
    tally.add(connection, campaign.id, lines)
    campaign.position += batch.people
    campaign.member, campaign.next_due_at = batch.last, batch.next_due
    wake.tell(connection)


def _ranked(campaign: Campaign, batch: _Batch) -> FromClause:
    """The people of this batch, numbered through the whole campaign."""
    number = func.row_number().over(order_by=AudienceMember.id)
    return (
        select(
            AudienceMember.id,
            AudienceMember.address,
            AudienceMember.email,
            AudienceMember.name,
            AudienceMember.language,
            AudienceMember.values,
            number.label("number"),
            (number + campaign.position).label("position"),
        )
        .where(
            AudienceMember.audience_id == campaign.audience_id,
            AudienceMember.id > campaign.member,
            AudienceMember.id <= batch.last,
        )
        .subquery("people")
    )


def _dues(
    connection: Connection, campaign: Campaign, people: FromClause, batch: _Batch
) -> tuple[ColumnElement[datetime], FromClause]:
    """When each is due, and what to select from: with a pace, a list goes along and is joined."""
    if campaign.pace is PaceKind.FAST:
        return literal(batch.dues[0], UtcTime()), people
    if connection.dialect.name == "postgresql":
        listed = func.jsonb_array_elements_text(
            literal([due.isoformat() for due in batch.dues], JSONB)
        ).table_valued(column("value"), with_ordinality="number")
        listed = listed.render_derived(name="listed")
        on = listed.c.number == people.c.number
        return cast(listed.c.value, UtcTime()), people.join(listed, on)
    moments = json.dumps([f"{due:%Y-%m-%d %H:%M:%S.%f}" for due in batch.dues])
    listed = func.json_each(moments).table_valued("key", "value")
    on = listed.c.key == people.c.number - 1
    return type_coerce(listed.c.value, UtcTime()), people.join(listed, on)


def reads(
    campaign: Campaign,
    version: TemplateVersion,
    text: TemplateText,
    language: ColumnElement[str] | InstrumentedAttribute[str],
) -> ColumnElement[bool]:
    """Whether somebody of this language reads this text."""
    if campaign.language is not None or campaign.audience is None:
        return true()
    known = list(campaign.audience.languages)
    mine = [code for code in known if templates.text_in(version, code or None).id == text.id]
    if text.language == version.default_language:
        return language.in_(mine) | language.not_in(known)
    return language.in_(mine)


def _has_turn(
    wave: Sequence[CampaignPart], part: CampaignPart, people: FromClause
) -> ColumnElement[bool]:
    """Whether it falls to this part's server: by weight, evenly over the audience."""
    turns = [one for one in wave if one.text_id == part.text_id]
    if len(turns) == 1:
        return true()
    whole = sum(one.weight for one in turns)
    begins = sum(one.weight for one in turns[: turns.index(part)])
    mixed = cast(people.c.id, BigId) * literal(_MIXED, BigId) % literal(_OF, BigId)
    turn = mixed * whole // literal(_OF, BigId)
    return (turn >= begins) & (turn < begins + part.weight)


def _insert(
    connection: Connection,
    message: Message,
    people: FromClause,
    source: FromClause,
    mine: ColumnElement[bool],
    due_at: ColumnElement[datetime],
) -> None:
    """The deliveries of one message."""
    state, kind, words = _begins(message)
    is_simulated = people.c.address.like(f"%@{SIMULATOR_DOMAIN}")
    is_unwanted = Suppression.id.is_not(None)
    now = literal(clock.now(), UtcTime())
    leaves = case(
        (due_at > now, literal(State.SCHEDULED, Delivery.state.type)),
        else_=literal(State.QUEUED, Delivery.state.type),
    )
    begins = leaves if state is State.QUEUED else literal(state, Delivery.state.type)
    columns: Mapping[str, ColumnElement[Any]] = {
        "message_id": literal(message.id, BigId),
        "position": people.c.position,
        "tenant": literal(message.white_label_id),
        "server_id": case((is_simulated, SIMULATOR), else_=literal(message.server_id, BigId)),
        "priority": literal(message.category.priority),
        "email": people.c.email,
        "name": people.c.name,
        "values": type_coerce(people.c["values"], Json),
        "state": case(
            (is_unwanted, literal(State.SUPPRESSED, Delivery.state.type)),
            (is_simulated, leaves),
            else_=begins,
        ),
        "due_at": due_at,
        "attempts": literal(0),
        "copies": literal(0),
        "losses": literal(0),
        "kind": case(
            (is_unwanted, type_coerce(Suppression.reason, Delivery.kind.type)),
            (is_simulated, null()),
            else_=literal(kind, Delivery.kind.type),
        ),
        "words": case(
            (is_unwanted | is_simulated, null()), else_=literal(words, Delivery.words.type)
        ),
        "settled_at": case((is_unwanted, now), else_=null()),
    }
    unwanted = (Suppression.white_label_id == message.white_label_id) & (
        Suppression.address == people.c.address
    )
    found = (
        select(*columns.values())
        .select_from(source.outerjoin(Suppression, unwanted))
        .where(mine)
        .order_by(people.c.position)
    )
    connection.execute(insert(Delivery).from_select(list(columns), found))


def _begins(message: Message) -> tuple[State, str | None, str | None]:
    """The state that its deliveries begin in, as the outbox has it for any message."""
    if message.server_id is not None:
        return State.QUEUED, None, None
    if message.reason == By.SANDBOX:
        return State.SANDBOXED, "no_server", None
    return State.HELD, message.reason, explain.refusal(message.reason, None)


def _close(campaign: Campaign) -> None:
    """Everybody is in the outbox: who was taken out of the audience meanwhile is not counted."""
    total = tally.balances([campaign.id])[campaign.id].total
    change = campaign.position - total
    tally.add(db.session.connection(), campaign.id, {"total": change})
