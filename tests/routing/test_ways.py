"""The way of each app as lists and pages show it."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.routing.ways import is_in_sandbox, ways_of
from portal.white_labels.models import MailMode, WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import make_app, make_server


@pytest.mark.accepts("SI-27")
def test_each_app_follows_its_owner(ada: Person, bob: Person, cal: Person, olive: Person) -> None:
    make_server(ada, "own")
    make_server(olive, "main")
    apps = [make_app(ada, "Shop"), make_app(bob, "Blog"), make_app(cal, "Orders")]

    ways = ways_of(apps)

    assert [ways[app.id].servers for app in apps] == [["own"], ["main"], ["main"]]
    assert [ways[app.id].misses_own_server for app in apps] == [False, True, False]


@pytest.mark.accepts("SS-41")
def test_all_servers_of_a_draw_are_named(ada: Person) -> None:
    make_server(ada, "first")
    make_server(ada, "second")

    way = ways_of([shop := make_app(ada, "Shop")])[shop.id]

    assert sorted(way.servers) == ["first", "second"]
    assert way.words == (
        f"Leaves through one of {', '.join(way.servers)}, drawn for each message, "
        "because Ada owns Shop and configured this server."
    )


def test_a_page_stands_still_when_it_is_loaded_again(ada: Person) -> None:
    for number in range(6):
        make_server(ada, f"server-{number}")
    shop = make_app(ada, "Shop")

    assert len({tuple(step.words for step in ways_of([shop])[shop.id].trace) for _ in "12345"}) == 1


def test_a_parked_server_is_a_way_that_waits(ada: Person, clock: HandSetClock) -> None:
    own = make_server(ada, "own")
    own.health.parked_at = clock.now()
    db.session.commit()

    way = ways_of([shop := make_app(ada, "Shop")])[shop.id]

    assert way.is_out
    assert way.is_waiting


@pytest.mark.accepts("SS-49")
def test_without_any_server_it_is_the_sandbox(ada: Person, acme: WhiteLabel) -> None:
    way = ways_of([shop := make_app(ada, "Shop")])[shop.id]

    assert way.is_sandbox
    assert is_in_sandbox(acme.id)
    assert is_in_sandbox(None)


def test_a_switched_off_or_unproven_server_ends_no_sandbox(ada: Person, acme: WhiteLabel) -> None:
    make_server(ada, "off", is_enabled=False)
    make_server(ada, "draft", is_validated=False)

    assert is_in_sandbox(acme.id)


def test_own_servers_count_only_where_they_are_used(ada: Person, acme: WhiteLabel) -> None:
    make_server(ada, "own")

    with_own = is_in_sandbox(acme.id)
    acme.mail_mode = MailMode.PLATFORM
    db.session.commit()

    assert not with_own
    assert is_in_sandbox(acme.id)
    assert is_in_sandbox(None)
