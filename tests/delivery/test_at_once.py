"""What two lanes write at the same moment: both go on, and one of them hears that it was first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import delete, text
from sqlalchemy.engine import Connection

from portal.core import clock
from portal.core.db import db
from portal.delivery import fence
from portal.delivery.models import Engine
from portal.smtp_settings import health
from tests.equipment.mail import until
from tests.equipment.stage import make_person, make_server, make_white_label

pytestmark = pytest.mark.parametrize("store", ["postgresql"], indirect=True)


Told = TypeVar("Told")


def at_once(act: Callable[[Connection], Told]) -> tuple[Told, Told]:
    """Do it twice, the second time before the first transaction ends."""

    def second() -> Told:
        with engine.begin() as connection:
            return act(connection)

    engine = db.engine
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as connection:
            first = act(connection)
            later = pool.submit(second)
            until(lambda: bool(connection.scalar(_WAITING)))
        return first, later.result(timeout=30)


_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def test_one_sender_that_two_lanes_are_refused_for_is_news_once(app: Flask) -> None:
    server = make_server(make_person(make_white_label()))

    told = at_once(
        lambda connection: health.refuse_sender(
            connection, server.id, "news@acme.example", words="550 no", now=clock.now()
        )
    )

    assert told == (True, False)


def test_two_who_are_the_first_ones_may_both_hold_what_leaves(app: Flask) -> None:
    with db.engine.begin() as connection:
        connection.execute(delete(Engine))

    at_once(lambda connection: fence.hold(connection, words="The relay is moving."))

    with db.engine.connect() as connection:
        assert fence.why(connection) == "The relay is moving."
