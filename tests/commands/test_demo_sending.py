"""What was sent in the demo: made once, through the acts, and everybody is accounted for."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from portal.campaigns import campaigns
from portal.campaigns.models import Audience, Campaign, CampaignState
from portal.commands import demo_sending
from portal.core.db import db
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import drain
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh, make_person, make_server, make_template


@pytest.mark.usefixtures("acme")
def test_without_ada_nothing_was_sent() -> None:
    demo_sending.fill()

    assert list(db.session.scalars(select(Audience))) == []


def test_a_campaign_and_a_draft_are_made_once_and_it_goes_through(
    app: Flask, acme: WhiteLabel
) -> None:
    with FaultServer() as server:
        make_server(make_person(acme, "Ada"), "acme-own", port=server.port)
        make_template(acme, "welcome", texts=[("en", "Hi {{ name }}", "At {{ shop }}", None)])

        demo_sending.fill()
        demo_sending.fill()
        drain(app)

    sent, draft = db.session.scalars(select(Campaign).order_by(Campaign.id)).all()
    balance = campaigns.balance_of(fresh(sent))
    assert sent.state is CampaignState.FINISHED
    assert draft.state is CampaignState.DRAFT
    assert balance.adds_up
    assert balance.waiting == 0
    assert balance.suppressed == 1
    assert balance.total == len(demo_sending.NAMES) + demo_sending.REFUSED
