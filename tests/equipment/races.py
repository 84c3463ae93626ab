"""Two acts at the same moment: one has not committed yet what it did when the other one begins."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy import text

from portal.core.db import db
from portal.core.errors import Refusal
from tests.equipment.mail import until

PATIENCE = 60.0
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

Act = Callable[[], object]


class Race:
    """Two acts, each in a thread and a session of its own.

    On PostgreSQL the second reads what the first has not committed as it was before, and waits
    only where it comes upon a row or a lock of the first. On SQLite it waits at its beginning.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._is_paused, self._goes_on = threading.Event(), threading.Event()
        self._first: threading.Thread | None = None

    def run(self, first: Act, second: Act) -> tuple[BaseException | None, BaseException | None]:
        """Do both and commit; how each of them failed. The first pauses before it commits."""
        faults: dict[str, BaseException] = {}

        def do(name: str, act: Act) -> None:
            with self._app.app_context():
                try:
                    act()
                    self.pause()
                    db.session.commit()
                except BaseException as fault:  # noqa: BLE001 - told to the test
                    db.session.rollback()
                    faults[name] = fault
                finally:
                    if name == "first":
                        self._is_paused.set()
                    db.session.remove()

        db.session.rollback()  # the test itself keeps nobody waiting
        self._first = threading.Thread(target=do, args=("first", first))
        other = threading.Thread(target=do, args=("second", second))
        self._first.start()
        assert self._is_paused.wait(PATIENCE)
        other.start()
        if db.engine.dialect.name == "postgresql":
            # Without a transaction, in which it would see again and again what it saw first.
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
                until(lambda: not other.is_alive() or bool(watching.scalar(_WAITING)))
        self._goes_on.set()
        for thread in (self._first, other):
            thread.join(PATIENCE)
            assert not thread.is_alive()
        return faults.get("first"), faults.get("second")

    def pause(self) -> None:
        """Let the second begin, where the first one calls this; once, and for the first alone."""
        if threading.current_thread() is self._first:
            self._is_paused.set()
            self._goes_on.wait(PATIENCE)


def code_of(fault: BaseException | None) -> str | None:
    """Why an act was refused; any other fault is the test's own.

    Raises:
        BaseException: the fault, where it is no refusal.
    """
    if fault is None or isinstance(fault, Refusal):
        return fault.code if fault else None
    raise fault
