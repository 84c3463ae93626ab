"""How a campaign went."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from flask import Flask

from portal.campaigns import campaigns, drafts, report
from portal.campaigns.models import Campaign, CampaignHour
from portal.campaigns.schedule import Start
from portal.core.clock import now
from portal.core.db import db
from portal.delivery import log
from portal.outbox import tally
from portal.outbox.states import State
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.clock import START, HandSetClock
from tests.equipment.mail import deliveries, drain, send
from tests.equipment.smtp_script import Say, Script
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label


def carried(app: Flask) -> Campaign:
    """Six people: one unknown, one refused by policy, the others fine."""
    unknown, policy = Say(550, "5.1.1 No such user"), Say(550, "5.7.1 Blocked by policy")

    def judge(command: object) -> Say | None:
        line = command.line  # type: ignore[attr-defined]
        return unknown if "reader2@" in line else policy if "reader4@" in line else None

    with Fake(Script(rcpt=judge)) as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        send(make_app(ada), "somebody@else.example")
        campaign = launched(make_campaign(ada, make_audience(ada, 6)))
        drain(app)
    db.session.rollback()
    return campaign


def settled_by_hour(campaign: Campaign) -> Counter[datetime]:
    """As the deliveries themselves say it."""
    moments = [row.settled_at for row in deliveries() if row.message.campaign_id == campaign.id]
    assert len(moments) == 6
    return Counter(at.replace(minute=0, second=0, microsecond=0) for at in moments if at)


@pytest.mark.both_stores
def test_hours_and_servers_are_counted_as_they_were_settled(app: Flask) -> None:
    campaign = carried(app)

    hours = report.hours(campaign)
    (by_own,) = report.by_server(campaign)

    # One hour, unless the clock struck while they were carried.
    assert {hour.at: hour.total for hour in hours} == settled_by_hour(campaign)
    assert (sum(hour.sent for hour in hours), sum(hour.failed for hour in hours)) == (4, 2)
    assert by_own.server is not None
    assert (by_own.server.name, by_own.sent, by_own.failed) == ("own", 4, 2)


@pytest.mark.accepts("UC-04")
@pytest.mark.accepts("UC-05")
def test_bounces_of_a_custom_server_are_not_tracked_which_is_not_none(app: Flask) -> None:
    (by_own,) = report.by_server(carried(app))

    assert by_own.is_custom
    assert (by_own.soft_bounces, by_own.hard_bounces) == (None, None)


@pytest.mark.both_stores
@pytest.mark.accepts("UC-30")
def test_refusals_are_shown_with_the_servers_words(app: Flask) -> None:
    found = report.refusals(carried(app))

    assert {(one.code, one.enhanced, one.words, one.count) for one in found} == {
        (550, "5.1.1", "No such user", 1),
        (550, "5.7.1", "Blocked by policy", 1),
    }


@pytest.mark.both_stores
@pytest.mark.accepts("UC-30")
def test_the_delivery_log_of_a_campaign_has_its_mail_only(app: Flask) -> None:
    campaign = carried(app)

    everything = log.deliveries(campaign.white_label_id, log.Search(campaign=campaign))
    failed = log.Search(campaign=campaign, state=State.FAILED)
    page = log.deliveries(campaign.white_label_id, failed, size=1)
    older = log.deliveries(campaign.white_label_id, failed, size=1, before=page.older)

    assert len(everything.rows) == 6
    assert [row.email for row in (*page.rows, *older.rows)] == [
        "reader4@birch.example",
        "reader2@birch.example",
    ]


def test_the_finish_is_reckoned_from_the_speed_so_far(app: Flask, clock: HandSetClock) -> None:
    ada = make_person(make_white_label())
    server = make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 30)))
    unknown = campaigns.estimated_finish(campaign)
    clock.advance(seconds=60)
    row = {"campaign_id": campaign.id, "hour": START, "server_id": server.id, "outcome": "sent"}
    db.session.add(CampaignHour(**row, count=10))
    tally.add(db.session.connection(), campaign.id, {"sent": 10})
    db.session.commit()

    finish = campaigns.estimated_finish(campaign)

    assert unknown is None
    assert finish == clock.now() + timedelta(seconds=120), "20 wait, and 10 took a minute"


def test_mail_that_was_put_off_does_not_bring_the_finish_nearer(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    server = make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 30)))
    clock.advance(seconds=60)
    row = {"campaign_id": campaign.id, "hour": START, "server_id": server.id}
    for outcome in ("sent", "deferred"):
        db.session.add(CampaignHour(**row, outcome=outcome, count=10))
    tally.add(db.session.connection(), campaign.id, {"sent": 10})
    db.session.commit()

    finish = campaigns.estimated_finish(campaign)

    assert finish == clock.now() + timedelta(seconds=120), "20 wait, and 10 took a minute"


def running(clock: HandSetClock, *, people: int = 30) -> Campaign:
    """Under way for a minute, in which it reached ten."""
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, people)))
    clock.advance(seconds=60)
    reached(campaign, 10)
    return campaign


def reached(campaign: Campaign, count: int) -> None:
    hour = now().replace(minute=0, second=0, microsecond=0)
    row = {"campaign_id": campaign.id, "hour": hour, "server_id": 1, "outcome": "sent"}
    db.session.add(CampaignHour(**row, count=count))
    tally.add(db.session.connection(), campaign.id, {"sent": count})
    db.session.commit()


@pytest.mark.both_stores
def test_a_pause_is_not_taken_for_slowness(app: Flask, clock: HandSetClock) -> None:
    campaign = running(clock)
    for _pause in range(2):
        campaigns.pause(campaign)
        clock.advance(minutes=10)
        campaigns.resume(campaign)
    db.session.commit()

    finish = campaigns.estimated_finish(campaign)

    assert finish == clock.now() + timedelta(seconds=120), "20 wait, and 10 took a minute"


def test_of_a_pause_that_began_hours_ago_its_end_counts(app: Flask, clock: HandSetClock) -> None:
    campaign = running(clock)
    campaigns.pause(campaign)
    clock.advance(hours=3, minutes=29)  # it is half past
    campaigns.resume(campaign)
    clock.advance(seconds=60)
    reached(campaign, 10)

    finish = campaigns.estimated_finish(campaign)

    assert finish == clock.now() + timedelta(seconds=60), "10 wait, and 10 took a minute"


def test_another_campaigns_pause_is_not_its_own(app: Flask, clock: HandSetClock) -> None:
    campaign = running(clock)
    other = drafts.copy(campaign, author=campaign.author)
    campaigns.launch(other, by=campaign.author)
    campaigns.pause(other)
    clock.advance(seconds=60)
    campaigns.resume(other)
    db.session.commit()

    finish = campaigns.estimated_finish(campaign)

    assert finish == clock.now() + timedelta(seconds=240), "20 wait, and 10 took two minutes"


def test_the_time_before_it_began_is_not_taken_for_slowness(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    start = Start(START + timedelta(minutes=30), "UTC")
    campaign = launched(make_campaign(ada, make_audience(ada, 30), start=start))
    clock.advance(minutes=30)
    campaigns.begin(campaign)
    clock.advance(seconds=60)
    reached(campaign, 10)

    finish = campaigns.estimated_finish(campaign)

    assert finish == clock.now() + timedelta(seconds=120), "20 wait, and 10 took a minute"
