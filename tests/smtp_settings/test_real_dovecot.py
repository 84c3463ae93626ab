"""Signing in by access token at real software: Dovecot's submission service with XOAUTH2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from portal.config import Config
from portal.core.secret import Secret
from portal.outbox.states import State
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp.replies import Stage
from portal.smtp.target import Grant, Target, Timeouts, Tls
from portal.smtp_settings import probe
from portal.smtp_settings.models import TlsMode
from portal.smtp_settings.probe import Attempt, Finding
from tests.equipment.certificates import Authority
from tests.equipment.dovecot import Dovecot, running_dovecot
from tests.equipment.mail import drain, send, states
from tests.equipment.resolver import InMemoryResolver
from tests.equipment.smtp_server import SmtpServer as Relay
from tests.equipment.stage import make_app, make_person, make_white_label
from tests.equipment.token_endpoint import CLIENT, MAILBOX, SECRET, TENANT, TokenEndpoint
from tests.smtp_settings.bearer import enable, make_bearer_server
from tests.smtp_settings.forms import LOOPBACK

SENDER = parse_address(MAILBOX)
CUSTOMER = parse_address("cy@else.example")
PATIENT = Timeouts(connect=20, phase=20, after_dot=20, quit=5)


@pytest.fixture
def tokens() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as relay:
        yield relay


@pytest.fixture
def dovecot(authority: Authority, tokens: TokenEndpoint, relay: Relay) -> Iterator[Dovecot]:
    with running_dovecot(authority, tokens, relay) as dovecot:
        yield dovecot


@pytest.fixture
def config(config: Config, tokens: TokenEndpoint) -> Config:
    return replace(config, microsoft_authority=tokens.authority)


def attempt(
    dovecot: Dovecot, tokens: TokenEndpoint, authority: Authority, user: str = MAILBOX
) -> Attempt:
    grant = Grant(user, "microsoft", tokens.authority, TENANT, CLIENT, Secret(SECRET))
    target = Target(
        dovecot.host, dovecot.port, Tls.STARTTLS, "livery.example", grant, ca_pem=authority.pem
    )
    letter = probe.letter(
        Mailbox(SENDER, "Acme"), CUSTOMER, subject="By token", text="Hello", seed="dovecot-1"
    )
    return Attempt(target, SENDER, letter, "microsoft_365")


def run(attempt: Attempt) -> Finding:
    return probe.run_through(
        attempt, policy=LOOPBACK, resolver=InMemoryResolver(), timeouts=PATIENT
    )


@pytest.mark.accepts("ST-27")
def test_a_message_goes_through_and_every_stage_is_told(
    dovecot: Dovecot, tokens: TokenEndpoint, relay: Relay, authority: Authority
) -> None:
    finding = run(attempt(dovecot, tokens, authority))

    assert finding.failure is None, finding.transcript
    assert [report.stage for report in finding.reports] == [
        Stage.TOKEN,
        Stage.RESOLVE,
        Stage.CONNECT,
        Stage.GREETING,
        Stage.TLS,
        Stage.AUTH,
        Stage.MAIL,
        Stage.BODY,
    ]
    (taken,) = relay.wait_for(1)
    assert (taken.mail_from, taken.recipients) == (MAILBOX, ("cy@else.example",))
    assert b"Subject: By token" in taken.data


def test_a_token_that_is_good_for_nothing_is_refused_with_its_reason(
    dovecot: Dovecot, tokens: TokenEndpoint, authority: Authority
) -> None:
    tokens.has_consent = False

    finding = run(attempt(dovecot, tokens, authority))

    failure = finding.failure
    assert failure is not None
    assert (failure.stage, failure.code) == (Stage.AUTH, "bearer_refused")
    assert failure.words.startswith("535 ")
    assert '"status":"401"' in failure.words  # from the JSON in the 334
    assert "SMTP.SendAsApp" in failure.what_to_do
    assert tokens.good not in finding.transcript
    assert SECRET not in finding.transcript


@pytest.mark.accepts("ST-28")
def test_another_mailbox_than_the_tokens_is_refused(
    dovecot: Dovecot, tokens: TokenEndpoint, authority: Authority
) -> None:
    finding = run(attempt(dovecot, tokens, authority, "somebody@acme.example"))

    assert finding.failure is not None
    assert finding.failure.stage is Stage.AUTH


def test_delivery_renews_a_token_that_was_withdrawn(
    app: Flask, dovecot: Dovecot, tokens: TokenEndpoint, relay: Relay, authority: Authority
) -> None:
    enable()
    ada = make_person(make_white_label())
    make_bearer_server(
        ada,
        port=dovecot.port,
        authority=tokens.authority,
        tls=TlsMode.STARTTLS,
        ca_pem=authority.pem,
    )
    shop = make_app(ada)
    before = send(shop)
    drain(app)
    tokens.given.remove("token-1")  # withdrawn: from now on it is not active
    tokens.given.append("another")
    after = send(shop)

    drain(app)

    assert states(before) + states(after) == [State.SENT, State.SENT]
    assert len(relay.ledger) == 2
    assert len(tokens.asked) == 2
