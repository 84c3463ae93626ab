"""What people do to mail that is already accepted: take it back, release it, send it again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.apps import apps
from portal.apps.models import App
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.outbox import acts
from portal.outbox.models import Delivery, Event, Message
from portal.outbox.states import State
from portal.smtp_settings.models import SmtpServer
from tests.equipment.mail import drain, send, states
from tests.equipment.smtp_server import SmtpServer as FakeServer
from tests.equipment.stage import Thing, fresh, make_app, make_server


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "own")


@pytest.fixture
def shop(own: SmtpServer, ada: Person) -> App:
    return make_app(ada, "Shop")


def became(delivery: Delivery, state: State, **facts: object) -> Delivery:
    """The delivery as an engine would have left it."""
    delivery.state = state
    for name, value in facts.items():
        setattr(delivery, name, value)
    db.session.commit()
    return delivery


def after(thing: Thing) -> Thing:
    """The row as the caller's commit leaves it; after a refusal that must be as it was."""
    db.session.commit()
    return fresh(thing)


def events_of(message: Message) -> list[str]:
    return [event.kind for event in db.session.query(Event).filter_by(message_id=message.id)]


class TestCancelling:
    def test_one_recipient_leaves_the_others_alone(self, shop: App) -> None:
        first, second = send(shop, ["ann@x.example", "ben@x.example"]).deliveries

        acts.cancel(first.message, only=first)

        assert after(first).state is State.CANCELLED
        assert after(second).state is State.QUEUED

    @pytest.mark.parametrize(
        ("to", "words"),
        [
            (["ann@x.example"], "One delivery was cancelled."),
            (["ann@x.example", "ben@x.example"], "2 deliveries were cancelled."),
        ],
    )
    def test_one_is_counted_as_one(self, shop: App, to: list[str], words: str) -> None:
        message = send(shop, to)

        acts.cancel(message)

        (event,) = db.session.query(Event).filter_by(message_id=message.id)
        assert event.words == words

    def test_what_a_lane_holds_goes_on(self, shop: App) -> None:
        message = send(shop)
        became(message.deliveries[0], State.SENDING)

        with pytest.raises(Refusal, match="too_late"):
            acts.cancel(message)

    @pytest.mark.parametrize("state", [State.HELD, State.UNKNOWN])
    def test_what_may_have_arrived_is_not_taken_back(self, shop: App, state: State) -> None:
        message = send(shop)
        delivery = became(message.deliveries[0], state, kind=acts.NEVER_LEARNT)

        with pytest.raises(Refusal, match="too_late"):
            acts.cancel(message)
        count = acts.cancel_all_of(shop)

        assert (count, acts.may_cancel(delivery)) == (0, False)
        assert after(delivery).state is state

    def test_everything_of_an_app_takes_nothing_of_another(self, shop: App, ada: Person) -> None:
        blog = make_app(ada, "Blog")
        mine, other = send(shop), send(blog)
        sent, stopped = send(shop), send(shop)
        became(sent.deliveries[0], State.SENT)
        became(stopped.deliveries[0], State.HELD, kind="domain_lapsed")

        count = acts.cancel_all_of(shop)

        assert count == 2
        assert after(mine.deliveries[0]).state is State.CANCELLED
        assert after(stopped.deliveries[0]).state is State.CANCELLED
        assert after(sent.deliveries[0]).state is State.SENT
        assert after(other.deliveries[0]).state is State.QUEUED

    def test_without_it_a_deleted_apps_mail_leaves_as_promised(
        self, app: Flask, ada: Person
    ) -> None:
        with FakeServer() as fake:
            make_server(ada, "own", port=fake.port)
            shop = make_app(ada, "Shop")
            message = send(shop)
            apps.delete(shop)
            db.session.commit()

            drain(app)

        assert states(message) == [State.SENT]

    def test_a_delivery_of_another_message_is_not_there(self, shop: App) -> None:
        message, other = send(shop), send(shop)

        with pytest.raises(NotFound):
            acts.cancel(message, only=other.deliveries[0])


class TestReleasing:
    def test_held_mail_takes_the_way_of_now(
        self, shop: App, own: SmtpServer, bob: Person, olive: Person
    ) -> None:
        message = send(shop)
        held = became(message.deliveries[0], State.HELD, kind="poison", server_id=own.id)
        main = make_server(olive, "main")
        apps.change_owner(shop, owner=bob)

        acts.release(message)

        assert after(held).state is State.QUEUED
        assert held.server_id == main.id
        assert after(message).server_id == main.id
        assert events_of(message) == ["released"]

    def test_what_was_held_before_it_had_a_server_gets_one(
        self, shop: App, own: SmtpServer
    ) -> None:
        message = send(shop)
        message.server_id = None
        held = became(message.deliveries[0], State.HELD, kind="domain_lapsed", server_id=None)

        acts.release(message)

        assert after(held).server_id == own.id

    def test_without_a_way_it_stays_held_and_says_why(self, shop: App, own: SmtpServer) -> None:
        message = send(shop)
        held = became(message.deliveries[0], State.HELD, kind="poison")
        own.is_enabled = False
        db.session.commit()

        with pytest.raises(Refusal, match="no_server"):
            acts.release(message)

        assert after(held).state is State.HELD

    def test_nothing_held_is_a_refusal(self, shop: App) -> None:
        with pytest.raises(Refusal, match="not_held"):
            acts.release(send(shop))

    def test_what_may_have_arrived_is_not_released_along(self, shop: App) -> None:
        first, second = send(shop, ["ann@x.example", "ben@x.example"]).deliveries
        became(first, State.HELD, kind="poison")
        became(second, State.HELD, kind="unknown")

        acts.release(first.message)

        assert after(first).state is State.QUEUED
        assert after(second).state is State.HELD

    def test_mail_for_later_waits_for_its_time(self, shop: App) -> None:
        later = clock.now() + timedelta(hours=5)
        message = send(shop, send_at=later)
        held = became(message.deliveries[0], State.HELD, kind="poison")

        acts.release(message)

        assert after(held).state is State.SCHEDULED
        assert held.due_at == later

    def test_it_is_tried_for_the_whole_time_again(self, shop: App) -> None:
        message = send(shop)
        became(message.deliveries[0], State.HELD, kind="poison", attempts=9)
        message.give_up_at = clock.now() - timedelta(hours=1)
        db.session.commit()

        acts.release(message)

        assert after(message).give_up_at > clock.now() + timedelta(hours=71)
        assert after(message.deliveries[0]).attempts == 0


class TestSendingAgain:
    def test_what_failed_is_no_copy(self, shop: App) -> None:
        failed = became(send(shop).deliveries[0], State.FAILED, kind="address", code=550)

        acts.send_again(failed)

        assert after(failed).state is State.QUEUED
        assert (failed.copies, failed.code, failed.kind) == (0, None, None)

    @pytest.mark.parametrize(
        ("state", "kind"), [(State.UNKNOWN, "unknown"), (State.HELD, "unknown")]
    )
    def test_what_was_never_learnt_is_marked_as_a_copy(
        self, shop: App, state: State, kind: str
    ) -> None:
        lost = became(send(shop).deliveries[0], state, kind=kind)

        acts.send_again(lost)

        assert after(lost).state is State.QUEUED
        assert lost.copies == 1

    @pytest.mark.parametrize("state", [State.SENT, State.QUEUED, State.SENDING, State.CANCELLED])
    def test_nothing_else_is_sent_again(self, shop: App, state: State) -> None:
        delivery = became(send(shop).deliveries[0], state)

        with pytest.raises(Refusal, match="not_over"):
            acts.send_again(delivery)

        assert after(delivery).state is state

    def test_what_still_waits_of_the_message_moves_along_to_the_new_server(
        self, shop: App, own: SmtpServer, bob: Person, olive: Person
    ) -> None:
        failed, waiting = send(shop, ["ann@x.example", "ben@x.example"]).deliveries
        became(failed, State.FAILED, kind="address")
        main = make_server(olive, "main")
        apps.change_owner(shop, owner=bob)

        acts.send_again(failed)

        assert after(waiting).server_id == main.id
