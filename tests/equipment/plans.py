"""How the store finds what it is asked for, told by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from portal.core.db import db


@contextmanager
def plans(*, of: str) -> Iterator[list[list[str]]]:
    """The steps of each statement with these words in it that is executed meanwhile."""
    found: list[list[str]] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def look(its: Connection, _cursor: object, statement: str, values: Any, *_: Any) -> None:
        if of in statement and not statement.startswith("EXPLAIN"):
            explain = "EXPLAIN" if its.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
            rows = its.exec_driver_sql(f"{explain} {statement}", values)
            found.append([str(row[-1]) for row in rows])

    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", look)
