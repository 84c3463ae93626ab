"""What a journal tells, and how far it is believed."""

from __future__ import annotations

import errno
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from portal.core import clock
from portal.core.db import db
from portal.delivery import recovery, register
from portal.delivery.journal import NOTHING, Journal, path_of, recall
from portal.delivery.models import Lane, Worker
from portal.delivery.recovery import DEADLY
from portal.delivery.register import Alive
from portal.delivery.store import Store
from portal.outbox.models import Delivery
from portal.outbox.states import State
from portal.smtp.replies import Reply
from tests.equipment.mail import deliveries, send
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

OK = Reply(250, "2.0.0", ("Ok: queued",))
LANE = 41


def test_a_journal_tells_what_was_taken_sent_and_answered(tmp_path: Path) -> None:
    journal = Journal(tmp_path, LANE)
    journal.take(1)
    journal.dot(1)
    journal.reply(1, OK)
    journal.take(2)
    journal.dot(2)
    journal.take(3)

    told = recall(path_of(tmp_path, LANE))

    assert told.replies == {1: OK}
    assert told.dots == {1, 2}
    assert told.killed_by() == {3}


def test_what_is_settled_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path, LANE)
    journal.dot(1)
    journal.reply(1, OK)
    journal.settled()
    journal.dot(2)

    assert recall(path_of(tmp_path, LANE)).dots == {2}


def test_what_is_in_hand_stays_on_record_when_the_rest_is_settled(tmp_path: Path) -> None:
    journal = Journal(tmp_path, LANE)
    journal.take(1)
    journal.take(2)
    journal.dot(1)
    journal.reply(1, OK)
    journal.settled()

    assert recall(path_of(tmp_path, LANE)).killed_by() == {2}


def test_a_dot_that_waits_for_its_answer_is_on_record_at_every_moment(tmp_path: Path) -> None:
    journal = Journal(tmp_path, LANE)
    journal.dot(1)
    journal.reply(1, OK)
    journal.dot(2)
    journal.settled()

    assert recall(path_of(tmp_path, LANE)).dots == {2}

    journal.reply(2, OK)
    assert recall(path_of(tmp_path, LANE)).replies == {2: OK}
    journal.settled()
    assert recall(path_of(tmp_path, LANE)) == NOTHING


def test_a_journal_has_room_for_as_much_as_is_said(tmp_path: Path) -> None:
    journal = Journal(tmp_path, LANE)
    lengthy = Reply(250, "2.0.0", ("so much to say " * 2000,))

    for number in range(20):
        journal.dot(number)
        journal.reply(number, lengthy)

    assert set(recall(path_of(tmp_path, LANE)).replies) == set(range(20))


def test_a_journal_that_finds_no_room_says_so_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, LANE)
    journal.dot(1)
    monkeypatch.setattr("portal.delivery.journal.os.posix_fallocate", no_space)

    with pytest.raises(OSError, match="No space"):
        journal.reply(1, Reply(250, "2.0.0", ("x" * 100_000,)))
    journal.settled()

    assert recall(path_of(tmp_path, LANE)).dots == {1}


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_half_a_line_is_no_line(tmp_path: Path) -> None:
    path_of(tmp_path, LANE).write_bytes(b"dot 1\nreply 1 250 2.0.0 Ok\ndot 12")

    told = recall(path_of(tmp_path, LANE))

    assert told.dots == {1}
    assert set(told.replies) == {1}


@pytest.mark.parametrize("written", [b"reply 2 2", b"reply 2 250", b"reply 2 250 2.0.0 Ok: que"])
def test_a_line_that_the_machine_lost_a_page_of_is_no_line(tmp_path: Path, written: bytes) -> None:
    lost = b"\0" * 4096
    path_of(tmp_path, LANE).write_bytes(
        b"reply 1 250 2.0.0 Ok\n" + written + lost + b"ued\ndot 3\n"
    )

    told = recall(path_of(tmp_path, LANE))

    assert set(told.replies) == {1}
    assert told.dots == {3}


def test_what_was_answered_before_its_dot_was_not_in_hand_when_the_end_came(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path, LANE)
    journal.take(1)
    journal.drop(1)
    journal.take(2)

    assert recall(path_of(tmp_path, LANE)).killed_by() == {2}


def test_a_lane_without_a_journal_tells_nothing(tmp_path: Path) -> None:
    assert recall(path_of(tmp_path, LANE)) == NOTHING


def test_a_journal_that_cannot_be_read_lets_nothing_be_concluded(tmp_path: Path) -> None:
    path_of(tmp_path, LANE).mkdir()

    with pytest.raises(IsADirectoryError):
        recall(path_of(tmp_path, LANE))


class Wreck:
    """Four deliveries in the hands of a worker that is dead, and its journal."""

    def __init__(self, folder: Path, *, mark: str = "here", boot: str = "this", lease: int) -> None:
        ada = make_person(make_white_label())
        self.server = make_server(ada)
        self.folder = folder
        self.heard: dict[int, datetime] = {}
        send(make_app(ada), [f"person{number}@birch.example" for number in range(4)])
        self.ids = [row.id for row in deliveries()]
        now = clock.now()
        self.worker_id = db.session.scalar(
            insert(Worker)
            .values(
                host="here",
                folder=mark,
                boot_id=boot,
                pid=1,
                started_at=now,
                heartbeat_at=now,
                lease_until=now + timedelta(seconds=lease),
            )
            .returning(Worker.id)
        )
        db.session.execute(
            insert(Lane).values(
                id=LANE, worker_id=self.worker_id, server_id=self.server.id, opened_at=now
            )
        )
        db.session.execute(update(Delivery).values(state=State.SENDING, lane_id=LANE))
        db.session.commit()
        journal = Journal(folder, LANE)
        journal.take(self.ids[0])
        journal.dot(self.ids[0])
        journal.reply(self.ids[0], OK)
        journal.take(self.ids[1])
        journal.dot(self.ids[1])
        journal.take(self.ids[2])

    def settle(self) -> int:
        """As a worker does that looks again and again."""
        return recovery.settle_the_dead(
            Store(db.engine),
            folder=self.folder,
            mark="here",
            boot="this",
            worker_id=-1,
            heard=self.heard,
            now=clock.now,
        )

    def states(self) -> list[tuple[State, int, int]]:
        """State, copies and losses of each."""
        return [(row.state, row.copies, row.losses) for row in deliveries()]


def test_within_the_same_boot_every_line_counts(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, lease=900)

    assert wreck.settle() == 4

    assert wreck.states() == [
        (State.SENT, 0, 0),
        (State.QUEUED, 1, 0),
        (State.QUEUED, 0, 1),
        (State.QUEUED, 0, 0),
    ]
    assert deliveries()[0].words == "Ok: queued"
    assert db.session.scalars(select(Lane)).all() == []
    assert not path_of(tmp_path, LANE).exists()


def test_of_another_boot_only_the_good_news_count(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, boot="another", lease=900)

    wreck.settle()

    assert wreck.states() == [(State.SENT, 0, 0), *[(State.QUEUED, 1, 0)] * 3]


def test_from_elsewhere_everything_is_in_doubt_once_the_lease_is_over(
    app: Flask, tmp_path: Path
) -> None:
    wreck = Wreck(tmp_path, mark="elsewhere", lease=-1)

    assert (wreck.settle(), wreck.settle()) == (0, 4)

    assert wreck.states() == [(State.QUEUED, 1, 0)] * 4


def test_who_beats_is_alive_whatever_a_clock_says_of_its_lease(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, mark="elsewhere", lease=-1)
    wreck.settle()
    db.session.execute(update(Worker).values(heartbeat_at=clock.now() + timedelta(seconds=5)))
    db.session.commit()

    assert wreck.settle() == 0


def test_a_journal_that_cannot_be_read_keeps_nobody_from_settling_the_others(
    app: Flask, tmp_path: Path
) -> None:
    wreck = Wreck(tmp_path, lease=900)
    written = path_of(tmp_path, LANE)
    aside = written.rename(tmp_path / "aside")
    written.mkdir()

    assert wreck.settle() == 0
    assert wreck.states() == [(State.SENDING, 0, 0)] * 4

    written.rmdir()
    aside.rename(written)
    assert wreck.settle() == 4


def test_a_worker_that_could_not_settle_a_lane_stays_in_the_books(
    app: Flask, tmp_path: Path
) -> None:
    wreck = Wreck(tmp_path, lease=900)
    assert wreck.worker_id is not None
    with db.engine.begin() as connection:
        register.sign_off(connection, wreck.worker_id, now=clock.now())

    assert wreck.settle() == 4


def test_a_lane_that_was_opened_when_its_worker_had_signed_off_is_struck_out(
    app: Flask, tmp_path: Path
) -> None:
    wreck = Wreck(tmp_path, lease=900)
    db.session.execute(update(Worker).values(ended_at=clock.now()))
    db.session.commit()

    assert wreck.settle() == 4

    assert db.session.scalars(select(Lane)).all() == []


def test_elsewhere_nothing_is_touched_before_the_lease_is_over(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, mark="elsewhere", lease=900)

    assert wreck.settle() == 0

    assert wreck.states() == [(State.SENDING, 0, 0)] * 4


def test_a_worker_that_lives_is_left_alone(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, lease=-1)
    alive = Alive(tmp_path, wreck.worker_id or 0)

    assert wreck.settle() == 0

    alive.let_go()
    assert wreck.settle() == 4


def test_only_one_heir_settles(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, lease=900)

    assert (wreck.settle(), wreck.settle()) == (4, 0)


def test_the_second_death_with_a_message_in_hand_puts_it_aside(app: Flask, tmp_path: Path) -> None:
    wreck = Wreck(tmp_path, lease=900)
    db.session.execute(update(Delivery).values(losses=DEADLY - 1))
    db.session.commit()

    wreck.settle()

    assert [row.kind for row in deliveries() if row.state is State.HELD] == ["poison"]


def test_a_lane_is_counted_for_its_server_on_all_machines(app: Flask) -> None:
    server = make_server(make_person(make_white_label()))
    opened = []
    with db.engine.begin() as connection:
        for worker in (1, 2, 3):
            worker_id = register.sign_on(
                connection, folder=f"{worker}", boot="this", now=clock.now()
            )
            opened.append(
                register.open_lane(connection, worker_id, server.id, most=2, now=clock.now())
            )

    assert [lane is not None for lane in opened] == [True, True, False]
