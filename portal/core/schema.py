"""Where the project and its migrations lie on disk, and how far a database has come."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import portal.core.turns  # noqa: F401 - a table that no door loads before it asks for a turn
from portal.core.db import db

PROJECT = Path(__file__).resolve().parents[2]
MIGRATIONS = PROJECT / "migrations"


def newest_revision() -> str | None:
    """The revision that the code wants."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def present_revision() -> str | None:
    """The revision that the database has."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
