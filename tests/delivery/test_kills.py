"""A worker is killed at every stage: nothing is lost, and at most one message is in doubt."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.db import db
from portal.outbox.models import Attempt, Message
from portal.outbox.states import Category, State
from tests.delivery.mortal import FIRST, STAGES, born
from tests.equipment.mail import deliveries, send, states, until, working
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

PEOPLE = [f"person{number}@birch.example" for number in range(12)]


def killed_worker(app: Flask, stage: str) -> None:
    """Start a worker that dies at this stage, and wait for its death."""
    config = app.config["LIVERY"]
    worker = born(config.instance, config.database_url, stage)
    worker.join(120)
    assert worker.exitcode == -signal.SIGKILL


def accepted(app: Flask, fake: Fake, category: Category) -> Message:
    ada = make_person(make_white_label())
    make_server(ada, port=fake.port, max_connections=1)
    return send(make_app(ada), PEOPLE, category=category)


@pytest.mark.both_stores
@pytest.mark.accepts("UC-01")
@pytest.mark.parametrize("stage", STAGES)
def test_a_killed_worker_loses_nothing_and_doubles_nothing_unmarked(app: Flask, stage: str) -> None:
    in_doubt = STAGES[stage][1]
    with Fake() as fake:
        message = accepted(app, fake, Category.TRANSACTIONAL)

        killed_worker(app, stage)
        with working(app):
            until(lambda: set(states(message)) == {State.SENT})

    rows = deliveries(message)
    arrived = Counter(taken.recipients[0] for taken in fake.ledger)
    assert sum(row.copies for row in rows) == in_doubt
    for row in rows:
        assert 1 <= arrived[row.email] <= 1 + row.copies
    unknown = db.session.scalars(select(Attempt).where(Attempt.state == State.UNKNOWN)).all()
    assert len(unknown) == in_doubt


def test_campaign_mail_in_doubt_is_held_for_a_person(app: Flask) -> None:
    with Fake() as fake:
        message = accepted(app, fake, Category.CAMPAIGN)

        killed_worker(app, "after the dot has left")
        with working(app):
            until(lambda: not {State.QUEUED, State.SENDING} & set(states(message)))
            fake.wait_for(len(PEOPLE))  # also the one that nobody waits for any more

    held = [row for row in deliveries(message) if row.state is State.HELD]
    assert [row.kind for row in held] == ["unknown"]
    assert len(fake.ledger) == len(PEOPLE)


def test_a_message_that_killed_two_workers_is_put_aside(app: Flask) -> None:
    with Fake() as fake:
        message = accepted(app, fake, Category.TRANSACTIONAL)
        alone = deliveries(message)[0]
        for row in deliveries(message)[1:]:
            db.session.delete(db.session.merge(row))
        db.session.commit()

        killed_worker(app, FIRST)
        killed_worker(app, FIRST)
        with working(app):
            until(lambda: states(message) == [State.HELD])

    assert deliveries(message)[0].id == alone.id
    assert (deliveries(message)[0].kind, fake.ledger) == ("poison", [])
