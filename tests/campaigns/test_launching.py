"""From an audience into the outbox."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.campaigns import audiences, campaigns, handing_over, steps
from portal.campaigns.models import AudienceMember, Campaign, CampaignState
from portal.campaigns.pace import Pace, PaceKind
from portal.campaigns.schedule import Start
from portal.core.db import db
from portal.core.errors import Refusal
from portal.jobs.works import do_now, sweep
from portal.mail_templates import templates
from portal.mail_templates.ready import all_ready
from portal.mail_templates.wordings import Wording
from portal.outbox import suppressions, suspension, tally
from portal.outbox.models import Delivery, Message
from portal.outbox.states import WAITING, Reason, State
from portal.senders.models import Sender
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import launched, make_audience, make_campaign, worked
from tests.equipment.clock import START, HandSetClock
from tests.equipment.mail import deliveries, drain
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import (
    fresh,
    make_person,
    make_server,
    make_template,
    make_white_label,
)


def messages() -> list[Message]:
    return list(db.session.scalars(select(Message).order_by(Message.id)))


@pytest.mark.both_stores
@pytest.mark.accepts("UC-25")
def test_everybody_in_the_audience_gets_one_delivery(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 5))

    launched(campaign)

    rows = deliveries()
    assert [row.email for row in rows] == [f"reader{n}@birch.example" for n in range(1, 6)]
    assert [row.position for row in rows] == [1, 2, 3, 4, 5]
    assert {(row.state, row.priority) for row in rows} == {(State.QUEUED, 1)}
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


def test_launching_changes_one_row_and_leaves_the_rest_to_the_background(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 50))

    campaigns.launch(campaign, by=ada)
    db.session.commit()

    assert deliveries() == []
    assert campaigns.balance_of(campaign).waiting == 50


@pytest.mark.both_stores
def test_who_is_suppressed_stands_in_the_log_and_gets_nothing(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, ["Kim@x.example,", "lee@x.example,"]))
    suppressions.add(campaign.white_label_id, "kim@X.example", reason=Reason.IMPORTED, by=ada)

    launched(campaign)

    rows = deliveries()
    assert [(row.state, row.kind) for row in rows] == [
        (State.SUPPRESSED, "imported"),
        (State.QUEUED, None),
    ]
    assert campaigns.balance_of(campaign).suppressed == 1


@pytest.mark.both_stores
def test_each_gets_their_own_language_else_the_default(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    rows = ["a@x.example,de", "b@x.example,de-AT", "c@x.example,fr", "d@x.example,"]
    template = make_template(
        db.session.get_one(WhiteLabel, ada.white_label_id),
        texts=(("en", "Hello", "Hello", None), ("de", "Hallo", "Hallo", None)),
    )

    launched(
        make_campaign(ada, make_audience(ada, rows, header="email,language"), template=template)
    )

    subjects = {row.email: row.message.template_text.subject for row in deliveries()}  # type: ignore[union-attr]
    assert subjects == {
        "a@x.example": "Hallo",
        "b@x.example": "Hallo",
        "c@x.example": "Hello",
        "d@x.example": "Hello",
    }


@pytest.mark.both_stores
def test_who_comes_after_a_suspension_is_not_held_by_it(app: Flask, clock: HandSetClock) -> None:
    server, acme = in_two_languages_while_suspended()
    suspension.resume(acme)
    db.session.commit()

    for _hour in range(4):
        clock.advance(hours=1)
        sweep()

    rows = deliveries()
    assert [row.email for row in rows][3:] == ["dora@x.example"], "the first who reads German"
    assert {(row.kind, row.server_id) for row in rows} == {(None, server.id)}


def test_as_long_as_it_is_held_for_the_same_reason_no_more_messages_are_made(
    app: Flask, clock: HandSetClock
) -> None:
    in_two_languages_while_suspended()

    clock.advance(hours=1)
    sweep()

    assert [row.kind for row in deliveries()] == [suspension.SUSPENDED] * 4
    assert len(messages()) == 2


def in_two_languages_while_suspended() -> tuple[SmtpServer, WhiteLabel]:
    """One mail an hour, in English to three readers and then in German; all of it held."""
    ada = make_person(acme := make_white_label())
    server = make_server(ada)
    texts = (("en", "Hello", "Hello", None), ("de", "Hallo", "Hallo", None))
    rows = ["ann@x.example,", "ben@x.example,", "cleo@x.example,", "dora@x.example,de"]
    campaign = make_campaign(
        ada,
        make_audience(ada, rows, header="email,language"),
        template=make_template(acme, texts=texts),
        pace=Pace(PaceKind.HOURLY, per_hour=1),
    )
    suspension.suspend(acme)
    db.session.commit()
    launched(campaign)
    return server, acme


@pytest.mark.both_stores
@pytest.mark.accepts("SS-35", "SS-41")
def test_servers_that_take_turns_get_their_share_by_weight(app: Flask) -> None:
    ada = make_person(make_white_label())
    heavy = make_server(ada, "heavy", weight=3)
    light = make_server(ada, "light", weight=1)

    launched(make_campaign(ada, make_audience(ada, 400)))

    shares = Counter(row.server_id for row in deliveries())
    assert sum(shares.values()) == 400
    assert 270 <= shares[heavy.id] <= 330
    assert 70 <= shares[light.id] <= 130


@pytest.mark.both_stores
def test_killed_in_the_middle_and_run_again_it_skips_and_doubles_nobody(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "AT_ONCE", 7)
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 50))
    campaigns.launch(campaign, by=ada)
    db.session.commit()

    for survives in (1, 2, 3):
        work = steps.work(campaign.id)
        for _step in range(survives):
            next(work)
            db.session.commit()
        next(work)  # done, and never committed: the process dies here
        db.session.rollback()
    worked(campaign)

    emails = [row.email for row in deliveries()]
    assert len(emails) == len(set(emails)) == 50
    assert campaigns.balance_of(campaign).total == 50


def test_two_who_hand_over_at_once_hand_nobody_over_twice(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "AT_ONCE", 5)
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 23))
    campaigns.launch(campaign, by=ada)
    db.session.commit()

    first, second = steps.work(campaign.id), steps.work(campaign.id)
    for work in (first, second, second, first, second, first, first, second):
        next(work, None)
        db.session.commit()
    worked(campaign)

    emails = [row.email for row in deliveries()]
    assert len(emails) == len(set(emails)) == 23


@pytest.mark.both_stores
def test_at_most_so_many_an_hour_are_due(app: Flask, clock: HandSetClock) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.HOURLY, per_hour=4)

    launched(make_campaign(ada, make_audience(ada, 5), pace=pace))

    rows = deliveries()
    assert [row.due_at - START for row in rows] == [timedelta(minutes=15 * n) for n in range(5)]
    assert [row.state for row in rows] == [State.QUEUED, *[State.SCHEDULED] * 4]


@pytest.mark.both_stores
@pytest.mark.accepts("UC-34")
def test_randomised_pauses_lie_between_the_shortest_and_the_longest(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.RANDOM, min_delay=10, max_delay=40)

    launched(make_campaign(ada, make_audience(ada, 60), pace=pace))

    dues = [row.due_at for row in deliveries()]
    pauses = [(later - due).total_seconds() for due, later in pairwise(dues)]
    assert dues[0] == START
    assert all(9.999 <= pause <= 40.001 for pause in pauses)
    assert len(set(pauses)) > 50


def test_a_slow_campaign_comes_into_the_outbox_as_it_becomes_due(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.HOURLY, per_hour=1)
    campaign = launched(make_campaign(ada, make_audience(ada, 10), pace=pace))
    soon = len(deliveries())

    for _hour in range(9):
        clock.advance(hours=1)
        leave(clock)
        sweep()

    dues = [row.due_at for row in deliveries()]
    assert (soon, len(dues)) == (3, 10)
    assert dues == [START + timedelta(hours=n) for n in range(10)]
    assert len(messages()) == 2, "the second wave bears a date of its own"
    assert fresh(campaign).is_handed_over


def leave(clock: HandSetClock, state: State = State.SENT) -> None:
    """What is due now is tried, with this result."""
    for row in deliveries():
        if row.state in WAITING and row.due_at <= clock.now():
            row.state = state
    db.session.flush()
    tally.count_anew(db.session.connection(), db.session.scalars(select(Campaign.id)))
    db.session.commit()


@pytest.mark.both_stores
def test_while_its_server_is_parked_at_most_four_hours_of_mail_pile_up(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    launched(make_campaign(ada, make_audience(ada, 60), pace=Pace(PaceKind.HOURLY, per_hour=6)))
    for _hour in range(8):
        clock.advance(hours=1)
        sweep()
    piled_up = len(deliveries())

    leave(clock)
    sweep()

    assert 24 < piled_up <= 24 + 6
    after = [row.due_at - clock.now() for row in deliveries()[piled_up:]]
    assert after == [timedelta(minutes=10 * n) for n in range(13)], "at its pace, from now on"


def test_those_who_ask_to_come_later_stop_nobody_else(app: Flask, clock: HandSetClock) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    launched(make_campaign(ada, make_audience(ada, 60), pace=Pace(PaceKind.HOURLY, per_hour=6)))

    for _hour in range(8):
        clock.advance(hours=1)
        leave(clock, State.DEFERRED)
        sweep()

    assert len(deliveries()) == 60


@pytest.mark.both_stores
@pytest.mark.parametrize("had_a_way", [True, False])
def test_what_was_held_by_a_suspension_goes_on_at_the_pace(
    app: Flask, clock: HandSetClock, had_a_way: bool
) -> None:
    ada = make_person(acme := make_white_label())
    server = make_server(ada)
    campaign = make_campaign(
        ada, make_audience(ada, 5), pace=Pace(PaceKind.HOURLY, per_hour=4), name="News"
    )
    if had_a_way:
        launched(campaign)
        for row in deliveries():
            row.state, row.kind = State.HELD, suspension.SUSPENDED
        db.session.flush()
        tally.count_anew(db.session.connection(), [campaign.id])
    suspension.suspend(acme)
    db.session.commit()
    if not had_a_way:
        launched(campaign)
    clock.advance(days=3)

    released = suspension.resume(fresh(acme))
    db.session.commit()
    sweep()

    rows = deliveries()
    assert released == 5
    assert [row.due_at - clock.now() for row in rows] == [
        timedelta(minutes=15 * n) for n in range(5)
    ]
    assert [row.state for row in rows] == [State.QUEUED, *[State.SCHEDULED] * 4]
    assert {(row.kind, row.server_id) for row in rows} == {(None, server.id)}
    assert campaigns.balance_of(campaign).waiting == 5


def test_what_was_missed_while_nothing_worked_is_not_made_up_for(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.HOURLY, per_hour=1)
    launched(make_campaign(ada, make_audience(ada, 10), pace=pace))

    clock.advance(hours=12)
    sweep()

    later = [row.due_at - START for row in deliveries()][3:]
    assert later == [timedelta(hours=12), timedelta(hours=13), timedelta(hours=14)]


def test_who_unsubscribes_before_their_turn_gets_nothing(app: Flask, clock: HandSetClock) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.HOURLY, per_hour=1)
    campaign = launched(make_campaign(ada, make_audience(ada, 5), pace=pace))

    for who in ("reader2@birch.example", "reader5@birch.example"):  # one waits, one is to come
        suppressions.add(campaign.white_label_id, who, reason=Reason.UNSUBSCRIBED, by=None)
    db.session.commit()
    clock.advance(hours=6)
    sweep()

    unwanted = [row.email for row in deliveries() if row.state is State.SUPPRESSED]
    assert unwanted == ["reader2@birch.example", "reader5@birch.example"]
    assert campaigns.balance_of(campaign).suppressed == 2


def test_a_scheduled_campaign_begins_at_its_time_with_who_is_there_then(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    audience = make_audience(ada, 2)
    campaign = make_campaign(ada, audience, start=Start(START + timedelta(hours=3), "UTC"))
    campaigns.launch(campaign, by=ada)
    db.session.commit()
    sweep()
    before = (campaign.state, deliveries())

    audiences.add_member(audience, email="late@birch.example")
    db.session.commit()
    clock.advance(hours=3)
    sweep()

    assert before == (CampaignState.SCHEDULED, [])
    assert [row.email for row in deliveries()][-1] == "late@birch.example"
    assert fresh(campaign).state is CampaignState.RUNNING


def test_what_is_sent_is_the_version_of_the_launch(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada)
    campaigns.launch(campaign, by=ada)
    db.session.commit()
    version_id = campaign.version_id

    make_next_version(campaign)
    worked(campaign)

    assert {row.message.template_text.version_id for row in deliveries()} == {version_id}  # type: ignore[union-attr]


def make_next_version(campaign: Campaign) -> None:
    assert campaign.template is not None
    texts = all_ready({"en": Wording("Another subject", "Another text")})
    templates.save_version(campaign.template, texts, default_language="en", by=None)
    db.session.commit()


def test_without_a_server_the_sandbox_keeps_it_and_the_campaign_is_over(app: Flask) -> None:
    ada = make_person(make_white_label())

    campaign = launched(make_campaign(ada, make_audience(ada, 3)))

    balance = campaigns.balance_of(campaign)
    assert (balance.sandboxed, balance.waiting) == (3, 0)
    assert campaign.state is CampaignState.FINISHED


def test_a_sender_that_cannot_be_used_is_refused_at_the_launch(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    off = make_server(ada, "off", is_enabled=False)
    campaign = make_campaign(ada, sender_id=first_sender(off.id))

    with pytest.raises(Refusal) as refused:
        campaigns.launch(campaign, by=ada)

    assert (refused.value.code, refused.value.field) == ("disabled", "sender")


def first_sender(server_id: int) -> int:
    return db.session.scalars(select(Sender.id).where(Sender.server_id == server_id)).one()


@pytest.mark.accepts("UC-24")
def test_the_sender_that_was_chosen_carries_it(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada, "first")
    second = make_server(ada, "second")

    launched(make_campaign(ada, sender_id=first_sender(second.id)))

    assert {row.server_id for row in deliveries()} == {second.id}
    assert {message.from_email for message in messages()} == {"second@acme.example"}


def test_who_is_taken_out_while_it_is_handed_over_is_not_counted(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "AT_ONCE", 2)
    ada = make_person(make_white_label())
    make_server(ada)
    audience = make_audience(ada, 5)
    campaign = make_campaign(ada, audience)
    campaigns.launch(campaign, by=ada)
    db.session.commit()
    work = steps.work(campaign.id)
    next(work)
    db.session.commit()

    last = db.session.scalars(select(AudienceMember).order_by(AudienceMember.id.desc())).first()
    assert last is not None
    audiences.remove_member(audience, last)
    db.session.commit()
    worked(campaign)

    balance = campaigns.balance_of(campaign)
    assert (balance.total, balance.waiting) == (4, 4)


def test_an_audience_that_a_campaign_still_needs_is_not_deleted(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    audience = make_audience(ada, 2)
    campaign = make_campaign(ada, audience, start=Start(START + timedelta(hours=3), "UTC"))
    campaigns.launch(campaign, by=ada)
    db.session.commit()

    with pytest.raises(Refusal) as refused:
        audiences.delete(audience)

    assert refused.value.code == "audience_in_use"


def test_a_deleted_audience_goes_with_all_its_rows(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    audience = make_audience(ada, 5)

    audiences.delete(audience)
    db.session.commit()
    do_now("audience", audience.id)

    assert db.session.scalar(select(func.count()).select_from(AudienceMember)) == 0
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_a_draft_whose_audience_was_deleted_is_not_launched(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    audience = make_audience(ada, 2)
    campaign = make_campaign(ada, audience)
    audiences.delete(audience)
    db.session.commit()

    with pytest.raises(Refusal) as refused:
        campaigns.launch(campaign, by=ada)

    assert refused.value.field == "audience"
