"""What answers mean: the table, each special phrase with a vendor's own words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp.causes import Cause
from portal.smtp.replies import (
    Failed,
    Kind,
    Reply,
    Sent,
    ServerFault,
    Stage,
    TryAgain,
    asked_wait,
    classify,
)
from portal.smtp.reply_parser import LONGEST_REPLY


def reply(text: str) -> Reply:
    """From what stands in a log: `550 5.1.1 No such user`."""
    code, _, words = text.partition(" ")
    return Reply.read(int(code), [words.encode()])


TABLE = [
    # Signing in
    ("auth", "535 5.7.8 Username and Password not accepted", ServerFault, Kind.CREDENTIALS),
    ("auth", "535 Authentication Credentials Invalid", ServerFault, Kind.CREDENTIALS),
    ("auth", "535 Account not subscribed to SES", ServerFault, Kind.CREDENTIALS),
    ("auth", "534 5.7.9 Application-specific password required", ServerFault, Kind.CREDENTIALS),
    ("auth", "530 5.7.0 Authentication required", ServerFault, Kind.CREDENTIALS),
    ("auth", "538 5.7.11 Encryption required", ServerFault, Kind.CREDENTIALS),
    (
        "auth",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
        ServerFault,
        Kind.CREDENTIALS,
    ),
    ("auth", "535 5.7.3 Authentication unsuccessful", ServerFault, Kind.CREDENTIALS),
    ("auth", "432 4.7.12 A password transition is needed", ServerFault, Kind.CREDENTIALS),
    ("auth", "454 4.7.0 Temporary authentication failure", ServerFault, Kind.TEMPORARY_AUTH),
    ("auth", "451 4.3.0 Try later", ServerFault, Kind.TEMPORARY_AUTH),
    ("auth", "421 4.3.2 Closing", ServerFault, Kind.BUSY),
    # Before any message
    (
        "greeting",
        "421 Too many concurrent SMTP connections",
        ServerFault,
        Kind.TOO_MANY_CONNECTIONS,
    ),
    ("greeting", "421 4.3.2 Service shutting down", ServerFault, Kind.BUSY),
    ("greeting", "421 4.7.28 Our system has detected an unusual rate", ServerFault, Kind.RATE),
    ("greeting", "554 5.7.1 No SMTP service here", ServerFault, Kind.REFUSED),
    ("greeting", "450 4.3.0 Later", ServerFault, Kind.BUSY),
    ("ehlo", "550 5.7.1 Helo refused", ServerFault, Kind.REFUSED),
    ("ehlo", "501 5.5.4 Invalid domain", ServerFault, Kind.PROTOCOL),
    ("starttls", "454 4.7.0 TLS not available due to local problem", ServerFault, Kind.BUSY),
    ("starttls", "501 5.5.4 No parameters allowed", ServerFault, Kind.SECURITY),
    # Too fast, too much
    (
        "body",
        "454 Throttling failure: Maximum sending rate exceeded.",
        ServerFault,
        Kind.RATE,
    ),
    (
        "mail",
        "454 Throttling failure: Daily message quota exceeded.",
        ServerFault,
        Kind.QUOTA,
    ),
    ("rcpt", "550 5.4.5 Daily user sending limit exceeded.", ServerFault, Kind.QUOTA),
    ("data", "550 5.4.5 Daily SMTP relay sending quota exceeded.", ServerFault, Kind.QUOTA),
    ("mail", "421 4.7.0 Try again later, closing connection.", ServerFault, Kind.RATE),
    ("body", "451 4.7.500 Server busy. Slow down please, slowing down", ServerFault, Kind.RATE),
    (
        "body",
        "432 4.3.2 Concurrent connections limit exceeded.",
        ServerFault,
        Kind.TOO_MANY_CONNECTIONS,
    ),
    ("mail", "432 4.3.2 STOREDRV.ClientSubmit", ServerFault, Kind.TOO_MANY_CONNECTIONS),
    # The recipient's own rate is no reason to slow down for everybody.
    (
        "rcpt",
        (
            "450 4.2.1 The user you are trying to contact is receiving mail at a rate that "
            "prevents additional messages from being delivered."
        ),
        TryAgain,
        Kind.BUSY,
    ),
    # The sender
    ("mail", "553 5.7.1 Sender address rejected: not owned by user", ServerFault, Kind.SENDER),
    ("rcpt", "553 5.7.1 <a@b>: Sender address rejected: not owned", ServerFault, Kind.SENDER),
    ("mail", "550 5.1.8 Sender domain not found", ServerFault, Kind.SENDER),
    ("mail", "550 no", ServerFault, Kind.SENDER),
    ("body", "554 5.2.252 SendAsDenied; not allowed to send as", ServerFault, Kind.SENDER),
    (
        "body",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        ServerFault,
        Kind.SENDER,
    ),
    ("mail", "552 5.3.4 Message size exceeds fixed limit", Failed, Kind.CONTENT),
    # Meant for the session
    ("mail", "530 5.7.0 Must issue a STARTTLS command first", ServerFault, Kind.SECURITY),
    ("mail", "530 5.7.57 Client not authenticated to send mail.", ServerFault, Kind.CREDENTIALS),
    ("rcpt", "503 5.5.1 Authentication required", ServerFault, Kind.CREDENTIALS),
    (
        "body",
        (
            "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform "
            "`ses:SendRawEmail' on resource"
        ),
        ServerFault,
        Kind.CREDENTIALS,
    ),
    # The recipient
    ("rcpt", "550 5.1.1 No such user", Failed, Kind.ADDRESS),
    ("rcpt", "550 No such user here", Failed, Kind.ADDRESS),
    ("rcpt", "550 5.4.1 Recipient address rejected: Access denied", Failed, Kind.ADDRESS),
    ("rcpt", "501 5.1.3 Bad recipient address syntax", Failed, Kind.ADDRESS),
    ("rcpt", "550 5.2.1 Mailbox disabled", Failed, Kind.ADDRESS),
    ("rcpt", "552 5.2.2 Mailbox full", Failed, Kind.MAILBOX),
    ("rcpt", "552 Mailbox quota exceeded", Failed, Kind.MAILBOX),
    ("body", "550 5.1.1 No such user", Failed, Kind.ADDRESS),
    ("rcpt", "554 5.7.1 <x@y>: Relay access denied", Failed, Kind.RELAY_SETUP),
    ("rcpt", "550 relay not permitted", Failed, Kind.RELAY_SETUP),
    ("rcpt", "550 5.7.1 Refused", Failed, Kind.RELAY_SETUP),
    ("rcpt", "550 5.7.26 Unauthenticated", Failed, Kind.POLICY),
    ("rcpt", "452 4.2.2 Over quota", TryAgain, Kind.BUSY),
    ("rcpt", "450 4.2.0 Greylisted, come back in 5 minutes", TryAgain, Kind.GREYLIST),
    ("rcpt", "451 4.7.1 Greylisting in action, please try later", TryAgain, Kind.GREYLIST),
    ("rcpt", "450 4.1.1 Unverified address", TryAgain, Kind.BUSY),
    ("rcpt", "452 4.5.3 Too many recipients", TryAgain, Kind.BUSY),
    # The content
    ("body", "552 Message is too long.", Failed, Kind.CONTENT),
    ("body", "554 5.6.0 Corrupt message", Failed, Kind.CONTENT),
    ("body", "550 5.3.4 Message too big", Failed, Kind.CONTENT),
    ("body", "554 5.7.1 Spam message rejected", Failed, Kind.POLICY),
    ("data", "554 Transaction failed: Recipient count exceeds 50.", Failed, Kind.POLICY),
    ("body", "451 Temporary service failure", TryAgain, Kind.BUSY),
    ("body", "451 Timeout waiting for data from client.", TryAgain, Kind.BUSY),
    ("body", "452 4.3.1 Insufficient system storage", TryAgain, Kind.BUSY),
    ("body", "421 4.3.0 Closing", ServerFault, Kind.BUSY),
    # Out of step
    ("data", "250 Ok", ServerFault, Kind.PROTOCOL),
    ("mail", "354 Go ahead", ServerFault, Kind.PROTOCOL),
    ("rcpt", "503 5.5.1 Bad sequence of commands", ServerFault, Kind.PROTOCOL),
    ("mail", "555 5.5.4 Unsupported parameter", ServerFault, Kind.PROTOCOL),
]


@pytest.mark.accepts("UC-31", "UC-32")
@pytest.mark.parametrize(("stage", "text", "verdict", "kind"), TABLE)
def test_an_answer_and_its_meaning(stage: str, text: str, verdict: type, kind: Kind) -> None:
    judged = classify(reply(text), Stage(stage))

    assert (type(judged), judged.kind) == (verdict, kind)
    assert judged.reply == reply(text)


def test_only_an_ok_to_the_dot_is_a_message_sent() -> None:
    ok = reply("250 2.0.0 Ok 0100018c")

    assert classify(ok, Stage.BODY) == Sent(ok)
    assert not any(isinstance(classify(ok, s), Sent) for s in Stage if s is not Stage.BODY)


UNVERIFIED = (
    "554 Message rejected: Email address is not verified. The following identities failed the "
    "check in region EU-WEST-1: "
)


@pytest.mark.parametrize(
    ("named", "verdict", "kind"),
    [
        ("news@acme.example", ServerFault, Kind.SENDER),
        ("acme.example, reader@birch.example", ServerFault, Kind.SENDER),
        ("Acme <news@acme.example>", ServerFault, Kind.SENDER),
        ("reader@birch.example", Failed, Kind.POLICY),
    ],
)
def test_amazon_says_whom_it_has_not_verified(named: str, verdict: type, kind: Kind) -> None:
    judged = classify(reply(UNVERIFIED + named), Stage.BODY, mail_from="news@acme.example")

    assert (type(judged), judged.kind) == (verdict, kind)


@given(st.integers(200, 599), st.sampled_from(Stage), st.text(max_size=40))
def test_every_answer_has_a_meaning(code: int, stage: Stage, words: str) -> None:
    judged = classify(Reply.read(code, [words.encode()]), stage)

    if isinstance(judged, Failed):
        assert 500 <= code <= 599
    if isinstance(judged, TryAgain):
        assert 400 <= code <= 499
    if isinstance(judged, Sent):
        assert (code // 100, stage) == (2, Stage.BODY)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("Greylisted, try again in 5 minutes", 300),
        ("please retry in 900 seconds", 900),
        ("come back after 2 hours", 7200),
        ("try again in 00:04:59", 299),
        ("wait 10s", 60),
        ("Greylisted for 1 sec", 60),
        ("try again in 3 days", None),
        ("retry in 999999 seconds", 6 * 3600),
        ("Requested mailbox not available", None),
        ("limit of 500 messages", None),
        ("in 5 mailboxes", None),
        ("try again in 5 \u017f", None),  # a long s, which is an s where case does not count
        ("try again in \u0665 minutes", None),
    ],
)
def test_a_wait_that_a_server_asks_for_is_granted_within_reason(
    text: str, wait: int | None
) -> None:
    assert asked_wait(text) == wait


def test_the_wait_comes_with_the_verdict() -> None:
    judged = classify(reply("450 4.2.0 Greylisted, try again in 10 minutes"), Stage.RCPT)

    assert isinstance(judged, TryAgain)
    assert judged.wait == 600


# Reading


@pytest.mark.parametrize(
    ("code", "raw", "enhanced", "text"),
    [
        (550, [b"5.1.1 No such user"], "5.1.1", "No such user"),
        (550, [b"5.1.1 No", b"5.1.1 such user"], "5.1.1", "No such user"),
        (550, [b"No such user"], None, "No such user"),
        (450, [b"5.1.1 Of another class"], None, "5.1.1 Of another class"),
        (250, [b"2.0.0"], "2.0.0", ""),
        (250, [b""], None, ""),
        (550, [b"5.1.10.3 is a version"], None, "5.1.10.3 is a version"),
        (550, ["5.\u0661.1 Odd".encode()], None, "5.\u0661.1 Odd"),
    ],
)
def test_an_enhanced_code_is_believed_if_its_class_agrees(
    code: int, raw: list[bytes], enhanced: str | None, text: str
) -> None:
    read = Reply.read(code, raw)

    assert (read.enhanced, read.text) == (enhanced, text)


def test_a_reply_in_words() -> None:
    assert str(reply("550 5.1.1 No such user")) == "550 5.1.1 No such user"
    assert str(reply("250")) == "250"


@pytest.mark.parametrize("word", ["daily ", "limit ", "quota ", "too many ", "try again in "])
@pytest.mark.parametrize("answer", ["451", "550 5.4.5"])
def test_the_longest_answer_costs_no_time_that_other_lanes_would_miss(
    word: str, answer: str
) -> None:
    longest = reply(f"{answer} {word * (LONGEST_REPLY // len(word))}")
    begun = time.thread_time()

    classify(longest, Stage.RCPT)

    assert time.thread_time() - begun < 0.5


def test_a_fault_that_words_do_not_tell_has_a_cause() -> None:
    judged = classify(reply("535 5.7.8 No"), Stage.AUTH)

    assert isinstance(judged, ServerFault)
    assert judged.cause is Cause.CREDENTIALS_REFUSED
