"""How the installation is, on one page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from portal.accounts.models import Person
from portal.core import clock, vault
from portal.core.db import db
from portal.core.schema import newest_revision
from portal.core.vault import Keyring
from portal.delivery import fence, register
from portal.smtp_settings import health
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import make_app, make_server
from tests.equipment.visitor import Page, Visits

HEALTH = "/backoffice/health"


@pytest.fixture(autouse=True)
def migrated(app: Flask) -> None:
    """The database says that every migration has run; tests make its tables in another way."""
    db.session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    db.session.execute(
        text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest_revision()}
    )
    db.session.commit()


def worker_is_heard() -> None:
    register.sign_on(db.session.connection(), folder="here", boot="boot", now=clock.now())
    db.session.commit()


def rows(page: Page, section: str) -> list[list[str]]:
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
        for row in page.tree.xpath(f"//section[@aria-labelledby='{section}']//tbody/tr")
    ]


def test_with_nothing_wrong_it_says_so(visit: Visits, olive: Person) -> None:
    worker_is_heard()

    page = visit(olive).get(HEALTH)

    assert "Everything is in order." in page.content
    assert [row[1] for row in rows(page, "checks")] == ["In order"] * 4


def test_without_a_worker_nothing_leaves_and_the_command_is_named(
    visit: Visits, olive: Person
) -> None:
    page = visit(olive).get(HEALTH)

    assert "1 thing needs a hand." in page.content
    assert "flask deliver" in page.content


def test_a_worker_that_fell_silent_is_not_counted(visit: Visits, olive: Person) -> None:
    silent = clock.now() - timedelta(minutes=2)
    register.sign_on(db.session.connection(), folder="here", boot="boot", now=silent)
    db.session.commit()

    assert "No worker was heard of for a minute" in visit(olive).get(HEALTH).content


def test_a_fence_says_why_and_what_to_do(visit: Visits, olive: Person) -> None:
    worker_is_heard()
    fence.hold(db.session.connection(), words="The database was restored.")
    db.session.commit()

    page = visit(olive).get(HEALTH)

    assert "Nothing leaves. The database was restored." in page.content
    assert "flask outbox resume" in page.content


def test_a_schema_of_another_version_is_wrong(visit: Visits, olive: Person) -> None:
    db.session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    db.session.commit()

    page = visit(olive).get(HEALTH)

    assert rows(page, "checks")[1][1] == "Wrong"
    assert "flask db upgrade" in page.content


def test_a_key_file_that_others_can_read_is_wrong(app: Flask, visit: Visits, olive: Person) -> None:
    app.config["LIVERY"].key_file.chmod(0o644)

    page = visit(olive).get(HEALTH)

    assert rows(page, "checks")[2][1] == "Wrong"
    assert "chmod 600" in page.content


def test_keys_are_told_by_what_they_still_seal(app: Flask, visit: Visits, olive: Person) -> None:
    path = app.config["LIVERY"].key_file
    old = vault.keyring().current
    Keyring.load(path).with_new_key().save(path)

    page = visit(olive).get(HEALTH)

    assert rows(page, "keys") == [
        [old, "0", "Old, not in use"],
        [vault.keyring().current, "0", "Current"],
    ]


def test_what_waits_is_told_for_each_server(
    clock: HandSetClock, visit: Visits, olive: Person, acme: WhiteLabel, ada: Person
) -> None:
    worker_is_heard()
    make_server(ada, port=9)
    send(make_app(ada), ["ann@birch.example", "ben@birch.example"])

    page = visit(olive).get(HEALTH)

    assert rows(page, "queues") == [["acme/own", "2", "just now", "Flows"]]


def test_a_parked_server_is_named_with_its_words(visit: Visits, olive: Person, ada: Person) -> None:
    worker_is_heard()
    server = make_server(ada, port=9)
    send(make_app(ada))
    health.park(
        db.session.connection(),
        server.id,
        kind="credentials",
        words="535 5.7.8 Go away",
        now=clock.now(),
    )
    db.session.commit()

    page = visit(olive).get(HEALTH)

    assert "1 thing needs a hand." in page.content
    assert "535 5.7.8 Go away" in page.content
    assert rows(page, "queues")[0][3] == "Parked"
