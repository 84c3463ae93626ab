"""A server is deleted in the midst of its work: its mail finds another way, nobody is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts.models import Person
from portal.campaigns import campaigns, report, steps
from portal.campaigns.models import Campaign, CampaignState
from portal.core.db import db, reading
from portal.outbox import effects
from portal.outbox.models import Delivery
from portal.outbox.states import State
from portal.smtp_settings.models import SmtpServer
from tests.equipment.campaigns import make_audience, make_campaign, worked
from tests.equipment.mail import send, until, working
from tests.equipment.smtp_script import Acts, Command, Say, Script, Take, Until, Wait
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import fresh, make_app, make_person, make_server, make_white_label

PEOPLE = 500
A_MESSAGE = 5
AT_WORK = 50
"""Mails that the old server has taken when it is deleted."""
PLENTY = 100
"""Mails that the old server takes before it is deleted, however long that takes on a busy machine:
so there is something left to do."""


@pytest.fixture
def deleted() -> Event:
    """Whether the old server is deleted."""
    return Event()


@pytest.fixture
def old(deleted: Event) -> Iterator[Fake]:
    def slowly(command: Command) -> Acts:
        pause = Wait(0.01) if command.number <= PLENTY else Until(deleted)
        return pause, Take(), Say(250, "2.0.0 Ok")

    with Fake(Script(body=slowly)) as old:
        yield old


@pytest.fixture
def new() -> Iterator[Fake]:
    with Fake() as new:
        yield new


@pytest.fixture
def ada(app: Flask) -> Person:
    return make_person(make_white_label())


@pytest.fixture
def own(ada: Person, old: Fake) -> SmtpServer:
    """Goes before all others, and is to be deleted."""
    return make_server(ada, port=old.port)


@pytest.fixture
def platforms(app: Flask, new: Fake) -> SmtpServer:
    """The one that is left."""
    return make_server(make_person(name="Olive"), "main", port=new.port)


def delete_at_work(own: SmtpServer, old: Fake, deleted: Event) -> None:
    """As the page does it, while lanes have mail of it in their hands."""
    old.wait_for(AT_WORK + 1)
    effects.delete_server(own)
    db.session.commit()
    deleted.set()


def count(state: State) -> int:
    query = select(func.count()).select_from(Delivery).where(Delivery.state == state)
    with reading():
        number = db.session.scalar(query) or 0
        db.session.commit()
    return number


def arrived(*servers: Fake) -> Counter[str]:
    return Counter(email for fake in servers for taken in fake.ledger for email in taken.recipients)


@pytest.mark.both_stores
@pytest.mark.accepts("SS-45")
def test_queued_mail_is_routed_anew_under_load_and_nothing_is_lost_or_doubled(
    app: Flask,
    ada: Person,
    own: SmtpServer,
    platforms: SmtpServer,
    old: Fake,
    new: Fake,
    deleted: Event,
) -> None:
    shop = make_app(ada)
    people = [f"person{number}@birch.example" for number in range(PEOPLE)]
    for at in range(0, PEOPLE, A_MESSAGE):
        send(shop, people[at : at + A_MESSAGE])

    with working(app):
        delete_at_work(own, old, deleted)
        until(lambda: count(State.SENT) == PEOPLE)

    assert arrived(old, new) == Counter(people)
    assert AT_WORK < len(old.ledger) < PEOPLE
    assert {taken.mail_from for taken in new.ledger} == {"main@northwind.example"}


@pytest.mark.both_stores
@pytest.mark.accepts("SS-45")
def test_a_running_campaign_goes_on_by_the_other_server_and_its_balance_adds_up(
    app: Flask,
    ada: Person,
    own: SmtpServer,
    platforms: SmtpServer,
    old: Fake,
    new: Fake,
    deleted: Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.campaigns.handing_over.AT_ONCE", 300)
    campaign = make_campaign(ada, make_audience(ada, PEOPLE))
    campaigns.launch(campaign, by=ada)
    next(steps.work(campaign.id))  # the first 300; the rest when their server is gone
    db.session.commit()

    with working(app):
        delete_at_work(own, old, deleted)
        worked(campaign)
        until(lambda: is_over(campaign))

    balance = campaigns.balance_of(campaign)
    assert (balance.total, balance.sent, balance.waiting) == (PEOPLE, PEOPLE, 0)
    assert count(State.SENT) == PEOPLE
    assert arrived(old, new) == Counter(f"reader{n}@birch.example" for n in range(1, PEOPLE + 1))
    assert AT_WORK < len(old.ledger) < 300
    carried = {one.server.id: one.sent for one in report.by_server(campaign) if one.server}
    assert carried == {own.id: len(old.ledger), platforms.id: len(new.ledger)}
    assert sum(hour.total for hour in report.hours(campaign)) == PEOPLE


def is_over(campaign: Campaign) -> bool:
    return fresh(campaign).state is CampaignState.FINISHED
