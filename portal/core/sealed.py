"""Where sealed secrets are: every such column is registered, so that keys can be turned.

A room registers its column together with the function that says what a row's secret is bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, inspect, select, update
from sqlalchemy.orm import InstrumentedAttribute

from portal.core import vault
from portal.core.db import db
from portal.core.vault import Binding, CannotOpen, KeysMissing

_KID_AT, _KID_LENGTH = len(vault.VERSION) + 2, 8  # in ``v1|<key id>|…``, counted from 1


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of envelopes."""

    column: InstrumentedAttribute[str | None]
    binding_of: Callable[[Any], Binding]

    @property
    def model(self) -> type[Any]:
        model: type[Any] = self.column.class_  # type: ignore[assignment]
        return model

    @property
    def name(self) -> str:
        return f"{self.model.__tablename__}.{self.column.key}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows that were looked at; `last_id` is None when there were no more."""

    last_id: int | None
    resealed: int
    lost: Sequence[int]  # rows whose secret does not open with any key


_columns: list[SealedColumn] = []


def register(
    column: InstrumentedAttribute[str | None], binding_of: Callable[[Any], Binding]
) -> None:
    """Make a column known; called once, by the file that seals it."""
    _columns.append(SealedColumn(column, binding_of))


def columns() -> Sequence[SealedColumn]:
    return tuple(_columns)


def open_vault(path: Path) -> None:
    """Use the keyring in this file, made now on a new installation.

    Raises:
        KeysMissing: there is no file, but there are secrets that only its keys can open.
    """
    if not path.exists() and are_there_any():
        db.engine.dispose()  # what does not start leaves no connection behind
        raise KeysMissing(
            f"{path} is missing, and the database has secrets that were sealed with its keys. "
            "Put the file back, or name the right one with LIVERY_KEY_FILE. A new one would not "
            "open them."
        )
    vault.Keyring.at(path)
    vault.use_file(path)


def are_there_any() -> bool:
    """Whether the database has any sealed secret; a database without tables has none."""
    tables = set(inspect(db.engine).get_table_names())
    with db.engine.connect() as connection:
        return any(
            connection.scalar(select(one.column).where(one.column.is_not(None)).limit(1))
            for one in _columns
            if one.model.__tablename__ in tables
        )


def count_by_key() -> dict[str, int]:
    """How many secrets each key has sealed, by key id."""
    counts: dict[str, int] = {}
    for one in _columns:
        kid = func.substr(one.column, _KID_AT, _KID_LENGTH)
        query = select(kid, func.count()).where(one.column.is_not(None)).group_by(kid)
        for key, count in db.session.execute(query):
            counts[key] = counts.get(key, 0) + count
    return counts


def reseal_batch(one: SealedColumn, *, after: int, size: int) -> Batch:
    """Seal the next rows again with the current key; the caller commits each batch.

    A row that somebody saves at the same moment keeps what they saved.
    """
    keyring = vault.keyring()
    current = f"{vault.VERSION}|{keyring.current}|%"
    query = (
        select(one.model)
        .where(one.model.id > after, one.column.is_not(None), one.column.not_like(current))
        .order_by(one.model.id)
        .limit(size)
    )
    last_id, resealed, lost = None, 0, []
    for row in db.session.scalars(query):
        last_id = row.id
        envelope = getattr(row, one.column.key)
        binding = one.binding_of(row)
        try:
            again = keyring.seal(keyring.open(envelope, binding), binding)
        except CannotOpen:
            lost.append(row.id)
            continue
        db.session.execute(
            update(one.model)
            .where(one.model.id == row.id, one.column == envelope)
            .values({one.column.key: again}),
            execution_options={"synchronize_session": False},
        )
        resealed += 1
    return Batch(last_id, resealed, lost)
