"""What is written down of a session: enough to help, nothing that could hurt."""

from __future__ import annotations

import base64
import binascii
import json
import urllib.parse
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.secret import Secret
from portal.smtp.protocol import NotSent, Unknown
from portal.smtp.sasl import secrets_of
from portal.smtp.session import Step
from portal.smtp.target import Basic, SessionFault
from portal.smtp.transcript import LONGEST_LINE, REDACTED, Scrubber, Speaker, Transcript, tidy
from tests.equipment.smtp_script import Drop, Say, Script, Take
from tests.equipment.smtp_server import SmtpServer
from tests.smtp.conftest import SIGNED_IN, Connect
from tests.smtp.sending import jobs, send

PASSWORD = "hunter2 & <söhne>"
SECRET = Secret(PASSWORD)
BLOB = f"\0livery\0{PASSWORD}"


def every_form(secret: str) -> list[str]:
    raw = secret.encode()
    return [
        secret,
        secret.upper(),
        base64.b64encode(raw).decode(),
        base64.b64encode(b"x" + raw + b"y").decode(),
        base64.b64encode(b"xx" + raw).decode(),
        base64.urlsafe_b64encode(b"xxx" + raw).decode(),
        base64.b64encode(f"\0livery\0{secret}".encode()).decode(),
        raw.hex(),
        raw.hex().upper(),
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret, safe="").lower(),
        urllib.parse.quote_plus(secret),
        secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    ]


def gives_away(text: str, secret: str = PASSWORD) -> bool:
    """Whether somebody could read the secret, or its middle, out of the text."""
    folded = text.casefold()
    middle = base64.b64encode(secret.encode()[: len(secret.encode()) // 3 * 3]).decode()
    return any(form.casefold() in folded for form in (*every_form(secret), middle))


@pytest.mark.parametrize("form", every_form(PASSWORD))
def test_the_secret_is_taken_out_in_every_form(form: str) -> None:
    clean = Scrubber(secrets_of(Basic("livery", SECRET)))

    scrubbed = clean(f"5.7.8 wrong password {form} for livery")

    assert REDACTED in scrubbed
    assert not gives_away(scrubbed)
    assert scrubbed.startswith("5.7.8 wrong password ")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=6, max_size=30))
def test_no_password_is_left_in_plain_or_base64(password: str) -> None:
    clean = Scrubber([Secret(password)])
    encoded = base64.b64encode(password.encode()).decode()

    scrubbed = clean(f"<{password}> <{encoded}>")

    assert encoded not in scrubbed
    assert password not in scrubbed.replace(REDACTED, "")


def test_a_secret_laced_with_invisible_signs_is_found() -> None:
    laced = "\0".join("correct horse")

    assert Scrubber([Secret("correct horse")])(f"wrong: {laced}") == f"wrong: {REDACTED}"


def test_a_secret_across_the_edge_of_what_is_kept_is_found() -> None:
    near_the_edge = "x" * (LONGEST_LINE - 5) + "correct horse"

    assert "corre" not in Scrubber([Secret("correct horse")])(near_the_edge)


def test_without_a_secret_words_stay_as_they_are() -> None:
    assert Scrubber([])("2.0.0 Ok: queued as 4F2") == "2.0.0 Ok: queued as 4F2"
    assert Scrubber([Secret("")])("2.0.0 Ok") == "2.0.0 Ok"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain words", "plain words"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("a\x00b\x07c\x1b[31md\x7fe\x9bf", "abc[31mdef"),
        ("a\r\nb\tc", "abc"),
        ("a\u202eb\u2066c\u200fd\u061ce", "abcde"),
        ("a\u2028b\u2029c\ufeffd\u200be", "abcde"),
        ("x" * 600, "x" * 512),
        ("ü" * 600, "ü" * 256),
        ("€" * 600, "€" * 170),
    ],
)
def test_what_is_shown_is_visible_and_has_an_end(text: str, kept: str) -> None:
    assert tidy(text) == kept


@given(st.text())
def test_a_tidy_line_is_one_line_within_its_limit(text: str) -> None:
    kept = tidy(text)

    assert len(kept.encode()) <= LONGEST_LINE
    assert len(kept.splitlines()) <= 1


def test_a_transcript_has_an_end() -> None:
    transcript = Transcript(limit=3)

    for number in range(10):
        transcript.add(Speaker.SERVER, f"250 {number}")

    assert [line.text for line in transcript.lines] == ["250 0", "250 1", "250 2"]
    assert transcript.left_out == 7


# A whole session


def test_a_session_in_writing(connect: Connect) -> None:
    transcript = Transcript()

    with SmtpServer(Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)) as server:
        session = connect(server, SIGNED_IN, transcript=transcript)
        send(session, jobs(1))
        session.quit()

    assert str(transcript).splitlines() == [
        "S: 220 mx.fault.test ESMTP",
        "C: EHLO livery.example",
        "S: 250-mx.fault.test",
        "S: 250-8BITMIME",
        "S: 250-ENHANCEDSTATUSCODES",
        "S: 250-PIPELINING",
        "S: 250 AUTH PLAIN",
        "C: AUTH PLAIN <redacted>",
        "S: 235 2.7.0 Welcome",
        "C: MAIL FROM:<news@acme.example>",
        "C: RCPT TO:<reader1@birch.example>",
        "C: DATA",
        "S: 250 2.1.0 Ok",
        "S: 250 2.1.5 Ok",
        "S: 354 Go ahead",
        "C: (59 bytes of message, ending with a dot)",
        "S: 250 2.0.0 Ok: taken",
        "C: QUIT",
        "S: 221 2.0.0 Bye",
    ]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("echo", ["raw", "base64"])
@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong"])
def test_a_server_that_repeats_the_secret_does_not_give_it_away(
    connect: Connect, mechanism: str, echo: str, is_right: bool
) -> None:
    transcript, steps = Transcript(), list[Step]()
    script = Script(
        mechanisms=(mechanism,),
        offers_auth_in_clear=True,
        echo="raw" if echo == "raw" else "base64",
        password=PASSWORD if is_right else "another",
    )
    target = replace(SIGNED_IN, auth=Basic("livery", SECRET))
    told = []

    with SmtpServer(script) as server:
        try:
            connect(server, target, transcript=transcript, on_step=steps.append)
        except SessionFault as fault:
            told = [str(fault), repr(fault), repr(fault.verdict), str(fault.__context__)]

    assert is_right is not bool(told)
    for text in (str(transcript), repr(transcript.lines), repr(steps), *told):
        assert not gives_away(text)


def test_a_server_that_repeats_it_later_does_not_give_it_away_either(connect: Connect) -> None:
    blob = base64.b64encode(BLOB.encode()).decode()
    script = Script(
        mechanisms=("PLAIN",),
        offers_auth_in_clear=True,
        password=PASSWORD,
        mail=Say(250, f"2.1.0 {PASSWORD}"),
        rcpt=lambda command: Say(550, f"5.1.1 {blob}") if command.number == 2 else None,
        body=(Take(), Say(250, f"2.0.0 {PASSWORD}")),
    )
    transcript = Transcript()

    with SmtpServer(script) as server:
        target = replace(SIGNED_IN, auth=Basic("livery", SECRET))
        outcomes = send(connect(server, target, transcript=transcript), jobs(2))

    assert len(outcomes) == 2
    assert not gives_away(repr(outcomes) + str(transcript))


def test_a_password_that_is_a_keyword_does_not_confuse_us(connect: Connect) -> None:
    """Words are judged as they came and cleaned when they leave."""
    script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True, password="PLAIN")
    target = replace(SIGNED_IN, auth=Basic("livery", Secret("PLAIN")))

    with SmtpServer(script) as server:
        session = connect(server, target)

        assert session.capabilities.mechanisms == {"PLAIN"}


def test_targets_and_their_failures_can_be_written_down_without_the_secret(
    connect: Connect,
) -> None:
    target = replace(SIGNED_IN, auth=Basic("livery", SECRET))

    with (
        SmtpServer(Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)) as server,
        pytest.raises(SessionFault) as raised,
    ):
        connect(server, target)

    assert not gives_away(repr(target))
    assert not gives_away(repr(raised.value) + str(raised.value.args))
    with pytest.raises(TypeError):
        json.dumps(target.auth)


def test_a_broken_line_is_told_without_words_of_the_server(connect: Connect) -> None:
    with SmtpServer(Script(body=Drop())) as server:
        outcomes = send(connect(server), jobs(2))

    faults = [o.verdict.why for o in outcomes if isinstance(o.verdict, Unknown | NotSent)]
    assert [fault.reply for fault in faults] == [None, None]


def test_the_test_itself_would_see_a_leak() -> None:
    for form in every_form(PASSWORD):
        assert gives_away(f"535 {form}")
    assert not gives_away(f"535 {binascii.hexlify(b'something else').decode()}")
