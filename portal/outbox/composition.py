"""From a stored message to what the composer needs: one place for accepting and for sending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portal.mail_templates.models import TemplateText
from portal.outbox.models import Message
from portal.outbox.submission import File, Recipient
from portal.smtp import compose
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp.compose import Attachment, CompiledMessage, Draft, compile_message

TRIED_AT_ACCEPT = 50
"""Recipients whose mail is written once before anything is promised; the rest differ in values."""


def compiled(message: Message, text: TemplateText | None, files: Sequence[File]) -> CompiledMessage:
    """The message, ready to be written for each recipient.

    Raises:
        Refusal: something in it cannot be written as mail; `field` says what.
    """
    return compile_message(
        Draft(
            sender=Mailbox(parse_address(message.from_email), message.from_name),
            reply_to=tuple(_mailbox(item) for item in message.route_reply_to),
            to=tuple(_mailbox(item) for item in message.to_header) if message.to_header else None,
            cc=tuple(_mailbox(item) for item in message.cc_header),
            subject=message.subject or "",
            text=message.text,
            html=message.html,
            headers=tuple(message.headers.items()),
            attachments=tuple(
                Attachment(file.filename, file.content_type, file.content) for file in files
            ),
            seed=message.public_id,
        )
    )


def seed_of(public_id: str, position: int) -> str:
    """What makes one delivery's Message-ID its own; every copy of it has the same."""
    return f"{public_id}.{position}"


def values_for(
    recipient_values: Mapping[str, Any] | None, message_values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What a recipient's holes are filled with: their own values before the message's."""
    if not message_values:
        return recipient_values or {}
    return {**message_values, **(recipient_values or {})}


def check(
    message: Message,
    text: TemplateText | None,
    files: Sequence[File],
    recipients: Sequence[Recipient],
) -> None:
    """Write the mail before it is promised, so that what cannot be written is refused now.

    Raises:
        Refusal: it cannot be written; nothing was stored.
    """
    writer = compiled(message, text, files)
    for position, recipient in enumerate(recipients[:TRIED_AT_ACCEPT], start=1):
        writer.render(
            compose.Recipient(
                str(recipient.mailbox.address),
                seed=seed_of(message.public_id, position),
                date=message.send_at or message.created_at,
                name=recipient.mailbox.name,
                values=values_for(recipient.values, message.values),
            )
        )


def _mailbox(item: Mapping[str, str]) -> Mailbox:
    return Mailbox(parse_address(item["email"]), item["name"])
