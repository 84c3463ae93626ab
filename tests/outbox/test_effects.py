"""What another owner or a deleted server does to the mail: told before, and true afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.apps import apps
from portal.apps.models import App
from portal.core.db import db
from portal.outbox import effects
from portal.outbox.states import State
from portal.routing.decide import Route, Sandbox
from portal.senders import senders
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import MailMode, WhiteLabel
from tests.equipment.mail import drain, send, states
from tests.equipment.smtp_server import SmtpServer as FakeServer
from tests.equipment.stage import (
    fresh,
    make_app,
    make_default,
    make_sender,
    make_server,
    make_template,
)


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "own")


@pytest.fixture
def main(olive: Person) -> SmtpServer:
    return make_server(olive, "main")


@pytest.fixture
def shop(ada: Person) -> App:
    return make_app(ada, "Shop")


class TestAnotherOwner:
    @pytest.mark.accepts("SI-27", "SI-29")
    def test_the_way_before_and_after_is_told(
        self, shop: App, own: SmtpServer, main: SmtpServer, bob: Person
    ) -> None:
        (turn,) = effects.of_owner_change(shop, bob).changes

        assert isinstance(turn.before, Route)
        assert isinstance(turn.after, Route)
        assert (turn.before.server, turn.after.server) == (own.id, main.id)
        assert "own" in turn.before_words
        assert "main" in turn.after_words

    def test_a_template_that_prefers_a_server_has_its_own_line(
        self, shop: App, own: SmtpServer, main: SmtpServer, bob: Person, acme: WhiteLabel
    ) -> None:
        theirs = make_server(bob, "bobs")
        template = make_template(acme, "welcome", preferred=theirs)
        make_template(acme, "plain")

        turns = effects.of_owner_change(shop, bob).turns

        assert [turn.template for turn in turns] == [None, template]
        after = turns[1].after
        assert isinstance(after, Route)
        assert after.server == theirs.id

    def test_where_nothing_changes_nothing_is_told(
        self, shop: App, main: SmtpServer, bob: Person
    ) -> None:
        assert effects.of_owner_change(shop, bob).changes == []

    def test_chance_alone_is_no_change(self, shop: App, olive: Person, bob: Person) -> None:
        for name in "abcdef":
            make_server(olive, name)

        assert effects.of_owner_change(shop, bob).changes == []

    def test_looking_changes_nothing(self, shop: App, own: SmtpServer, bob: Person) -> None:
        effects.of_owner_change(shop, bob)

        assert fresh(shop).owner_id == own.configured_by_id

    def test_waiting_mail_is_counted(self, shop: App, own: SmtpServer, bob: Person) -> None:
        send(shop, ["a@else.example", "b@else.example"])

        assert effects.of_owner_change(shop, bob).waiting == 2

    @pytest.mark.accepts("SI-27", "SI-29")
    def test_what_was_told_is_what_happens(
        self, app: Flask, ada: Person, bob: Person, olive: Person
    ) -> None:
        with FakeServer() as adas, FakeServer() as platforms:
            make_server(ada, "own", port=adas.port)
            main = make_server(olive, "main", port=platforms.port)
            shop = make_app(ada, "Shop")
            message = send(shop)
            (turn,) = effects.of_owner_change(shop, bob).changes
            apps.change_owner(shop, owner=bob)
            db.session.commit()

            drain(app)

            assert isinstance(turn.after, Route)
            assert turn.after.server == main.id
            assert (len(adas.ledger), len(platforms.ledger)) == (0, 1)
            assert states(message) == [State.SENT]


class TestDeletingAServer:
    def test_what_goes_with_it_is_told(
        self, shop: App, own: SmtpServer, acme: WhiteLabel, abe: Person
    ) -> None:
        template = make_template(acme, "welcome", preferred=own)
        news = make_sender(own, "news@acme.example", of=acme)
        make_default(abe, news)
        send(shop)

        told = effects.of_deleting(own)

        assert (told.templates, told.people, told.waiting) == ([template], [abe], 1)
        assert news in told.senders

    @pytest.mark.accepts("SS-46")
    def test_afterwards_nothing_refers_to_it(
        self, own: SmtpServer, acme: WhiteLabel, abe: Person
    ) -> None:
        template = make_template(acme, "welcome", preferred=own)
        make_default(abe, make_sender(own, "news@acme.example", of=acme))

        effects.delete_server(own)

        assert template.preferred_server_id is None
        assert senders.senders_of(acme) == []
        assert senders.default_of(abe) is None

    @pytest.mark.accepts("SS-48")
    def test_the_last_server_is_told_as_the_way_into_the_sandbox(
        self, own: SmtpServer, acme: WhiteLabel, shop: App
    ) -> None:
        assert effects.of_deleting(own).sandboxes == [acme]

        effects.delete_server(own)
        db.session.commit()

        assert states(send(shop)) == [State.SANDBOXED]

    @pytest.mark.parametrize("other", ["own", "platform"])
    def test_while_another_server_is_there_nobody_is_sandboxed(
        self, own: SmtpServer, ada: Person, olive: Person, other: str
    ) -> None:
        make_server(ada if other == "own" else olive, "other")

        assert effects.of_deleting(own).sandboxes == []

    def test_the_platforms_last_server_leaves_those_without_an_own_one(
        self, main: SmtpServer, own: SmtpServer, birch: WhiteLabel, acme: WhiteLabel
    ) -> None:
        assert effects.of_deleting(main).sandboxes == [birch]

        acme.mail_mode = MailMode.PLATFORM
        db.session.commit()
        assert effects.of_deleting(main).sandboxes == [acme, birch]

    @pytest.mark.accepts("SS-44", "SS-45")
    def test_its_waiting_mail_leaves_another_way(
        self, app: Flask, own: SmtpServer, shop: App, olive: Person, fake: FakeServer
    ) -> None:
        message = send(shop)
        make_server(olive, "main", port=fake.port)

        effects.delete_server(own)
        db.session.commit()
        drain(app)

        assert states(message) == [State.SENT]
        assert len(fake.ledger) == 1


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """The platform's server, which takes everything."""
    with FakeServer() as server:
        yield server


def test_an_app_without_any_server_is_sandboxed_whoever_owns_it(shop: App, bob: Person) -> None:
    (turn,) = effects.of_owner_change(shop, bob).turns

    assert isinstance(turn.before, Sandbox)
    assert not turn.is_change
