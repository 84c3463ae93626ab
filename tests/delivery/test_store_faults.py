"""The store is locked, gone or full, or the process is told to stop: every answer is kept."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pysqlite3.dbapi2 as sqlite
import pytest
from flask import Flask
from sqlalchemy import event, select

from portal.core.db import db
from portal.delivery.models import Lane
from portal.outbox.models import Attempt, Message
from portal.outbox.states import State
from portal.smtp.target import Timeouts
from tests.delivery.mortal import FULL_DISK, born
from tests.equipment.mail import deliveries, send, states, until, working
from tests.equipment.postgres import Postgres
from tests.equipment.smtp_script import Acts, Command, Say, Script, Silence, Take, Wait, only
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

PEOPLE = [f"person{number}@birch.example" for number in range(60)]
GONE_FOR = 20.0
"""Seconds: longer than any timeout on the way to a store."""

STILL = 2.0
"""Seconds: of a mail every 0.04 s, none comes for so long only where nothing is handed over."""


def slowly(_command: Command) -> Acts:
    return Wait(0.04), Take(), Say(250, "2.0.0 Ok: taken")


def accepted(fake: Fake, people: list[str] = PEOPLE) -> Message:
    ada = make_person(make_white_label())
    make_server(ada, port=fake.port, max_connections=2)
    return send(make_app(ada), people)


def each_exactly_once(fake: Fake, message: Message) -> bool:
    """Every recipient has one copy, everybody knows it, and nothing was ever in doubt."""
    arrived = Counter(taken.recipients[0] for taken in fake.ledger)
    doubts = db.session.scalars(select(Attempt).where(Attempt.state == State.UNKNOWN)).all()
    rows = deliveries(message)
    return all(arrived[row.email] == 1 and row.state is State.SENT for row in rows) and not doubts


@contextmanager
def locked(app: Flask) -> Iterator[None]:
    """Somebody else writes to the SQLite file and does not come to an end."""
    holder = sqlite.connect(app.config["LIVERY"].instance / "livery.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def is_still(fake: Fake) -> bool:
    before = len(fake.ledger)
    time.sleep(STILL)
    return len(fake.ledger) == before


def impatient_sqlite() -> None:
    """SQLite itself gives up at once, so that it is our patience that is tested."""

    @event.listens_for(db.engine, "connect")
    def connect(connection: sqlite.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 20")

    db.engine.dispose()


def test_answers_outlast_a_locked_database(app: Flask) -> None:
    with Fake(Script(body=slowly)) as fake:
        message = accepted(fake)
        impatient_sqlite()

        with working(app):
            fake.wait_for(5)
            with locked(app):
                time.sleep(GONE_FOR)
            until(lambda: set(states(message)) == {State.SENT}, within=30)

    assert each_exactly_once(fake, message)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_answers_outlast_a_database_that_is_gone(app: Flask, postgres: Postgres) -> None:
    with Fake(Script(body=slowly)) as fake:
        message = accepted(fake)
        db.session.remove()

        with working(app):
            fake.wait_for(5)
            postgres.daemon.stop()
            time.sleep(GONE_FOR)
            postgres.daemon.start()
            db.engine.dispose()
            until(lambda: set(states(message)) == {State.SENT}, within=30)

    assert each_exactly_once(fake, message)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_answers_outlast_a_database_that_hangs(app: Flask, postgres: Postgres) -> None:
    with Fake(Script(body=slowly)) as fake:
        message = accepted(fake)

        with working(app):
            fake.wait_for(5)
            postgres.daemon.freeze()
            time.sleep(GONE_FOR)
            postgres.daemon.resume()
            until(lambda: set(states(message)) == {State.SENT}, within=30)

    assert each_exactly_once(fake, message)


def test_nothing_is_handed_over_while_the_disk_is_full(app: Flask) -> None:
    folder = app.config["LIVERY"].instance
    with Fake(Script(body=slowly)) as fake:
        message = accepted(fake)

        worker = born(folder, app.config["LIVERY"].database_url, FULL_DISK)
        until((folder / "full").exists, within=60)
        until(lambda: is_still(fake))  # a lane hands over the batch that it has in hand
        before = len(fake.ledger)
        time.sleep(STILL)
        after = len(fake.ledger)
        (folder / "free").touch()
        until(lambda: set(states(message)) == {State.SENT}, within=30)
        worker.terminate()
        worker.join(30)

    assert 0 < before == after < len(PEOPLE)
    assert each_exactly_once(fake, message)


@pytest.mark.both_stores
def test_told_to_stop_under_load_it_gives_the_rest_back_and_ends(app: Flask) -> None:
    people = [f"person{number}@birch.example" for number in range(2000)]
    config = app.config["LIVERY"]
    with Fake() as fake:
        message = accepted(fake, people)

        worker = born(config.instance, config.database_url)
        fake.wait_for(100, timeout=60)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGTERM)
        worker.join(30)

    assert worker.exitcode == 0
    assert set(states(message)) == {State.SENT, State.QUEUED}
    assert states(message).count(State.SENT) == len(fake.ledger)
    assert db.session.scalars(select(Lane)).all() == []
    assert [path.name for path in config.journal_folder.iterdir()] == ["mark.json"]


def test_a_lane_that_waits_for_an_answer_is_settled_when_the_time_is_over(app: Flask) -> None:
    patient = Timeouts(after_dot=60)
    with Fake(Script(body=only(3, Silence()))) as fake:
        message = accepted(fake, PEOPLE[:10])

        with working(app, drain=1.0, timeouts=patient):
            fake.wait_until(lambda: fake.commands.count("DATA") >= 3 and len(fake.ledger) == 2)
            time.sleep(0.2)

    rows = deliveries(message)
    assert [row.state for row in rows[:2]] == [State.SENT, State.SENT]
    assert {row.state for row in rows[2:]} == {State.QUEUED}
    assert [row.copies for row in rows] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert db.session.scalars(select(Lane)).all() == []
