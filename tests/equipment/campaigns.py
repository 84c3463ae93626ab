"""Audiences and campaigns for tests: made by the acts, worked on as `flask jobs` would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portal.accounts.models import Person
from portal.campaigns import audiences, campaigns, drafts, imports
from portal.campaigns.drafts import Wishes
from portal.campaigns.models import Audience, Campaign
from portal.core.db import db
from portal.jobs.works import do_now
from portal.mail_templates.models import MailTemplate
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import fresh, make_template

KIM_AND_LOU = ("kim@customer.example,Kim", "lou@customer.example,Lou")


def make_audience(
    by: Person | WhiteLabel,
    rows: Iterable[str] | int = KIM_AND_LOU,
    *,
    header: str = "email,name",
    name: str = "Customers",
) -> Audience:
    """An audience of these lines of CSV, or of so many people at birch.example.

    Made by this person, or by a program of this white label.
    """
    person = by if isinstance(by, Person) else None
    white_label = by if isinstance(by, WhiteLabel) else white_label_of(by)
    audience = audiences.create(white_label, name=name, by=person)
    if isinstance(rows, int):
        rows = (f"reader{number}@birch.example,Reader {number}" for number in range(1, rows + 1))
    imported = imports.paste(audience, "\n".join([header, *rows]), by=person)
    imports.begin(imported)
    db.session.commit()
    do_now("import", imported.id)
    imports.confirm(imported)
    db.session.commit()
    return audience


def make_campaign(
    author: Person,
    audience: Audience | None = None,
    *,
    template: MailTemplate | None = None,
    name: str = "Spring news",
    **wishes: Any,
) -> Campaign:
    """A draft to this audience, ready to be launched."""
    white_label = white_label_of(author)
    audience = audience or make_audience(author, 3)
    template = template or make_template(white_label, f"for-{name.lower().replace(' ', '-')}")
    campaign = drafts.create(white_label, name=name, author=author)
    drafts.change(
        campaign, Wishes(name, template_id=template.id, audience_id=audience.id, **wishes)
    )
    db.session.commit()
    return campaign


def white_label_of(person: Person) -> WhiteLabel:
    return db.session.get_one(WhiteLabel, person.white_label_id)


def launched(campaign: Campaign) -> Campaign:
    """Launched, and as far in the outbox as it should be by now."""
    campaigns.launch(campaign, by=campaign.author)
    db.session.commit()
    return worked(campaign)


def worked(campaign: Campaign) -> Campaign:
    """After `flask jobs` did what there was to do."""
    do_now("campaign", campaign.id)
    return fresh(campaign)
