"""From an audience into the outbox."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.campaigns import campaigns
from portal.campaigns.models import CampaignState
from portal.outbox.states import State
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.mail import deliveries, drain
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import fresh, make_person, make_server, make_white_label


@pytest.mark.both_stores
def test_everybody_in_the_audience_gets_one_delivery(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 5))

    launched(campaign)

    rows = deliveries()
    assert [row.email for row in rows] == [f"reader{n}@birch.example" for n in range(1, 6)]
    assert [row.position for row in rows] == [1, 2, 3, 4, 5]
    assert {row.state for row in rows} == {State.QUEUED}
    balance = campaigns.balance_of(campaign)
    assert (balance.total, balance.waiting) == (5, 5)


@pytest.mark.both_stores
def test_a_campaign_leaves_and_is_finished_when_nobody_waits_any_more(app: Flask) -> None:
    with Fake() as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 5)))

        drain(app)

        assert len(server.wait_for(5)) == 5
    balance = campaigns.balance_of(campaign)
    assert (balance.sent, balance.waiting) == (5, 0)
    assert fresh(campaign).state is CampaignState.FINISHED
