"""The fence: a restored or copied database sends nothing until somebody says that it may.

Yesterday's backup believes that yesterday's mail still waits; a copy for a test believes that it
is the real thing. Each folder with journals bears a mark and counts its meetings with the database,
and so does the database (`Folder`):

    the database counts less than the folder     it was restored from a backup
    the database does not know the folder        it was copied, unless workers elsewhere are alive
                                                 and this is one more machine

Either fences it: `Engine.is_fenced` in the database, so that all workers see it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from portal.core.logs import logger
from portal.core.words import kept, lazy, told
from portal.delivery.models import Engine, Folder, Worker
from portal.delivery.store import Store

VOUCHED_FOR = timedelta(minutes=10)
"""After `flask outbox resume`: how long any folder may join."""
ALIVE_WITHIN = timedelta(seconds=30)
RESTORED = lazy("The database is older than what was sent from here: it was restored.")
COPIED = lazy("The database was used from another place and does not know this one: a copy?")
BY_HAND = lazy("Held by the operator.")


@dataclass(frozen=True, slots=True)
class Note:
    """What the folder remembers."""

    mark: str
    beats: int


def check(store: Store, folder: Path, *, now: Callable[[], datetime]) -> str:
    """Compare folder and database, fence if they do not fit, and give the folder's mark."""
    note = _read(folder) or _begin(folder)
    fault = store.write(lambda connection: _compare(connection, note, now()))
    if fault is not None:
        logger("delivery").error("fenced", why=fault)
    remember(store, folder, note.mark)
    return note.mark


def _compare(connection: Connection, note: Note, now: datetime) -> str | None:
    """The fault, written down, or None; afterwards the database knows the folder."""
    resumed_at = _engine(connection)
    is_vouched_for = resumed_at is not None and now - resumed_at < VOUCHED_FOR
    beats = connection.scalar(select(Folder.beats).where(Folder.mark == note.mark))
    fault = None
    if beats is not None and beats < note.beats:
        fault = RESTORED
    elif beats is None and note.beats > 0:
        fault = COPIED if _is_used(connection) else RESTORED
    elif beats is None and _is_used(connection) and not _has_company(connection, now):
        fault = COPIED
    _meet(connection, note, beats, now)
    if fault is None or is_vouched_for:
        return None
    hold(connection, words=kept(fault))
    return str(fault)


def _is_used(connection: Connection) -> bool:
    return bool(connection.scalar(select(func.count()).select_from(Folder)))


def _has_company(connection: Connection, now: datetime) -> bool:
    """Whether workers of other folders are heard of: then this is one more machine."""
    heard = connection.scalar(
        select(func.max(Worker.heartbeat_at)).where(Worker.ended_at.is_(None))
    )
    return heard is not None and now - heard < ALIVE_WITHIN


def _meet(connection: Connection, note: Note, beats: int | None, now: datetime) -> None:
    if beats is None:
        connection.execute(
            insert(Folder).values(mark=note.mark, beats=note.beats + 1, beaten_at=now)
        )
    else:
        connection.execute(
            update(Folder)
            .where(Folder.mark == note.mark)
            .values(beats=max(beats, note.beats) + 1, beaten_at=now)
        )


def beat(connection: Connection, mark: str, *, now: datetime) -> None:
    """One more meeting; a backup made before it can be told from now on."""
    connection.execute(
        update(Folder).where(Folder.mark == mark).values(beats=Folder.beats + 1, beaten_at=now)
    )


def remember(store: Store, folder: Path, mark: str) -> None:
    """Write into the folder what the database counts; never more than that."""
    beats = store.read(
        lambda connection: connection.scalar(select(Folder.beats).where(Folder.mark == mark))
    )
    if beats is not None:
        _write(folder, Note(mark, beats))


def _engine(connection: Connection) -> datetime | None:
    """Make sure that the one row is there; when sending was last resumed by hand."""
    upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(upsert(Engine).values(id=1).on_conflict_do_nothing())
    return connection.scalar(select(Engine.resumed_at).where(Engine.id == 1))


# By hand


def hold(connection: Connection, *, words: str = "") -> None:
    """Nothing leaves from now on; what is on its way right now is finished."""
    _engine(connection)
    connection.execute(update(Engine).values(is_fenced=True, words=words or kept(BY_HAND)))


def resume(connection: Connection, *, now: datetime) -> None:
    """The operator has looked: this is the database that sends."""
    _engine(connection)
    connection.execute(update(Engine).values(is_fenced=False, words=None, resumed_at=now))


def why(connection: Connection) -> str | None:
    """Why nothing leaves; None: it does."""
    row = connection.execute(select(Engine.is_fenced, Engine.words)).first()
    return told(row.words or kept(BY_HAND)) if row is not None and row.is_fenced else None


def forget(connection: Connection, mark: str) -> None:
    """A machine that is gone for good."""
    connection.execute(delete(Folder).where(Folder.mark == mark))


# The folder's side


def _path(folder: Path) -> Path:
    return folder / "mark.json"


def _read(folder: Path) -> Note | None:
    try:
        stored = json.loads(_path(folder).read_text())
    except FileNotFoundError:
        return None
    return Note(stored["mark"], stored["beats"])


def _begin(folder: Path) -> Note:
    """A mark for this folder. Of workers that begin at the same moment one gives it to all."""
    beside = _written(folder, Note(secrets.token_hex(8), 0))
    with contextlib.suppress(FileExistsError):
        os.link(beside, _path(folder))
    beside.unlink()
    note = _read(folder)
    assert note is not None
    return note


def _write(folder: Path, note: Note) -> None:
    """Whole or not at all: half a mark would fence everything."""
    _written(folder, note).replace(_path(folder))


def _written(folder: Path, note: Note) -> Path:
    beside = folder / f"mark.{secrets.token_hex(4)}.new"
    with beside.open("w") as file:
        json.dump({"mark": note.mark, "beats": note.beats}, file)
        file.flush()
        os.fsync(file.fileno())
    return beside
