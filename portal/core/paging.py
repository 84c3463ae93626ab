"""Keyset paging by id, newest first: page one thousand costs what page one costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from portal.core.db import db

Item = TypeVar("Item")
SIZE = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows, newest first, and the ids to ask for their neighbours with (None: no more)."""

    rows: Sequence[Item]
    older: int | None
    newer: int | None


def page_of(
    query: Select[Item],
    by: InstrumentedAttribute[int],
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Item]:
    """The newest `size` rows, or those older than id `before`, or those newer than id `after`."""
    if after is not None:
        rows = list(db.session.scalars(query.where(by > after).order_by(by).limit(size + 1)))
        more_newer = len(rows) > size
        rows = rows[:size][::-1]
        more_older = True
    else:
        if before is not None:
            query = query.where(by < before)
        rows = list(db.session.scalars(query.order_by(by.desc()).limit(size + 1)))
        more_older = len(rows) > size
        rows = rows[:size]
        more_newer = before is not None
    key = by.key
    return Page(
        rows,
        older=_key(rows[-1], key) if rows and more_older else None,
        newer=_key(rows[0], key) if rows and more_newer else None,
    )


def _key(row: Any, name: str) -> int:
    return int(getattr(row, name))
