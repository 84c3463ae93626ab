"""A worker killed in a campaign skips and doubles nobody."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from flask import Flask

from portal.campaigns import campaigns
from portal.campaigns.models import CampaignState
from portal.core.db import db
from tests.delivery.mortal import born
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.mail import drain
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import fresh, make_person, make_server, make_white_label

PEOPLE = 3000


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("stage", "in_doubt"),
    [("after the claim", 0), ("after the dot has left", 1), ("while settling", 1)],
)
def test_a_worker_killed_in_a_campaign_skips_and_doubles_nobody(
    app: Flask, stage: str, in_doubt: int
) -> None:
    config = app.config["LIVERY"]
    with Fake() as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port, max_connections=1)
        campaign = launched(make_campaign(ada, make_audience(ada, PEOPLE)))

        worker = born(config.instance, config.database_url, stage)
        worker.join(60)
        drain(app)

        arrived = Counter(taken.recipients[0] for taken in server.ledger)
    db.session.rollback()
    balance = campaigns.balance_of(campaign)
    assert worker.exitcode == -signal.SIGKILL
    assert max(arrived.values()) == 1
    assert (balance.sent, balance.unknown) == (PEOPLE - in_doubt, in_doubt)
    assert balance.sent <= len(arrived) <= PEOPLE
    assert fresh(campaign).state is CampaignState.FINISHED
