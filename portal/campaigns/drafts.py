"""Campaigns while they are written: nothing of them has left, and they may be thrown away."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.campaigns import audiences
from portal.campaigns.acting import locked, refuse_unless, told
from portal.campaigns.models import Campaign, CampaignState
from portal.campaigns.pace import Pace
from portal.campaigns.schedule import Start
from portal.core import clock
from portal.core.db import can_be_id, db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.mail_templates import templates
from portal.outbox import unsubscribing
from portal.senders.models import Sender
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
    told(campaign, "created")
    return campaign


def change(campaign: Campaign, wishes: Wishes) -> None:
    """Write a draft anew.

    Raises:
        Refusal: it is launched already, or something of it is not there; `field` says what.
    """
    campaign = locked(campaign)
    refuse_unless(campaign, CampaignState.DRAFT, "not_a_draft", _("It is launched already."))
    campaign.name = _fit_name(wishes.name)
    campaign.template_id = template_of(campaign, wishes.template_id, wishes.language)
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
    campaign = locked(campaign)
    refuse_unless(campaign, CampaignState.DRAFT, "not_a_draft", _("It is launched already."))
    told(campaign, "deleted")
    db.session.delete(campaign)
    db.session.flush()


def template_of(campaign: Campaign, template_id: int | None, language: str | None) -> int | None:
    """The id, if there is such a template and it has a text in this language.

    Raises:
        Refusal: it is not so.
    """
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
    if not can_be_id(sender_id) or db.session.scalar(its) is None:
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
