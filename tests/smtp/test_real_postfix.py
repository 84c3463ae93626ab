"""The wire against a real Postfix: SMTP as others understand it, not only our own test server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.core.secret import Secret
from portal.smtp.causes import Cause
from portal.smtp.protocol import Job
from portal.smtp.replies import Failed, Kind, Stage
from portal.smtp.target import Basic, Target, Tls
from tests.equipment.postfix import PASSWORD, USERNAME, Postfix
from tests.smtp.conftest import PLAIN, Connect, failure
from tests.smtp.sending import fates, send

pytestmark = pytest.mark.postfix

SIGNED = Basic(USERNAME, Secret(PASSWORD))


def letter(number: int, *, to: str, mail_from: str = "ada@acme.test") -> Job:
    data = (
        f"From: <ada@acme.test>\r\nTo: <{to}>\r\nSubject: Number {number}\r\n"
        f"Message-ID: <{number}@acme.test>\r\n\r\nHello.\r\n..\r\nBye.\r\n"
    )
    return Job(number, mail_from, to, data.encode())


def way_in(postfix: Postfix, tls: Tls, auth: Basic = SIGNED) -> Target:
    return replace(PLAIN, host=postfix.host, tls=tls, auth=auth, ca_pem=postfix.authority.pem)


@pytest.mark.accepts("SS-11")
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_messages_arrive_whole_and_once(
    connect: Connect, postfix: Postfix, pipelining: bool
) -> None:
    reader = "bob@reader.test"
    session = connect(postfix.port, replace(PLAIN, pipelining=pipelining))

    outcomes = send(session, [letter(number, to=reader) for number in range(1, 31)])
    session.quit()

    read = postfix.wait_for_mail(reader, count=30)
    assert session.capabilities.pipelining
    assert fates(outcomes) == dict.fromkeys(range(1, 31), "Sent body")
    assert sorted(int(mail["Subject"].split()[1]) for mail in read) == list(range(1, 31))
    assert {mail.get_content() for mail in read} == {"Hello.\n.\nBye.\n"}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])
def test_refusals_between_other_messages(
    connect: Connect, postfix: Postfix, pipelining: bool
) -> None:
    reader = "bob@reader.test"
    sending = [
        letter(1, to=reader),
        letter(2, to="unknown@reader.test"),
        letter(3, to=reader),
        letter(4, to=reader, mail_from="forbidden@acme.test"),
        letter(5, to="greylist@reader.test"),
        letter(6, to="full@reader.test"),
        letter(7, to=reader),
    ]

    outcomes = send(connect(postfix.port, replace(PLAIN, pipelining=pipelining)), sending)

    verdicts = {outcome.id: outcome.verdict for outcome in outcomes}
    read = postfix.wait_for_mail(reader, count=3)
    assert sorted(mail["Subject"] for mail in read) == ["Number 1", "Number 3", "Number 7"]
    assert fates(outcomes) == {
        1: "Sent body",
        2: "Failed rcpt",
        3: "Sent body",
        4: "ServerFault rcpt",  # Postfix judges the sender when it hears the recipient
        5: "TryAgain rcpt",
        6: "TryAgain rcpt",
        7: "Sent body",
    }
    assert isinstance(verdicts[2], Failed)
    assert verdicts[2].kind is Kind.ADDRESS


@pytest.mark.accepts("SS-29")
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_signing_in_over_tls(connect: Connect, postfix: Postfix, tls: Tls) -> None:
    port = postfix.submission_port if tls is Tls.STARTTLS else postfix.tls_port

    session = connect(port, way_in(postfix, tls))
    outcomes = send(session, [letter(1, to="carol@reader.test")])

    assert session.tls is not None
    assert fates(outcomes) == {1: "Sent body"}
    assert len(postfix.wait_for_mail("carol@reader.test")) == 1


@pytest.mark.accepts("SS-31")
def test_a_wrong_password(connect: Connect, postfix: Postfix) -> None:
    wrong = way_in(postfix, Tls.STARTTLS, Basic(USERNAME, Secret("wrong")))

    fault = failure(connect, postfix.submission_port, wrong)

    assert (fault.stage, fault.cause) == (Stage.AUTH, Cause.CREDENTIALS_REFUSED)


@pytest.mark.accepts("SS-33")
def test_the_wrong_kind_of_encryption(connect: Connect, postfix: Postfix) -> None:
    implicit = failure(connect, postfix.submission_port, way_in(postfix, Tls.IMPLICIT))
    missing = failure(connect, postfix.port, way_in(postfix, Tls.STARTTLS))

    assert (implicit.stage, implicit.cause) == (Stage.TLS, Cause.NOT_TLS)
    assert (missing.stage, missing.cause) == (Stage.STARTTLS, Cause.STARTTLS_MISSING)
