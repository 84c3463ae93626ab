"""One delivery's mail, as it left or will leave: written by the composer again and read back.

The composer gives the same bytes for the same row, so this is not a likeness but the mail itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.domains import signing
from portal.domains.signing import Signature
from portal.outbox import composition
from portal.outbox.models import Delivery, Message
from portal.outbox.states import WAITING, State
from portal.outbox.submission import File
from portal.outbox.unsubscribing import link_of

_doubled_dot = re.compile(rb"^\.\.", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that was sent along."""

    filename: str
    content_type: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What the recipient reads."""

    headers: tuple[tuple[str, str], ...]
    subject: str
    text: str | None
    html: str | None
    files: tuple[Part, ...]
    size: int  # bytes on the wire


def is_for_the_recipient_only(message: Message) -> bool:
    """The portal's own mail carries links that let their reader in: nobody else may see them."""
    return message.app_id is None and "notice" in message.details


def letter_of(delivery: Delivery) -> Letter:
    """The mail of this delivery.

    Raises:
        PermissionError: it is for the recipient only.
        Refusal: it cannot be written (any more).
    """
    message = delivery.message
    if is_for_the_recipient_only(message):
        raise PermissionError("a notice is not shown to anybody but its recipient")
    files = [File(file.filename, file.content_type, file.content) for file in message.attachments]
    link = link_of(db.session(), message)
    writer = composition.compiled(message, message.template_text, files, link=link)
    wire = writer.render(
        composition.recipient(
            message.public_id,
            delivery.position,
            email=delivery.email,
            name=delivery.name,
            date=message.send_at or message.created_at,
            shared=composition.shared_values(message),
            own=delivery.values,
            link=link,
        )
    )
    return read_back(wire, files)


def signature_of(delivery: Delivery) -> Signature | None:
    """Whose key signed this mail as it left, or will; None where none did, or that is not known.

    The signature itself is made on the way out and not kept: private keys are for the engine.
    """
    message = delivery.message
    if message.white_label_id is None:
        return None
    if delivery.state is State.SENT:
        moment = delivery.settled_at or clock.now()
    elif delivery.state in (*WAITING, State.SENDING):
        moment = clock.now()
    else:
        return None
    return signing.signature_at(message.white_label_id, message.from_email, moment)


def read_back(wire: bytes, files: Sequence[File] = ()) -> Letter:
    """What the composer wrote, as its reader sees it."""
    mail = message_from_bytes(_doubled_dot.sub(b".", wire), policy=policy.default)
    return Letter(
        headers=tuple((name, str(value)) for name, value in mail.items()),
        subject=str(mail["Subject"] or ""),
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        files=tuple(Part(file.filename, file.content_type, len(file.content)) for file in files),
        size=len(wire),
    )


def subject_of(delivery: Delivery) -> str:
    """Its subject alone, as a list shows it; nothing for what is for the recipient only."""
    message = delivery.message
    if is_for_the_recipient_only(message):
        return ""
    if message.template_text is None:
        return message.subject or ""
    written = composition.recipient(
        message.public_id,
        delivery.position,
        email=delivery.email,
        name=delivery.name,
        date=message.created_at,
        shared=composition.shared_values(message),
        own=delivery.values,
    )
    source = message.template_text.subject
    try:
        return composition.subject_template(source).merged(written.values)
    except Refusal:
        return source


def _body(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else None
