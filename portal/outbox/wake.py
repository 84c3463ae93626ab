"""Telling the lanes that there is something new.

A lost call costs nothing: the lanes look for themselves before long.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

CHANNEL = "livery_outbox"


def tell(connection: Connection) -> None:
    """Wake the workers when the caller's transaction is committed.

    PostgreSQL delivers a NOTIFY with the commit. SQLite has no such thing: there the workers
    watch `PRAGMA data_version`, which changes with every commit.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
