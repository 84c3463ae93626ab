"""The database: one handle, the column types all rooms share, and how each store is tuned.

This is the only file in the rooms that knows Flask-SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import pysqlite3.dbapi2 as sqlite
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    Text,
    delete,
    event,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_words
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from portal.core.words import kept, told

SQLITE_AT_LEAST = (3, 51, 3)
"""Older SQLite libraries can lose committed pages when a WAL file is reset under load."""

SQLITE_PATIENCE = 30
"""Seconds that a transaction waits for the one writer before it."""

_FOREIGN_KEY_VIOLATION, _UNIQUE_VIOLATION = "23503", "23505"
_READ_ONLY = "25006"

NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC; naive times are refused before they reach the store."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was about to be stored")
        in_utc = value.astimezone(UTC)
        return in_utc if dialect.name == "postgresql" else in_utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class KeptWords(TypeDecorator[str]):
    """Words for people: our own are read in the reader's language, others' stay as they are.

    Whoever writes them past this type, in a statement of their own, keeps them by `words.kept`.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else kept(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else told(value)


LARGEST_ID = 2**31 - 1
"""Of most tables; where ids go further, PostgreSQL takes greater numbers too."""

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key; SQLite counts up by itself only for INTEGER."""


def can_be_id(number: int) -> bool:
    """Whether to look for it at all: PostgreSQL takes no number beyond the ids of a table."""
    return 0 < number <= LARGEST_ID


def enum_of(kind: type[StrEnum]) -> Enum:
    """A column that holds one member of `kind`, stored as its value."""
    return Enum(
        kind,
        native_enum=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


_reading: ContextVar[bool] = ContextVar("reading", default=False)


@contextmanager
def reading() -> Iterator[None]:
    """Transactions begun in here only read: on SQLite they do not take the write lock."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


@contextmanager
def writing() -> Iterator[None]:
    """Transactions begun in here may write, even inside of `reading`."""
    token = _reading.set(False)
    try:
        yield
    finally:
        _reading.reset(token)


@event.listens_for(db.session, "before_flush")
def _refuse_to_write(_session: Any, _context: Any, _instances: Any) -> None:
    """A page that only reads never writes, whatever its code does by mistake."""
    if _reading.get():
        raise RuntimeError("something was about to be written where only reading is allowed")


def lock(row: Base) -> None:
    """The row as it is now, and nobody else changes it until the caller commits.

    What is changed in it and not written yet is written before, for a refresh alone would lose it.
    Rows that refer to it can still be added.
    """
    db.session.flush()
    db.session.refresh(row, with_for_update={"of": type(row), "key_share": True})


Race: TypeAlias = IntegrityError | StaleDataError


def is_race(fault: Race) -> bool:
    """Whether somebody else has just done what can be done once, or removed what this refers to or
    changes.

    Each of two acts at the same moment may find on PostgreSQL that it may be done, and the second
    learns better when it writes. Writers on SQLite wait for each other before they look.
    """
    if isinstance(fault, StaleDataError):
        return True
    return getattr(fault.orig, "sqlstate", None) in (_UNIQUE_VIOLATION, _FOREIGN_KEY_VIOLATION)


@contextmanager
def writing_aside() -> Iterator[Connection]:
    """A short write beside the page's own transaction, committed at the end.

    Raises:
        OperationalError: the store is busy; a page does not wait for what is only a note.
    """
    with writing(), db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            with connection.begin():
                connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
                yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA busy_timeout = 100")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute(f"PRAGMA busy_timeout = {SQLITE_PATIENCE * 1000}")


Upsert: TypeAlias = sqlite_words.Insert | postgresql.Insert


def adding(model: type[Base], column: str) -> Mapping[str, Upsert]:
    """For each store, the statement that inserts a row or, where its key is there, adds to this
    column of it."""
    table = model.__table__

    def written_for(insert: Upsert) -> Upsert:
        return insert.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={column: table.c[column] + insert.excluded[column]},
        )

    return {
        "sqlite": written_for(sqlite_words.insert(model)),
        "postgresql": written_for(postgresql.insert(model)),
    }


def forget_rows(model: type[Base], condition: ColumnElement[bool]) -> int:
    """Delete the rows that nobody needs any more; how many there were."""
    deleted = db.session.execute(
        delete(model).where(condition), execution_options={"synchronize_session": False}
    )
    return int(getattr(deleted, "rowcount", 0))


def engine_options(url: str) -> dict[str, Any]:
    """What `create_engine` needs for this store."""
    if url.startswith("sqlite"):
        return {
            "module": sqlite,
            "connect_args": {"timeout": SQLITE_PATIENCE, "check_same_thread": False},
            "pool_use_lifo": True,  # each connection has a page cache: fill as few as possible
        }
    return {"pool_pre_ping": True}


def _leave_a_standby(fault: ExceptionContext) -> None:
    """A primary that became a standby refuses to write for ever: connect anew, as the address may
    lead to another one by now."""
    if getattr(fault.original_exception, "sqlstate", None) == _READ_ONLY:
        fault.is_disconnect = True


def tune(engine: Engine) -> None:
    """See to what each store needs of its connections.

    SQLite: write-ahead log with full sync, foreign keys, and `BEGIN IMMEDIATE`, because a
    transaction that reads first and writes later fails at once when another one writes.
    """
    if engine.dialect.name != "sqlite":
        event.listen(engine, "handle_error", _leave_a_standby)
        return

    @event.listens_for(engine, "connect")
    def connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not begin on its own
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "temp_store = MEMORY",
            "cache_size = -16384",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "handle_error")
    def handle_error(fault: ExceptionContext) -> DataError | None:
        """A number beyond 64 bits is what it is on PostgreSQL: data that the store cannot take."""
        if not isinstance(fault.original_exception, OverflowError):
            return None
        return DataError(fault.statement, {}, fault.original_exception)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _reading.get() else "BEGIN IMMEDIATE")


def sqlite_version() -> tuple[int, ...]:
    """The version of the SQLite library in use, for the doctor."""
    return tuple(int(part) for part in sqlite.sqlite_version.split("."))
