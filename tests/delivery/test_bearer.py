"""Delivery through servers that sign in by access token: asked for once, used by all, renewed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import distinct, func, select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.config import Config
from portal.core import clock
from portal.core.db import db, reading
from portal.core.secret import Secret
from portal.delivery import enabling
from portal.delivery.models import Lane
from portal.outbox.models import Message
from portal.outbox.states import State
from portal.smtp_settings import tokens
from portal.smtp_settings.credentials import keep_secret
from portal.smtp_settings.models import AccessToken, ParkedSender, ServerHealth, SmtpServer
from portal.white_labels.features import EVERYWHERE, NOWHERE, Feature
from tests.equipment.mail import deliveries, drain, make_worker, send, states, until, working
from tests.equipment.smtp_script import Say, Script
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_white_label
from tests.equipment.token_endpoint import MAILBOX, SECRET, Odd, TokenEndpoint
from tests.smtp_settings.bearer import enable, make_bearer_server

TAKES_TOKENS = Script(
    mechanisms=("XOAUTH2",), offers_auth_in_clear=True, username=MAILBOX, password="token-1"
)


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def config(config: Config, endpoint: TokenEndpoint) -> Config:
    return replace(config, microsoft_authority=endpoint.authority)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake(TAKES_TOKENS) as fake:
        yield fake


@pytest.fixture
def ada(app: Flask) -> Person:
    enable()
    return make_person(make_white_label())


@pytest.fixture
def server(ada: Person, fake: Fake, endpoint: TokenEndpoint) -> SmtpServer:
    return make_bearer_server(ada, port=fake.port, authority=endpoint.authority)


@pytest.fixture
def shop(ada: Person, server: SmtpServer) -> App:
    return make_app(ada)


def health_of(server: SmtpServer) -> ServerHealth:
    db.session.rollback()
    return db.session.get_one(ServerHealth, server.id, populate_existing=True)


def kept_token(server: SmtpServer) -> AccessToken:
    db.session.rollback()
    return db.session.scalars(select(AccessToken).execution_options(populate_existing=True)).one()


def age_token() -> None:
    """Its time is nearly over."""
    row = db.session.scalars(select(AccessToken)).one()
    row.expires_at = clock.now() - timedelta(seconds=1)
    db.session.commit()


@pytest.mark.both_stores
def test_mail_leaves_with_a_token(app: Flask, shop: App, fake: Fake) -> None:
    message = send(shop)

    drain(app)

    assert states(message) == [State.SENT]
    assert fake.ledger[0].user == MAILBOX
    assert [signed[0] for seen in fake.connections for signed in seen.sign_ins] == ["XOAUTH2"]


@pytest.mark.both_stores
def test_the_next_session_takes_the_token_that_is_kept(
    app: Flask, shop: App, endpoint: TokenEndpoint, fake: Fake
) -> None:
    send(shop)
    drain(app)
    send(shop)

    drain(app)

    assert len(fake.ledger) == 2
    assert endpoint.given == ["token-1"]


@pytest.mark.both_stores
def test_many_lanes_of_two_workers_ask_once(
    app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint, fake: Fake
) -> None:
    send(shop)
    drain(app)  # a server that has never taken anything gets one connection only
    age_token()
    endpoint.may_answer.clear()
    fake.script = replace(TAKES_TOKENS, password="token-2")
    send(shop, [f"person{number}@birch.example" for number in range(80)])
    workers = [make_worker(app, lanes=8) for _ in range(2)]

    threads = [Thread(target=worker.run, kwargs={"until_drained": True}) for worker in workers]
    for thread in threads:
        thread.start()
    until(lambda: workers_with_lanes() == 2)  # both are there before the answer is
    endpoint.may_answer.set()
    for thread in threads:
        thread.join(120)

    assert len(fake.ledger) == 81
    assert len(fake.connections) >= 3  # the first one, and at least one of each worker
    assert endpoint.given == ["token-1", "token-2"]


def workers_with_lanes() -> int:
    with reading():
        number = db.session.scalar(select(func.count(distinct(Lane.worker_id)))) or 0
        db.session.commit()
    return number


def test_a_token_is_sealed_at_rest(app: Flask, shop: App, server: SmtpServer) -> None:
    send(shop)

    drain(app)

    row = kept_token(server)
    assert row.token_sealed is not None
    assert "token-1" not in row.token_sealed
    assert row.lease is None


@pytest.mark.both_stores
def test_an_old_token_is_renewed(
    app: Flask, shop: App, endpoint: TokenEndpoint, fake: Fake
) -> None:
    send(shop)
    drain(app)
    age_token()
    fake.script = replace(TAKES_TOKENS, password="token-2")
    message = send(shop)

    drain(app)

    assert states(message) == [State.SENT]
    assert endpoint.given == ["token-1", "token-2"]


@pytest.mark.both_stores
def test_a_kept_token_that_the_server_refuses_is_renewed_once(
    app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint, fake: Fake
) -> None:
    send(shop)
    drain(app)
    fake.script = replace(TAKES_TOKENS, password="token-2")  # the first one was withdrawn
    message = send(shop)

    drain(app)

    assert states(message) == [State.SENT]
    assert endpoint.given == ["token-1", "token-2"]
    assert not health_of(server).is_parked


def test_a_new_token_that_is_refused_parks_at_the_first(
    app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint, fake: Fake
) -> None:
    fake.script = replace(TAKES_TOKENS, password="another")
    message = send(shop, ["ann@birch.example", "ben@birch.example"])

    drain(app)

    health = health_of(server)
    assert (health.parked_kind, endpoint.given) == ("credentials", ["token-1"])
    assert sum(len(seen.sign_ins) for seen in fake.connections) == 1
    assert states(message) == [State.QUEUED, State.QUEUED]


@pytest.mark.both_stores
def test_a_sender_that_is_refused_after_the_message_parks_the_pair_and_fails_nothing(
    app: Flask, shop: App, server: SmtpServer, fake: Fake
) -> None:
    denied = "5.2.252 SendAsDenied; news@acme.example not allowed to send as shop@acme.example"
    fake.script = replace(TAKES_TOKENS, body=Say(554, denied))
    message = send(shop, ["ann@birch.example", "ben@birch.example"])

    drain(app)

    assert states(message) == [State.HELD, State.HELD]
    assert {delivery.kind for delivery in deliveries(message)} == {"sender_refused"}
    pair = db.session.scalars(select(ParkedSender)).one()
    assert (pair.server_id, pair.from_email) == (server.id, MAILBOX)
    assert denied in pair.words
    assert not health_of(server).is_parked
    assert fake.ledger == []


def test_a_refused_grant_parks_at_the_first_and_the_admins_are_told_what_to_do(
    app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint, fake: Fake
) -> None:
    endpoint.is_expired = True
    send(shop)

    drain(app)

    health = health_of(server)
    assert health.parked_kind == "credentials"
    assert "AADSTS7000222" in (health.parked_words or "")
    assert (len(endpoint.asked), fake.connections) == (1, [])
    texts = db.session.scalars(select(Message.text).where(Message.app_id.is_(None))).all()
    assert any("Make a new one in the app registration" in (text or "") for text in texts)


@pytest.mark.parametrize("odd", [Odd(503), Odd(429), Odd(200, (b"<html>",))])
def test_a_provider_that_is_away_is_a_rest_and_no_parking(
    odd: Odd, app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint
) -> None:
    endpoint.misbehave(odd)
    message = send(shop)

    with working(app):
        until(lambda: health_of(server).faults > 0 or states(message) == [State.SENT])
        until(lambda: states(message) == [State.SENT])

    assert not health_of(server).is_parked
    assert len(endpoint.asked) == 2


def test_lanes_that_wait_share_the_fault_and_do_not_ask_again(
    app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint
) -> None:
    send(shop)
    drain(app)
    age_token()
    endpoint.pause = 0.5
    endpoint.is_expired = True
    send(shop, [f"person{number}@birch.example" for number in range(80)])

    make_worker(app, lanes=8).run(until_drained=True)

    assert health_of(server).is_parked
    assert len(endpoint.asked) == 2


def test_another_secret_makes_the_kept_token_worthless(
    app: Flask, shop: App, server: SmtpServer, ada: Person
) -> None:
    send(shop)
    drain(app)

    tokens.forget(db.session.connection(), server.id)
    db.session.commit()

    assert db.session.scalars(select(AccessToken)).all() == []


@pytest.mark.parametrize("column", ["host", "username", "oauth_tenant", "oauth_client_id"])
def test_a_kept_token_goes_nowhere_else(
    column: str, app: Flask, shop: App, server: SmtpServer, fake: Fake, endpoint: TokenEndpoint
) -> None:
    send(shop)
    drain(app)
    elsewhere = {"host": "127.0.0.2", "oauth_tenant": "x.example"}.get(column, "x@acme.example")
    setattr(server, column, elsewhere)  # behind our back, and the secret sealed anew
    keep_secret(server, Secret(SECRET), by=server.configured_by)
    db.session.commit()
    endpoint.secret = "changed meanwhile"
    used = sum(len(seen.sign_ins) for seen in fake.connections)
    send(shop)

    drain(app)

    # The token that was kept is not presented; another is asked for, and there is none.
    assert sum(len(seen.sign_ins) for seen in fake.connections) == used
    assert len(endpoint.asked) == 2
    assert health_of(server).parked_kind == "credentials"


class TestSwitchedOff:
    def test_the_server_is_parked_and_nothing_leaves(
        self, app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint, fake: Fake
    ) -> None:
        message = send(shop)

        parked = enabling.change(Feature.OAUTH_SMTP, NOWHERE, by=None)
        db.session.commit()
        drain(app)

        assert parked == [server]
        assert (health_of(server).parked_kind, health_of(server).probe_at) == ("switched_off", None)
        assert states(message) == [State.QUEUED]
        assert (endpoint.asked, fake.ledger) == ([], [])

    def test_its_admins_are_told_why(self, app: Flask, shop: App, server: SmtpServer) -> None:
        enabling.change(Feature.OAUTH_SMTP, NOWHERE, by=None)
        db.session.commit()

        (text,) = db.session.scalars(select(Message.text)).all()
        assert text is not None
        assert "switched off here by the platform's owner" in text
        assert "switched_off" not in text

    def test_switched_on_again_the_mail_goes_on_its_way(
        self, app: Flask, shop: App, server: SmtpServer, fake: Fake
    ) -> None:
        message = send(shop)
        enabling.change(Feature.OAUTH_SMTP, NOWHERE, by=None)
        db.session.commit()

        enabling.change(Feature.OAUTH_SMTP, EVERYWHERE, by=None)
        db.session.commit()
        drain(app)

        assert states(message) == [State.SENT]

    def test_what_was_parked_for_another_reason_stays_parked(
        self, app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint
    ) -> None:
        endpoint.is_expired = True
        send(shop)
        drain(app)

        enabling.change(Feature.OAUTH_SMTP, NOWHERE, by=None)
        enabling.change(Feature.OAUTH_SMTP, EVERYWHERE, by=None)
        db.session.commit()

        assert health_of(server).parked_kind == "credentials"

    def test_what_it_will_stop_is_told_before_with_the_mail_that_waits(
        self, app: Flask, shop: App, server: SmtpServer
    ) -> None:
        send(shop, ["ann@birch.example", "ben@birch.example"])

        (stopped,) = enabling.would_stop(Feature.OAUTH_SMTP, NOWHERE)

        assert (stopped.server, stopped.waiting) == (server, 2)
        assert enabling.would_stop(Feature.OAUTH_SMTP, EVERYWHERE) == []
        assert len(deliveries()) == 2

    def test_even_unparked_by_hand_no_token_is_asked_for(
        self, app: Flask, shop: App, server: SmtpServer, endpoint: TokenEndpoint
    ) -> None:
        enabling.change(Feature.OAUTH_SMTP, NOWHERE, by=None)
        server.health.parked_at = server.health.parked_kind = None
        db.session.commit()
        message = send(shop)

        drain(app)

        assert endpoint.asked == []
        assert states(message) == [State.QUEUED]
        assert health_of(server).is_parked
