"""A try that failed keeps what was said about it, for its own page, and nothing that is secret."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.core.db import db
from portal.core.secret import Secret
from portal.outbox.models import Attempt
from portal.outbox.states import State
from portal.smtp.target import Timeouts
from portal.smtp_settings.credentials import keep_secret
from portal.smtp_settings.models import AuthKind, TlsMode
from tests.equipment.certificates import Authority
from tests.equipment.mail import PATIENT, QUICK, deliveries, drain, send
from tests.equipment.smtp_script import Acts, Command, Drop, Say, Script, Take, Wait, first
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label
from tests.equipment.visitor import Visits

HIDDEN = "livery-correct-horse"
TEXT = "Words that only Ben may read"


def attempts() -> list[Attempt]:
    db.session.rollback()
    return list(db.session.scalars(select(Attempt).order_by(Attempt.id)))


def refusing_ben(answer: str) -> Callable[[Command], Acts | None]:
    return lambda command: Say(550, answer) if "ben@" in command.line else None


@pytest.mark.both_stores
def test_a_refused_delivery_keeps_its_own_conversation_and_the_others_none(app: Flask) -> None:
    with Fake(Script(rcpt=refusing_ben("5.1.1 No such user"))) as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port, max_connections=1)
        batch = [f"{name}@birch.example" for name in ("ann", "ben", "cy", "dora")]
        message = send(make_app(ada), batch, text=TEXT)

        drain(app)

    [attempt] = attempts()
    refused = deliveries(message)[1]
    assert attempt.delivery_id == refused.id
    assert (attempt.transcript or "").splitlines()[1:] == [
        "S: 250 2.1.0 Ok",
        "C: RCPT TO:<ben@birch.example>",
        "S: 550 5.1.1 No such user",
    ]
    for name in ("ann", "cy", "dora"):
        assert name not in (attempt.transcript or "")


def test_neither_password_nor_content_is_in_it_though_the_server_repeats_them(
    app: Flask, authority: Authority
) -> None:
    script = Script(
        tls="implicit",
        certificate=authority.issue("127.0.0.1"),
        mechanisms=("PLAIN",),
        password=HIDDEN,
        body=Say(554, f"5.7.1 You said {HIDDEN}"),
    )
    with Fake(script) as server:
        ada = make_person(make_white_label())
        own = make_server(ada, port=server.port, tls=TlsMode.IMPLICIT, ca_pem=authority.pem)
        own.auth, own.username = AuthKind.BASIC, "livery"
        keep_secret(own, Secret(HIDDEN), by=ada)
        db.session.commit()
        send(make_app(ada), "ben@birch.example", text=TEXT)

        drain(app)

    [attempt] = attempts()
    assert attempt.state is State.FAILED
    assert server.connections[0].sign_ins == [("PLAIN", "livery")]
    said = attempt.transcript or ""
    assert said.splitlines()[-1] == "S: 554 5.7.1 You said <redacted>"
    assert re.search(r"^C: \(\d+ bytes of message, ending with a dot\)$", said, re.MULTILINE)
    for hidden in (
        HIDDEN,
        "AUTH",
        "Words",
        "Subject",
        b64encode(b"\0livery\0" + HIDDEN.encode()).decode(),
    ):
        assert hidden not in said


@pytest.mark.parametrize(
    ("script", "timeouts", "last"),
    [
        (Script(mail=first(1, Say(451, "4.3.0 Busy"))), PATIENT, "S: 451 4.3.0 Busy"),
        (Script(data=first(1, Say(452, "4.3.1 Full"))), PATIENT, "S: 452 4.3.1 Full"),
        (Script(body=first(1, Wait(30))), QUICK, "   (ended here: timeout)"),
        (Script(body=first(1, (Take(), Drop()))), PATIENT, "   (ended here: closed)"),
    ],
    ids=["sender", "content", "silence", "hung up"],
)
def test_it_ends_with_what_decided(
    app: Flask, script: Script, timeouts: Timeouts, last: str
) -> None:
    with Fake(script) as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        send(make_app(ada))

        drain(app, timeouts=timeouts)

    assert (attempts()[0].transcript or "").splitlines()[-1] == last


def test_a_delivery_that_succeeds_at_once_keeps_nothing(app: Flask) -> None:
    with Fake() as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        send(make_app(ada))

        drain(app)

    assert attempts() == []


def test_it_can_be_read_and_copied_on_the_page_of_the_delivery(app: Flask, visit: Visits) -> None:
    with Fake(Script(rcpt=Say(550, "5.1.1 <b>No</b>"))) as server:
        ada = make_person(make_white_label())
        make_server(ada, port=server.port)
        message = send(make_app(ada))
        drain(app)
    [delivery] = deliveries(message)

    page = visit(ada).get(f"/log/{delivery.id}")

    [shown] = page.tree.xpath("//pre[starts-with(@id, 'transcript-')]")
    assert shown.text.splitlines()[-1] == "S: 550 5.1.1 <b>No</b>"
    assert page.tree.xpath(f"//button[@data-copy='{shown.get('id')}']")
