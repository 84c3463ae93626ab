"""The database as the engine uses it: short transactions, and patience while it is away.

A lane that has an answer from a server must not lose it because the database is locked, restarts
or has no space left. So a transaction that fails for such a reason is tried again, as a whole,
until it succeeds or the process has to end; nothing else is sent by that lane meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from portal.core.db import reading
from portal.core.logs import logger

Answer = TypeVar("Answer")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0
"""Seconds between two tries."""
AT_ONCE = 6
"""Transactions of one process at the same time on PostgreSQL; SQLite has one writer anyway."""


class StoreGone(Exception):
    """The store did not come back in the time there was."""


class Store:
    """Transactions for lanes and for the worker. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.gone_since: float | None = None  # monotonic; None: it answered last time
        self._turn = BoundedSemaphore(1 if self.is_sqlite else AT_ONCE)
        self._give_up_at = float("inf")

    def give_up_at(self, moment: float) -> None:
        """Be patient until then (monotonic seconds) and no longer: the process has to end."""
        self._give_up_at = moment

    def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run `work` in a transaction of its own, again and again while the store is away.

        `work` may run several times, and the last time although an earlier one was committed:
        when the line breaks during the commit nobody knows. It must be right either way.

        Raises:
            StoreGone: the process ends and the store is still away.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                with self._turn, self.engine.begin() as connection:
                    answer = work(connection)
            except (DBAPIError, PoolTimeout) as fault:
                if not is_passing(fault):
                    raise
                self._note(fault)
                if time.monotonic() + pause > self._give_up_at:
                    raise StoreGone from fault
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._note(None)
                return answer

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """The same for a transaction that only looks; on SQLite it takes no lock."""
        with reading():
            return self.write(work)

    def _note(self, fault: Exception | None) -> None:
        """Say once that the store is away, and once that it is back."""
        if fault is not None and self.gone_since is None:
            self.gone_since = time.monotonic()
            logger("delivery").warning("store_away", fault=_brief(fault))
        elif fault is None and self.gone_since is not None:
            seconds = round(time.monotonic() - self.gone_since, 1)
            self.gone_since = None
            logger("delivery").warning("store_back", seconds=seconds)


def is_passing(fault: Exception) -> bool:
    """Whether the fault is the store's (locked, full, restarting, unreachable) and may pass."""
    if isinstance(fault, (OperationalError, InterfaceError, PoolTimeout)):
        return True
    return isinstance(fault, DBAPIError) and fault.connection_invalidated


def _brief(fault: Exception) -> str:
    cause = fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault
    return f"{type(cause).__name__}: {cause}".splitlines()[0][:200]
