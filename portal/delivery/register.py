"""Who is at work: workers with their leases, and their lanes, which are the shared count.

A worker is alive as long as it holds the lock on its own file in the journal folder: the kernel
lets go of it when the process ends, however it ends, so nobody has to guess from process numbers.
Seen from another machine it is alive until its lease has run out.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import bindparam, delete, exists, func, insert, select, text, update
from sqlalchemy.engine import Connection

from portal.core.db import forget_rows
from portal.delivery.models import Lane, Worker
from portal.outbox.models import IS_SENDING, Delivery

LEASE = timedelta(seconds=900)
"""Longer than the longest wait after a dot (600 s), so that nobody frees what may still be sent."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The same for all processes since this machine was started, and never again."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        # Not known here; so what another process has left is never taken for this boot's.
        return f"unknown-{secrets.token_hex(8)}"


def sign_on(connection: Connection, *, folder: str, boot: str, now: datetime) -> int:
    """A new worker; its number is never used again."""
    worker_id: int | None = connection.scalar(
        insert(Worker)
        .values(
            host=socket.gethostname(),
            folder=folder,
            boot_id=boot,
            pid=os.getpid(),
            started_at=now,
            heartbeat_at=now,
            lease_until=now + LEASE,
        )
        .returning(Worker.id)
    )
    assert worker_id is not None
    return worker_id


def beat(connection: Connection, worker_id: int, *, now: datetime) -> bool:
    """Renew the lease. False: it had run out and others have settled what was ours."""
    renewed = connection.execute(
        update(Worker)
        .where(Worker.id == worker_id, Worker.ended_at.is_(None))
        .values(heartbeat_at=now, lease_until=now + LEASE)
    )
    return renewed.rowcount == 1


def sign_off(connection: Connection, worker_id: int, *, now: datetime) -> None:
    """It has ended. A lane whose claims could not be settled stays in the books, and the worker
    with it, so that somebody else does it."""
    left = exists().where(IS_SENDING, Delivery.lane_id == Lane.id)
    connection.execute(delete(Lane).where(Lane.worker_id == worker_id, ~left))
    its = exists().where(Lane.worker_id == worker_id)
    connection.execute(update(Worker).where(Worker.id == worker_id, ~its).values(ended_at=now))


def open_lane(
    connection: Connection, worker_id: int, server_id: int, *, most: int, now: datetime
) -> int | None:
    """The right to one more connection; None: there are `most` already, here and elsewhere."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(7062, :server)"), {"server": server_id}
        )
    there = connection.scalar(
        select(func.count()).select_from(Lane).where(Lane.server_id == server_id)
    )
    if (there or 0) >= most:
        return None
    lane_id: int | None = connection.scalar(
        insert(Lane)
        .values(worker_id=worker_id, server_id=server_id, opened_at=now)
        .returning(Lane.id)
    )
    assert lane_id is not None
    return lane_id


def is_open(connection: Connection, lane_id: int) -> bool:
    """Whether the lane is still in the books; until this transaction ends nobody strikes it out.

    A lane whose worker was believed dead has been settled: what it claimed now nobody would find.
    """
    return connection.scalar(_is_open, {"lane": lane_id}) is not None


_is_open = select(Lane.id).where(Lane.id == bindparam("lane")).with_for_update(read=True)


def close_lane(connection: Connection, lane_id: int) -> None:
    """Everything it claimed is settled."""
    connection.execute(delete(Lane).where(Lane.id == lane_id))


def lanes_of(connection: Connection, worker_id: int) -> list[tuple[int, int]]:
    """(lane, server) of every lane whose claims are not all settled yet."""
    rows = connection.execute(
        select(Lane.id, Lane.server_id).where(Lane.worker_id == worker_id).order_by(Lane.id)
    )
    return [(lane_id, server_id) for lane_id, server_id in rows]


def forget_before(moment: datetime) -> int:
    """Forget workers that signed off before this moment; tells how many."""
    return forget_rows(
        Worker,
        Worker.ended_at.is_not(None)
        & (Worker.ended_at < moment)
        & Worker.id.not_in(select(Lane.worker_id)),
    )


class Alive:
    """The proof that a process lives: a lock that the kernel takes away with it."""

    def __init__(self, folder: Path, worker_id: int) -> None:
        self.path = folder / f"{worker_id}.alive"
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def let_go(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    @staticmethod
    def taken_over(folder: Path, worker_id: int) -> Alive | None:
        """The lock of a dead worker, so that only one heir settles its affairs; None: it lives."""
        try:
            return Alive(folder, worker_id)
        except BlockingIOError:
            return None
