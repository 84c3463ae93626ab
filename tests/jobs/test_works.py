"""Work that somebody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import insert

from portal.campaigns import audiences, imports
from portal.campaigns.models import AudienceImport, ImportState
from portal.config import Config
from portal.core import background, clock
from portal.core.db import db, writing_aside
from portal.core.turns import Turn
from portal.jobs import works
from portal.jobs.queue import make_queue
from portal.jobs.works import Work
from tests.equipment.redis_server import RedisServer
from tests.equipment.stage import fresh, make_person, make_white_label


@pytest.mark.parametrize("kind", ["embedded", "redis"])
def test_what_is_asked_for_goes_through_the_queue_and_is_done(
    app: Flask, config: Config, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        config = replace(config, broker_url=server.url)
        app.config["LIVERY"] = config
    imported = waiting_import()

    background.ask("import", imported.id)
    queue = make_queue(config)
    works.register(queue, app)
    queue.execute(queue.dequeue())

    assert fresh(imported).state is ImportState.CHECKED


def waiting_import() -> AudienceImport:
    ada = make_person(acme := make_white_label())
    audience = audiences.create(acme, name="Readers", by=ada)
    imported = imports.upload(audience, BytesIO(b"email\na@x.example\n"), filename="x", by=ada)
    imports.begin(imported)
    db.session.commit()
    return imported


def test_a_broker_that_is_away_does_not_fail_who_asks(app: Flask) -> None:
    def away(_work: str, _number: int) -> None:
        raise ConnectionError("nobody there")

    background.set_queue(away)

    background.ask("campaign", 1)


def test_work_that_breaks_off_does_not_keep_the_others(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []

    def breaks(number: int) -> Iterator[None]:
        done.append(number)
        if number == 1:
            raise RuntimeError("broken")
        yield

    monkeypatch.setattr(works, "WORKS", {"any": Work(breaks, lambda: [1, 2])})

    assert works.sweep() == 2
    assert done == [1, 2]


def test_what_was_left_undone_is_found_without_anybody_asking(app: Flask) -> None:
    imported = waiting_import()

    works.sweep()

    assert fresh(imported).state is ImportState.CHECKED


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long work that wrote for 50 ms, then 1 ms, then a second rested.

    Somebody else writes in each rest: that fails where the work kept the database to itself.
    """
    now: list[float] = [0.0]
    rested: list[float] = []

    def steps(number: int) -> Iterator[None]:
        for name, seconds in {"short": 0.05, "shorter": 0.001, "long": 1.0}.items():
            db.session.add(Turn(name=name, taken_at=clock.now()))
            db.session.flush()
            now[0] += seconds
            yield
        db.session.add(Turn(name="last", taken_at=clock.now()))

    def rest(seconds: float) -> None:
        with writing_aside() as connection:
            connection.execute(
                insert(Turn).values(name=f"somebody else {len(rested)}", taken_at=clock.now())
            )
        rested.append(seconds)

    monkeypatch.setattr(works, "WORKS", {"any": Work(steps, list)})
    monkeypatch.setattr(works, "monotonic", lambda: now[0])
    monkeypatch.setattr(works, "sleep", rest)
    return rested


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_between_two_steps_others_may_write(app: Flask, rests: list[float]) -> None:
    assert works.do_now("any", 1) == 3

    assert rests == pytest.approx([0.05, 0.2])


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_where_many_write_at_once_no_step_waits(app: Flask, rests: list[float]) -> None:
    assert works.do_now("any", 1) == 3

    assert rests == []
