"""Hearing at once that there is something new: a NOTIFY on PostgreSQL, a changed file on SQLite.

Neither is needed for anything but speed: the worker looks for itself every second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.outbox.wake import CHANNEL

LOOKS_EVERY = 0.02
"""Seconds between two looks at SQLite's change counter, or at the caller's own question."""


class Wakeup(Protocol):
    def wait(self, seconds: float, *, or_until: Callable[[], bool]) -> None:
        """Until something may be new, the caller's own question is a yes, or the time is over."""

    def close(self) -> None: ...


def wakeup_for(engine: Engine) -> Wakeup:
    return OnChange(engine) if engine.dialect.name == "sqlite" else OnNotify(engine)


class OnChange:
    """`PRAGMA data_version` differs as soon as another connection has committed something."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._version = self._look()

    def wait(self, seconds: float, *, or_until: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not or_until():
            if (version := self._look()) != self._version:
                self._version = version
                return
            time.sleep(min(left, LOOKS_EVERY))

    def _look(self) -> int:
        """The counter; when it cannot be read, something has certainly changed."""
        try:
            if self._connection is None:
                self._connection = _own_connection(self._engine)
            row = self._connection.execute("PRAGMA data_version").fetchone()
            return int(row[0])
        except (self._engine.dialect.loaded_dbapi.Error, DBAPIError, PoolTimeout):
            self.close()
            return -1

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class OnNotify:
    """LISTEN, on a connection of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, seconds: float, *, or_until: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        try:
            listening = self._listening()
            while (left := until - time.monotonic()) > 0 and not or_until():
                if list(listening.notifies(timeout=min(left, LOOKS_EVERY), stop_after=1)):
                    return
        except (psycopg.Error, DBAPIError, PoolTimeout):
            self.close()
            time.sleep(max(0.0, min(1.0, until - time.monotonic())))

    def _listening(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            # Kept before it is spoken to: whatever goes wrong then, `close` finds it.
            self._connection = _own_connection(self._engine)
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {CHANNEL}")
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _own_connection(engine: Engine) -> Any:
    """A connection that the pool does not want back."""
    pooled = engine.raw_connection()
    own = pooled.driver_connection
    pooled.detach()
    return own
