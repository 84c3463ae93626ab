"""The schema, brought up to date before anything runs on it."""

from __future__ import annotations

import flask_migrate

from portal.core.schema import MIGRATIONS


def bring_up_to_date() -> None:
    """Run the migrations that the database has not seen."""
    flask_migrate.upgrade(directory=str(MIGRATIONS))
