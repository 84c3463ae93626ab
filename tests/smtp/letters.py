"""Drafts and recipients for tests of the composer, and how their bytes are read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP

from portal.smtp.addresses import Address, Mailbox
from portal.smtp.compose import Draft, Recipient, compile_message

ACME = Mailbox(Address("news", "acme.example"), "Acme")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

LETTER = Draft(sender=ACME, subject="Your order", text="Hello", seed="version 7")
ADA = Recipient(email="ada@birch.example", name="Ada Admin", seed="delivery 1", date=NOON)


def slot(name: str) -> Callable[[Mapping[str, object]], str]:
    """A hole for the value of that name; the same hole each time it is asked for."""
    return SLOTS.setdefault(name, lambda values: str(values[name]))


SLOTS: dict[str, Callable[[Mapping[str, object]], str]] = {}


def written(draft: Draft, recipient: Recipient = ADA) -> bytes:
    return compile_message(draft).render(recipient)


def read(wire: bytes) -> EmailMessage:
    """What a receiving server's mail program sees: dots taken off, then parsed."""
    check_wire(wire)
    lines = [line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n")]
    message = BytesParser(EmailMessage, policy=SMTP).parsebytes(b"\r\n".join(lines))
    for part in message.walk():
        assert not part.defects
    return message


def check_wire(wire: bytes) -> None:
    """What must hold for any message, whatever is in it."""
    assert wire.endswith(b"\r\n")
    assert wire.isascii()
    for line in wire.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert b"\0" not in line
        assert len(line) <= 998
        assert not line.startswith(b".") or line.startswith(b"..")
    for line in wire.partition(b"\r\n\r\n")[2].split(b"\r\n"):
        assert len(line.removeprefix(b".")) <= 78
        assert not line.endswith((b" ", b"\t"))


def body(message: EmailMessage, subtype: str) -> str:
    """The plain or HTML text with one kind of line end."""
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def as_lines(text: str) -> str:
    """Text as every mail carries it: whole lines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") else f"{lines}\n"
