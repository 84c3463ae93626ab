"""What the migration to DNS records makes of domains and hostnames that were there before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text

from portal import create_app
from portal.config import Config
from portal.core.db import db
from portal.core.schema import MIGRATIONS


@pytest.fixture
def before(app: Flask, config: Config) -> Iterator[Flask]:
    """An installation from before, with two domains and two hostnames of one white label."""
    db.session.remove()
    db.drop_all()
    db.engine.dispose()
    fresh = create_app(config)
    with fresh.app_context():
        flask_migrate.upgrade(directory=str(MIGRATIONS), revision="0001")
        run(
            "INSERT INTO white_label (id, slug, name, colour, mail_mode, shows_platform_name,"
            " created_at) VALUES (1, 'acme', 'Acme', '#000000', 'own', false, '2026-01-01')"
        )
        for row, name in enumerate(("acme.example", "news.example"), 1):
            run(
                "INSERT INTO domain (id, white_label_id, name, includes_subdomains, state,"
                f" created_at) VALUES ({row}, 1, '{name}', false, 'verified', '2026-01-01')"
            )
        for row, proven in enumerate(("'2026-01-02'", "NULL"), 1):
            run(
                "INSERT INTO hostname (id, white_label_id, name, proof_token, created_at,"
                f" proven_at) VALUES ({row}, 1, 'n{row}.example', 't{row}', '2026-01-01', {proven})"
            )
        yield fresh
        db.session.remove()
        db.engine.dispose()


def run(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(statement))


def rows(query: str) -> list[Sequence[object]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.both_stores
def test_each_domain_gets_a_token_of_its_own_and_is_not_looked_for(before: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS), revision="0002")

    found = rows("SELECT proof_token, next_check_at, missing_days FROM domain")

    assert len({token for token, _due, _days in found}) == 2
    assert all(len(str(token)) == 32 for token, _due, _days in found)
    assert {(due, days) for _token, due, days in found} == {(None, 0)}


@pytest.mark.both_stores
def test_a_hostname_that_was_served_stays_so_whatever_dns_says(before: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS), revision="0002")

    found = rows("SELECT is_vouched, suspended_at, code FROM hostname ORDER BY id")

    assert [(bool(vouched), at, code) for vouched, at, code in found] == [
        (True, None, "not_asked"),
        (False, None, "not_asked"),
    ]


@pytest.mark.both_stores
def test_going_back_keeps_the_row_of_a_name_that_is_served(before: Flask) -> None:
    flask_migrate.upgrade(directory=str(MIGRATIONS), revision="0002")
    run(
        "INSERT INTO white_label (id, slug, name, colour, mail_mode, shows_platform_name,"
        " created_at) VALUES (2, 'birch', 'Birch', '#000000', 'own', false, '2026-01-01')"
    )
    for row, name, proven in ((3, "n1.example", "NULL"), (4, "n2.example", "'2026-01-03'")):
        run(
            "INSERT INTO hostname (id, white_label_id, name, proof_token, created_at, proven_at)"
            f" VALUES ({row}, 2, '{name}', 'theirs', '2026-01-01', {proven})"
        )

    flask_migrate.downgrade(directory=str(MIGRATIONS), revision="0001")

    kept = rows("SELECT name, white_label_id FROM hostname ORDER BY name")
    assert kept == [("n1.example", 1), ("n2.example", 2)]
