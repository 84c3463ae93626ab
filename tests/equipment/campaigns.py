"""Audiences and campaigns for tests: made by the acts, worked on as `flask jobs` would."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import Any

from portal.accounts.models import Person
from portal.campaigns import audiences, campaigns, imports
from portal.campaigns.campaigns import Wishes
from portal.campaigns.models import Audience, Campaign
from portal.core.db import db
from portal.jobs.works import do_now
from portal.mail_templates.models import MailTemplate
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import fresh, make_template


def make_audience(
    by: Person,
    rows: Iterable[str] | int = 3,
    *,
    header: str = "email,name",
    name: str = "Everybody",
) -> Audience:
    """An audience of these lines of CSV, or of so many people at birch.example."""
    white_label = db.session.get_one(WhiteLabel, by.white_label_id)
    audience = audiences.create(white_label, name=name, by=by)
    if isinstance(rows, int):
        rows = (f"reader{number}@birch.example,Reader {number}" for number in range(1, rows + 1))
    text = "\n".join([header, *rows])
    imported = imports.upload(audience, BytesIO(text.encode()), filename="list.csv", by=by)
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
    name: str = "Spring",
    **wishes: Any,
) -> Campaign:
    """A draft to this audience, ready to be launched."""
    white_label = db.session.get_one(WhiteLabel, author.white_label_id)
    audience = audience or make_audience(author)
    template = template or make_template(white_label, slug=f"for-{name.lower()}")
    campaign = campaigns.create(white_label, name=name, author=author)
    campaigns.change(
        campaign, Wishes(name, template_id=template.id, audience_id=audience.id, **wishes)
    )
    db.session.commit()
    return campaign


def launched(campaign: Campaign) -> Campaign:
    """Launched, and as far in the outbox as it should be by now."""
    campaigns.launch(campaign, by=campaign.author)
    db.session.commit()
    return worked(campaign)


def worked(campaign: Campaign) -> Campaign:
    """After `flask jobs` did what there was to do."""
    do_now("campaign", campaign.id)
    return fresh(campaign)
