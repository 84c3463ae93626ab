"""Real processes with several lanes each to one server: one of them fetches the access token."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.core.db import db, reading
from portal.delivery.models import Worker
from tests.delivery.mortal import born
from tests.equipment.mail import send, until
from tests.equipment.smtp_script import Acts, Command, Say, Script, Take, Until, Wait
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_white_label
from tests.equipment.token_endpoint import MAILBOX, TokenEndpoint
from tests.smtp_settings.bearer import enable, make_bearer_server

PEOPLE = [f"person{number}@birch.example" for number in range(300)]
NAMES = ("first.example", "second.example")
"""What the two greet the server with, so that it knows whose connection is whose."""
PLENTY = 50
"""Connections that the server takes: the quicker process must leave some to the other."""


class SlowServer(Fake):
    """One connection alone will not do, for neither process: on each the server takes one mail,
    and the next when both processes have come by two."""

    def __init__(self) -> None:
        self._are_all_there = Event()
        self._begun: set[int] = set()  # connections that mail came by
        super().__init__(
            Script(
                mechanisms=("XOAUTH2",),
                offers_auth_in_clear=True,
                username=MAILBOX,
                password="token-1",
                body=self._slowly,
            )
        )

    def _slowly(self, command: Command) -> Acts:
        is_first = command.connection not in self._begun
        self._begun.add(command.connection)
        of_each = Counter(whose(self, connection) for connection in list(self._begun))
        if min(of_each[name] for name in NAMES) > 1:
            self._are_all_there.set()
        taking = (Wait(0.05), Take(), Say(250, "2.0.0 Ok"))
        return taking if is_first else (Until(self._are_all_there), *taking)


def whose(fake: Fake, connection: int) -> str:
    return fake.connections[connection - 1].commands[0].removeprefix("EHLO ")


@contextmanager
def two_processes(app: Flask, endpoint: TokenEndpoint) -> Iterator[None]:
    """At work from the beginning on."""
    config = app.config["LIVERY"]
    workers = [
        born(
            config.instance,
            config.database_url,
            platform_origin=f"http://{name}",
            microsoft_authority=endpoint.authority,
        )
        for name in NAMES
    ]
    try:
        until(lambda: signed_on() == len(workers))
        yield
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(60)


def signed_on() -> int:
    with reading():
        number = db.session.scalar(select(func.count()).select_from(Worker)) or 0
        db.session.commit()
    return number


def connections(fake: Fake) -> dict[str, set[int]]:
    """Those that mail came by, of each process."""
    carried: dict[str, set[int]] = defaultdict(set)
    for taken in fake.ledger:
        carried[whose(fake, taken.connection)].add(taken.connection)
    return carried


@pytest.mark.both_stores
def test_lanes_of_two_processes_send_by_a_token_that_was_asked_for_once(app: Flask) -> None:
    with TokenEndpoint() as endpoint, SlowServer() as fake:
        endpoint.pause = 1.0  # both processes are there before the answer is
        enable()
        ada = make_person(make_white_label())
        make_bearer_server(
            ada, port=fake.port, authority=endpoint.authority, max_connections=PLENTY
        )

        with two_processes(app, endpoint):
            send(make_app(ada), PEOPLE)
            fake.wait_for(len(PEOPLE))

    assert len(endpoint.asked) == 1
    carried = connections(fake)
    assert sorted(carried) == sorted(NAMES)
    assert min(len(its) for its in carried.values()) > 1
    assert sorted(taken.recipients[0] for taken in fake.ledger) == sorted(PEOPLE)
