"""Pausing, going on, cancelling, sending again: and the balance sheet adds up all the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from portal.campaigns import campaigns, drafts, handing_over, listing, moving, steps
from portal.campaigns.models import Campaign, CampaignState
from portal.campaigns.pace import Pace, PaceKind
from portal.campaigns.schedule import Start
from portal.core.db import db
from portal.core.errors import Refusal
from portal.jobs.works import sweep
from portal.outbox import acts, suppressions, suspension, tally
from portal.outbox.balance import NEVER_LEARNT, PAUSED
from portal.outbox.models import Delivery, Message
from portal.outbox.states import Reason, State
from portal.smtp_settings.models import SmtpServer
from tests.equipment.campaigns import launched, make_audience, make_campaign, worked
from tests.equipment.clock import START, HandSetClock
from tests.equipment.mail import deliveries, drain, states
from tests.equipment.plans import plans
from tests.equipment.smtp_script import Say, Script, when
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import fresh, make_app, make_person, make_server, make_white_label


def counted(campaign: Campaign) -> dict[str, int]:
    """The balance sheet as the deliveries themselves say it."""
    db.session.rollback()
    tally.count_anew(db.session.connection(), [campaign.id])
    balance = campaigns.balance_of(campaign)
    db.session.rollback()
    return lines(balance)


def lines(balance: object) -> dict[str, int]:
    names = ("sent", "failed", "unknown", "held", "suppressed", "cancelled", "sandboxed")
    return {name: getattr(balance, name) for name in names if getattr(balance, name)}


def kept(campaign: Campaign) -> dict[str, int]:
    """The balance sheet as pages read it."""
    db.session.rollback()
    balance = campaigns.balance_of(campaign)
    assert balance.adds_up
    return lines(balance)


@pytest.mark.both_stores
def test_a_paused_campaign_sends_nothing_even_before_its_deliveries_are_moved(app: Flask) -> None:
    with Fake() as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 20)))

        campaigns.pause(campaign)
        db.session.commit()
        drain(app)

        assert server.ledger == []
    assert {(row.state, row.kind) for row in deliveries()} == {(State.HELD, PAUSED)}
    assert kept(campaign) == {}
    assert campaigns.balance_of(campaign).waiting == 20


@pytest.mark.both_stores
def test_it_goes_on_where_it_was_paused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 3)
    with Fake() as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 10)))
        campaigns.pause(campaign)
        db.session.commit()
        worked(campaign)
        held = states()

        campaigns.resume(campaign)
        db.session.commit()
        worked(campaign)
        drain(app)

        assert len(server.ledger) == 10
    assert held == [State.HELD] * 10
    assert kept(campaign) == {"sent": 10}
    assert fresh(campaign).state is CampaignState.FINISHED


def test_going_on_keeps_the_pace(app: Flask, clock: HandSetClock) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.HOURLY, per_hour=6)
    campaign = launched(make_campaign(ada, make_audience(ada, 5), pace=pace))
    campaigns.pause(campaign)
    db.session.commit()
    worked(campaign)

    clock.advance(hours=5)
    campaigns.resume(campaign)
    db.session.commit()
    worked(campaign)

    minutes = [(row.due_at - START).total_seconds() / 60 for row in deliveries()]
    assert minutes == [300, 310, 320, 330, 340], "not all at once"


def test_paused_while_it_is_handed_over_the_rest_comes_after(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "AT_ONCE", 4)
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 10))
    campaigns.launch(campaign, by=ada)
    db.session.commit()
    work = steps.work(campaign.id)
    next(work)
    db.session.commit()
    campaigns.pause(campaign)
    db.session.commit()
    for _step in work:
        db.session.commit()
    db.session.commit()
    so_far = len(deliveries())

    campaigns.resume(campaign)
    db.session.commit()
    worked(campaign)

    assert so_far == 4
    assert states() == [State.QUEUED] * 10


@pytest.mark.both_stores
def test_cancelled_everything_that_has_not_left_is_taken_back(app: Flask) -> None:
    with Fake() as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 6)))

        campaigns.cancel(campaign)
        db.session.commit()
        drain(app)  # the row says so before the deliveries do
        worked(campaign)

        assert server.ledger == []
    assert states() == [State.CANCELLED] * 6
    assert kept(campaign) == counted(campaign) == {"cancelled": 6}


def test_who_was_not_in_the_outbox_yet_is_cancelled_too(app: Flask, clock: HandSetClock) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    pace = Pace(PaceKind.HOURLY, per_hour=1)
    campaign = launched(make_campaign(ada, make_audience(ada, 10), pace=pace))

    campaigns.cancel(campaign)
    db.session.commit()
    worked(campaign)

    assert len(deliveries()) == 3
    balance = campaigns.balance_of(campaign)
    assert (balance.total, balance.cancelled, balance.waiting) == (10, 10, 0)


def test_a_campaign_that_has_not_begun_is_cancelled_as_a_whole(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    start = Start(START + timedelta(hours=1), "UTC")
    campaign = make_campaign(ada, make_audience(ada, 4), start=start)
    campaigns.launch(campaign, by=ada)
    db.session.commit()

    campaigns.cancel(campaign)
    db.session.commit()
    clock.advance(hours=2)
    sweep()

    assert deliveries() == []
    assert kept(campaign) == {"cancelled": 4}


@pytest.mark.both_stores
def test_the_failed_are_sent_again_and_nobody_else(app: Flask) -> None:
    refuses_some = Script(rcpt=when("reader2@", Say(550, "5.1.1 No such user")))
    ada = make_person(make_white_label())
    with Fake(refuses_some) as server:
        own = make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 3)))
        drain(app)
        first = kept(campaign)
    with Fake() as server:
        move_to(own, server.port)

        assert campaigns.resend_failed(fresh(campaign)) == 1
        db.session.commit()
        worked(campaign)
        drain(app)

        assert [taken.recipients for taken in server.ledger] == [("reader2@birch.example",)]
    assert first == {"sent": 2, "failed": 1}
    assert kept(campaign) == counted(campaign) == {"sent": 3}
    assert fresh(campaign).state is CampaignState.FINISHED


def test_what_failed_by_a_clock_ahead_of_ours_is_sent_again_too(
    app: Flask, clock: HandSetClock
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 2)))
    become(State.FAILED)
    settle_all(campaign)
    clock.advance(minutes=-10)

    assert campaigns.resend_failed(campaign) == 2
    db.session.commit()
    worked(campaign)

    assert [row.attempts for row in deliveries()] == [0, 0]
    assert State.FAILED not in states()


@pytest.mark.parametrize("others", [0, 400])
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_each_step_reads_what_lies_behind_the_last_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """Alone in its part of the table it is walked through; among many others it is looked up."""
    monkeypatch.setattr(moving, "AT_ONCE", 4)
    ada = make_person(make_white_label())
    make_server(ada)
    monkeypatch.setattr(handing_over, "AT_ONCE", 10)
    campaign = make_campaign(ada, make_audience(ada, 20))
    campaigns.launch(campaign, by=ada)
    db.session.commit()
    next(steps.work(campaign.id))
    db.session.commit()
    monkeypatch.setattr(handing_over, "AT_ONCE", 1000)
    if others:
        launched(make_campaign(ada, make_audience(ada, others, name="Others"), name="Others"))
    worked(campaign)
    campaigns.pause(fresh(campaign))
    db.session.commit()

    with plans(of="SELECT delivery.id, delivery.message_id") as found:
        worked(campaign)

    assert len(found) == 6
    assert all(("TEMP B-TREE" in " ".join(steps)) is bool(others) for steps in found), found
    assert kept(campaign) == counted(campaign)
    assert campaigns.balance_of(campaign).waiting == 20


def move_to(server: SmtpServer, port: int) -> None:
    db.session.execute(
        update(SmtpServer)
        .where(SmtpServer.id == server.id)
        .values(port=port, version=SmtpServer.version + 1)
    )
    db.session.commit()


def test_what_may_have_arrived_is_not_sent_again_unless_that_is_wanted(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 2)))
    become(State.HELD, kind="unknown")
    become(State.FAILED, email="reader1@birch.example")
    settle_all(campaign)

    campaigns.resend_failed(campaign)
    db.session.commit()
    worked(campaign)
    cautious = states()
    become(State.FAILED, email="reader1@birch.example")
    settle_all(campaign)
    campaigns.resend_failed(campaign, with_unknown=True)
    db.session.commit()
    worked(campaign)

    assert cautious == [State.QUEUED, State.HELD]
    assert states() == [State.QUEUED, State.QUEUED]
    assert [row.copies for row in deliveries()] == [0, 1]


def become(state: State, *, kind: str | None = None, email: str | None = None) -> None:
    change = update(Delivery).values(state=state, kind=kind, settled_at=START)
    if email is not None:
        change = change.where(Delivery.email == email)
    db.session.execute(change)
    db.session.commit()


def settle_all(campaign: Campaign) -> None:
    connection: Connection = db.session.connection()
    tally.count_anew(connection, [campaign.id])
    db.session.commit()


def test_who_was_suppressed_meanwhile_is_not_sent_to_again(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 2)))
    become(State.FAILED)
    settle_all(campaign)
    who = "reader1@birch.example"
    suppressions.add(campaign.white_label_id, who, reason=Reason.BOUNCED, by=ada)

    campaigns.resend_failed(campaign)
    db.session.commit()
    worked(campaign)

    assert states() == [State.FAILED, State.QUEUED]
    assert kept(campaign) == counted(campaign) == {"failed": 1}


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (campaigns.pause, "not_running"),
        (campaigns.resume, "not_paused"),
        (campaigns.cancel, "too_late"),
        (campaigns.resend_failed, "not_over"),
        (campaigns.unschedule, "not_scheduled"),
    ],
)
def test_what_cannot_be_done_to_a_draft_is_refused(
    app: Flask, act: Callable[[Campaign], object], code: str
) -> None:
    ada = make_person(make_white_label())
    campaign = make_campaign(ada)

    with pytest.raises(Refusal) as refused:
        act(campaign)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({f"v{number}": "x" for number in range(201)}, "too_many_values"),
        ({"n" * 101: "x"}, "value_name_not_fit"),
    ],
)
def test_a_campaign_has_only_so_many_values_with_short_names(
    app: Flask, values: dict[str, str], code: str
) -> None:
    campaign = make_campaign(make_person(make_white_label()))

    with pytest.raises(Refusal) as refused:
        drafts.change(campaign, drafts.Wishes("Spring", values=values))

    assert (refused.value.code, refused.value.field) == (code, "values")


def test_a_launched_campaign_is_not_changed_or_launched_again(app: Flask) -> None:
    ada = make_person(make_white_label())
    campaign = launched(make_campaign(ada))

    acts_on_drafts: list[Callable[[], None]] = [
        lambda: campaigns.launch(campaign, by=ada),
        lambda: drafts.change(campaign, drafts.Wishes("Other")),
        lambda: drafts.delete(campaign),
    ]
    for act in acts_on_drafts:
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.code == "not_a_draft"


@pytest.mark.parametrize(
    "act", [lambda one: drafts.change(one, drafts.Wishes("Other")), drafts.delete]
)
def test_a_draft_that_was_launched_while_somebody_looked_at_it_stays_as_it_is(
    app: Flask, act: Callable[[Campaign], None]
) -> None:
    campaign = make_campaign(make_person(make_white_label()))
    elsewhere = update(Campaign).values(state=CampaignState.RUNNING)
    db.session.execute(elsewhere.execution_options(synchronize_session=False))

    with pytest.raises(Refusal) as refused:
        act(campaign)

    assert refused.value.code == "not_a_draft"


def test_another_white_labels_campaign_is_not_there(app: Flask) -> None:
    ada = make_person(make_white_label())
    birch = make_white_label("Birch")
    make_person(birch, "Cal")
    campaign = make_campaign(ada)

    with pytest.raises(Refusal) as refused:
        listing.find(birch.id, campaign.id)

    assert refused.value.code == "not_found"
    assert listing.page(birch.id).rows == []
    assert listing.to_choose_from(birch.id, chosen=campaign.id) == []


def test_the_backoffice_finds_every_campaign(app: Flask) -> None:
    campaign = make_campaign(make_person(make_white_label()))
    birch = make_white_label("Birch")

    assert listing.find_in_any(campaign.id) is campaign
    assert listing.to_choose_from_any(of=birch) == []
    assert listing.to_choose_from_any(of=birch, chosen=campaign.id) == [campaign]
    assert listing.to_choose_from_any() == [campaign]


@pytest.mark.both_stores
def test_a_server_that_refuses_the_sender_holds_the_rest_and_the_balance_says_so(
    app: Flask,
) -> None:
    script = Script(mail=Say(553, "5.7.1 Sender address rejected: not owned by user"))
    with Fake(script) as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 12)))

        drain(app)

    assert kept(campaign) == counted(campaign) == {"held": 12}


def test_cancelling_a_message_by_hand_stands_in_the_balance(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 3)))

    row = db.session.scalars(select(Delivery).order_by(Delivery.id)).first()
    assert row is not None
    acts.cancel(row.message, only=row)
    db.session.commit()

    assert kept(campaign) == {"cancelled": 1}


def test_the_sweep_finishes_what_was_decided_by_hand(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 3)))
    for message in db.session.scalars(select(Message)).all():
        acts.cancel(message)
    db.session.commit()

    sweep()

    assert fresh(campaign).state is CampaignState.FINISHED


def test_a_copy_is_a_draft_with_the_same_wishes(app: Flask) -> None:
    ada = make_person(make_white_label())
    pace = Pace(PaceKind.RANDOM, min_delay=1, max_delay=9)
    campaign = launched(make_campaign(ada, pace=pace))

    twin = drafts.copy(campaign, author=ada)
    db.session.commit()

    assert twin.state is CampaignState.DRAFT
    assert (twin.audience_id, twin.template_id) == (campaign.audience_id, campaign.template_id)
    assert campaigns.pace_of(twin) == pace


def test_held_mail_that_is_let_go_opens_a_finished_campaign_again(app: Flask) -> None:
    acme = make_white_label()
    ada = make_person(acme)
    with Fake() as server:
        make_server(ada, port=server.port)
        campaign = launched(make_campaign(ada, make_audience(ada, 3)))
        suspension.suspend(acme)
        db.session.commit()
        drain(app)
    sweep()
    held = (kept(campaign), fresh(campaign).state)

    suspension.resume(fresh(acme))
    db.session.commit()
    sweep()

    assert held == ({"held": 3}, CampaignState.FINISHED)
    assert kept(campaign) == counted(campaign) == {}
    assert fresh(campaign).state is CampaignState.RUNNING


@pytest.mark.both_stores
def test_an_apps_mail_that_is_taken_back_is_counted_in_its_campaigns(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    shop = make_app(ada)
    campaign = make_campaign(ada, make_audience(ada, 5))
    campaign.app_id = shop.id
    launched(campaign)
    paused, held, unknown, sent, _queued = deliveries()
    for row, state, kind in (
        (paused, State.HELD, PAUSED),
        (held, State.HELD, "no_server"),
        (unknown, State.HELD, NEVER_LEARNT),
        (sent, State.SENT, None),
    ):
        row.state, row.kind = state, kind
    db.session.flush()
    tally.count_anew(db.session.connection(), [campaign.id])
    db.session.commit()

    taken = acts.cancel_all_of(shop)
    db.session.commit()

    assert taken == 3
    assert kept(campaign) == counted(campaign) == {"sent": 1, "unknown": 1, "cancelled": 3}


def test_paused_in_the_middle_of_sending_again_the_rest_follows(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "AT_ONCE", 2)
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = launched(make_campaign(ada, make_audience(ada, 6)))
    become(State.FAILED)
    settle_all(campaign)
    campaigns.resend_failed(campaign)
    db.session.commit()
    next(steps.work(campaign.id))
    db.session.commit()
    campaigns.pause(fresh(campaign))
    db.session.commit()
    worked(campaign)
    in_between = (kept(campaign), campaigns.balance_of(campaign).waiting)

    campaigns.resume(fresh(campaign))
    db.session.commit()
    worked(campaign)

    assert in_between == ({"failed": 4}, 2)
    assert states() == [State.QUEUED] * 6
    assert kept(campaign) == counted(campaign) == {}
