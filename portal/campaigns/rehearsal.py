"""The rehearsal: what would happen if a draft were launched now. Nothing is written.

How many people get it and by which server, whose values are missing, what the first ones would
read, when it would be through, and what stands in the way. However many people there are, this is
a handful of queries: what an audience's people have in common was counted when they came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, true

from portal.campaigns import audiences, campaigns, handing_over
from portal.campaigns.forecast import Forecast, Share, forecast
from portal.campaigns.models import Audience, AudienceMember, Campaign
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates import templates
from portal.mail_templates.models import TemplateText, TemplateVersion
from portal.outbox import accept, as_sent, composition
from portal.outbox.as_sent import Letter
from portal.outbox.models import Suppression
from portal.outbox.unsubscribing import link_of
from portal.routing import explain
from portal.routing.decide import Facts, NoRoute, Route
from portal.routing.draws import Draw
from portal.smtp_settings.models import ServerHealth, SmtpServer

SHOWN = 3
"""Letters, and names of people without a value."""


@dataclass(frozen=True, slots=True)
class LanguageShare:
    """Who gets it of one language, and in which they will read."""

    language: str  # empty: not said
    people: int
    reads: str


@dataclass(frozen=True, slots=True)
class ServerShare:
    """About how many people one server writes to, and under which address."""

    server_id: int
    name: str
    from_: str
    people: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that the template prints and that some people have not got."""

    variable: str
    people: int
    first: tuple[str, ...]  # addresses


@dataclass(frozen=True, slots=True)
class Specimen:
    """What one of the first people would read."""

    email: str
    name: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """See the module."""

    people: int
    suppressed: int
    languages: Sequence[LanguageShare] = ()
    servers: Sequence[ServerShare] = ()
    route_words: str = ""
    is_out: bool = False  # it leaves; else the sandbox keeps it, or it is held
    missing: Sequence[Missing] = ()
    letters: Sequence[Specimen] = ()
    forecast: Forecast | None = None
    refusals: Sequence[Refusal] = ()  # with any of these it cannot be launched

    @property
    def leaving(self) -> int:
        """Who gets it."""
        return self.people - self.suppressed

    @property
    def may_launch(self) -> bool:
        return not self.refusals


def rehearse(campaign: Campaign) -> Rehearsal:
    """What would happen now."""
    audience, template = campaign.audience, campaign.template
    if audience is not None and audience.deleted_at is not None:
        audience = None
    people = audience.size if audience else 0
    refusals: list[Refusal] = []
    if audience is None or not people:
        words = _("There is nobody to write to: choose an audience.")
        refusals.append(Refusal("audience_empty", words, field="audience"))
    if template is None:
        words = _("Choose a template.")
        refusals.append(Refusal("template_missing", words, field="template"))
    if audience is None or template is None:
        return Rehearsal(people, 0, refusals=refusals)

    unwanted = _suppressed(audience)
    suppressed = sum(unwanted.values())
    try:
        version = campaign.version or templates.newest_version(template)
        facts, ways = campaigns.ways_of(campaign)
    except Refusal as refusal:
        return Rehearsal(people, suppressed, refusals=[*refusals, refusal])
    refusals += [
        Refusal(code, explain.refusal(code, way.decision.step), field="sender")
        for way in ways
        if isinstance(way.decision, NoRoute) and not way.decision.holds
        for code in [way.decision.code]
    ]
    letters: list[Specimen] = []
    try:
        letters = _letters(campaign, audience, version, ways[0], facts)
    except Refusal as refusal:
        refusals.append(refusal)
    shares = _servers(ways, people - suppressed)
    return Rehearsal(
        people=people,
        suppressed=suppressed,
        languages=_languages(campaign, audience, version, unwanted),
        servers=shares,
        route_words=_route_words(ways, facts, shares),
        is_out=any(isinstance(way.decision, Route) for way in ways),
        missing=_missing(campaign, audience, version),
        letters=letters,
        forecast=_forecast(campaign, shares),
        refusals=refusals,
    )


def _suppressed(audience: Audience) -> Mapping[str, int]:
    """How many get nothing, by their language."""
    query = (
        select(AudienceMember.language, func.count())
        .select_from(Suppression)
        .join(
            AudienceMember,
            (AudienceMember.address == Suppression.address) & audiences.visible(audience),
        )
        .where(Suppression.white_label_id == audience.white_label_id)
        .group_by(AudienceMember.language)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _languages(
    campaign: Campaign,
    audience: Audience,
    version: TemplateVersion,
    unwanted: Mapping[str, int],
) -> list[LanguageShare]:
    chosen = campaign.language
    shares = [
        LanguageShare(code, people, templates.text_in(version, chosen or code or None).language)
        for code, count in audience.languages.items()
        if (people := count - unwanted.get(code, 0))
    ]
    return sorted(shares, key=lambda share: (-share.people, share.language))


def _servers(ways: Sequence[Draw], people: int) -> list[ServerShare]:
    whole = sum(way.weight for way in ways)
    shares, given = [], 0
    for number, way in enumerate(ways, start=1):
        if not isinstance(way.decision, Route):
            continue
        is_last = number == len(ways)
        mine = people - given if is_last else round(people * way.weight / whole)
        given += mine
        step = next(s for s in reversed(way.decision.trace) if s.server == way.decision.server)
        from_ = explain.mailbox_text(way.decision.from_)
        shares.append(ServerShare(way.decision.server, step.server_name, from_, mine))
    return shares


def _route_words(ways: Sequence[Draw], facts: Facts, shares: Sequence[ServerShare]) -> str:
    first = ways[0].decision
    if isinstance(first, Route) and len(shares) > 1:
        return explain.answer_for_several(first, facts, [share.name for share in shares])
    return explain.answer(first, facts)


def _missing(campaign: Campaign, audience: Audience, version: TemplateVersion) -> list[Missing]:
    known = {**campaign.values, "email": "", "unsubscribe_url": "", "brand": _Anything()}
    found: dict[str, Missing] = {}
    for text in handing_over.texts_of(campaign, version):
        for name in sorted(composition.missing_in(text, known)):
            if audience.columns.get(name, 0) >= audience.size:
                continue
            reads = handing_over.reads(campaign, version, text, AudienceMember.language)
            without = audiences.visible(audience) & reads & _has_no(name)
            people = db.session.scalar(select(func.count()).where(without)) or 0
            if people:
                first = db.session.scalars(
                    select(AudienceMember.email)
                    .where(without)
                    .order_by(AudienceMember.id)
                    .limit(SHOWN)
                ).all()
                before = found.get(name, Missing(name, 0, ()))
                addresses = (*before.first, *first)[:SHOWN]
                found[name] = Missing(name, before.people + people, addresses)
    return sorted(found.values(), key=lambda one: (-one.people, one.variable))


class _Anything(dict[str, object]):
    """The brand has whatever a template asks of it."""

    def __missing__(self, name: str) -> str:
        return name


def _has_no(name: str) -> ColumnElement[bool]:
    if name == "name":
        return AudienceMember.name == ""
    if "." in name:  # columns are flat
        return true()
    value: ColumnElement[str] = AudienceMember.values[name].as_string()
    return value.is_(None)


def _letters(
    campaign: Campaign,
    audience: Audience,
    version: TemplateVersion,
    way: Draw,
    facts: Facts,
) -> list[Specimen]:
    """The first people's mail, written by the composer itself."""
    first = db.session.scalars(
        select(AudienceMember)
        .where(audiences.visible(audience))
        .order_by(AudienceMember.id)
        .limit(SHOWN)
    ).all()
    letters = []
    with db.session.no_autoflush:
        for position, member in enumerate(first, start=1):
            language = campaign.language or member.language or None
            text = templates.text_in(version, language)
            letters.append(_letter(campaign, text, member, position, way, facts))
    return letters


def _letter(
    campaign: Campaign,
    text: TemplateText,
    member: AudienceMember,
    position: int,
    way: Draw,
    facts: Facts,
) -> Specimen:
    message = handing_over.message_of(campaign, text)
    accept.apply(message, way.decision, facts)
    link = link_of(db.session(), message)
    wire = composition.compiled(message, text, (), link=link).render(
        composition.recipient(
            message.public_id,
            position,
            email=member.email,
            name=member.name,
            date=clock.now(),
            shared=composition.shared_values(message),
            own=member.values,
            link=link,
        )
    )
    return Specimen(member.email, member.name, as_sent.read_back(wire))


def _forecast(campaign: Campaign, shares: Sequence[ServerShare]) -> Forecast:
    rows = db.session.execute(
        select(SmtpServer, ServerHealth.rate)
        .join(ServerHealth, ServerHealth.server_id == SmtpServer.id, isouter=True)
        .where(SmtpServer.id.in_([share.server_id for share in shares]))
    )
    limits = {server.id: (server, rate) for server, rate in rows}
    known = []
    for share in shares:
        server, rate = limits[share.server_id]
        known.append(
            Share(
                share.name,
                share.people,
                per_second=server.per_second,
                per_minute=server.per_minute,
                per_hour=server.per_hour,
                per_day=server.per_day,
                learnt=rate,
            )
        )
    return forecast(campaigns.pace_of(campaign), known, starts_at=_starts_at(campaign))


def _starts_at(campaign: Campaign) -> datetime:
    return max(clock.now(), campaign.start_at or clock.now())
