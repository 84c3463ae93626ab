"""What is done by the clock: each piece once a minute or hour, on whichever machine is first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask
from huey import Huey, crontab

from portal.accounts import attempts, sign_in
from portal.core import clock, turns
from portal.core.db import db
from portal.core.logs import logger
from portal.delivery import register
from portal.desk import domain_changes, domain_requests
from portal.domains import signing
from portal.jobs import dns_checks, works
from portal.notices import secret_expiry
from portal.outbox import idempotency

log = logger("jobs")


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do regularly; `work` tells how many rows it dealt with."""

    name: str
    minute: str  # as in a crontab: "*" each minute, "7" once an hour
    work: Callable[[], int]


def _older_than(age: timedelta, forget: Callable[[datetime], int]) -> Callable[[], int]:
    return lambda: forget(clock.now() - age)


CHORES = (
    Chore("work that was asked for", "*", works.sweep),
    Chore("dns of domains", "*", dns_checks.look_at_domains),
    Chore("dns of hostnames", "*", dns_checks.look_at_hostnames),
    Chore("mail of recovered domains", "*", domain_changes.release_recovered),
    Chore("unanswered domain requests", "43", domain_requests.expire_unanswered),
    Chore("client secrets that expire", "53", secret_expiry.remind),
    Chore(
        "retired signing keys",
        "17",
        _older_than(signing.KEPT_PUBLISHED, signing.withdraw_retired),
    ),
    Chore("idempotency keys", "3", _older_than(timedelta(hours=24), idempotency.forget_before)),
    Chore("tallies", "13", _older_than(timedelta(days=2), attempts.forget_before)),
    Chore("ended workers", "33", _older_than(timedelta(days=7), register.forget_before)),
    Chore("ended sign-ins", "23", _older_than(timedelta(days=30), sign_in.forget_before)),
)


def schedule(queue: Huey, app: Flask, chores: Iterable[Chore] = CHORES) -> None:
    """Let the queue's clock do the chores."""
    for chore in chores:
        queue.periodic_task(crontab(minute=chore.minute), name=chore.name)(_task(app, chore))


def do(chore: Chore) -> bool:
    """Do it if this minute's turn is ours; every consumer's clock strikes, one does the work."""
    is_ours = turns.take(chore.name)
    db.session.commit()
    if not is_ours:
        return False
    rows = chore.work()
    db.session.commit()
    if rows:
        log.info("chore done", chore=chore.name, rows=rows)
    return True


def _task(app: Flask, chore: Chore) -> Callable[[], None]:
    def task() -> None:
        with app.app_context():
            do(chore)

    return task
