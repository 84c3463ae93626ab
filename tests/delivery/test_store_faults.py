"""The store is locked, gone or full, or the process is told to stop: every answer is kept."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pysqlite3.dbapi2 as sqlite
import pytest
from flask import Flask
from sqlalchemy import event, select, text, update
from sqlalchemy.engine import Connection

from portal.core.db import db
from portal.delivery.models import Lane
from portal.delivery.store import Store
from portal.outbox.models import Attempt, Message
from portal.outbox.states import State
from portal.smtp.target import Timeouts
from tests.delivery.mortal import FULL_DISK, born, stuck
from tests.equipment.mail import deliveries, send, states, until, working
from tests.equipment.postgres import Postgres
from tests.equipment.smtp_script import Acts, Command, Say, Script, Silence, Take, Until, Wait
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

PEOPLE = [f"person{number}@birch.example" for number in range(60)]
GONE_FOR = 20.0
"""Seconds: longer than any timeout on the way to a store."""

A_WHILE = 2.0
"""Seconds: a worker that went on would hand over a mail every 0.04 s."""
SOME = 500
"""Mails that a server takes at once."""


def slowly(_command: Command) -> Acts:
    return Wait(0.04), Take(), Say(250, "2.0.0 Ok: taken")


def accepted(fake: Fake, people: list[str] = PEOPLE, *, connections: int = 2) -> Message:
    ada = make_person(make_white_label())
    make_server(ada, port=fake.port, max_connections=connections)
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
    file = app.config["LIVERY"].instance / "livery.db"
    holder = sqlite.connect(file, isolation_level=None, timeout=60)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def impatient_sqlite() -> None:
    """SQLite itself gives up at once, so that it is our patience that is tested."""

    @event.listens_for(db.engine, "connect")
    def connect(connection: sqlite.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 20")

    db.engine.dispose()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_answers_outlast_a_locked_database(app: Flask) -> None:
    with Fake(Script(body=slowly)) as fake:
        message = accepted(fake)
        impatient_sqlite()

        with working(app):
            fake.wait_for(5)
            with locked(app):
                time.sleep(GONE_FOR)
            until(lambda: set(states(message)) == {State.SENT})

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
            until(lambda: set(states(message)) == {State.SENT})

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
            until(lambda: set(states(message)) == {State.SENT})

    assert each_exactly_once(fake, message)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_primary_that_became_a_standby_is_left_for_whoever_took_its_place(app: Flask) -> None:
    store = Store(db.engine)

    def as_a_standby(connection: Connection) -> None:
        connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    def write(connection: Connection) -> int:
        return connection.execute(update(Lane).values(server_id=0)).rowcount

    store.write(as_a_standby)

    assert store.write(write) == 0


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_nothing_is_handed_over_while_the_disk_is_full(app: Flask) -> None:
    folder = app.config["LIVERY"].instance
    with Fake(Script(body=slowly)) as fake:
        message = accepted(fake)

        worker = born(folder, app.config["LIVERY"].database_url, FULL_DISK)
        until(lambda: bool(stuck(folder)))
        handed_over = stuck(folder)[0]
        fake.wait_for(handed_over)
        time.sleep(A_WHILE)
        after = len(fake.ledger)
        (folder / "free").touch()
        until(lambda: set(states(message)) == {State.SENT})
        worker.terminate()
        worker.join(60)

    assert 0 < handed_over == after < len(PEOPLE)
    assert each_exactly_once(fake, message)


@pytest.mark.both_stores
def test_told_to_stop_under_load_it_gives_the_rest_back_and_ends(app: Flask) -> None:
    people = [f"person{number}@birch.example" for number in range(4 * SOME)]
    config = app.config["LIVERY"]
    was_told = threading.Event()

    def quickly_at_first(command: Command) -> Acts | None:
        # However late somebody is told or hears it, there is something left to give back.
        if command.number > SOME:
            return Until(was_told), Wait(0.02), Take(), Say(250, "2.0.0 Ok: taken")
        return None

    with Fake(Script(body=quickly_at_first)) as fake:
        message = accepted(fake, people)

        worker = born(config.instance, config.database_url)
        fake.wait_for(100, timeout=60)
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGTERM)
        was_told.set()
        worker.join(60)

    assert worker.exitcode == 0
    assert set(states(message)) == {State.SENT, State.QUEUED}
    assert states(message).count(State.SENT) == len(fake.ledger)
    assert db.session.scalars(select(Lane)).all() == []
    assert [path.name for path in config.journal_folder.iterdir()] == ["mark.json"]


def test_a_lane_that_waits_for_an_answer_is_settled_when_the_time_is_over(app: Flask) -> None:
    patient = Timeouts(after_dot=60)
    has_the_third = threading.Event()

    def silent_at_the_third(command: Command) -> Acts | None:
        if command.number == 3:
            has_the_third.set()
            return Silence()
        return None

    with Fake(Script(body=silent_at_the_third)) as fake:
        message = accepted(fake, PEOPLE[:10], connections=1)

        with working(app, drain=1.0, timeouts=patient):
            assert has_the_third.wait(60)

    rows = deliveries(message)
    assert [row.state for row in rows[:2]] == [State.SENT, State.SENT]
    assert {row.state for row in rows[2:]} == {State.QUEUED}
    assert [row.copies for row in rows] == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert db.session.scalars(select(Lane)).all() == []
