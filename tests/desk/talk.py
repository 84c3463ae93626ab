"""Conversations that tests begin, and what they look at afterwards."""

from __future__ import annotations

from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db, reading
from portal.desk import conversations, threads
from portal.desk.attachments import Attached
from portal.desk.models import DeskMessage, Thread
from portal.outbox.models import Delivery, Message
from portal.white_labels.models import WhiteLabel

TEXT = Attached("note.txt", "text/plain", b"words")


def begin(
    white_label: WhiteLabel,
    author: Person | None,
    subject: str = "More mail",
    text: str = "Please raise our limit.",
    **facts: object,
) -> Thread:
    """A conversation of this white label."""
    begun = threads.open_thread(
        white_label,
        subject=subject,
        text=text,
        author=author,
        **facts,  # type: ignore[arg-type]
    )
    db.session.commit()
    return begun


def say(thread: Thread, author: Person, text: str = "More.", **facts: object) -> DeskMessage:
    message = threads.write(thread, author=author, text=text, **facts)  # type: ignore[arg-type]
    db.session.commit()
    return message


def look_at(thread: Thread, person: Person) -> None:
    """What a page does that shows it."""
    db.session.rollback()
    with reading():
        conversations.mark_read(thread, person)
        db.session.rollback()


def mails() -> list[Message]:
    """What was mailed, the oldest first."""
    return list(db.session.scalars(select(Message).order_by(Message.id)))


def mailed_to() -> list[str]:
    return list(db.session.scalars(select(Delivery.email).order_by(Delivery.id)))


def said(thread: Thread) -> list[str]:
    return [message.text for message in conversations.page_of_messages(thread).rows]
