"""A worker that cannot be called looks for itself, and goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from sqlalchemy import create_engine

from portal.delivery.wakeup import OnNotify


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
