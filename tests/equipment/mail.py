"""Mail for tests of outbox and delivery: accepted the real way, looked at in the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.apps.models import App
from portal.core.db import db, reading
from portal.delivery.worker import Worker
from portal.outbox.accept import accept
from portal.outbox.models import Delivery, Message
from portal.outbox.states import Category, State
from portal.outbox.submission import OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from portal.smtp.target import Timeouts

PATIENT = Timeouts(connect=20.0, phase=20.0, after_dot=20.0, quit=5.0)
"""A busy machine must not turn into a time-out: mail would count as being in doubt."""
QUICK = replace(PATIENT, after_dot=2.0)
"""So that a test of a server that is silent after the dot does not take minutes."""


def send(
    app: App,
    to: str | Sequence[str] = "ann@birch.example",
    *,
    category: Category = Category.TRANSACTIONAL,
    sender: int | str | None = None,
    send_at: datetime | None = None,
    text: str = "Hello",
) -> Message:
    """One message by this app; several recipients get one each of their own."""
    addresses = [to] if isinstance(to, str) else list(to)
    message = accept(
        Submission(
            white_label_id=app.white_label_id,
            app_id=app.id,
            to=tuple(Recipient(parse_mailbox(address)) for address in addresses),
            content=OwnContent("A subject", text),
            category=category,
            sender=sender,
            send_at=send_at,
            is_individual=len(addresses) > 1,
        )
    ).message
    db.session.commit()
    return message


def deliveries(message: Message | None = None) -> list[Delivery]:
    """As they are in the database now, in the order in which they were accepted."""
    db.session.rollback()
    query = select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True)
    if message is not None:
        query = query.where(Delivery.message_id == message.id)
    with reading():
        rows = list(db.session.scalars(query))
        db.session.commit()
    return rows


def states(message: Message | None = None) -> list[State]:
    return [delivery.state for delivery in deliveries(message)]


def make_worker(app: Flask, **options: Any) -> Worker:
    """A worker of this application that keeps a connection for half a second without mail."""
    options = {"timeouts": PATIENT, "drain": 20.0, "idle": 0.5, "lanes": 32, **options}
    return Worker(db.engine, app.config["LIVERY"], context=app.app_context, **options)


def drain(app: Flask, **options: Any) -> None:
    """Carry everything that can leave now."""
    make_worker(app, **options).run(until_drained=True)


@contextmanager
def working(app: Flask, **options: Any) -> Iterator[Worker]:
    """A worker at work beside the test."""
    worker = make_worker(app, **options)
    faults: list[BaseException] = []

    def run() -> None:
        try:
            with app.app_context():
                worker.run()
        except BaseException as fault:  # noqa: BLE001 - shown where the test can see it
            faults.append(fault)

    thread = threading.Thread(target=run, name="worker")
    thread.start()
    try:
        yield worker
    finally:
        worker.ask_to_stop()
        thread.join(120)
        assert not thread.is_alive(), "the worker does not end"
    if faults:
        raise faults[0]


def until(is_so: Callable[[], bool], *, within: float = 120.0) -> None:
    """Ask again and again; how long it took is nobody's business, that it happens is."""
    end = time.monotonic() + within
    while not is_so():
        if time.monotonic() > end:
            raise AssertionError(f"not so within {within} s")
        time.sleep(0.02)
