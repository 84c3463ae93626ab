"""Composed messages: read back they say what was meant, and every copy is the same."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp.addresses import Address, Mailbox
from portal.smtp.compose import (
    Attachment,
    ComposeError,
    Draft,
    Recipient,
    compile_message,
    message_id,
)
from portal.smtp.compose_headers import mailbox_tokens
from portal.smtp.protocol import is_safe
from portal.smtp.segments import Segments
from tests.smtp.letters import (
    ACME,
    ADA,
    LETTER,
    NOON,
    as_lines,
    body,
    check_wire,
    read,
    slot,
    written,
)

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
header_characters = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters=f"\u2028\u2029{BIDI}"
)
# What breaks encoders, more often than chance would bring it.
awkward = st.sampled_from(
    [
        "=?utf-8?q?x?=",
        "=?",
        "?=",
        "  ",
        " ",
        ",",
        '"',
        "\\",
        "<",
        "@",
        ";",
        "ü",
        "🦊",
        "e\u0301",
        "a" * 90,
    ]
)
header_text = st.lists(st.text(header_characters, max_size=8) | awkward, max_size=12).map("".join)
names = header_text.map(lambda text: text[:200])
texts = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(
        [".", "\n", "\r\n", "\r", "\n.", "=", "=_", " \n", "\t", "From ", "x" * 77, "ü" * 40]
    ),
    max_size=12,
).map("".join)
mailboxes = st.builds(
    Mailbox,
    st.sampled_from([Address("ada", "acme.example"), Address("b" * 60, "birch.test")]),
    names,
)
lists_of_mailboxes = st.lists(mailboxes, min_size=1, max_size=5).map(tuple)


def said(mailboxes: object) -> list[tuple[str, str]]:
    return [(tidy(mailbox.display_name), mailbox.addr_spec) for mailbox in mailboxes]  # type: ignore[attr-defined]


def meant(mailboxes: tuple[Mailbox, ...]) -> list[tuple[str, str]]:
    return [(tidy(mailbox.name), str(mailbox.address)) for mailbox in mailboxes]


def tidy(name: str) -> str:
    """A name without its spaces: the library makes some up between two encoded words of a name.

    That the spaces are right is shown by reading the words alone.
    """
    return "".join(name.split())


def test_a_message_reads_as_it_was_meant() -> None:
    draft = replace(LETTER, text="Hello\n", html="<p>Hello</p>\n")

    wire = written(draft)

    boundary = wire.partition(b'boundary="')[2].partition(b'"')[0].decode()
    assert wire.decode("ascii").split("\r\n") == [
        "From: Acme <news@acme.example>",
        "To: Ada Admin <ada@birch.example>",
        "Subject: Your order",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        f"Message-ID: {message_id('delivery 1', 'acme.example')}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        f"--{boundary}",
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Transfer-Encoding: 7bit",
        "",
        "Hello",
        "",
        f"--{boundary}",
        'Content-Type: text/html; charset="utf-8"',
        "Content-Transfer-Encoding: 7bit",
        "",
        "<p>Hello</p>",
        "",
        f"--{boundary}--",
        "",
    ]


@given(
    subject=header_text,
    text=st.none() | texts,
    html=st.none() | texts,
    sender=mailboxes,
    to=st.none() | lists_of_mailboxes,
    cc=st.just(()) | lists_of_mailboxes,
    reply_to=st.just(()) | lists_of_mailboxes,
    name=names,
    headers=st.lists(
        st.tuples(st.sampled_from(["X-Order", "X-A", "x-" + "b" * 38]), header_text), max_size=3
    ),
    files=st.lists(
        st.tuples(names.map(str.strip).filter(bool), st.binary(max_size=200)), max_size=2
    ),
)
def test_whatever_is_meant_is_what_the_reader_sees(
    subject: str,
    text: str | None,
    html: str | None,
    sender: Mailbox,
    to: tuple[Mailbox, ...] | None,
    cc: tuple[Mailbox, ...],
    reply_to: tuple[Mailbox, ...],
    name: str,
    headers: list[tuple[str, str]],
    files: list[tuple[str, bytes]],
) -> None:
    if text is None and html is None:
        text = ""
    draft = Draft(
        sender=sender,
        subject=subject,
        text=text,
        html=html,
        to=to,
        cc=cc,
        reply_to=reply_to,
        headers=tuple(headers),
        attachments=tuple(Attachment(file, "application/pdf", content) for file, content in files),
    )
    recipient = replace(ADA, name=name)

    message = read(written(draft, recipient))

    assert message["Subject"] == subject
    assert said(message["From"].addresses) == meant((sender,))
    assert said(message["To"].addresses) == (meant(to) if to else [(tidy(name), ADA.email)])
    assert said(message["Cc"].addresses if cc else ()) == meant(cc)
    assert said(message["Reply-To"].addresses if reply_to else ()) == meant(reply_to)
    assert message["Date"].datetime == NOON
    assert [(n, str(v)) for n, v in message.items() if n.lower().startswith("x-")] == headers
    assert (message.get_body(("plain",)) is None) == (text is None)
    assert (message.get_body(("html",)) is None) == (html is None)
    if text is not None:
        assert body(message, "plain") == as_lines(text)
    if html is not None:
        assert body(message, "html") == as_lines(html)
    assert [(a.get_filename(), a.get_content()) for a in message.iter_attachments()] == files


@given(names)
def test_a_name_is_read_to_the_letter(name: str) -> None:
    *phrase, address = mailbox_tokens(name, "ada@birch.example")

    as_read = str(make_header(decode_header(" ".join(phrase))))
    unquoted = as_read[1:-1].replace('\\"', '"').replace("\\\\", "\\")

    kept = " ".join(word for word in name.split(" ") if word)
    assert kept == (unquoted if " ".join(phrase).startswith('"') else as_read)
    assert address == ("<ada@birch.example>" if kept else "ada@birch.example")


# The library reads encoded words in what it is told to say, and folds spaces and long words in its
# own way; where the text gives it no occasion, both must agree on everything.
plain_words = st.lists(
    st.text("abcXYZ0189.,;:'!", min_size=1, max_size=9), min_size=1, max_size=9
).map(" ".join)


@given(plain_words, plain_words, texts, texts, plain_words, st.binary(max_size=300))
def test_the_standard_library_would_say_the_same(
    subject: str, name: str, text: str, html: str, order: str, content: bytes
) -> None:
    theirs = EmailMessage(policy=SMTP)
    theirs["From"] = "Acme <news@acme.example>"
    theirs["To"] = theirs["Cc"] = "ada@birch.example"
    theirs["Subject"] = subject
    theirs["Date"] = NOON
    theirs["Message-ID"] = message_id(ADA.seed, "acme.example")
    theirs["X-Order"] = order
    theirs.set_content(as_lines(text), cte="quoted-printable")
    theirs.add_alternative(as_lines(html), subtype="html", cte="quoted-printable")
    theirs.add_attachment(content, maintype="application", subtype="pdf", filename="order.pdf")
    draft = Draft(
        sender=ACME,
        subject=subject,
        text=text,
        html=html,
        cc=(Mailbox(Address("ada", "birch.example")),),
        headers=(("X-Order", order),),
        attachments=(Attachment("order.pdf", "application/pdf", content),),
    )

    ours = read(written(draft, replace(ADA, name="")))

    assert {name: str(ours[name]) for name in ours if name != "Content-Type"} == {
        name: str(theirs[name]) for name in theirs if name != "Content-Type"
    }
    assert [part.get_content_type() for part in ours.walk()] == [
        part.get_content_type() for part in theirs.walk()
    ]
    for our_part, their_part in zip(ours.walk(), theirs.walk(), strict=True):
        if not our_part.is_multipart():
            assert our_part.get_content_disposition() == their_part.get_content_disposition()
            assert our_part.get_filename() == their_part.get_filename()
            mine, yours = our_part.get_content(), their_part.get_content()
            assert (mine if isinstance(mine, bytes) else as_lines(mine)) == (
                yours if isinstance(yours, bytes) else as_lines(yours)
            )


values = st.dictionaries(
    st.sampled_from("abc"), st.text("abc .=\t", max_size=90) | texts | header_text, min_size=3
)
literals = st.lists(
    st.text("ab .=<>\t", max_size=90) | st.sampled_from(["\n", "\n.", " \n", "ü", "x" * 120]),
    max_size=3,
).map("".join)
contents = st.lists(literals | st.sampled_from([slot("a"), slot("b"), slot("c")]), max_size=9).map(
    lambda parts: Segments(tuple(parts))
)


@given(contents, contents, values, values)
def test_values_fill_their_holes_whatever_they_are(
    text: Segments, html: Segments, first: dict[str, object], second: dict[str, object]
) -> None:
    compiled = compile_message(replace(LETTER, text=text, html=html))

    messages = [read(compiled.render(replace(ADA, values=each))) for each in (first, second)]

    for message, each in zip(messages, (first, second), strict=True):
        assert body(message, "plain") == as_lines(text.merged(each))
        assert body(message, "html") == as_lines(html.merged(each))


@given(contents, contents, contents, values, header_text)
def test_what_needs_no_second_look_is_safe(
    subject: Segments, text: Segments, html: Segments, each: dict[str, object], name: str
) -> None:
    compiled = compile_message(replace(LETTER, subject="Hello", text=text, html=html))
    with suppress(ComposeError):
        compiled = compile_message(replace(LETTER, subject=subject, text=text, html=html))

    with suppress(ComposeError):
        data, is_vetted = compiled.write(replace(ADA, name=name.strip(), values=each))

        assert is_safe(data) or not is_vetted


def test_plain_values_need_no_second_look_and_what_is_laid_out_anew_does() -> None:
    compiled = compile_message(replace(LETTER, text=Segments(("Dear ", slot("a"), "\n.\n"))))

    vetted = [
        compiled.write(replace(ADA, values={"a": value}))[1]
        for value in ("Ada", "x\n.\n", "x" * 99)
    ]

    assert vetted == [True, False, False]


@given(contents, values)
def test_a_body_made_in_one_piece_reads_the_same_as_one_with_holes(
    text: Segments, each: dict[str, object]
) -> None:
    recipient = replace(ADA, values=each)

    with_holes = read(written(replace(LETTER, text=text), recipient))
    in_one_piece = read(written(replace(LETTER, text=text.merged), recipient))

    assert body(with_holes, "plain") == body(in_one_piece, "plain")


@given(values)
def test_a_second_rendering_is_byte_for_byte_the_same(each: dict[str, object]) -> None:
    draft = replace(LETTER, text=Segments(("Dear ", slot("a"), "\n")), html=slot("b"))
    recipient = replace(ADA, values=each)
    compiled = compile_message(draft)
    once = compiled.render(recipient)

    compiled.render(replace(ADA, values={"a": "somebody", "b": "else"}))

    assert compiled.render(recipient) == once
    assert compile_message(draft).render(recipient) == once


@pytest.mark.parametrize("subject", [Segments(("For ", slot("a"))), lambda v: f"For {v['a']}"])
@given(a=header_text)
def test_a_merged_subject_is_read_to_the_letter(subject: Segments, a: str) -> None:
    message = read(written(replace(LETTER, subject=subject), replace(ADA, values={"a": a})))

    assert message["Subject"] == f"For {a}"


@given(header_text, names, st.lists(mailboxes, min_size=1, max_size=8).map(tuple))
def test_header_lines_stay_short_where_words_allow(
    subject: str, name: str, cc: tuple[Mailbox, ...]
) -> None:
    wire = written(replace(LETTER, subject=subject, cc=cc), replace(ADA, name=name))

    for line in wire.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        assert len(line) <= 78 or b"@" in line


def test_a_long_word_in_a_field_for_programs_is_not_touched() -> None:
    token = "t" * 700

    wire = written(replace(LETTER, headers=(("X-Token", f"a {token} b"),)))

    assert f"X-Token: a\r\n {token}\r\n b\r\n".encode() in wire


def test_a_word_longer_than_any_line_is_encoded() -> None:
    token = "t" * 1500

    message = read(written(replace(LETTER, headers=(("X-Token", token),))))

    assert message["X-Token"] == token


def test_text_that_looks_like_an_encoded_word_stays_text() -> None:
    looks = "=?utf-8?q?Bcc=3A_eve?="

    message = read(written(replace(LETTER, subject=looks), replace(ADA, name=looks)))

    assert message["Subject"] == looks
    assert message["To"].addresses[0].display_name == looks
    assert message["Bcc"] is None


def test_the_seed_alone_makes_the_message_id() -> None:
    first = read(written(LETTER, ADA))
    other = read(written(LETTER, replace(ADA, seed="delivery 2")))

    assert first["Message-ID"] == message_id("delivery 1", "acme.example")
    assert other["Message-ID"] != first["Message-ID"]


def test_a_seed_that_fits_can_be_read_in_the_message_id() -> None:
    message = read(written(LETTER, replace(ADA, seed="msg_5f0c.7")))

    assert message["Message-ID"] == "<msg_5f0c.7@acme.example>"


def test_a_seed_that_does_not_fit_smuggles_nothing_in() -> None:
    message = read(written(LETTER, replace(ADA, seed="x@evil.example>\r\nBcc: a@b.example")))

    assert re.fullmatch(r"<[0-9a-f]{32}@acme\.example>", message["Message-ID"])
    assert message["Bcc"] is None


def test_the_message_id_may_have_its_own_domain() -> None:
    message = read(written(replace(LETTER, message_id_domain="mail.acme.example")))

    assert message["Message-ID"].endswith("@mail.acme.example>")


def test_the_date_is_written_in_utc_and_must_know_its_zone() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=2)))

    assert b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n" in written(LETTER, replace(ADA, date=there))
    with pytest.raises(ValueError, match="zone"):
        written(LETTER, replace(ADA, date=datetime(2026, 11, 21, 12, 0)))  # noqa: DTZ001


def test_a_shared_to_names_everybody_and_never_the_hidden_recipient() -> None:
    draft = replace(LETTER, to=(Mailbox(Address("bob", "birch.example"), "Bob"),), cc=(ACME,))

    message = read(written(draft, Recipient("hidden@birch.example", seed="3", date=NOON)))

    assert message["To"] == "Bob <bob@birch.example>"
    assert message["Cc"] == "Acme <news@acme.example>"
    assert b"hidden" not in written(draft, Recipient("hidden@birch.example", seed="3", date=NOON))


def test_a_boundary_cannot_be_forged_by_a_body() -> None:
    draft = replace(LETTER, text="Hello", html="<p>Hello</p>")
    boundary = read(written(draft)).get_boundary()

    message = read(written(replace(draft, text=f"--{boundary}\n\nforged\n--{boundary}--\n")))

    assert len(list(message.iter_parts())) == 2
    assert "forged" in body(message, "plain")


def test_a_short_value_stands_in_its_line_as_it_is() -> None:
    draft = replace(LETTER, text=Segments(("Hello ", slot("a"), ",\n\nwelcome.\n")))

    wire = written(draft, replace(ADA, values={"a": "Ada"}))

    assert wire.endswith(b"\r\n\r\nHello Ada,\r\n\r\nwelcome.\r\n")


@pytest.mark.parametrize(
    "value", ["=41", "a=3D", " ", "a ", "a\t", "x" * 60, "x" * 51, "=" * 40, "ü" * 9]
)
@pytest.mark.parametrize(
    "literals", [("", ""), ("Dear ", " "), ("Dear ", "\n"), ("<" * 25, ">" * 30)]
)
def test_a_value_is_quoted_where_it_must_be(value: str, literals: tuple[str, str]) -> None:
    text = Segments((literals[0], slot("a"), literals[1]))

    message = read(written(replace(LETTER, text=text), replace(ADA, values={"a": value})))

    assert body(message, "plain") == as_lines(literals[0] + value + literals[1])


@pytest.mark.parametrize("value", ["two  spaces", "at the end ", " at the beginning", "=?x?="])
def test_a_subject_whose_spaces_matter_is_encoded(value: str) -> None:
    subject = Segments((slot("a"),))

    wire = written(replace(LETTER, subject=subject), replace(ADA, values={"a": value}))

    assert b"Subject: =?utf-8?" in wire
    assert read(wire)["Subject"] == value


@pytest.mark.parametrize("value", [".", "..", ".\n.", "x" * 74 + ".", "\n.\n"])
@pytest.mark.parametrize(
    "literals", [("", ""), ("", "."), ("a\n", "\n.b"), ("x" * 75, ""), ("x" * 75 + ".", "")]
)
def test_dots_that_begin_a_line_are_doubled(value: str, literals: tuple[str, str]) -> None:
    text = Segments((literals[0], slot("a"), literals[1]))

    wire = written(replace(LETTER, text=text), replace(ADA, values={"a": value}))

    check_wire(wire)
    assert body(read(wire), "plain") == as_lines(literals[0] + value + literals[1])


def test_a_message_needs_something_to_say() -> None:
    with pytest.raises(ComposeError, match="content_missing"):
        compile_message(replace(LETTER, text=None))


@pytest.mark.parametrize("field", ["text", "html"])
def test_half_a_character_is_refused_wherever_it_comes_from(field: str) -> None:
    half = {"a": "\ud83e"}

    for content in ("x\ud83e", Segments(("\ud83e", slot("b")))):
        with pytest.raises(ComposeError, match="text_not_unicode"):
            compile_message(replace(LETTER, **{field: content}))  # type: ignore[arg-type]
    for merged in (Segments(("x", slot("a"))), slot("a")):
        with pytest.raises(ComposeError, match="text_not_unicode"):
            written(replace(LETTER, **{field: merged}), replace(ADA, values=half))  # type: ignore[arg-type]
