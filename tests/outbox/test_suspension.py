"""A suspended white label: its mail waits, and goes on its way when the white label does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import KeyKind
from portal.core.db import db
from portal.outbox import suspension
from portal.outbox.models import Message
from portal.outbox.states import State
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import deliveries, drain, send, states
from tests.equipment.smtp_server import SmtpServer
from tests.equipment.stage import make_app, make_server

pytestmark = pytest.mark.both_stores


@pytest.fixture
def fake() -> Iterator[SmtpServer]:
    """A server that would take everything."""
    with SmtpServer() as server:
        yield server
        assert not server.ledger, "mail of a suspended white label left"


@pytest.fixture
def message(ada: Person, abe: Person, fake: SmtpServer) -> Message:
    """One of Acme, to two people."""
    make_server(ada, port=fake.port)
    return send(make_app(ada), ["ann@birch.example", "ben@birch.example"])


def suspend(white_label: WhiteLabel) -> None:
    tenants.suspend(white_label)
    db.session.commit()


def resume(white_label: WhiteLabel) -> int:
    released = suspension.resume(white_label)
    db.session.commit()
    return released


def test_the_numbers_are_told_before(acme: WhiteLabel, ada: Person, message: Message) -> None:
    shop = make_app(ada, "Second")
    keys.make_key(shop, kind=KeyKind.LIVE, name="one", by=ada)
    key, _text = keys.make_key(shop, kind=KeyKind.TEST, name="two", by=ada)
    keys.revoke(key)

    assert suspension.effects_of_suspending(acme) == suspension.SuspensionEffects(
        people=2, keys=1, waiting=2
    )


def test_mail_that_is_due_is_held_and_not_lost(
    app: Flask, acme: WhiteLabel, message: Message
) -> None:
    suspend(acme)

    drain(app)

    assert states(message) == [State.HELD, State.HELD]
    assert {one.kind for one in deliveries(message)} == {suspension.SUSPENDED}
    assert suspension.held_by_suspension(acme) == 2


def test_held_mail_goes_on_its_way_afterwards(
    app: Flask, acme: WhiteLabel, message: Message
) -> None:
    suspend(acme)
    drain(app)

    assert resume(acme) == 2

    assert states(message) == [State.QUEUED, State.QUEUED]
    assert {(one.kind, one.words) for one in deliveries(message)} == {(None, None)}


def test_mail_of_others_that_is_held_stays(
    app: Flask,
    acme: WhiteLabel,
    birch: WhiteLabel,
    cal: Person,
    message: Message,
    fake: SmtpServer,
) -> None:
    make_server(cal, port=fake.port)
    theirs = send(make_app(cal), "eve@acme.example")
    for white_label in (acme, birch):
        suspend(white_label)
    drain(app)

    resume(acme)

    assert states(theirs) == [State.HELD]


def test_mail_that_is_held_for_another_reason_stays(acme: WhiteLabel, message: Message) -> None:
    for delivery in message.deliveries:
        delivery.state, delivery.kind = State.HELD, "poison"
    suspend(acme)

    assert resume(acme) == 0

    assert states(message) == [State.HELD, State.HELD]


def test_the_days_that_it_was_suspended_do_not_count_as_tries(
    clock: HandSetClock, app: Flask, acme: WhiteLabel, message: Message
) -> None:
    suspend(acme)
    drain(app)
    clock.advance(days=9)

    resume(acme)

    db.session.refresh(message)
    assert message.give_up_at == clock.now() + timedelta(hours=72)


def test_mail_accepted_meanwhile_finds_its_first_way(
    acme: WhiteLabel, ada: Person, clock: HandSetClock
) -> None:
    server = make_server(ada, port=9)
    suspend(acme)
    message = send(make_app(ada))
    assert states(message) == [State.HELD]

    assert resume(acme) == 1

    assert [(one.state, one.server_id) for one in deliveries(message)] == [
        (State.QUEUED, server.id)
    ]


def test_what_has_no_way_even_now_is_held_with_the_reason_of_now(
    acme: WhiteLabel, ada: Person
) -> None:
    suspend(acme)
    message = send(make_app(ada))

    assert resume(acme) == 0

    assert [(one.state, one.kind) for one in deliveries(message)] == [(State.HELD, "no_server")]
