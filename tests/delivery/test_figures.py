"""The numbers of the overviews: right, of the right tenant, and with an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import db
from portal.delivery import figures
from portal.delivery.figures import Standing
from portal.delivery.models import Engine, Hourly
from portal.outbox.hours import Hour
from portal.outbox.states import State
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import kept, make_app, make_server

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "own")


@pytest.fixture
def shop(own: SmtpServer, ada: Person) -> App:
    return make_app(ada, "Shop")


def count(tenant: WhiteLabel, hour: datetime, outcome: State, number: int, server: int = 1) -> None:
    kept(Hourly(tenant=tenant.id, hour=hour, server_id=server, outcome=outcome.value, count=number))


@pytest.mark.both_stores
def test_hours_without_mail_are_there_and_servers_are_added_up(
    acme: WhiteLabel, birch: WhiteLabel, clock: HandSetClock
) -> None:
    clock.set(NOON + timedelta(minutes=20))
    count(acme, NOON, State.SENT, 5, server=1)
    count(acme, NOON, State.SENT, 2, server=2)
    count(acme, NOON - timedelta(hours=2), State.FAILED, 3)
    count(acme, NOON - timedelta(hours=24), State.SENT, 100)
    count(birch, NOON, State.SENT, 40)

    mine, everybodys = figures.hours(acme), figures.hours(None)

    assert len(mine) == 24
    assert mine[-1] == Hour(NOON, sent=7)
    assert mine[-3] == Hour(NOON - timedelta(hours=2), failed=3)
    assert sum(hour.total for hour in mine) == 10
    assert everybodys[-1].sent == 47


@pytest.mark.both_stores
def test_what_waits_and_what_is_stopped_is_counted_for_its_tenant(
    shop: App, acme: WhiteLabel, birch: WhiteLabel, clock: HandSetClock
) -> None:
    due_at = clock.now()
    send(shop, ["a@x.example", "b@x.example"])
    held = send(shop).deliveries[0]
    held.state = State.HELD
    db.session.commit()

    mine, theirs, everybodys = (figures.standing(one) for one in (acme, birch, None))

    assert (mine.waiting.number, mine.held.number, mine.unknown.number) == (2, 1, 0)
    assert mine.oldest_due == due_at
    assert (theirs.waiting.number, theirs.held.number, theirs.oldest_due) == (0, 0, None)
    assert (everybodys.waiting.number, everybodys.held.number) == (2, 1)


def test_counting_ends_where_nobody_cares_any_more(
    shop: App, acme: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST", 2)
    send(shop, [f"{number}@x.example" for number in range(9)])

    waiting = figures.standing(acme).waiting

    assert waiting.is_more
    assert waiting.number == 3


def test_a_white_label_sees_its_own_parked_servers_the_backoffice_all(
    own: SmtpServer,
    acme: WhiteLabel,
    birch: WhiteLabel,
    cal: Person,
    olive: Person,
    clock: HandSetClock,
) -> None:
    for server in (own, make_server(cal, "birch-own"), make_server(olive, "main")):
        server.health.parked_at = clock.now()
    db.session.commit()

    assert [server.name for server in figures.parked(acme)] == ["own"]
    assert [server.name for server in figures.parked(birch)] == ["birch-own"]
    assert {server.name for server in figures.parked(None)} == {"own", "birch-own", "main"}


def test_the_fence_is_told(acme: WhiteLabel) -> None:
    before = figures.standing(acme).is_fenced
    kept(Engine(id=1, is_fenced=True))

    assert not before
    assert figures.standing(acme).is_fenced


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 2), (1, 2), (3, 4), (9, 10), (11, 12), (99, 100), (832, 1000)]
)
def test_a_plot_ends_at_a_round_number_above_the_highest_bar(highest: int, top: int) -> None:
    hours = [Hour(NOON, sent=highest)]
    nothing = figures.Count(0)

    standing = Standing(hours, nothing, None, nothing, nothing, [], is_fenced=False)

    assert standing.top == top


def test_whether_there_ever_was_mail(shop: App, acme: WhiteLabel, birch: WhiteLabel) -> None:
    send(shop)

    assert figures.has_mail(acme)
    assert figures.has_mail(None)
    assert not figures.has_mail(birch)
