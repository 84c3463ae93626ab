"""What is asked for: one message, complete, before anything is looked up or stored.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.outbox.states import Category
from portal.smtp.addresses import Address, Mailbox


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody in To, with the values that are theirs alone."""

    mailbox: Mailbox
    values: Mapping[str, Any] = field(default_factory=dict)


def somebody(count: int = 1) -> tuple[Recipient, ...]:
    """So many recipients of a question about a route that names none."""
    return tuple(
        Recipient(Mailbox(Address(f"somebody-{number}", "recipient.invalid")))
        for number in range(1, count + 1)
    )


@dataclass(frozen=True, slots=True)
class File:
    """An attachment."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OwnContent:
    """Literal content; it is never read as a template."""

    subject: str
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class FromTemplate:
    """A template by slug, in a language or its default."""

    slug: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One message. `white_label_id` None is the portal's own mail.

    With several recipients in `to`, everybody sees them all in the header; with `is_individual`
    each gets a message of their own.
    """

    white_label_id: int | None
    to: tuple[Recipient, ...]
    content: OwnContent | FromTemplate
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    category: Category = Category.TRANSACTIONAL
    sender: int | str | None = None
    app_id: int | None = None
    agent_id: int | None = None
    author_id: int | None = None
    send_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[File, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    is_individual: bool = False
    is_test: bool = False
    public_id: str | None = None  # chosen beforehand, so that the store refuses the same one twice

    def deliveries(self) -> tuple[Recipient, ...]:
        """Everybody who gets a copy, once each however often they are named."""
        everybody = (*self.to, *(Recipient(mailbox) for mailbox in (*self.cc, *self.bcc)))
        once = {recipient.mailbox.address.folded: recipient for recipient in reversed(everybody)}
        return tuple(reversed(once.values()))
