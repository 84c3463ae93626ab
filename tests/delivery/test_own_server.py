"""A connected server takes part in everything: each kind of mail, from its sender and name."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest
from flask import Flask

from portal.apps.models import App
from portal.core import clock
from portal.core.db import db
from portal.outbox.accept import accept
from portal.outbox.states import Category, State
from portal.outbox.submission import FromTemplate, OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from tests.equipment.mail import drain, send, states
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import (
    make_app,
    make_person,
    make_server,
    make_template,
    make_white_label,
)


def make_shop(own: Fake) -> App:
    """Ada's app, and her server with a sender that has a name."""
    ada = make_person(make_white_label())
    make_server(ada, port=own.port, from_email="news@acme.example", from_name="Acme – Grüße")
    return make_app(ada)


def read(own: Fake) -> list[EmailMessage]:
    """What recipients' mail programs see."""
    parser = BytesParser(EmailMessage, policy=default)
    return [parser.parsebytes(taken.data) for taken in own.ledger]


def send_template(app: App, slug: str) -> None:
    accept(
        Submission(
            white_label_id=app.white_label_id,
            app_id=app.id,
            to=(Recipient(parse_mailbox("ann@birch.example")),),
            content=FromTemplate(slug),
            values={"name": "Ann"},
        )
    )
    db.session.commit()


@pytest.mark.accepts("SB-01", "SB-04", "SB-26", "SB-28")
def test_invitations_and_reminders_leave_from_the_same_sender_and_show_its_name(
    app: Flask,
) -> None:
    with Fake() as own, Fake() as platforms:
        make_server(make_person(name="Olive"), "main", port=platforms.port)
        shop = make_shop(own)
        for slug, subject in (("invitation", "You are invited"), ("reminder", "A reminder")):
            make_template(shop.white_label, slug, texts=[("en", subject, "Hello {{ name }}", None)])
            send_template(shop, slug)

        drain(app)

    letters = read(own)
    assert platforms.connections == []
    assert sorted(str(letter["Subject"]) for letter in letters) == ["A reminder", "You are invited"]
    assert [taken.mail_from for taken in own.ledger] == ["news@acme.example"] * 2
    for letter in letters:
        [address] = letter["From"].addresses
        assert (address.addr_spec, address.display_name) == ("news@acme.example", "Acme – Grüße")


@pytest.mark.accepts("SS-07", "ST-14", "ST-30")
def test_a_connected_server_carries_every_kind_of_mail(app: Flask) -> None:
    with Fake() as own:
        shop = make_shop(own)
        make_template(shop.white_label)
        messages = [
            send(shop),
            send(shop, ["ann@birch.example", "ben@birch.example"], category=Category.CAMPAIGN),
            send(shop, send_at=clock.now() - timedelta(seconds=1)),
            accept(
                Submission(
                    white_label_id=shop.white_label_id,
                    author_id=shop.owner_id,
                    to=(Recipient(parse_mailbox("ann@birch.example")),),
                    content=OwnContent("By a person", "Hello"),
                )
            ).message,
        ]
        db.session.commit()
        send_template(shop, "welcome")

        drain(app)

    assert [state for message in messages for state in states(message)] == [State.SENT] * 5
    assert [taken.mail_from for taken in own.ledger] == ["news@acme.example"] * 6
