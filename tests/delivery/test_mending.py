"""A good session by hand ends parking and rest, and frees what was held."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.audit.models import AuditEntry
from portal.config import MICROSOFT
from portal.core import clock
from portal.core.db import db
from portal.delivery import settling
from portal.delivery.mending import mended
from portal.outbox.accept import accept
from portal.outbox.models import Delivery
from portal.outbox.states import State
from portal.outbox.submission import OwnContent, Recipient, Submission
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp_settings import health
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.servers import Proof
from portal.smtp_settings.targets import target_of
from tests.equipment.plans import plans
from tests.equipment.stage import fresh, make_app, make_server

WORDS = "550 5.7.1 Not yours"


@pytest.fixture
def server(ada: Person) -> SmtpServer:
    return make_server(ada, from_email="news@acme.example")


def _proof(server: SmtpServer) -> Proof:
    return Proof(target_of(server, helo="livery.example", authority=MICROSOFT), clock.now())


def test_a_parked_server_sends_again(server: SmtpServer) -> None:
    health.park(
        db.session.connection(), server.id, kind="credentials", words="535", now=clock.now()
    )
    db.session.commit()

    was_parked = mended(server, _proof(server))
    db.session.commit()

    assert was_parked
    assert not fresh(server.health).is_parked
    actions = db.session.scalars(select(AuditEntry.action)).all()
    assert "server.unparked" in actions


def test_a_rest_ends_at_once_and_the_next_fault_is_a_first_one(server: SmtpServer) -> None:
    now = clock.now()
    for minutes in range(3):
        later = now + timedelta(minutes=minutes)
        health.rest(db.session.connection(), server.id, words="421", now=later)
    db.session.commit()

    mended(server, _proof(server))
    db.session.commit()

    state = fresh(server.health)
    assert (state.faults, state.resting_until, state.fault_words) == (0, None, None)


def test_mail_that_was_held_for_the_sender_is_freed(server: SmtpServer, ada: Person) -> None:
    delivery = _held(server, ada)

    mended(server, _proof(server), from_email="news@acme.example")
    db.session.commit()

    assert fresh(delivery).state is State.QUEUED


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_it_is_looked_for_among_what_is_held_and_not_in_all_that_was_sent(
    server: SmtpServer, ada: Person
) -> None:
    _held(server, ada)

    with plans(of=" delivery") as found:
        mended(server, _proof(server), from_email="news@acme.example")

    looks = [step for steps in found for step in steps if " delivery" in step]
    assert len(looks) > 2
    assert all("INDEX ix_delivery_notable" in look for look in looks), looks


def test_another_senders_mail_stays_held(server: SmtpServer, ada: Person) -> None:
    delivery = _held(server, ada)

    mended(server, _proof(server), from_email="other@acme.example")
    db.session.commit()

    assert fresh(delivery).state is State.HELD


def test_mail_that_came_while_nobody_could_carry_it_is_freed_too(
    server: SmtpServer, ada: Person
) -> None:
    _held(server, ada)
    late = _accepted(ada, "Blog")
    assert (late.state, late.kind, late.server_id) == (State.HELD, "sender_refused", None)

    mended(server, _proof(server), from_email="news@acme.example")
    db.session.commit()

    assert (fresh(late).state, late.server_id) == (State.QUEUED, server.id)


def _held(server: SmtpServer, owner: Person) -> Delivery:
    delivery = _accepted(owner)
    settling.refuse_sender(
        db.session.connection(), server.id, "news@acme.example", WORDS, clock.now()
    )
    db.session.commit()
    assert fresh(delivery).state is State.HELD
    return delivery


def _accepted(owner: Person, name: str = "Shop") -> Delivery:
    message = accept(
        Submission(
            owner.white_label_id,
            (Recipient(Mailbox(parse_address("kim@customer.example"))),),
            OwnContent("Hello", text="Hello"),
            app_id=make_app(owner, name).id,
        )
    ).message
    db.session.commit()
    return fresh(message.deliveries[0])
