"""The migrations lead to the schema that the models describe, on both stores."""

from __future__ import annotations

from collections.abc import Iterator

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect, text

from portal import create_app
from portal.config import Config
from portal.core.db import db
from portal.core.schema import MIGRATIONS


@pytest.fixture
def empty(app: Flask, config: Config) -> Iterator[Flask]:
    """An application whose database has no table at all."""
    db.session.remove()
    db.drop_all()
    db.engine.dispose()
    fresh = create_app(config)
    with fresh.app_context():
        yield fresh
        db.session.remove()
        db.engine.dispose()


def differences() -> list[object]:
    """What Alembic would still have to change, apart from its own table."""
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, db.metadata))


def indexes() -> dict[str, set[str]]:
    """The indexes of every table with their conditions, which Alembic does not compare."""
    kind = db.engine.dialect.name
    query = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    if kind == "postgresql":
        query = "SELECT indexname, tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    found: dict[str, set[str]] = {}
    with db.engine.connect() as connection:
        for name, table, sql in connection.execute(text(query)):
            if table != "alembic_version":
                found.setdefault(table, set()).add(f"{name}: {' '.join(sql.split())}")
    return found


@pytest.mark.both_stores
@pytest.mark.accepts("SI-04")
def test_migrated_is_what_the_models_say(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS))

    assert differences() == []


@pytest.mark.both_stores
def test_migrated_has_the_indexes_of_the_models_with_their_conditions(empty: Flask) -> None:
    db.create_all()
    by_models = indexes()
    db.drop_all()

    flask_migrate.upgrade(directory=str(MIGRATIONS))

    assert indexes() == by_models


@pytest.mark.both_stores
def test_going_back_leaves_nothing(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS))

    flask_migrate.downgrade(directory=str(MIGRATIONS), revision="base")

    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
