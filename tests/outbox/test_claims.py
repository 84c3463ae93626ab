"""Claiming by turns, and settling only what is still one's own, on both stores."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update

from portal.core import clock
from portal.core.db import db
from portal.outbox import claims
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.models import Attempt, Delivery, Message
from portal.outbox.states import Category, State
from tests.equipment.plans import plans

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=clock.now().tzinfo)
SERVER = 5
pytestmark = pytest.mark.both_stores


def queue(
    count: int,
    *,
    tenant: int = 1,
    server_id: int = SERVER,
    category: Category = Category.TRANSACTIONAL,
    due_at: datetime = NOW,
    state: State = State.QUEUED,
) -> list[int]:
    """So many deliveries of one message; their ids."""
    message = Message(
        public_id=f"msg_{secrets.token_hex(12)}",
        category=category,
        created_at=NOW,
        give_up_at=NOW + timedelta(hours=72),
        recipients=1,
        from_email="own@acme.example",
        from_name="",
        reason="owner_server",
    )
    db.session.add(message)
    db.session.flush()
    ids = db.session.scalars(
        insert(Delivery).returning(Delivery.id),
        [
            {
                "message_id": message.id,
                "position": position,
                "tenant": tenant,
                "server_id": server_id,
                "priority": category.priority,
                "email": f"person{position}@birch.example",
                "values": {"first_name": f"Person {position}"},
                "state": state,
                "due_at": due_at,
            }
            for position in range(1, count + 1)
        ],
    ).all()
    db.session.commit()
    return sorted(ids)


def claim(limit: int, *, lane_id: int = 1, after: int | None = None) -> list[Claimed]:
    with db.engine.begin() as connection:
        return claims.claim(
            connection, lane_id=lane_id, server_id=SERVER, now=NOW, limit=limit, after=after
        )


def settle(*settlements: Settlement, lane_id: int = 1) -> list[Settlement]:
    with db.engine.begin() as connection:
        return claims.settle(connection, lane_id, settlements, now=NOW)


def sent(delivery_id: int) -> Settlement:
    return Settlement(
        delivery_id, State.SENT, attempts=1, code=250, enhanced="2.0.0", words="Ok: taken"
    )


def row(delivery_id: int) -> Delivery:
    db.session.rollback()
    return db.session.get_one(Delivery, delivery_id, populate_existing=True)


def tenants_of(rows: Sequence[Claimed]) -> list[int]:
    return [claimed.tenant for claimed in rows]


def test_what_is_due_is_taken_and_what_is_not_stays(app: Flask) -> None:
    due = queue(2)
    queue(1, due_at=NOW + timedelta(seconds=1))
    queue(1, server_id=SERVER + 1)
    queue(1, state=State.HELD)

    taken = claim(10)

    assert [claimed.id for claimed in taken] == due
    assert (row(due[0]).state, row(due[0]).lane_id) == (State.SENDING, 1)
    assert taken[0].values == {"first_name": "Person 1"}


@pytest.mark.both_stores
def test_what_was_to_be_sent_at_once_is_taken_by_whatever_clock_its_moment_was_written(
    app: Flask,
) -> None:
    ahead = queue(1, due_at=NOW + timedelta(seconds=3))
    queue(1, state=State.DEFERRED, due_at=NOW + timedelta(seconds=4))
    queue(1, due_at=NOW + timedelta(seconds=9))

    with db.engine.begin() as connection:
        latest = NOW + timedelta(seconds=5)
        taken = claims.claim(
            connection, lane_id=1, server_id=SERVER, now=NOW, latest=latest, limit=10
        )

    assert [claimed.id for claimed in taken] == ahead


def test_scheduled_and_deferred_mail_is_taken_when_its_time_has_come(app: Flask) -> None:
    scheduled = queue(1, state=State.SCHEDULED, due_at=NOW - timedelta(seconds=2))
    deferred = queue(1, state=State.DEFERRED, due_at=NOW - timedelta(seconds=1))

    assert [claimed.id for claimed in claim(10)] == scheduled + deferred


def test_nothing_is_taken_twice(app: Flask) -> None:
    queue(5)

    assert len(claim(3)) == 3
    assert len(claim(3, lane_id=2)) == 2
    assert claim(3, lane_id=3) == []


def test_tenants_take_turns_however_much_one_of_them_has(app: Flask) -> None:
    queue(100, tenant=1)
    queue(3, tenant=2)
    queue(1, tenant=3)

    taken = claim(40)

    assert tenants_of(taken)[:6] == [1, 2, 3, 1, 2, 1]
    assert len(taken) >= 16


def test_the_turn_goes_on_behind_the_last_tenant(app: Flask) -> None:
    for tenant in (1, 2, 3):
        queue(20, tenant=tenant)

    assert tenants_of(claim(8, after=1)) == [2] * 8
    assert tenants_of(claim(8, after=3)) == [1] * 8


def test_transactional_mail_goes_first_within_a_tenant_and_in_the_batch(app: Flask) -> None:
    queue(20, category=Category.CAMPAIGN, due_at=NOW - timedelta(hours=1))
    urgent = queue(2)
    others = queue(1, tenant=2)

    taken = claim(10)

    assert {claimed.id for claimed in taken[:3]} == {*urgent, *others}
    assert {claimed.priority for claimed in taken[3:]} == {1}


def test_every_queue_is_found_with_its_first_due_moment(app: Flask) -> None:
    queue(3, tenant=2, due_at=NOW + timedelta(minutes=5))
    queue(1, tenant=2, due_at=NOW + timedelta(minutes=1))
    queue(2, tenant=2, category=Category.CAMPAIGN)
    queue(1, tenant=7, server_id=SERVER + 1)
    queue(1, tenant=9, state=State.HELD)

    with db.engine.connect() as connection:
        found = claims.queues(connection)

    assert found == [
        (SERVER, 2, 0, NOW + timedelta(minutes=1), True),
        (SERVER, 2, 1, NOW, True),
        (SERVER + 1, 7, 0, NOW, True),
    ]


def test_a_250_is_written_down_with_its_words(app: Flask) -> None:
    (delivery_id,) = queue(1)
    claim(1)

    assert settle(sent(delivery_id)) == [sent(delivery_id)]

    settled = row(delivery_id)
    assert (settled.state, settled.code, settled.enhanced) == (State.SENT, 250, "2.0.0")
    assert (settled.words, settled.attempts, settled.lane_id) == ("Ok: taken", 1, None)
    assert settled.settled_at == NOW


def test_plain_success_leaves_no_line_and_anything_else_does(app: Flask) -> None:
    first, second = queue(2)
    claim(2)
    deferred = Settlement(
        second, State.DEFERRED, attempts=1, due_at=NOW + timedelta(minutes=1), kind="busy", code=450
    )

    settle(sent(first), deferred)

    attempt = db.session.scalars(select(Attempt)).one()
    assert (attempt.delivery_id, attempt.state, attempt.code) == (second, State.DEFERRED, 450)
    assert attempt.server_id == SERVER
    assert row(second).due_at == NOW + timedelta(minutes=1)
    assert row(second).settled_at is None


def test_what_was_not_begun_keeps_its_place(app: Flask) -> None:
    ids = queue(2)
    claim(2)

    with db.engine.begin() as connection:
        claims.give_back(connection, 1, ids)

    assert [claimed.id for claimed in claim(2, lane_id=2)] == ids
    assert row(ids[0]).due_at == NOW


def test_a_lane_that_lost_its_claim_changes_nothing(app: Flask) -> None:
    (delivery_id,) = queue(1)
    claim(1)
    with db.engine.begin() as connection:
        claims.give_back(connection, 1, [delivery_id])
    claim(1, lane_id=2)

    failed = Settlement(delivery_id, State.FAILED, attempts=1, kind="address")

    assert settle(failed, lane_id=1) == []
    with db.engine.begin() as connection:
        claims.give_back(connection, 1, [delivery_id])
    assert (row(delivery_id).state, row(delivery_id).lane_id) == (State.SENDING, 2)


@pytest.mark.parametrize(
    "believed", [State.QUEUED, State.SENDING, State.HELD, State.UNKNOWN, State.FAILED]
)
def test_a_late_250_always_counts(app: Flask, believed: State) -> None:
    (delivery_id,) = queue(1)
    claim(1)
    with db.engine.begin() as connection:
        connection.execute(update(Delivery).values(state=believed, lane_id=99))

    assert settle(sent(delivery_id), lane_id=1) == [sent(delivery_id)._replace(is_late=True)]

    assert (row(delivery_id).state, row(delivery_id).lane_id) == (State.SENT, None)


def test_a_batch_is_found_by_its_ids_and_not_among_all_that_lanes_ever_held(app: Flask) -> None:
    ids = queue(3)
    claim(3)
    with db.engine.begin() as connection, plans(of="UPDATE delivery SET state") as found:
        if connection.dialect.name == "postgresql":
            # It would read a table of three rows as a whole.
            connection.execute(text("SET LOCAL enable_seqscan = off"))

        done = [sent(ids[0]), sent(ids[1])._replace(state=State.FAILED)]
        claims.settle(connection, 1, done, now=NOW)
        claims.give_back(connection, 1, ids[2:])

    assert len(found) == 3
    assert not [step for steps in found for step in steps if "ix_delivery" in step]


def test_settling_twice_changes_and_counts_nothing_more(app: Flask) -> None:
    first, second = queue(2)
    claim(2)
    failed = Settlement(second, State.FAILED, attempts=1, kind="address")
    settle(sent(first), failed)

    assert settle(sent(first), failed) == []

    assert len(db.session.scalars(select(Attempt)).all()) == 1


def test_lanes_that_claim_at_once_share_and_never_overlap(app: Flask) -> None:
    queue(200)
    taken: list[int] = []
    start = threading.Barrier(4)

    def work(lane_id: int) -> None:
        start.wait()
        with app.app_context():
            for _turn in range(10):
                taken.extend(claimed.id for claimed in claim(8, lane_id=lane_id))

    lanes = [threading.Thread(target=work, args=(lane_id,)) for lane_id in range(1, 5)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()

    assert len(taken) == len(set(taken)) == 200
