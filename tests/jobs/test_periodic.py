"""What is done by the clock, and that it is done once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from huey import PriorityRedisHuey, SqliteHuey
from sqlalchemy import func, select, update

from portal.accounts import attempts
from portal.accounts.models import Tally
from portal.config import Config
from portal.core import clock as time
from portal.core.db import db
from portal.delivery.models import Worker
from portal.jobs.periodic import CHORES, Chore, do, schedule
from portal.jobs.queue import make_queue
from portal.outbox.models import Answer
from tests.equipment.clock import HandSetClock
from tests.equipment.redis_server import RedisServer
from tests.equipment.stage import make_app


def count(model: type[Tally | Answer]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def chore(name: str) -> Chore:
    return next(one for one in CHORES if one.name == name)


def test_a_chore_is_done_by_the_first_who_asks(app: Flask, clock: HandSetClock) -> None:
    done: list[str] = []

    def work() -> int:
        done.append("swept")
        return 0

    sweep = Chore("sweep", "*", work)

    assert [do(sweep), do(sweep)] == [True, False]
    clock.advance(minutes=1)
    assert do(sweep)
    assert done == ["swept", "swept"]


def test_old_tallies_are_forgotten_and_young_ones_kept(app: Flask, clock: HandSetClock) -> None:
    attempts.count("old")
    clock.advance(days=2, minutes=1)
    attempts.count("young")
    db.session.commit()

    do(chore("tallies"))

    assert db.session.scalars(select(Tally.subject)).all() == ["young"]


def test_idempotency_keys_are_forgotten_after_a_day(
    app: Flask, clock: HandSetClock, request: pytest.FixtureRequest
) -> None:
    shop = make_app(request.getfixturevalue("ada"))
    for key in ("old", "young"):
        db.session.add(
            Answer(app_id=shop.id, key=key, body_hash="x", body={}, created_at=time.now())
        )
        db.session.commit()
        clock.advance(hours=23)
    clock.advance(hours=-20)

    do(chore("idempotency keys"))

    assert db.session.scalars(select(Answer.key)).all() == ["young"]
    assert count(Answer) == 1


def test_every_chore_is_known_to_the_queue(app: Flask, config: Config) -> None:
    queue = make_queue(config)

    schedule(queue, app)

    assert len(queue._registry.periodic_tasks) == len(CHORES)


def test_a_broker_is_used_where_one_is_named(config: Config) -> None:
    shared = make_queue(replace(config, broker_url="redis://127.0.0.1:1/0"))

    assert isinstance(shared, PriorityRedisHuey)
    assert isinstance(make_queue(config), SqliteHuey)


def test_a_task_that_was_not_signed_here_is_not_run(config: Config) -> None:
    stranger = make_queue(replace(config, secret_key="the cookie key of somebody else's portal"))
    forged = stranger.serializer.serialize({"task": "anything"})

    with pytest.raises(ValueError, match="ignature"):
        make_queue(config).serializer.deserialize(forged)


@pytest.mark.parametrize("kind", ["embedded", "redis"])
def test_a_task_goes_through_the_queue_and_does_its_work(
    app: Flask, config: Config, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        config = replace(config, broker_url=server.url)
    queue = make_queue(config)
    attempts.count("old")
    db.session.execute(update(Tally).values(at=time.now() - timedelta(days=3)))
    db.session.commit()
    schedule(queue, app, [chore("tallies")])

    queue.enqueue(queue.read_periodic(time.now().replace(minute=13))[0])
    queue.execute(queue.dequeue())

    assert count(Tally) == 0


def test_workers_that_ended_long_ago_are_forgotten_and_no_others(
    app: Flask, clock: HandSetClock
) -> None:
    for ended_at in (None, time.now(), time.now() - timedelta(days=8)):
        db.session.add(
            Worker(
                host="here",
                folder="here",
                boot_id="boot",
                pid=1,
                started_at=time.now() - timedelta(days=9),
                heartbeat_at=time.now(),
                lease_until=time.now(),
                ended_at=ended_at,
            )
        )
    db.session.commit()
    left = db.session.scalars(select(Worker.id).order_by(Worker.id)).all()[:2]
    db.session.commit()

    do(chore("ended workers"))

    assert db.session.scalars(select(Worker.id).order_by(Worker.id)).all() == left
