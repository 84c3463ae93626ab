"""DKIM signatures, judged by dkimpy: they hold for what was sent and for nothing else."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from email.parser import BytesHeaderParser

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.core.secret import Secret
from portal.smtp import dkim
from portal.smtp.addresses import Address, Mailbox
from portal.smtp.compose import Attachment, Draft
from portal.smtp.dkim import Signer
from portal.smtp.protocol import Job
from tests.equipment.dkim_verifier import Verifies
from tests.equipment.postfix import Postfix
from tests.smtp.conftest import Connect
from tests.smtp.letters import ACME, LETTER, check_wire, written
from tests.smtp.sending import fates, send

SELECTOR = "lv1"
DOMAIN = ACME.address.domain
BOB = Mailbox(Address("bob", "birch.example"), "Bob")
HELP = Mailbox(Address("help", "acme.example"), "Jörg from Acme")

LETTERS = {
    "plain text": LETTER,
    "text and html": replace(LETTER, html="<p>Hello  <b>Ada</b></p>"),
    "subject in other scripts": replace(LETTER, subject="Grüße aus 東京 – " * 12),
    "folded header": replace(LETTER, subject="word " * 60 + "end", to=(BOB,) * 20, cc=(HELP,) * 9),
    "reply-to": replace(LETTER, reply_to=(HELP, BOB)),
    "further fields": replace(LETTER, headers=(("X-Order", "a " * 300 + "z"),)),
    "a way to take oneself off": replace(
        LETTER,
        unsubscribe=lambda _values: f"https://acme.example/off/{'x' * 90}",
        is_one_click=True,
    ),
    "attachments": replace(
        LETTER,
        attachments=(
            Attachment("Rechnung März.pdf", "application/pdf", bytes(range(256)) * 400),
            Attachment("empty.txt", "text/plain", b""),
        ),
    ),
    "empty body": replace(LETTER, text=""),
    "only empty lines": replace(LETTER, text="\n\n \n\t\n"),
    "dots at the beginning of lines": replace(LETTER, text=".\n..\n.dot\nlast\n."),
    "spaces at the end of lines": replace(LETTER, text="one  \ntwo\t\t\n   \nthree   "),
    "runs of spaces": replace(LETTER, text="a      b\t\tc\n        d" + " " * 90 + "e"),
    "lines longer than mail allows": replace(LETTER, text="x" * 3000 + "\n" + "Grüße" * 600),
    "no line end at the end": replace(LETTER, text="Hello"),
    "many line ends at the end": replace(LETTER, text="Hello" + "\n" * 9),
}


@pytest.fixture(scope="module")
def key() -> Secret:
    return dkim.new_key()


@pytest.fixture
def signer(key: Secret, published: dict[str, str]) -> Signer:
    name = dkim.record_name(SELECTOR, DOMAIN)
    published[name] = dkim.record_text(dkim.public_key(key))
    return Signer(key, domain=DOMAIN, selector=SELECTOR)


def received(wire: bytes) -> bytes:
    """What the reader's server has: without the doubled dots."""
    lines = [line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n")]
    return b"\r\n".join(lines)


def tags(mail: bytes) -> dict[str, str]:
    """The tags of its signature, in order."""
    field = BytesHeaderParser().parsebytes(mail)["DKIM-Signature"]
    return dict("".join(part.split()).split("=", 1) for part in field.split(";"))


@pytest.fixture
def mail(signer: Signer) -> bytes:
    """A signed mail as it is received."""
    return received(signer.sign(written(replace(LETTER, cc=(BOB,), reply_to=(HELP,)))))


class TestHolds:
    @pytest.mark.parametrize("draft", LETTERS.values(), ids=LETTERS.keys())
    def test_for_whatever_the_composer_writes(
        self, signer: Signer, verifies: Verifies, draft: Draft
    ) -> None:
        signed = signer.sign(written(draft))

        check_wire(signed)
        assert verifies(received(signed))

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    @given(
        subject=st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" ")),
        text=st.text(
            st.sampled_from(" \t.\r\n=") | st.characters(exclude_categories=["Cs"]), max_size=400
        ),
    )
    def test_for_any_subject_and_text(
        self, signer: Signer, verifies: Verifies, subject: str, text: str
    ) -> None:
        signed = signer.sign(written(replace(LETTER, subject=subject, text=text)))

        assert verifies(received(signed))

    @pytest.mark.postfix
    @pytest.mark.parametrize("draft", LETTERS.values(), ids=LETTERS.keys())
    def test_after_postfix_has_delivered_the_mail(
        self, signer: Signer, verifies: Verifies, connect: Connect, postfix: Postfix, draft: Draft
    ) -> None:
        reader = "bob@reader.test"
        session = connect(postfix.port)

        outcomes = send(session, [Job(1, "news@acme.example", reader, signer.sign(written(draft)))])

        postfix.wait_for_mail(reader)
        [delivered] = postfix.raw_mail(reader)
        assert fates(outcomes) == {1: "Sent body"}
        assert delivered.startswith(b"Return-Path:")
        assert verifies(delivered)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"Subject: Your order", b"SUBJECT:  Your\r\n\torder  "),
            (b"Date: ", b"Date:\r\n "),
            (b"DKIM-Signature: v=1;", b"Received: from a by b; now\r\nDKIM-Signature: v=1;"),
            (b"\r\n\r\nHello\r\n", b"\r\n\r\nHello  \r\n\r\n\r\n"),
            (b"From: ", b"X-Spam-Score: 0.1\r\nSender: list@birch.example\r\nFrom: "),
        ],
        ids=["folded anew", "folded after the name", "trace", "space at the end", "other fields"],
    )
    def test_after_what_relays_may_do(
        self, mail: bytes, verifies: Verifies, before: bytes, after: bytes
    ) -> None:
        changed = mail.replace(before, after, 1)

        assert changed != mail
        assert verifies(changed)


class TestBreaks:
    @pytest.mark.parametrize("name", [*dkim.ONE_ONLY, b"mime-version", b"content-type"])
    def test_when_a_signed_field_is_changed(
        self, mail: bytes, verifies: Verifies, name: bytes
    ) -> None:
        lines = mail.split(b"\r\n")
        at = next(n for n, line in enumerate(lines) if line.lower().startswith(name + b":"))
        lines[at] = lines[at][:-1] + bytes([lines[at][-1] ^ 1])

        assert not verifies(b"\r\n".join(lines))

    @pytest.mark.parametrize("name", dkim.ONE_ONLY)
    def test_when_another_is_put_above_it(
        self, mail: bytes, verifies: Verifies, name: bytes
    ) -> None:
        assert verifies(b"X-Other: field\r\n" + mail)
        assert not verifies(name + b": Eve <eve@evil.example>\r\n" + mail)

    @pytest.mark.parametrize("name", [b"cc", b"reply-to"])
    def test_when_one_is_put_where_there_was_none(
        self, signer: Signer, verifies: Verifies, name: bytes
    ) -> None:
        plain = received(signer.sign(written(LETTER)))

        assert verifies(plain)
        assert not verifies(name + b": eve@evil.example\r\n" + plain)

    @pytest.mark.parametrize(
        ("before", "after"), [(b"Hello", b"Hallo"), (b"Hello\r\n", b"Hello\r\nand buy more\r\n")]
    )
    def test_when_the_body_is_changed_or_goes_on(
        self, mail: bytes, verifies: Verifies, before: bytes, after: bytes
    ) -> None:
        assert not verifies(after.join(mail.rsplit(before, 1)))

    def test_under_another_key(
        self, mail: bytes, verifies: Verifies, published: dict[str, str]
    ) -> None:
        other = dkim.record_text(dkim.public_key(dkim.new_key()))

        published[dkim.record_name(SELECTOR, DOMAIN)] = other

        assert not verifies(mail)

    def test_when_the_domain_shows_no_key(
        self, mail: bytes, verifies: Verifies, published: dict[str, str]
    ) -> None:
        published.clear()

        assert not verifies(mail)


class TestField:
    def test_it_stands_on_top_and_says_no_more_than_it_must(self, mail: bytes) -> None:
        said = tags(mail)

        assert mail.startswith(b"DKIM-Signature: ")
        assert list(said) == ["v", "a", "c", "d", "s", "h", "bh", "b"]
        assert (said["a"], said["c"]) == ("rsa-sha256", "relaxed/relaxed")
        assert (said["d"], said["s"]) == (DOMAIN, SELECTOR)

    def test_its_lines_are_short(self, mail: bytes) -> None:
        field = mail[: mail.index(b"\r\nFrom:")]

        assert max(map(len, field.split(b"\r\n"))) <= 78

    def test_what_receivers_expect_is_signed(self, signer: Signer) -> None:
        letter = written(replace(LETTER, cc=(BOB,), reply_to=(HELP,)))
        further = b"".join(
            name + b": <x>\r\n"
            for name in (b"List-Unsubscribe", b"List-Unsubscribe-Post", b"In-Reply-To")
        )

        signed = signer.sign(further + b"References: <x>\r\n" + letter)

        names = tags(signed)["h"].encode().split(b":")
        assert set(names) == {*dkim.ONE_ONLY, *dkim.IF_PRESENT}
        assert {name for name in names if names.count(name) == 2} == set(dkim.ONE_ONLY)

    def test_what_the_next_server_writes_anew_is_left_out(
        self, signer: Signer, verifies: Verifies
    ) -> None:
        anew = frozenset({b"date", b"message-id"})

        signed = received(signer.sign(written(LETTER), but=anew))

        names = tags(signed)["h"].encode().split(b":")
        assert anew.isdisjoint(names)
        assert names.count(b"subject") == 2
        other_id = b"Message-ID: <0100@email.amazonses.com>"
        assert verifies(re.sub(rb"(?m)^Message-ID: .*(?=\r$)", other_id, signed))
        assert b"\r\nDate: " in signed
        assert verifies(signed.replace(b"\r\nDate: ", b"\r\nDate: Sun, 22 Nov 2026 or"))
        assert not verifies(signed.replace(b"\r\nSubject: ", b"\r\nSubject: Re: "))

    def test_one_click_to_take_oneself_off_is_signed(self, signer: Signer) -> None:
        """RFC 8058 4: or readers' programs do not offer it."""
        signed = signer.sign(written(LETTERS["a way to take oneself off"]))

        names = set(tags(signed)["h"].split(":"))
        assert {"list-unsubscribe", "list-unsubscribe-post"} <= names

    def test_every_copy_is_byte_for_byte_the_same(self, signer: Signer) -> None:
        assert signer.sign(written(LETTER)) == signer.sign(written(LETTER))

    def test_a_field_that_is_there_twice_is_not_vouched_for(self, signer: Signer) -> None:
        doubled = b"From: Eve <eve@evil.example>\r\n" + written(LETTER)

        with pytest.raises(ValueError, match="from is there twice"):
            signer.sign(doubled)


class TestCanonicalForms:
    def test_header_and_body_of_the_example_in_the_standard(self) -> None:
        """RFC 6376 3.4.5."""
        head = b"From: X \r\nSUBJect : Y\t\r\n\tZ  "
        body = b" C \r\nD \t E\r\n\r\n\r\n"

        assert dkim.relaxed_fields(head) == {b"from": b"from:X", b"subject": b"subject:Y Z"}
        assert dkim.relaxed_body(body) == b" C\r\nD E\r\n"

    @pytest.mark.parametrize("body", [b"", b"\r\n", b" \r\n\t\r\n\r\n"])
    def test_a_body_of_nothing_is_empty(self, body: bytes) -> None:
        assert dkim.relaxed_body(body) == b""

    @pytest.mark.parametrize("body", [b"", b".", b"..\r\n", b"a\r\n.\r\n..b\r\n.", b"a.\r\nb"])
    def test_doubled_dots_are_taken_off(self, body: bytes) -> None:
        stuffed = b"\r\n".join(
            b"." + line if line.startswith(b".") else line for line in body.split(b"\r\n")
        )

        assert dkim.unstuffed(stuffed) == body


class TestKey:
    def test_the_record_names_selector_and_domain(self) -> None:
        assert dkim.record_name("lv1", "acme.example") == "lv1._domainkey.acme.example"

    def test_the_record_has_the_public_half_of_2048_bits(self, key: Secret) -> None:
        record = dkim.record_text(dkim.public_key(key))

        public = load_der_public_key(base64.b64decode(record.removeprefix("v=DKIM1; k=rsa; p=")))
        assert isinstance(public, RSAPublicKey)
        assert public.key_size == 2048

    def test_no_two_are_alike(self, key: Secret) -> None:
        assert dkim.public_key(dkim.new_key()) != dkim.public_key(key)
