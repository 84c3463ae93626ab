"""Senders as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.core.db import Model, UtcTime
from portal.smtp_settings.models import SmtpServer


class Sender(Model):
    """From name, From address and Reply-To, carried by one server.

    The platform's own senders have no white label. A white label's sender on one of the
    platform's servers has a white label and that platform server.
    """

    __tablename__ = "sender"

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int | None] = mapped_column(ForeignKey("white_label.id"), index=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("smtp_server.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120))
    reply_to: Mapped[str | None] = mapped_column(String(254))
    is_primary: Mapped[bool] = mapped_column(default=False)  # the server's first sender
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)

    server: Mapped[SmtpServer] = relationship()


class SenderDefault(Model):
    """Whose default a sender is: at most one for each person."""

    __tablename__ = "sender_default"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey("sender.id"), index=True)

    person: Mapped[Person] = relationship()
    sender: Mapped[Sender] = relationship()
