"""The migrations lead to the schema that the models describe, on both stores."""

from __future__ import annotations

import subprocess
import sys
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
from portal.core.turns import Turn
from portal.domains.models import DomainState
from portal.outbox.states import State
from portal.routing.ways import ways_of
from portal.white_labels.models import Platform
from tests.equipment.mail import send, states
from tests.equipment.stage import (
    fresh,
    make_app,
    make_domain,
    make_person,
    make_server,
    make_template,
    make_white_label,
)


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


def test_an_application_knows_every_table_from_the_start() -> None:
    """Else Alembic, or whoever makes the schema of the models, would leave one out."""
    ask = "import portal; from portal.core.db import db; print(*sorted(db.metadata.tables))"

    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)

    assert told.stdout.split() == sorted({*db.metadata.tables, Turn.__tablename__})


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
@pytest.mark.accepts("SI-04")
def test_what_an_older_version_stored_means_the_same_afterwards(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS))
    db.session.add(Platform(id=1, name="Northwind Apps", origin="http://localhost:8000"))
    acme = make_white_label()
    ada, bob, olive = make_person(acme, "Ada"), make_person(acme, "Bob"), make_person(name="Olive")
    own = make_server(ada, "own")
    make_server(olive, "main")
    domain = make_domain(acme, "acme.example")
    template = make_template(acme, preferred=own)
    shop, blog = make_app(ada, "Shop"), make_app(bob, "Blog")
    waiting = send(shop)
    before = [way.words for way in ways_of([shop, blog]).values()]
    db.session.commit()

    flask_migrate.downgrade(directory=str(MIGRATIONS), revision="0001")
    flask_migrate.upgrade(directory=str(MIGRATIONS))

    assert [way.words for way in ways_of([fresh(shop), fresh(blog)]).values()] == before
    assert states(waiting) == [State.QUEUED]
    assert fresh(domain).state is DomainState.VERIFIED
    assert fresh(template).preferred_server_id == own.id


@pytest.mark.both_stores
def test_going_back_leaves_nothing(empty: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS))

    flask_migrate.downgrade(directory=str(MIGRATIONS), revision="base")

    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}


def test_its_settings_are_read_in_every_locale() -> None:
    assert (MIGRATIONS / "alembic.ini").read_bytes().isascii()  # Alembic asks the system's encoding
