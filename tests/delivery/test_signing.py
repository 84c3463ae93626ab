"""Mail from a domain with a live key leaves with its signature, whichever server carries it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.apps.models import App
from portal.core.db import db
from portal.domains import signing
from portal.domains.models import Domain, KeyState, SigningKey
from portal.domains.resolver import DnsResolver
from portal.outbox.states import State
from portal.smtp.dkim import Signer
from portal.white_labels.models import MailMode, WhiteLabel
from tests.equipment.dkim_verifier import Verifies, verifier
from tests.equipment.dns_server import DnsServer
from tests.equipment.mail import deliveries, drain, send, states, working
from tests.equipment.postfix import Postfix
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import (
    make_app,
    make_domain,
    make_person,
    make_sender,
    make_server,
    make_white_label,
)


def make_key(domain: Domain, *, state: KeyState = KeyState.LIVE) -> SigningKey:
    """A key of this domain, as if DNS had shown its record."""
    key = signing.announce(domain)
    key.state = state
    db.session.commit()
    return key


def make_shop(white_label: WhiteLabel, port: int, from_email: str, **facts: Any) -> App:
    """An app of an admin whose own server sends from this address."""
    admin = make_person(white_label)
    make_server(admin, port=port, from_email=from_email, **facts)
    return make_app(admin)


def publish(domain: Domain, published: dict[str, str]) -> None:
    published.update({record.name: record.value for record in domain.records})


@pytest.mark.both_stores
def test_through_the_platforms_server_it_is_signed_for_the_white_labels_domain(
    app: Flask, published: dict[str, str], verifies: Verifies
) -> None:
    acme = make_white_label(mail_mode=MailMode.PLATFORM)
    domain = make_domain(acme)
    key = make_key(domain)
    publish(domain, published)
    with Fake() as platforms:
        main = make_server(make_person(name="Olive"), "main", port=platforms.port)
        make_sender(main, "news@acme.example", of=acme)
        send(make_app(make_person(acme)), sender="news@acme.example")

        drain(app)

    [taken] = platforms.ledger
    assert taken.mail_from == "news@acme.example"
    assert f"d=acme.example; s={key.selector};".encode() in taken.data
    assert verifies(taken.data)


@pytest.mark.accepts("UC-01")
def test_through_an_own_server_too(
    app: Flask, published: dict[str, str], verifies: Verifies
) -> None:
    acme = make_white_label()
    domain = make_domain(acme)
    make_key(domain)
    publish(domain, published)
    with Fake() as own:
        shop = make_shop(acme, own.port, "news@acme.example")
        send(shop, ["ann@birch.example", "ben@birch.example"], text="Grüße\n.\n")

        drain(app)

    assert len(own.ledger) == 2
    assert all(verifies(taken.data) for taken in own.ledger)


@pytest.mark.parametrize("state", [KeyState.ANNOUNCED, KeyState.RETIRED])
def test_a_key_that_is_not_in_dns_or_was_followed_signs_nothing(
    app: Flask, state: KeyState
) -> None:
    acme = make_white_label()
    make_key(make_domain(acme), state=state)
    with Fake() as own:
        send(make_shop(acme, own.port, "news@acme.example"))

        drain(app)

    assert b"DKIM-Signature" not in own.ledger[0].data


def test_another_white_labels_key_signs_nothing_though_from_is_the_same(app: Flask) -> None:
    make_key(make_domain(make_white_label()))
    birch = make_white_label("Birch")
    with Fake() as own:
        send(make_shop(birch, own.port, "news@acme.example"))

        drain(app)

    assert own.ledger[0].mail_from == "news@acme.example"
    assert b"DKIM-Signature" not in own.ledger[0].data


def test_fields_that_the_service_writes_anew_are_not_signed(
    app: Flask, published: dict[str, str], verifies: Verifies
) -> None:
    acme = make_white_label()
    domain = make_domain(acme)
    make_key(domain)
    publish(domain, published)
    with Fake() as ses:
        send(make_shop(acme, ses.port, "news@acme.example", preset="ses"))

        drain(app)

    [mail] = [taken.data for taken in ses.ledger]
    assert verifies(mail)
    assert verifies(re.sub(rb"(?m)^(Date|Message-ID): .*(?=\r$)", rb"\1: made by SES", mail))
    assert not verifies(re.sub(rb"(?m)^(To|Subject): .*(?=\r$)", rb"\1: made by SES", mail))


def test_the_signature_counts_when_the_size_is_judged(app: Flask) -> None:
    acme = make_white_label()
    with Fake() as own:
        shop = make_shop(acme, own.port, "news@acme.example")
        send(shop)
        drain(app)
        unsigned = len(own.ledger[0].data)

    domain = make_domain(acme)
    make_key(domain)
    with Fake() as own:
        birchs = make_person(acme, "Bob")
        make_server(
            birchs, "small", port=own.port, from_email="bob@acme.example", max_bytes=unsigned + 99
        )
        message = send(make_app(birchs, "Bobs"))
        drain(app)

    [delivery] = deliveries(message)
    assert (delivery.state, delivery.kind) == (State.FAILED, "content")
    assert own.ledger == []


def test_a_worker_opens_a_key_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = make_white_label()
    make_key(make_domain(acme))
    opened: list[int] = []
    really_open: Callable[..., Signer] = signing.open_key

    def count(connection: Any, key_id: int) -> Signer:
        opened.append(key_id)
        return really_open(connection, key_id)

    monkeypatch.setattr(signing, "open_key", count)
    with Fake() as own:
        shop = make_shop(acme, own.port, "news@acme.example", max_connections=1)
        for _number in range(3):
            send(shop, [f"ann{number}@birch.example" for number in range(5)])

        drain(app)

    assert len(own.ledger) == 15
    assert len(opened) == 1


def test_a_key_that_does_not_open_holds_its_mail_and_no_other(app: Flask) -> None:
    acme, birch = make_white_label(), make_white_label("Birch")
    key = make_key(make_domain(acme))
    with Fake() as own, Fake() as theirs:
        shop = make_shop(acme, own.port, "news@acme.example")
        others = make_shop(birch, theirs.port, "news@birch.example")
        key.selector = "lv0"  # which it is not sealed to
        held, sent = send(shop), send(others)

        drain(app)

    [delivery] = deliveries(held)
    assert (delivery.state, delivery.kind) == (State.HELD, "cannot_sign")
    assert own.ledger == []
    assert states(sent) == [State.SENT]


def test_a_worker_at_work_turns_to_the_next_key_by_itself(app: Flask) -> None:
    acme = make_white_label()
    domain = make_domain(acme)
    first = make_key(domain)
    with Fake() as own, working(app):
        shop = make_shop(acme, own.port, "news@acme.example")
        send(shop)
        own.wait_for(1)

        first.state = KeyState.RETIRED
        db.session.flush()
        second = make_key(domain)
        send(shop)
        own.wait_for(2)

    by = [
        next(key for key in (first, second) if f"s={key.selector};".encode() in taken.data)
        for taken in own.ledger
    ]
    assert by == [first, second]


@pytest.mark.postfix
def test_the_whole_way_through_postfix_with_the_key_in_dns(
    app: Flask, postfix: Postfix, dns_server: DnsServer
) -> None:
    acme = make_white_label()
    domain = make_domain(acme)
    make_key(domain)
    for record in domain.records:
        dns_server.publish(record.name, record.value)
    resolver = DnsResolver([dns_server.address])
    verifies = verifier(lambda name: next(iter(resolver.texts(name, timeout=30)), None))
    shop = make_shop(acme, postfix.port, "news@acme.example")
    send(shop, "signed@reader.test", text="Grüße aus Köln \n\n.\n..\nEnde  \n\n")

    drain(app)

    postfix.wait_for_mail("signed@reader.test")
    [delivered] = postfix.raw_mail("signed@reader.test")
    assert b"\nReceived: " in delivered
    assert verifies(delivered)
    assert not verifies(delivered.replace(b"aus K", b"aus H"))
