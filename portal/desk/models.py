"""Threads between a white label and the Backoffice, what was said in them, and who has seen it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.core.db import BigId, Model, UtcTime, enum_of
from portal.core.words import told
from portal.white_labels.models import WhiteLabel


class About(StrEnum):
    GENERAL = "general"  # a question, an answer, a notice
    DOMAIN_REQUEST = "domain_request"  # hangs on a request for a domain
    FEATURE = "feature"  # something to be switched on


class Side(StrEnum):
    WHITE_LABEL = "white_label"  # one of its admins
    BACKOFFICE = "backoffice"  # one of the platform's owners
    PORTAL = "portal"  # nobody: the portal tells both of them what happened


class Thread(Model):
    """A conversation of one white label with the Backoffice.

    What a list shows and sorts by is kept in the row, so that no list reads the messages.
    """

    __tablename__ = "desk_thread"
    # A list is read from the thread with the newest message on.
    __table_args__ = (
        Index("ix_desk_thread_white_label_id", "white_label_id", "newest_id"),
        Index("ix_desk_thread_newest_id", "newest_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"))
    about: Mapped[About] = mapped_column(enum_of(About))
    subject: Mapped[str] = mapped_column(String(120))
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    messages: Mapped[int] = mapped_column(default=0)  # how many
    newest_id: Mapped[int] = mapped_column(BigId, default=0)  # of its messages
    newest_at: Mapped[datetime] = mapped_column(UtcTime)
    # Of the two sides: who spoke last, so who waits for whom. What the portal tells leaves it.
    newest_side: Mapped[Side | None] = mapped_column(enum_of(Side))

    white_label: Mapped[WhiteLabel] = relationship()
    opened_by: Mapped[Person | None] = relationship(foreign_keys=[opened_by_id])
    closed_by: Mapped[Person | None] = relationship(foreign_keys=[closed_by_id])

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None


class DeskMessage(Model):
    """What somebody said, as plain text, with the files they added."""

    __tablename__ = "desk_message"
    # A form that is sent twice says it once.
    __table_args__ = (
        Index("ix_desk_message_thread_id", "thread_id", "id"),
        UniqueConstraint("author_id", "once"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("desk_thread.id"))
    side: Mapped[Side] = mapped_column(enum_of(Side))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # None: the portal
    at: Mapped[datetime] = mapped_column(UtcTime)
    text: Mapped[str] = mapped_column(Text)  # the portal's own as it is kept, see `words`
    once: Mapped[str | None] = mapped_column(String(32))  # the token of the form it came with

    thread: Mapped[Thread] = relationship()
    author: Mapped[Person | None] = relationship()
    files: Mapped[list[DeskFile]] = relationship(order_by="DeskFile.id")

    @property
    def words(self) -> str:
        """What is read: what the portal said itself, in the language of whoever reads it now."""
        return told(self.text) if self.side is Side.PORTAL else self.text


class DeskFile(Model):
    """A picture that was drawn anew, or plain text."""

    __tablename__ = "desk_file"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("desk_message.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(40))  # its media type, as we found it
    size: Mapped[int]  # bytes
    width: Mapped[int | None]  # pixels, of a picture
    height: Mapped[int | None]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    preview: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # a small picture

    @property
    def is_picture(self) -> bool:
        return self.width is not None


class Unread(Model):
    """Somebody has not yet seen what the other side wrote in a thread; reading deletes the row.

    Rows of what is unread, not of what was read: to count them costs as much as there is to
    read, however long the desk's history is, and whoever joins later owes nothing to it.
    """

    __tablename__ = "desk_unread"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    thread_id: Mapped[int] = mapped_column(ForeignKey("desk_thread.id"), primary_key=True)
    first_id: Mapped[int] = mapped_column(BigId)  # the first message that is new to them
    newest_id: Mapped[int] = mapped_column(BigId)
    mails: Mapped[int] = mapped_column(SmallInteger, default=0)  # sent about it since
    mailed_at: Mapped[datetime | None] = mapped_column(UtcTime)
