"""The quick part of a check-up: database, schema, keys and clock; nothing that takes long.

Asked by `flask check` and by the page that shows an owner how the installation is.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from portal.core import clock, sealed, vault
from portal.core.db import SQLITE_AT_LEAST, db, reading, sqlite_version
from portal.core.schema import newest_revision, present_revision
from portal.core.words import _

CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    is_right: bool
    words: str


class Wrong(Exception):
    """What was looked at is not as it should be."""


def look_at(name: str, look: Callable[[], str]) -> Finding:
    """What a look says; the database is let go of afterwards."""
    try:
        with reading():
            return Finding(name, True, look())
    except Wrong as wrong:
        return Finding(name, False, str(wrong))
    except (SQLAlchemyError, OSError) as fault:
        return Finding(name, False, f"{type(fault).__name__}: {fault}".splitlines()[0])
    finally:
        db.session.rollback()


def quick(key_file: Path) -> Iterator[Finding]:
    """The database, and if it answers what depends on it."""
    found = look_at("database", database)
    yield found
    if found.is_right:
        yield look_at("schema", schema)
        yield look_at("keys", lambda: keys(key_file))
        yield look_at("clock", clock_apart)


def database() -> str:
    """Whether it answers, and is of a version that keeps what it was given."""
    db.session.execute(select(1))
    if db.engine.dialect.name != "sqlite":
        version = db.session.scalar(text("SHOW server_version"))
        return f"PostgreSQL {version}"
    version = ".".join(map(str, sqlite_version()))
    if sqlite_version() < SQLITE_AT_LEAST:
        needed = ".".join(map(str, SQLITE_AT_LEAST))
        raise Wrong(
            _(
                "SQLite %(version)s can lose pages when its log is reset; %(needed)s is needed",
                version=version,
                needed=needed,
            )
        )
    return f"SQLite {version}"


def schema() -> str:
    """Whether it is the one that this code was written for."""
    present, newest = present_revision(), newest_revision()
    if present != newest:
        raise Wrong(
            _(
                "at %(present)s, wanted %(newest)s: run `flask db upgrade`",
                present=present or _("no revision"),
                newest=newest,
            )
        )
    return _("at %(present)s", present=present)


def keys(key_file: Path) -> str:
    """Whether every secret has its key, and nobody else can read the keys."""
    mode = stat.S_IMODE(key_file.stat().st_mode)
    if mode & 0o077:
        raise Wrong(
            _(
                "%(file)s can be read by others (mode %(mode)s): chmod 600",
                file=key_file,
                mode=f"{mode:03o}",
            )
        )
    unknown = sealed.count_by_key().keys() - vault.keyring().keys.keys()
    if unknown:
        raise Wrong(
            _(
                "secrets are sealed with keys that are not there: %(keys)s",
                keys=", ".join(unknown),
            )
        )
    return _(
        "%(count)s in %(file)s, mode %(mode)s",
        count=len(vault.keyring().keys),
        file=key_file,
        mode=f"{mode:03o}",
    )


def clock_apart() -> str:
    """Whether this machine and the database agree on the time."""
    if db.engine.dialect.name == "sqlite":
        return _("the database is on this machine")
    theirs = db.session.scalar(text("SELECT clock_timestamp()"))
    if not isinstance(theirs, datetime):
        raise Wrong(_("the database does not tell the time"))
    apart = abs(clock.now() - theirs.astimezone(UTC))
    if apart > CLOCK_TOLERANCE:
        seconds = f"{apart.total_seconds():.0f}"
        raise Wrong(_("%(seconds)s s apart from the database's", seconds=seconds))
    return _("agrees with the database's")
