"""Turns: periodic work is done once a minute, however many machines have a clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import String
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from portal.core import clock
from portal.core.db import Model, UtcTime, db

FARTHEST = timedelta(minutes=5)
"""How far ahead of ours another machine's clock may be; a turn later than that is a mistake."""


class Turn(Model):
    """The last minute in which somebody took this turn."""

    __tablename__ = "turn"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(UtcTime)


def take(name: str) -> bool:
    """Whether this minute's turn is the caller's; of many who ask only one hears yes.

    The caller commits before it works.
    """
    minute = clock.now().replace(second=0, microsecond=0)
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(Turn).values(name=name, taken_at=minute)
    taken = statement.on_conflict_do_update(
        index_elements=[Turn.name],
        set_={"taken_at": minute},
        where=(Turn.taken_at < minute) | (Turn.taken_at > minute + FARTHEST),
    ).returning(Turn.name)
    return db.session.scalar(taken) is not None
