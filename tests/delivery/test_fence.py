"""A restored or copied database sends nothing until somebody says that it may."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select

from portal.core import clock
from portal.core.db import db
from portal.delivery import fence
from portal.delivery.models import Folder, Worker
from portal.delivery.store import Store
from portal.outbox.states import State
from tests.equipment.mail import drain, send, states
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

pytestmark = pytest.mark.both_stores


def meet(folder: Path) -> bool:
    """The database and a folder meet; whether everything may leave afterwards."""
    folder.mkdir(exist_ok=True)
    mark = fence.check(Store(db.engine), folder, now=clock.now)
    with db.engine.begin() as connection:
        for _second in range(3):
            fence.beat(connection, mark, now=clock.now())
    fence.remember(Store(db.engine), folder, mark)
    with db.engine.connect() as connection:
        return fence.why(connection) is None


def backup() -> list[tuple[str, int]]:
    rows = db.session.execute(select(Folder.mark, Folder.beats)).all()
    db.session.commit()
    return [(mark, beats) for mark, beats in rows]


def restore(rows: list[tuple[str, int]]) -> None:
    db.session.execute(delete(Folder))
    for mark, beats in rows:
        db.session.execute(insert(Folder).values(mark=mark, beats=beats, beaten_at=clock.now()))
    db.session.commit()


def test_a_new_database_sends(app: Flask, tmp_path: Path) -> None:
    assert meet(tmp_path / "here")


def test_the_same_database_sends_again_and_again(app: Flask, tmp_path: Path) -> None:
    assert all(meet(tmp_path / "here") for _start in range(3))


def test_two_workers_that_begin_in_one_folder_at_the_same_moment_are_of_one_place(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, looks = fence._read, iter([None])
    meet(tmp_path / "here")
    # The second has looked before the first wrote its mark.
    monkeypatch.setattr(
        fence, "_read", lambda folder: None if next(looks, "over") is None else read(folder)
    )

    assert meet(tmp_path / "here")

    assert len(backup()) == 1


def test_a_restored_database_is_fenced(app: Flask, tmp_path: Path) -> None:
    meet(tmp_path / "here")
    yesterday = backup()
    meet(tmp_path / "here")
    restore(yesterday)

    assert not meet(tmp_path / "here")


def test_a_backup_from_before_the_first_worker_is_fenced(app: Flask, tmp_path: Path) -> None:
    empty = backup()
    meet(tmp_path / "here")
    restore(empty)

    assert not meet(tmp_path / "here")


def test_a_copied_database_is_fenced_elsewhere(app: Flask, tmp_path: Path) -> None:
    meet(tmp_path / "here")

    assert not meet(tmp_path / "elsewhere")


def test_one_more_machine_may_join_while_others_are_at_work(app: Flask, tmp_path: Path) -> None:
    meet(tmp_path / "here")
    now = clock.now()
    db.session.execute(
        insert(Worker).values(
            host="one",
            folder="another",
            boot_id="boot",
            pid=1,
            started_at=now,
            heartbeat_at=now,
            lease_until=now + timedelta(minutes=15),
        )
    )
    db.session.commit()

    assert meet(tmp_path / "elsewhere")


def test_the_operator_may_let_it_send(app: Flask, tmp_path: Path) -> None:
    meet(tmp_path / "here")
    assert not meet(tmp_path / "elsewhere")

    with db.engine.begin() as connection:
        fence.resume(connection, now=clock.now())

    assert meet(tmp_path / "elsewhere")


def test_what_was_vouched_for_once_is_not_vouched_for_for_ever(app: Flask, tmp_path: Path) -> None:
    meet(tmp_path / "here")
    with db.engine.begin() as connection:
        fence.resume(connection, now=clock.now() - timedelta(hours=1))

    assert not meet(tmp_path / "elsewhere")


def test_nothing_leaves_while_it_is_fenced(app: Flask) -> None:
    with Fake() as fake:
        ada = make_person(make_white_label())
        make_server(ada, port=fake.port)
        message = send(make_app(ada))
        fence.hold(db.session.connection())
        db.session.commit()

        drain(app)

    assert (fake.connections, states(message)) == ([], [State.QUEUED])
    assert fence.why(db.session.connection()) == "Held by the operator."


def test_a_worker_that_starts_on_a_copy_fences_it(app: Flask) -> None:
    journals = app.config["LIVERY"].journal_folder
    with Fake() as fake:
        ada = make_person(make_white_label())
        make_server(ada, port=fake.port)
        drain(app)
        shutil.rmtree(journals)
        message = send(make_app(ada))

        drain(app)

    assert (fake.connections, states(message)) == ([], [State.QUEUED])
