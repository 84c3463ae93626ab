"""Postfix as the tests have it: it asks who is there, takes mail, and gives it back to be read."""

from __future__ import annotations

import base64
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from tests.equipment.postfix import Postfix

pytestmark = pytest.mark.postfix

BOB = "bob@reader.test"


def letter(subject: str = "Hello", *, to: str = BOB) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ada <ada@acme.test>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("Grüße aus Acme\n.\nEnde\n")
    return message


@pytest.fixture
def submission(postfix: Postfix) -> Iterator[smtplib.SMTP]:
    """A session on the submission port, encrypted, before it has said who it is."""
    with smtplib.SMTP(postfix.host, postfix.submission_port, timeout=30) as client:
        client.starttls(context=postfix.authority.trusting())
        client.ehlo()
        yield client


def test_what_the_plain_port_takes_can_be_read_back(postfix: Postfix) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client:
        client.send_message(letter("Grüße"))

    [read] = postfix.wait_for_mail(BOB)

    assert read["Subject"] == "Grüße"
    assert read["Return-Path"] == "<ada@acme.test>"
    assert read.get_content() == "Grüße aus Acme\n.\nEnde\n"


def test_mail_for_somebody_else_is_not_found(postfix: Postfix) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client:
        client.send_message(letter())
    postfix.wait_for_mail(BOB)

    assert postfix.mail("carol@reader.test") == []


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_finds_the_mailbox_empty(postfix: Postfix, time: str) -> None:
    found = postfix.mail(BOB)

    with smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client:
        client.send_message(letter())
    postfix.wait_for_mail(BOB)

    assert found == []


def test_mail_that_never_comes_is_an_error_that_shows_the_log(postfix: Postfix) -> None:
    with pytest.raises(AssertionError, match=r"(?s)mail for bob.* postfix/"):
        postfix.wait_for_mail(BOB, within=0.1)


def test_the_plain_port_knows_neither_tls_nor_sign_in(postfix: Postfix) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client:
        client.ehlo()

        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram_md5"])
def test_each_mechanism_signs_in_and_sends(
    postfix: Postfix, submission: smtplib.SMTP, mechanism: str
) -> None:
    submission.user, submission.password = postfix.username, postfix.password

    code, _ = submission.auth(
        mechanism.replace("_", "-").upper(), getattr(submission, f"auth_{mechanism}")
    )
    submission.send_message(letter(mechanism))

    assert code == 235
    assert [read["Subject"] for read in postfix.wait_for_mail(BOB)] == [mechanism]


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram_md5"])
def test_a_wrong_password_is_refused(
    postfix: Postfix, submission: smtplib.SMTP, mechanism: str
) -> None:
    submission.user, submission.password = postfix.username, "wrong"

    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        submission.auth(
            mechanism.replace("_", "-").upper(), getattr(submission, f"auth_{mechanism}")
        )

    assert refused.value.smtp_code == 535


def test_submission_takes_nothing_from_strangers(submission: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        submission.send_message(letter())


def test_submission_takes_no_password_in_the_clear(postfix: Postfix) -> None:
    token = base64.b64encode(f"\0{postfix.username}\0{postfix.password}".encode()).decode()

    with smtplib.SMTP(postfix.host, postfix.submission_port, timeout=30) as client:
        client.ehlo()
        code, _ = client.docmd("AUTH", f"PLAIN {token}")

    assert code == 530


def test_its_certificate_is_only_good_for_those_who_trust_the_authority(postfix: Postfix) -> None:
    with (
        smtplib.SMTP(postfix.host, postfix.submission_port, timeout=30) as client,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        client.starttls(context=ssl.create_default_context())


def test_the_third_port_is_encrypted_from_the_first_byte(postfix: Postfix) -> None:
    trusting = postfix.authority.trusting()

    with smtplib.SMTP_SSL(postfix.host, postfix.tls_port, timeout=30, context=trusting) as client:
        client.login(postfix.username, postfix.password)
        client.send_message(letter())

    assert postfix.wait_for_mail(BOB)


@pytest.mark.parametrize(
    ("address", "code"),
    [("unknown@reader.test", 550), ("greylist@reader.test", 450), ("full@reader.test", 452)],
)
def test_some_recipients_always_get_the_same_answer(
    postfix: Postfix, address: str, code: int
) -> None:
    with (
        smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        client.send_message(letter(to=address))

    assert refused.value.recipients[address][0] == code


def test_some_senders_are_always_refused(postfix: Postfix) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client:
        client.ehlo()
        client.mail("forbidden@acme.test")
        code, _ = client.rcpt(BOB)

    assert code == 553


def test_it_can_be_gone_and_come_back(postfix: Postfix) -> None:
    postfix.daemon.stop()

    try:
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(postfix.host, postfix.port, timeout=30)
    finally:
        postfix.start()

    with smtplib.SMTP(postfix.host, postfix.port, timeout=30) as client:
        assert client.noop()[0] == 250


def test_a_frozen_one_takes_the_connection_and_says_nothing(postfix: Postfix) -> None:
    postfix.daemon.freeze()

    try:
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            smtplib.SMTP(postfix.host, postfix.port, timeout=0.3)
    finally:
        postfix.daemon.resume()
