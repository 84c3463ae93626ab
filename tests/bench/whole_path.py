"""The whole path, claim → compose → send → settle, as `flask deliver` does it: messages a second.

A campaign of personalised multipart messages is stored as accepted, sending is held, the workers
sign on; then sending is resumed and the clock runs until the last delivery is settled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from portal import create_app
from portal.core import clock, schema
from portal.core.db import db, reading
from portal.delivery import fence
from portal.delivery.models import Worker
from portal.domains import signing
from portal.domains.models import KeyState
from portal.outbox import wake
from portal.outbox.models import Delivery, Message
from portal.outbox.states import Category, State
from portal.smtp_settings.models import ServerHealth
from portal.white_labels.models import Platform
from tests.bench import composer
from tests.equipment.stage import (
    make_app,
    make_config,
    make_domain,
    make_person,
    make_server,
    make_template,
    make_white_label,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    per_second: float
    processor_seconds: float  # of all workers together, the database's server not included
    peak: int  # bytes of memory of the largest worker


def measure(
    folder: Path,
    database_url: str | None,
    *,
    port: int,
    messages: int,
    workers: int = 2,
    connections: int = 2,
    is_signed: bool = False,
    core: int | None = None,
) -> Measured:
    """Carry so many messages to a sink on this port.

    Args:
        is_signed: each with a DKIM signature.
        core: the one that the workers have.
    """
    folder.mkdir()
    config = make_config(folder, database_url)
    app = create_app(config)
    with app.app_context():
        db.create_all()
        _store(messages, port, connections, is_signed=is_signed)
        with at_work(folder, config.database_url, workers) as pids:
            if core is not None:
                for pid in pids:
                    os.sched_setaffinity(pid, [core])
            before = sum(map(_processor_seconds, pids))
            seconds = _carry(messages)
            spent = sum(map(_processor_seconds, pids)) - before
            peak = max(_peak(pid) for pid in pids)
        db.session.remove()
        db.engine.dispose()
    return Measured(messages / seconds, spent, peak)


def _store(messages: int, port: int, connections: int, *, is_signed: bool) -> None:
    """One message row with a template, and a delivery with values for each recipient."""
    db.session.add(Platform(id=1, name="Bench", origin="http://localhost:8000"))
    white_label = make_white_label()
    ada = make_person(white_label)
    server = make_server(ada, port=port, max_connections=connections)
    shop = make_app(ada)
    template = make_template(
        white_label, texts=[("en", "Your order {{ order }}", composer.TEXT, composer.HTML)]
    )
    if is_signed:
        signing.announce(make_domain(white_label)).state = KeyState.LIVE
    now = clock.now()
    message = Message(
        public_id="msg_bench",
        white_label_id=white_label.id,
        app_id=shop.id,
        category=Category.CAMPAIGN,
        created_at=now,
        give_up_at=now + timedelta(hours=72),
        recipients=1,
        server_id=server.id,
        server_version=server.version,
        owner_id=ada.id,
        from_email="orders@acme.example",
        from_name="Acme",
        reason="owner_server",
        template_text_id=template.versions[0].texts[0].id,
    )
    db.session.add(message)
    fence.hold(db.session.connection())
    db.session.flush()
    shared = {
        "message_id": message.id,
        "tenant": white_label.id,
        "server_id": server.id,
        "priority": Category.CAMPAIGN.priority,
        "state": State.QUEUED,
        "due_at": now,
    }
    for first in range(0, messages, 10_000):
        people = composer.recipients(min(10_000, messages - first), first=first)
        rows = [
            {
                **shared,
                "position": first + at,
                "email": person.email,
                "name": person.name,
                "values": dict(person.values),
            }
            for at, person in enumerate(people, start=1)
        ]
        db.session.execute(insert(Delivery), rows)
    db.session.commit()


@contextmanager
def at_work(folder: Path, database_url: str, count: int) -> Iterator[list[int]]:
    """`flask deliver --workers N`, signed on and waiting."""
    environment = {
        **os.environ,
        "LIVERY_INSTANCE": str(folder),
        "LIVERY_DATABASE_URL": database_url,
        "LIVERY_KEY_FILE": str(folder / "livery.keys"),
        "LIVERY_RELAY_ALLOW": "127.0.0.0/8:*",
    }
    command = [sys.executable, "-m", "flask", "--app", "app", "deliver", "--workers", str(count)]
    with (folder / "deliver.log").open("wb") as log:
        deliver = subprocess.Popen(command, cwd=schema.PROJECT, env=environment, stderr=log)
    try:
        while len(pids := _signed_on()) < count:
            if deliver.poll() is not None:
                raise RuntimeError((folder / "deliver.log").read_text())
            time.sleep(0.1)
        yield pids
    finally:
        deliver.send_signal(signal.SIGTERM)
        deliver.wait(60)


def _signed_on() -> list[int]:
    with reading(), db.engine.connect() as connection:
        return list(connection.scalars(select(Worker.pid).where(Worker.ended_at.is_(None))))


def _carry(messages: int) -> float:
    """Seconds from the word "go" to the last settled delivery."""
    fence.resume(db.session.connection(), now=clock.now())
    wake.tell(db.session.connection())
    begun = time.perf_counter()
    db.session.commit()
    while _sent() < messages:
        time.sleep(0.05)
    return time.perf_counter() - begun


def _sent() -> int:
    with reading(), db.engine.connect() as connection:
        return connection.scalar(select(func.sum(ServerHealth.sent))) or 0


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
