"""Work that somebody asked for: done at once, step by step, with a commit after each.

The database says what there is to do; the queue only carries "look at this one now". `sweep` looks
at everything once a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep

from flask import Flask
from huey import Huey
from huey.api import TaskWrapper

from portal.campaigns import audiences, imports, steps
from portal.core.db import db
from portal.core.logs import logger
from portal.jobs.queue import make_queue

log = logger("jobs")

SHORTEST, LONGEST = 0.02, 0.2
"""Seconds of a rest on SQLite: there is one writer, and those who wait for their turn only look
every 0.1 s. Who commits and begins again at once keeps all of them out until its work is done.
"""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work: how a row of it is done in steps, and which rows have to be."""

    steps: Callable[[int], Iterator[None]]
    to_do: Callable[[], Sequence[int]]


WORKS: Mapping[str, Work] = {
    "import": Work(imports.work, imports.to_do),
    "campaign": Work(steps.work, steps.to_do),
    "audience": Work(audiences.clear_away, audiences.left_behind),
}


def do_now(name: str, number: int) -> int:
    """Do one piece of work to its end; tells how many steps it took."""
    count = 0
    begun = monotonic()
    for _step in WORKS[name].steps(number):
        db.session.commit()
        count += 1
        if _gives_way(monotonic() - begun):
            begun = monotonic()
    db.session.commit()
    return count


def _gives_way(worked: float) -> bool:
    """Leave the database to the others for as long as they were kept from it; whether it did.

    Very short steps rest together.
    """
    if worked < SHORTEST or db.engine.dialect.name != "sqlite":
        return False
    sleep(min(worked, LONGEST))
    return True


def sweep() -> int:
    """Find everything that has to be done and do it; how many pieces of work that were.

    One that breaks does not keep the others from being done.
    """
    count = 0
    for name, work in WORKS.items():
        found = work.to_do()
        db.session.commit()
        for number in found:
            try:
                do_now(name, number)
            except Exception:
                db.session.rollback()
                log.exception("work_broke_off", work=name, number=number)
            count += 1
    return count


def register(queue: Huey, app: Flask) -> TaskWrapper:
    """Let a consumer of this queue do what was asked for."""

    def task(name: str, number: int) -> None:
        with app.app_context():
            do_now(name, number)

    return queue.task(name="work")(task)


def enqueue(app: Flask, name: str, number: int) -> None:
    """Put one piece of work into the queue that this configuration names."""
    queue = make_queue(app.config["LIVERY"])
    try:
        register(queue, app)(name, number)
    finally:
        queue.storage.close()
