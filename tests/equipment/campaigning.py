"""Audiences and campaigns for tests: made through the acts, with the background work done here."""

from __future__ import annotations

from collections.abc import Sequence

from portal.accounts.models import Person
from portal.campaigns import audiences, campaigns, imports
from portal.campaigns.campaigns import Wishes
from portal.campaigns.models import Audience, Campaign
from portal.campaigns.pace import Pace
from portal.core.db import db
from portal.jobs.works import do_now
from portal.mail_templates.models import MailTemplate
from portal.senders.models import Sender
from portal.white_labels.models import WhiteLabel


def make_audience(
    white_label: WhiteLabel,
    rows: Sequence[str] = ("kim@customer.example,Kim", "lou@customer.example,Lou"),
    *,
    name: str = "Customers",
    header: str = "email,name",
) -> Audience:
    """An audience with these rows of CSV in it."""
    audience = audiences.create(white_label, name=name, by=None)
    imported = imports.paste(audience, "\n".join([header, *rows]), by=None)
    imports.begin(imported)
    db.session.commit()
    do_now("import", imported.id)
    imports.confirm(imported)
    db.session.commit()
    return audience


def make_campaign(
    author: Person,
    template: MailTemplate,
    audience: Audience,
    *,
    name: str = "Spring news",
    sender: Sender | None = None,
    pace: Pace | None = None,
) -> Campaign:
    """A draft that could be launched."""
    white_label = db.session.get_one(WhiteLabel, author.white_label_id)
    campaign = campaigns.create(white_label, name=name, author=author)
    campaigns.change(
        campaign,
        Wishes(
            name=name,
            template_id=template.id,
            audience_id=audience.id,
            sender_id=sender.id if sender else None,
            pace=pace or Pace(),
        ),
    )
    db.session.commit()
    return campaign


def launch(campaign: Campaign) -> Campaign:
    """Into the outbox with all of it."""
    campaigns.launch(campaign, by=None)
    db.session.commit()
    do_now("campaign", campaign.id)
    return campaign
