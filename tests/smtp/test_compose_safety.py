"""What a person types never becomes a header field, by whichever way it comes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from portal.smtp import addresses, compose, compose_parts
from portal.smtp.addresses import Address, AddressError, Mailbox
from portal.smtp.compose import Attachment, ComposeError, Draft, compile_message
from portal.smtp.compose_headers import fold
from portal.smtp.segments import Segments
from tests.smtp.letters import ACME, ADA, LETTER, body, read, slot, written

FORBIDDEN = {
    "CR": "\r",
    "LF": "\n",
    "CRLF": "\r\n",
    "NUL": "\0",
    "tab": "\t",
    "escape": "\x1b",
    "DEL": "\x7f",
    "NEL": "\x85",
    "C1": "\x9b",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "override": "\u202e",
    "isolate": "\u2067",
    "mark": "\u200f",
    "surrogate": "\ud83e",
}
characters = pytest.mark.parametrize("character", FORBIDDEN.values(), ids=FORBIDDEN.keys())

INJECTION = "x\r\nBcc: eve@evil.example"

WAYS_IN: dict[str, Callable[[str], bytes]] = {
    "subject": lambda text: written(replace(LETTER, subject=text)),
    "subject's literal": lambda text: written(
        replace(LETTER, subject=Segments((text, slot("a")))), replace(ADA, values={"a": ""})
    ),
    "subject's value": lambda text: written(
        replace(LETTER, subject=Segments(("For ", slot("a")))), replace(ADA, values={"a": text})
    ),
    "subject's callable": lambda text: written(
        replace(LETTER, subject=slot("a")), replace(ADA, values={"a": text})
    ),
    "recipient's name": lambda text: written(LETTER, replace(ADA, name=text)),
    "sender's name": lambda text: written(replace(LETTER, sender=Mailbox(ACME.address, text))),
    "name in To": lambda text: written(replace(LETTER, to=(Mailbox(ACME.address, text),))),
    "name in Cc": lambda text: written(replace(LETTER, cc=(Mailbox(ACME.address, text),))),
    "name in Reply-To": lambda text: written(
        replace(LETTER, reply_to=(Mailbox(ACME.address, text),))
    ),
    "further field": lambda text: written(replace(LETTER, headers=(("X-Order", text),))),
    "file name": lambda text: written(
        replace(LETTER, attachments=(Attachment(f"a{text}.pdf", "application/pdf", b""),))
    ),
}


@characters
@pytest.mark.parametrize("way_in", WAYS_IN.values(), ids=WAYS_IN.keys())
def test_control_characters_are_refused(way_in: Callable[[str], bytes], character: str) -> None:
    with pytest.raises((ComposeError, AddressError)) as refusal:
        way_in(f"one{character}two")

    assert refusal.value.words
    assert refusal.value.code.endswith(("_control_character", "attachment_name"))


@pytest.mark.parametrize("way_in", WAYS_IN.values(), ids=WAYS_IN.keys())
def test_the_bytes_are_judged_even_if_nobody_looked_at_the_characters(
    way_in: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (addresses, compose, compose_parts):
        monkeypatch.setattr(room, "find_forbidden", lambda text: None)

    with suppress(ComposeError):
        assert b"\nBcc" not in way_in(INJECTION)


@pytest.mark.parametrize("field", ["subject", "name"])
def test_an_inserted_value_is_judged_by_its_bytes_alone(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "find_forbidden", lambda text: None)
    monkeypatch.setattr(compose, "unstructured", lambda name, text: f"{name}: {text}")
    monkeypatch.setattr(compose, "mailbox_tokens", lambda name, address: [name, address])
    draft = replace(LETTER, subject=Segments((slot("subject"),)))
    values = {"subject": "Hello", "name": "Ada"} | {field: INJECTION}

    with pytest.raises(ComposeError, match="header_unsafe"):
        written(draft, replace(ADA, name=values["name"], values=values))


def test_the_whole_header_is_read_again_and_its_names_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compose, "find_forbidden", lambda text: None)
    monkeypatch.setattr(compose, "checked_field", lambda line: line)
    monkeypatch.setattr(compose, "unstructured", lambda name, text, **_how: f"{name}: {text}")

    with pytest.raises(ComposeError, match="header_unsafe"):
        compile_message(replace(LETTER, subject=INJECTION))
    with pytest.raises(ComposeError, match="header_unsafe"):
        compile_message(replace(LETTER, headers=(("X-Order", "1\r\n\r\nbody"),)))


def test_the_fields_of_each_part_are_read_again_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose_parts, "find_forbidden", lambda text: None)
    monkeypatch.setattr(compose_parts, "parameter", lambda name, value: [f"{name}={value}"])
    attached = Attachment("a\r\nX-Evil: 1", "application/pdf", b"")

    with pytest.raises(ComposeError, match="header_unsafe"):
        compile_message(replace(LETTER, attachments=(attached,)))


# CVE-2024-6923: Python 3.11.7 decodes the word, then writes its line break as a line break.
ENCODED_INJECTIONS = [
    "=?utf-8?q?x=0ABcc=3A_eve=40evil=2Eexample?=",
    "=?utf-8?q?x=0D=0ABcc=3A_eve=40evil=2Eexample?=",
    "=?utf-8?b?eApCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
    "=?iso-8859-1?Q?x=0ABcc=3A_eve?= =?utf-8?q?=0A=0Abody?=",
]


@pytest.mark.parametrize("text", ENCODED_INJECTIONS)
@pytest.mark.parametrize("way_in", WAYS_IN.values(), ids=WAYS_IN.keys())
def test_a_line_break_hidden_in_an_encoded_word_stays_hidden(
    way_in: Callable[[str], bytes], text: str
) -> None:
    wire = way_in(text)

    message = read(wire)
    assert message["Bcc"] is None
    assert b"\nBcc" not in wire
    assert b"\nbody" not in wire
    assert body(message, "plain") == "Hello\n"


def test_a_subject_with_a_hidden_line_break_is_read_as_it_was_typed() -> None:
    for text in ENCODED_INJECTIONS:
        assert read(written(replace(LETTER, subject=text)))["Subject"] == text


@pytest.mark.parametrize(
    "email",
    [
        "ada@birch.example\r\nBcc: eve@evil.example",
        "ada@birch.example\n",
        "ada@birch.example, eve@evil.example",
        "Ada <ada@birch.example>",
        "ada@bücher.example",
        "ADA@BIRCH.EXAMPLE",
        '"a b"@birch.example',
        "ada",
        "",
    ],
)
def test_an_address_that_is_not_canonical_is_not_written(email: str) -> None:
    with pytest.raises(ComposeError, match="recipient_address"):
        written(LETTER, replace(ADA, email=email))


@pytest.mark.parametrize(
    "name",
    [
        *["Bcc", "To", "Subject", "Content-Type", "DKIM-Signature", "Sender"],
        *["", "X-", "X-A-", "X A", "X-Ä", "X-A: b", "X-A\r\nBcc", "X-" + "a" * 41],
    ],
)
def test_only_fields_that_begin_with_x_can_be_added(name: str) -> None:
    with pytest.raises(ComposeError, match="header_name") as refusal:
        compile_message(replace(LETTER, headers=((name, "1"),)))

    assert refusal.value.field == f"headers.{name}"


def test_a_notice_may_say_that_no_person_wrote_it() -> None:
    message = read(written(replace(LETTER, headers=(("Auto-Submitted", "auto-generated"),))))

    assert message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    "content_type",
    [
        "pdf",
        "application/pdf\r\nBcc: x",
        "multipart/mixed",
        "message/rfc822",
        "a/b; boundary=x",
        "",
    ],
)
def test_a_type_that_an_attachment_cannot_have_is_refused(content_type: str) -> None:
    with pytest.raises(ComposeError, match="attachment_type"):
        compile_message(replace(LETTER, attachments=(Attachment("a", content_type, b""),)))


def test_what_is_too_long_for_a_header_is_refused() -> None:
    long = "a " * 10_000

    with pytest.raises(ComposeError, match="subject_too_long"):
        compile_message(replace(LETTER, subject=long))
    with pytest.raises(ComposeError, match="recipient_name_too_long"):
        written(LETTER, replace(ADA, name=long))
    with pytest.raises(ComposeError, match="header_too_long"):
        compile_message(replace(LETTER, headers=(("X-Order", long),)))
    with pytest.raises(ComposeError, match="attachment_name"):
        compile_message(replace(LETTER, attachments=(Attachment(long, "a/b", b""),)))


def test_values_are_never_read_as_templates() -> None:
    draft = replace(LETTER, text=Segments(("Hello ", slot("a"))))

    message = read(written(draft, replace(ADA, values={"a": "{{ b }}", "b": "secret"})))

    assert body(message, "plain") == "Hello {{ b }}\n"


def test_a_field_is_folded_only_before_a_word() -> None:
    assert fold("To", ["a" * 70, "b" * 70]) == f"To: {'a' * 70}\r\n {'b' * 70}"
    for line in ("To: a\r\n b", "To: "):
        assert compose_parts.checked_field(line) == line
    for line in (
        "To: a\r\n",
        "To: a\r\n \r\n b",
        "To: a\n b",
        "To: a\rb",
        "To: ä",
        f"To: {'a' * 995}",
    ):
        with pytest.raises(ComposeError, match="header_unsafe"):
            compose_parts.checked_field(line)


def test_the_draft_of_these_tests_is_fit_to_be_sent() -> None:
    draft = Draft(sender=Mailbox(Address("a", "b.example")), subject="s", text="t")

    assert read(written(draft))["Subject"] == "s"
