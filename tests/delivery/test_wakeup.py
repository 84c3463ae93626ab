"""A worker that cannot be called looks for itself, and goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine

from portal.core.db import engine_options
from portal.delivery.wakeup import OnChange, OnNotify


def test_a_worker_that_finds_all_connections_taken_waits_and_asks_again_later(
    make_postgres_database: Callable[..., str],
) -> None:
    engine = create_engine(make_postgres_database(), pool_size=1, max_overflow=0, pool_timeout=0.1)
    asked: list[bool] = []

    def ask() -> bool:
        asked.append(True)
        return True

    with closing(OnNotify(engine)) as calls:
        with engine.connect():
            calls.wait(0.2, or_until=ask)
        was_asked_without = bool(asked)
        calls.wait(60, or_until=ask)
    engine.dispose()

    assert (was_asked_without, len(asked)) == (False, 1)


def test_on_sqlite_it_looks_at_once_when_a_connection_is_free_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    one_only = {**engine_options(url), "pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    engine = create_engine(url, **one_only)
    with engine.connect():
        changes = OnChange(engine)

    begun = time.monotonic()
    with closing(changes):
        changes.wait(60, or_until=lambda: False)
    engine.dispose()

    assert time.monotonic() - begun < 30
