"""A worker, servers that behave and servers that do not, and what becomes of the mail."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from portal.apps.models import App
from portal.core import clock
from portal.core.db import db, reading
from portal.delivery import hand, settling
from portal.delivery.consequences import Park
from portal.delivery.lane import Lane as LaneThread
from portal.delivery.memory import Memory
from portal.delivery.models import Hourly, Lane, Worker
from portal.delivery.recovery import DEADLY
from portal.delivery.worker import LostLease
from portal.delivery.worker import Worker as DeliveryWorker
from portal.delivery.works import Errand, Load
from portal.outbox import composition, wake
from portal.outbox.models import Attempt, Delivery, Event, Message
from portal.outbox.states import Category, State
from portal.smtp.compose import CompiledMessage
from portal.smtp.protocol import Job
from portal.smtp.replies import Kind, Reply, ServerFault, Stage
from portal.smtp_settings import health
from portal.smtp_settings.models import ParkedSender, ServerHealth, SmtpServer
from portal.white_labels.models import MailMode
from tests.equipment.mail import deliveries, drain, make_worker, send, states, until, working
from tests.equipment.smtp_script import Acts, Command, Drop, Say, Script, Take, Until, Wait, first
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.smtp_server import nobody
from tests.equipment.stage import make_app, make_person, make_server, make_white_label


def make_shop(*servers: Fake, **facts: Any) -> tuple[App, SmtpServer]:
    """Ada's app and her server (the first fake one)."""
    ada = make_person(make_white_label())
    made = [
        make_server(ada, f"own{number}", port=fake.port, **facts)
        for number, fake in enumerate(servers)
    ]
    return make_app(ada), made[0]


def health_of(server: SmtpServer) -> ServerHealth:
    db.session.rollback()
    return db.session.get_one(ServerHealth, server.id, populate_existing=True)


def open_lanes() -> int:
    db.session.rollback()
    with reading():
        count = db.session.scalar(select(func.count()).select_from(Lane))
        db.session.commit()
    return count or 0


def park(server: SmtpServer, *, probe_in: timedelta) -> None:
    health.park(
        db.session.connection(),
        server.id,
        kind="credentials",
        words="535 5.7.8 Authentication failed",
        now=clock.now(),
        probe_in=probe_in,
    )
    db.session.commit()


@pytest.mark.both_stores
def test_what_is_due_is_handed_over_and_its_answer_is_kept(app: Flask) -> None:
    with Fake() as fake:
        shop, server = make_shop(fake)
        message = send(shop, ["ann@birch.example", "ben@birch.example"])

        drain(app)

    assert [taken.recipients for taken in fake.ledger] == [
        ("ann@birch.example",),
        ("ben@birch.example",),
    ]
    first_one = deliveries(message)[0]
    assert (first_one.state, first_one.code, first_one.words) == (State.SENT, 250, "Ok: taken")
    assert first_one.attempts == 1
    assert health_of(server).sent == 2


@pytest.mark.both_stores
def test_a_worker_leaves_nothing_behind_when_it_ends(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake)
        send(shop)

        drain(app)

    left = [path.name for path in app.config["LIVERY"].journal_folder.iterdir()]
    assert left == ["mark.json"]
    assert db.session.scalars(select(Lane)).all() == []
    assert db.session.scalars(select(Worker.ended_at)).one() is not None


def test_one_connection_carries_many_messages(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake, max_connections=1)
        send(shop, [f"person{number}@birch.example" for number in range(60)])

        drain(app)

    assert len(fake.ledger) == 60
    assert len(fake.connections) == 1


def test_a_connection_is_renewed_after_as_many_messages_as_the_server_likes(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake, max_per_connection=5, max_connections=1)
        send(shop, [f"person{number}@birch.example" for number in range(12)])

        drain(app)

    carried = [taken.connection for taken in fake.ledger]
    assert len(carried) == 12
    assert max(carried.count(connection) for connection in carried) == 5


def test_two_servers_are_served_beside_each_other(app: Flask) -> None:
    with Fake() as acmes, Fake() as birchs:
        acme_shop, _server = make_shop(acmes)
        cal = make_person(make_white_label("Birch"), "Cal")
        make_server(cal, port=birchs.port)
        birch_shop = make_app(cal, "Orders")
        send(acme_shop)
        send(birch_shop)

        drain(app)

    assert (len(acmes.ledger), len(birchs.ledger)) == (1, 1)


def test_a_lane_for_which_the_system_has_no_thread_is_opened_later(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Scarce(Thread):
        refusals = 1

        def start(self) -> None:
            if Scarce.refusals:
                Scarce.refusals -= 1
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr("portal.delivery.lane.Thread", Scarce)
    ada = make_person(make_white_label())
    with Fake() as fake:
        make_server(ada, port=fake.port)
        message = send(make_app(ada))

        drain(app)

    assert states(message) == [State.SENT]
    assert Scarce.refusals == 0


def test_a_refused_recipient_has_failed_and_the_next_one_is_served(app: Flask) -> None:
    refuse = first(1, Say(550, "5.1.1 No such person"))
    with Fake(Script(rcpt=refuse)) as fake:
        shop, server = make_shop(fake)
        message = send(shop, ["ann@birch.example", "ben@birch.example"])

        drain(app)

    failed, sent = deliveries(message)
    assert (failed.state, failed.kind, failed.stage) == (State.FAILED, "address", "rcpt")
    assert (failed.code, failed.enhanced, failed.words) == (550, "5.1.1", "No such person")
    assert sent.state is State.SENT
    assert (health_of(server).sent, health_of(server).failed) == (1, 1)


def test_a_busy_answer_defers_and_is_in_the_log(app: Flask) -> None:
    with Fake(Script(rcpt=Say(450, "4.2.0 Busy"))) as fake:
        shop, _server = make_shop(fake)
        message = send(shop)

        drain(app)

    delivery = deliveries(message)[0]
    assert (delivery.state, delivery.kind, delivery.attempts) == (State.DEFERRED, "busy", 1)
    attempt = db.session.scalars(select(Attempt)).one()
    assert timedelta(seconds=40) < delivery.due_at - attempt.at < timedelta(seconds=75)
    assert (attempt.state, attempt.code, attempt.words) == (State.DEFERRED, 450, "Busy")


@pytest.mark.accepts("UC-31", "UC-32")
def test_too_fast_halves_the_rate_and_charges_no_attempt(app: Flask) -> None:
    throttle = first(1, Say(454, "Throttling failure: Maximum sending rate exceeded"))
    with Fake(Script(mail=throttle)) as fake:
        shop, server = make_shop(fake)
        message = send(shop)

        drain(app)

    delivery = deliveries(message)[0]
    assert (delivery.state, delivery.attempts) == (State.SENT, 1)
    assert health_of(server).rate == 1.0
    words = db.session.scalars(select(Attempt.words)).first()
    assert words == "Throttling failure: Maximum sending rate exceeded"


def test_a_wrong_password_parks_at_the_first_answer_and_touches_no_mail(app: Flask) -> None:
    refused = Say(535, "5.7.8 Authentication failed")
    with Fake(Script(mail=refused)) as fake:
        shop, server = make_shop(fake)
        message = send(shop, [f"person{number}@birch.example" for number in range(20)])

        drain(app)

    assert set(states(message)) == {State.QUEUED}
    assert {delivery.attempts for delivery in deliveries(message)} == {0}
    assert health_of(server).parked_kind == "credentials"
    assert health_of(server).parked_words == "535 5.7.8 Authentication failed"
    assert len([command for command in fake.commands if command.startswith("MAIL")]) <= 2


def test_what_a_lane_found_out_while_the_worker_ends_is_told_all_the_same(app: Flask) -> None:
    with Fake() as fake:
        _shop, server = make_shop(fake)
        worker = make_worker(app)
        worker._sign_on()
        fault = ServerFault(Kind.CREDENTIALS, Reply(535, "5.7.8", ("Authentication failed",)))
        worker._works.news.put((server.id, Park(fault.kind, str(fault.reply), Stage.AUTH, fault)))

        worker._finish()

    text = db.session.scalars(select(Message.text)).one()
    assert text is not None
    assert "535 5.7.8 Authentication failed" in text


def test_a_parked_server_is_probed_with_one_message_and_flows_again(app: Flask) -> None:
    with Fake() as fake:
        shop, server = make_shop(fake)
        message = send(shop, ["ann@birch.example", "ben@birch.example"])
        park(server, probe_in=timedelta(0))

        drain(app)
        drain(app)

    assert health_of(server).parked_at is None
    assert states(message) == [State.SENT, State.SENT]


def test_a_parked_server_is_left_alone_until_its_probe_is_due(app: Flask) -> None:
    with Fake() as fake:
        shop, server = make_shop(fake)
        message = send(shop)
        park(server, probe_in=timedelta(minutes=15))

        drain(app)

    assert fake.connections == []
    assert states(message) == [State.QUEUED]


def test_a_refused_sender_parks_the_pair_and_holds_what_waits_for_it(app: Flask) -> None:
    with Fake(Script(mail=Say(553, "5.7.1 Sender address rejected: not owned by user"))) as fake:
        shop, server = make_shop(fake)
        messages = [send(shop) for _number in range(5)]

        drain(app)

    assert {states(message)[0] for message in messages} == {State.HELD}
    assert {deliveries(message)[0].kind for message in messages} == {"sender_refused"}
    pair = db.session.scalars(select(ParkedSender)).one()
    assert (pair.server_id, pair.from_email) == (server.id, "own0@acme.example")
    assert health_of(server).parked_at is None


def test_three_domains_that_it_will_not_relay_to_park_the_server(app: Flask) -> None:
    with Fake(Script(rcpt=Say(550, "5.7.1 Relaying denied"))) as fake:
        shop, server = make_shop(fake)
        send(shop, [f"ann@{name}.example" for name in ("one", "two", "three", "four", "five")])

        drain(app)

    assert health_of(server).parked_kind == "relay_setup"
    assert sorted(states())[:2] == [State.FAILED, State.FAILED]
    assert states().count(State.QUEUED) >= 1


def test_no_answer_after_the_dot_sends_transactional_mail_once_more_and_says_so(
    app: Flask,
) -> None:
    with Fake(Script(body=first(1, (Take(), Drop())))) as fake:
        shop, _server = make_shop(fake)
        message = send(shop)

        with working(app):
            fake.wait_for(2)
            until(lambda: states(message) == [State.SENT])

    delivery = deliveries(message)[0]
    assert (delivery.state, delivery.copies) == (State.SENT, 1)
    assert len(fake.ledger) == 2
    assert fake.ledger[0].data == fake.ledger[1].data
    tries = db.session.scalars(select(Attempt.state).order_by(Attempt.id)).all()
    assert list(tries) == [State.UNKNOWN, State.SENT]


def test_no_answer_after_the_dot_holds_campaign_mail(app: Flask) -> None:
    with Fake(Script(body=(Take(), Drop()))) as fake:
        shop, _server = make_shop(fake)
        message = send(shop, category=Category.CAMPAIGN)

        drain(app)

    delivery = deliveries(message)[0]
    assert (delivery.state, delivery.kind, delivery.copies) == (State.HELD, "unknown", 0)
    assert len(fake.ledger) == 1


def test_an_unreachable_server_rests_and_its_mail_waits(app: Flask) -> None:
    ada = make_person(make_white_label())
    with nobody() as port:
        server = make_server(ada, port=port)
        message = send(make_app(ada))

        drain(app)

    assert health_of(server).faults == 3
    assert health_of(server).fault_words == "connection_refused"
    assert (states(message), deliveries(message)[0].attempts) == ([State.QUEUED], 0)


def test_answers_out_of_step_switch_pipelining_off(app: Flask) -> None:
    def twice(command: Command) -> tuple[Say, ...] | None:
        return (Say(250, "Ok"), Say(250, "Ok")) if command.number == 1 else None

    with Fake(Script(rcpt=twice)) as fake:
        shop, server = make_shop(fake)
        message = send(shop)

        with working(app):
            until(lambda: states(message) == [State.SENT])

    assert health_of(server).is_out_of_step
    assert fake.connections[-1].packets.count(b"DATA\r\n") == 1


@pytest.mark.accepts("SI-27", "SI-29")
def test_mail_finds_another_way_when_the_apps_owner_changed_while_it_was_queued(
    app: Flask,
) -> None:
    with Fake() as own, Fake() as platforms:
        shop, _server = make_shop(own)
        make_server(make_person(name="Olive"), "main", port=platforms.port)
        message = send(shop)
        bob = make_person(shop.white_label, "Bob")
        shop.owner_id = bob.id
        db.session.commit()

        drain(app)

    assert (len(own.ledger), len(platforms.ledger)) == (0, 1)
    assert states(message) == [State.SENT]
    event = db.session.scalars(select(Event)).one()
    assert (event.kind, event.message_id) == ("rerouted", message.id)


def test_what_a_slow_server_has_not_got_yet_follows_the_facts_of_now(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "BELIEVED_FOR", 0.1)
    people = [f"person{number}@birch.example" for number in range(30)]
    has_changed = threading.Event()

    def slowly(command: Command) -> Acts:
        # The third is on its way when the owner changes, and takes longer than anyone believes.
        if command.number >= 3:
            return Until(has_changed), Wait(0.2), Take(), Say(250, "Ok")
        return Wait(0.2), Take(), Say(250, "Ok")

    with Fake(Script(body=slowly)) as own:
        shop, _server = make_shop(own, max_connections=1)
        message = send(shop, people)
        bob = make_person(shop.white_label, "Bob")

        with working(app):
            own.wait_for(2)
            shop.owner_id = bob.id
            db.session.commit()
            has_changed.set()
            until(lambda: states(message).count(State.HELD) > 20)

    assert len(own.ledger) <= 4


def test_mail_that_waits_leaves_the_custom_server_when_the_platforms_is_chosen(
    app: Flask,
) -> None:
    with Fake() as own, Fake() as platforms:
        shop, _server = make_shop(own)
        make_server(make_person(name="Olive"), "main", port=platforms.port)
        send(shop)
        shop.white_label.mail_mode = MailMode.PLATFORM
        db.session.commit()

        drain(app)

    assert (len(own.ledger), len(platforms.ledger)) == (0, 1)


@pytest.mark.accepts("SS-45")
def test_deleting_a_server_loses_nothing(app: Flask) -> None:
    with Fake() as old, Fake() as new:
        shop, server = make_shop(old)
        message = send(shop, ["ann@birch.example", "ben@birch.example"])
        make_server(shop.owner, "new", port=new.port)
        server.deleted_at = clock.now()
        db.session.commit()

        drain(app)

    assert (len(old.ledger), len(new.ledger)) == (0, 2)
    assert states(message) == [State.SENT, State.SENT]


def test_what_was_chosen_by_hand_is_held_with_the_reason(app: Flask) -> None:
    with Fake() as own, Fake() as platforms:
        shop, server = make_shop(own)
        make_server(make_person(name="Olive"), "main", port=platforms.port)
        message = send(shop, sender="own0@acme.example")
        server.is_enabled = False
        server.version += 1
        db.session.commit()

        drain(app)

    delivery = deliveries(message)[0]
    assert (delivery.state, delivery.kind) == (State.HELD, "disabled")
    assert delivery.words == "That server is switched off."
    assert platforms.ledger == []


def test_a_suspended_white_label_sends_nothing(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake)
        message = send(shop)
        shop.white_label.suspended_at = clock.now()
        db.session.commit()

        drain(app)

    assert fake.ledger == []
    assert deliveries(message)[0].kind == "white_label_suspended"


def test_a_changed_server_that_is_still_the_right_one_carries_its_mail(app: Flask) -> None:
    with Fake() as fake:
        shop, server = make_shop(fake)
        message = send(shop)
        server.version += 1
        db.session.commit()

        drain(app)

    assert states(message) == [State.SENT]
    assert db.session.scalars(select(Event)).all() == []


def test_the_simulators_addresses_behave_as_named_and_nothing_leaves(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake)
        addresses = ["delivered", "deferred", "bounced"]
        message = send(shop, [f"{name}@simulator.livery.example" for name in addresses])

        drain(app)

    assert states(message) == [State.SENT, State.DEFERRED, State.FAILED]
    assert deliveries(message)[2].enhanced == "5.1.1"
    assert fake.connections == []


def test_mail_for_later_waits_for_its_time(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake)
        message = send(shop, send_at=clock.now() + timedelta(hours=1))

        drain(app)

    assert states(message) == [State.SCHEDULED]
    assert fake.connections == []


@pytest.mark.both_stores
def test_each_settled_batch_is_counted_by_the_hour(app: Flask) -> None:
    with Fake(Script(rcpt=first(1, Say(550, "5.1.1 Nobody")))) as fake:
        shop, server = make_shop(fake)
        send(shop, [f"person{number}@birch.example" for number in range(10)])

        drain(app)

    rows = db.session.scalars(select(Hourly)).all()
    counted: Counter[tuple[int, int, str]] = Counter()
    for row in rows:  # more than two when an hour ends meanwhile
        counted[row.tenant, row.server_id, row.outcome] += row.count
    assert {(row.hour.minute, row.hour.second) for row in rows} == {(0, 0)}
    assert counted == {
        (shop.white_label_id, server.id, "failed"): 1,
        (shop.white_label_id, server.id, "sent"): 9,
    }


def test_no_dot_leaves_when_the_claim_may_have_run_out(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake)
        message = send(shop)
        with monkeypatch.context() as patch:
            # Before the worker begins: its lanes are given the question when it signs on.
            patch.setattr(DeliveryWorker, "_is_leased", lambda _self: False)
            with working(app):
                # However often it is tried, nobody died of it.
                fake.wait_until(lambda: fake.commands.count("DATA") > DEADLY)
                until(lambda: states(message) == [State.QUEUED])
        taken_without_lease = len(fake.ledger)

        drain(app)

    assert (taken_without_lease, len(fake.ledger)) == (0, 1)
    assert (deliveries(message)[0].copies, deliveries(message)[0].losses) == (0, 0)


def test_a_worker_whose_affairs_others_have_settled_ends(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.delivery.worker.BEATS_EVERY", 0.1)

    worker = make_worker(app)
    thread = Thread(target=lambda: until(lambda: _others_settle_for_it(app)))
    thread.start()

    with pytest.raises(LostLease):
        worker.run()

    thread.join()


def _others_settle_for_it(app: Flask) -> bool:
    """Sign the worker off behind its back; whether there is one already."""
    with app.app_context(), db.engine.begin() as connection:
        signed_off = connection.execute(update(Worker).values(ended_at=clock.now()))
    return signed_off.rowcount == 1


def test_no_second_carries_more_than_the_server_takes(app: Flask) -> None:
    with Fake() as fake:
        shop, _server = make_shop(fake, per_second=20, max_connections=2)
        send(shop, [f"person{number}@birch.example" for number in range(50)])

        drain(app)

    moments = [taken.at for taken in fake.ledger]
    assert len(moments) == 50
    for begun in moments:
        # What was counted before and arrives now: for each of two connections the message that
        # waits for its answer and the next one. So 18, and the one that begins them, and 4.
        assert sum(begun <= moment < begun + 0.9 for moment in moments) <= 24


def test_all_lanes_together_keep_to_the_connections_that_a_server_takes(app: Flask) -> None:
    open_at_once = 0
    are_two = threading.Event()

    def slowly(_command: Command) -> Acts:
        nonlocal open_at_once
        using = sum(seen.is_open and "QUIT" not in seen.commands for seen in fake.connections)
        open_at_once = max(open_at_once, using)
        if using > 1:
            are_two.set()
        # The first waits for the second, however late that one begins.
        return Until(are_two), Wait(0.02), Take(), Say(250, "2.0.0 Ok: taken")

    with Fake(Script(body=slowly)) as fake:
        shop, _server = make_shop(fake, max_connections=3)
        message = send(shop, [f"person{number}@birch.example" for number in range(200)])

        with working(app), working(app):
            until(lambda: set(states(message)) == {State.SENT})

    assert 2 <= open_at_once <= 3


def test_a_server_that_takes_fewer_connections_than_configured_is_given_fewer(app: Flask) -> None:
    def slowly(_command: Command) -> tuple[Wait, Take, Say]:
        return Wait(0.02), Take(), Say(250, "2.0.0 Ok: taken")

    with Fake(Script(body=slowly, max_connections=1)) as fake:
        shop, server = make_shop(fake, max_connections=10)
        message = send(shop, [f"person{number}@birch.example" for number in range(100)])

        with working(app):
            until(lambda: set(states(message)) == {State.SENT})

    assert {row.attempts for row in deliveries(message)} == {1}
    assert len(fake.connections) < 20
    assert health_of(server).parked_at is None


def test_a_server_that_is_back_before_its_mail_is_routed_anew_simply_keeps_it(app: Flask) -> None:
    with Fake() as own:
        shop, server = make_shop(own)
        message = send(shop)
        worker = make_worker(app)
        worker._sign_on()

        LaneThread(worker._works, server.id, Errand.REROUTE, Memory()).run()
        untouched = states(message)
        worker._finish()
        drain(app)

    assert untouched == [State.QUEUED]
    assert (states(message), len(own.ledger)) == ([State.SENT], 1)


def test_mail_that_is_not_sent_uses_up_no_limit(app: Flask) -> None:
    with Fake() as platforms:
        make_server(make_person(name="Olive"), "main", port=platforms.port, per_day=2)
        ada, cal = make_person(make_white_label()), make_person(make_white_label("Birch"))
        shop, blog = make_app(ada), make_app(cal)
        for number in range(4):
            send(shop, f"person{number}@elm.example")
        shop.white_label.suspended_at = clock.now()
        db.session.commit()
        others = [send(blog), send(blog)]

        with working(app):
            until(lambda: [states(message) for message in others] == [[State.SENT]] * 2)


def test_a_raised_limit_holds_at_once(app: Flask) -> None:
    with Fake() as own:
        shop, server = make_shop(own, per_day=1)
        send(shop)
        second = send(shop)

        with working(app, idle=0.1):
            own.wait_for(1)
            until(lambda: not open_lanes())
            server.per_day, server.version = 50, server.version + 1
            db.session.commit()
            until(lambda: states(second) == [State.SENT])


def test_a_message_that_cannot_be_read_keeps_no_other_from_leaving(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_it = composition.compiled

    def compiled(message: Message, *args: Any, **options: Any) -> CompiledMessage:
        if message.id == its_id:
            raise ValueError("nobody thought of this")
        return compile_it(message, *args, **options)

    with Fake() as own:
        shop, _server = make_shop(own)
        before, broken, behind = send(shop), send(shop), send(shop)
        its_id = broken.id
        db.session.commit()
        monkeypatch.setattr(composition, "compiled", compiled)

        drain(app)

    assert [states(message)[0] for message in (before, broken, behind)] == [
        State.SENT,
        State.HELD,
        State.SENT,
    ]
    assert deliveries(broken)[0].kind == "cannot_compose"


def test_what_a_worker_died_holding_is_composed_when_nothing_else_is_in_hand(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hand: list[list[int]] = []
    compose = hand.Hand.compose

    def watched(self: hand.Hand, load: Load) -> Job | None:
        in_hand.append([each.row.losses for each in self.begun.values()])
        return compose(self, load)

    monkeypatch.setattr(hand.Hand, "compose", watched)
    with Fake() as fake:
        shop, _server = make_shop(fake)
        message = send(shop, [f"person{number}@birch.example" for number in range(9)])
        suspects = [delivery.id for delivery in deliveries(message)[2:5]]
        db.session.execute(update(Delivery).where(Delivery.id.in_(suspects)).values(losses=1))
        db.session.commit()

        drain(app)

    assert set(states(message)) == {State.SENT}
    assert [losses for losses in in_hand if 1 in losses] == [[1]] * 3


def test_a_sender_that_was_mended_sends_through_the_same_connection(app: Flask) -> None:
    replies = iter([Say(550, "5.7.60 not yours"), *[Say(250, "Ok")] * 9])
    with Fake(Script(mail=lambda _command: next(replies))) as own:
        shop, server = make_shop(own)
        first = send(shop)

        with working(app, idle=30.0):
            until(lambda: states(first) == [State.HELD])
            with db.engine.begin() as connection:
                from_email = deliveries(first)[0].message.from_email
                settling.accept_sender(connection, server.id, from_email, now=clock.now())
                wake.tell(connection)
            until(lambda: states(first) == [State.SENT])

    assert len(own.connections) == 1
