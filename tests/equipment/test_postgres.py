"""PostgreSQL as the tests have it: real, empty, and one test's rows are no other's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.equipment.postgres import Postgres

Make = Callable[..., str]


def ask(url: str, statement: str) -> object:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        answer = connection.execute(text(statement))
        return answer.scalar() if answer.returns_rows else None


filled: list[str] = []


def fill(url: str) -> None:
    filled.append(url)
    ask(url, "CREATE TABLE things AS SELECT 'as it was' AS state")


def test_it_is_a_real_one(make_postgres_database: Make) -> None:
    version = ask(make_postgres_database(), "SELECT version()")

    assert str(version).startswith("PostgreSQL")


def test_two_databases_know_nothing_of_each_other(make_postgres_database: Make) -> None:
    one, other = make_postgres_database(), make_postgres_database()

    ask(one, "CREATE TABLE mine (id integer)")

    assert ask(other, "SELECT to_regclass('mine')") is None


def test_a_filled_database_is_filled_once_and_copied(make_postgres_database: Make) -> None:
    one = make_postgres_database(filled_by=fill)
    ask(one, "UPDATE things SET state = 'changed'")

    other = make_postgres_database(filled_by=fill)

    assert ask(other, "SELECT state FROM things") == "as it was"
    assert len(filled) == 1


def test_it_knows_letters_beyond_ascii(make_postgres_database: Make) -> None:
    assert ask(make_postgres_database(), "SELECT lower('ÄÖÜ')") == "äöü"


def test_it_can_be_gone_and_come_back(postgres: Postgres, make_postgres_database: Make) -> None:
    url = make_postgres_database()
    postgres.daemon.stop()

    try:
        with pytest.raises(OperationalError):
            ask(url, "SELECT 1")
    finally:
        postgres.start()

    assert ask(url, "SELECT 1") == 1
