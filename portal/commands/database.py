"""The schema, brought up to date before anything runs on it."""

from __future__ import annotations

import flask_migrate
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from portal.core.db import db
from portal.core.schema import MIGRATIONS


def bring_up_to_date() -> None:
    """Run the migrations that the database has not seen."""
    if any((MIGRATIONS / "versions").glob("*.py")):
        flask_migrate.upgrade(directory=str(MIGRATIONS))
    else:  # remove as soon as the first migration is there
        db.create_all()


def newest_revision() -> str | None:
    """The revision that the code wants."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def present_revision() -> str | None:
    """The revision that the database has."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
