"""Dead, slow and hostile servers cost their own mail time, and nobody else's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask
from sqlalchemy import select

from portal.apps.models import App
from portal.core.db import db, reading
from portal.delivery.hand import LARGEST_BATCH
from portal.outbox.states import Category, State
from portal.smtp.target import Timeouts
from portal.smtp_settings.models import ServerHealth
from tests.equipment.mail import drain, send, states, until, working
from tests.equipment.smtp_script import Drip, Endless, Script, Silence
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.smtp_server import nobody
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

SOON = 5.0
"""Seconds within which healthy mail is handed over, whatever its neighbours do."""
A_FEW = 2 * LARGEST_BATCH
"""Mails of a campaign that may leave before somebody else's: what its lane had in hand."""
USUAL = Timeouts(connect=15, phase=45, after_dot=600)
HOSTILE = {
    "silent": Script(greeting=Silence()),
    "silent later": Script(mail=Silence()),
    "dripping": Script(greeting=Drip(b"220 " + b"x" * 400, every=0.2)),
    "endless": Script(ehlo=Endless(b"250-More of this\r\n")),
    "no answer": Script(body=Silence()),
}


def shop_through(port: int, name: str) -> App:
    """A tenant of its own with a server of its own."""
    ada = make_person(make_white_label(name), "Ada")
    make_server(ada, port=port)
    return make_app(ada)


@contextmanager
def hostile_servers() -> Iterator[list[Fake]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Fake(script)) for script in HOSTILE.values()]


@pytest.mark.both_stores
def test_healthy_mail_is_soon_handed_over_beside_hostile_servers(app: Flask) -> None:
    with hostile_servers() as hostile, nobody() as gone, Fake() as healthy:
        for number, port in enumerate([*(fake.port for fake in hostile), gone]):
            send(shop_through(port, f"Bad{number}"), ["ann@birch.example", "ben@birch.example"])
        shop = shop_through(healthy.port, "Good")

        with working(app, timeouts=USUAL, drain=0.5):
            until(lambda: all(fake.connections for fake in hostile))
            begun = time.monotonic()
            send(shop)
            healthy.wait_for(1, timeout=SOON)

    assert healthy.ledger[0].at - begun < SOON


def test_many_silent_servers_leave_room_for_one_that_works(app: Flask) -> None:
    with Fake(Script(greeting=Silence())) as silent, Fake() as healthy:
        good = shop_through(healthy.port, "Good")
        send(good)
        drain(app)
        ada = make_person(make_white_label("Slow"), "Ada")
        servers = [make_server(ada, f"slow{number}", port=silent.port) for number in range(40)]
        shop = make_app(ada)
        for server in servers:
            send(shop, sender=f"{server.name}@slow.example")

        with working(app, timeouts=USUAL, drain=0.5, lanes=16):
            until(lambda: silent.open_connections == 12)
            send(good)
            healthy.wait_for(2, timeout=SOON)

    assert len(silent.connections) == 12


def test_one_tenants_campaign_does_not_delay_anothers_message(app: Flask) -> None:
    with Fake() as platforms:
        make_server(make_person(name="Olive"), "main", port=platforms.port, max_connections=1)
        acme = make_app(make_person(make_white_label("Acme"), "Ada"))
        birch = make_app(make_person(make_white_label("Birch"), "Cal"), "Orders")
        people = [f"person{number}@birch.example" for number in range(4000)]
        send(acme, people, category=Category.CAMPAIGN)

        with working(app):
            platforms.wait_for(100)
            single = send(birch, "cleo@acme.example")
            begun, before = time.monotonic(), len(platforms.ledger)
            until(lambda: states(single) == [State.SENT])

    order = [taken.recipients for taken in platforms.ledger]
    place = order.index(("cleo@acme.example",))
    assert place - before < A_FEW
    assert platforms.ledger[place].at - begun < SOON


@pytest.mark.accepts("SS-08")
def test_a_server_that_fails_hurts_no_other_servers_standing(app: Flask) -> None:
    with nobody() as gone, Fake() as healthy:
        send(shop_through(gone, "Bad"))
        send(shop_through(healthy.port, "Good"))

        with working(app):
            healthy.wait_for(1)
            until(lambda: _faults() == [1, 0] or _faults()[0] > 1)

    assert _faults()[1] == 0


def _faults() -> list[int]:
    with reading():
        faults = db.session.scalars(select(ServerHealth.faults).order_by(ServerHealth.server_id))
        found = list(faults)
        db.session.rollback()
    return found
