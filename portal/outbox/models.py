"""Messages, their deliveries and attempts, as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import BigId, Json, KeptWords, Model, UtcTime, enum_of
from portal.mail_templates.models import TemplateText
from portal.outbox.states import Category, Reason, State
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel

PLATFORM = 0
"""`Delivery.tenant` of mail that the portal itself writes."""

# Written out, because a partial index is used only where the store can see that it applies.
IS_WAITING = text("state IN ('scheduled', 'queued', 'deferred')")
IS_SENDING = text("state = 'sending'")
IS_NOTABLE = text("state NOT IN ('queued', 'sending', 'sent')")
IS_OF_A_CAMPAIGN = text("campaign_id IS NOT NULL")


class Message(Model):
    """One accepted submission, with the route that was decided for it and why.

    The server, sender and owner are kept as they were when the route was decided; a lane
    compares them with the present before it sends.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("ix_message_white_label_id", "white_label_id", "id"),
        Index(
            "ix_message_campaign_id",
            "campaign_id",
            sqlite_where=IS_OF_A_CAMPAIGN,
            postgresql_where=IS_OF_A_CAMPAIGN,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    white_label_id: Mapped[int | None] = mapped_column(ForeignKey("white_label.id"))
    # No foreign key: campaigns are a later room.
    campaign_id: Mapped[int | None]
    app_id: Mapped[int | None] = mapped_column(ForeignKey("app.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    category: Mapped[Category] = mapped_column(enum_of(Category))
    is_test: Mapped[bool] = mapped_column(default=False)  # by a test key
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    send_at: Mapped[datetime | None] = mapped_column(UtcTime)
    give_up_at: Mapped[datetime] = mapped_column(UtcTime)  # 72 hours after it was first due

    # What was asked for, so that the same rule can decide again.
    wanted_sender_id: Mapped[int | None] = mapped_column(ForeignKey("sender.id"))
    wanted_from: Mapped[str | None] = mapped_column(String(254))
    reply_to: Mapped[list[dict[str, str]]] = mapped_column(Json, default=list)
    to_header: Mapped[list[dict[str, str]] | None] = mapped_column(Json)  # None: each its own
    cc_header: Mapped[list[dict[str, str]]] = mapped_column(Json, default=list)
    recipients: Mapped[int]  # To, Cc and Bcc together

    # The route.
    server_id: Mapped[int | None] = mapped_column(ForeignKey("smtp_server.id"))
    server_version: Mapped[int | None]
    # The app's owner when the route was decided.
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("sender.id"))
    from_email: Mapped[str] = mapped_column(String(254))
    from_name: Mapped[str] = mapped_column(String(200))
    route_reply_to: Mapped[list[dict[str, str]]] = mapped_column(Json, default=list)
    domain_id: Mapped[int | None] = mapped_column(ForeignKey("domain.id"))  # that allowed From
    reason: Mapped[str] = mapped_column(String(40))
    trace: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    is_explicit: Mapped[bool] = mapped_column(default=False)  # somebody chose this way by hand

    # The content: a template's text, or its own.
    template_text_id: Mapped[int | None] = mapped_column(ForeignKey("template_text.id"))
    subject: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    headers: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # for every recipient
    details: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # the caller's `metadata`
    # What the white label added when it was accepted: see `letterhead_of`.
    letterhead: Mapped[dict[str, Any] | None] = mapped_column(Json)

    white_label: Mapped[WhiteLabel | None] = relationship()
    app: Mapped[App | None] = relationship()
    author: Mapped[Person | None] = relationship(foreign_keys=[author_id])
    agent: Mapped[Person | None] = relationship(foreign_keys=[agent_id])
    owner: Mapped[Person | None] = relationship(foreign_keys=[owner_id])
    server: Mapped[SmtpServer | None] = relationship()
    template_text: Mapped[TemplateText | None] = relationship()
    deliveries: Mapped[list[Delivery]] = relationship(
        back_populates="message", order_by="Delivery.position"
    )
    attachments: Mapped[list[Attachment]] = relationship(order_by="Attachment.id")
    events: Mapped[list[Event]] = relationship(order_by="Event.id")


class Delivery(Model):
    """One recipient of one message: the truth about what became of it."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("uq_delivery_message_id", "message_id", "position", unique=True),
        Index(
            "ix_delivery_waiting",
            "server_id",
            "tenant",
            "priority",
            "due_at",
            sqlite_where=IS_WAITING,
            postgresql_where=IS_WAITING,
        ),
        Index(
            "ix_delivery_sending",
            "lane_id",
            sqlite_where=IS_SENDING,
            postgresql_where=IS_SENDING,
        ),
        Index("ix_delivery_log", "tenant", "id"),
        Index("ix_delivery_email", "tenant", "email"),
        Index(
            "ix_delivery_notable",
            "tenant",
            "state",
            "id",
            sqlite_where=IS_NOTABLE,
            postgresql_where=IS_NOTABLE,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    position: Mapped[int]  # within the message, from 1
    tenant: Mapped[int]  # the white label's id; 0 is the platform itself
    server_id: Mapped[int | None]
    priority: Mapped[int] = mapped_column(SmallInteger)  # 0 leaves first
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200), default="")
    values: Mapped[dict[str, Any] | None] = mapped_column(Json)

    state: Mapped[State] = mapped_column(enum_of(State))
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)  # tries that were charged
    copies: Mapped[int] = mapped_column(SmallInteger, default=0)  # sent again after an unknown
    losses: Mapped[int] = mapped_column(SmallInteger, default=0)  # workers that died holding it
    lane_id: Mapped[int | None]  # who holds it while it is being sent

    code: Mapped[int | None] = mapped_column(SmallInteger)  # of the last reply
    enhanced: Mapped[str | None] = mapped_column(String(12))
    words: Mapped[str | None] = mapped_column(KeptWords)  # the last reply's; or why it is held
    stage: Mapped[str | None] = mapped_column(String(16))
    kind: Mapped[str | None] = mapped_column(String(32))  # why it failed, waits or is held
    settled_at: Mapped[datetime | None] = mapped_column(UtcTime)

    message: Mapped[Message] = relationship(back_populates="deliveries")
    # No foreign key: 0 is the simulator, and the hot path checks nothing twice.
    server: Mapped[SmtpServer | None] = relationship(
        primaryjoin="foreign(Delivery.server_id) == SmtpServer.id", viewonly=True
    )
    tries: Mapped[list[Attempt]] = relationship(order_by="Attempt.id")


class Attempt(Model):
    """A try that was not a plain success at once."""

    __tablename__ = "attempt"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    number: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime] = mapped_column(UtcTime)
    server_id: Mapped[int | None]
    state: Mapped[State] = mapped_column(enum_of(State))  # what the delivery became
    kind: Mapped[str | None] = mapped_column(String(32))
    stage: Mapped[str | None] = mapped_column(String(16))
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None] = mapped_column(String(12))
    words: Mapped[str | None] = mapped_column(KeptWords)
    transcript: Mapped[str | None] = mapped_column(Text)  # redacted

    server: Mapped[SmtpServer | None] = relationship(
        primaryjoin="foreign(Attempt.server_id) == SmtpServer.id", viewonly=True
    )


class Event(Model):
    """Something that happened to a message apart from its tries: re-routed, held, released."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    kind: Mapped[str] = mapped_column(String(32))
    words: Mapped[str] = mapped_column(KeptWords)


class Attachment(Model):
    """A file sent along."""

    __tablename__ = "attachment"

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), index=True)
    filename: Mapped[str] = mapped_column(String(200))
    content_type: Mapped[str] = mapped_column(String(120))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class Answer(Model):
    """What an app was told when it first used an idempotency key."""

    __tablename__ = "answer"

    app_id: Mapped[int] = mapped_column(ForeignKey("app.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    body: Mapped[Any] = mapped_column(Json, nullable=True)  # None while it is being made
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class CampaignTally(Model):
    """How the deliveries of one campaign stand, counted as they are settled; see `tally`."""

    __tablename__ = "campaign_tally"

    campaign_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    total: Mapped[int] = mapped_column(default=0)  # the audience when it was launched
    launched: Mapped[int] = mapped_column(default=0)  # deliveries that are in the outbox
    withdrawn: Mapped[int] = mapped_column(default=0)  # cancelled before they came there
    sent: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    suppressed: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[int] = mapped_column(default=0)
    sandboxed: Mapped[int] = mapped_column(default=0)
    unsubscribed: Mapped[int] = mapped_column(default=0)  # by the link in its mail; among sent


class Suppression(Model):
    """An address that a white label sends nothing to, or no campaigns: see `Reason`."""

    __tablename__ = "suppression"
    __table_args__ = (
        UniqueConstraint("white_label_id", "address"),
        Index("ix_suppression_page", "white_label_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"))
    address: Mapped[str] = mapped_column(String(254))  # folded: one for all its spellings
    reason: Mapped[Reason] = mapped_column(enum_of(Reason))
    note: Mapped[str] = mapped_column(String(500), default="")
    campaign_id: Mapped[int | None]  # whose link was used
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # None: the reader, or us

    by: Mapped[Person | None] = relationship()


class Suggestion(Model):
    """An address that a server did not know: somebody may suppress it with one click."""

    __tablename__ = "suppression_suggestion"
    __table_args__ = (UniqueConstraint("white_label_id", "address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"))
    address: Mapped[str] = mapped_column(String(254))  # folded
    delivery_id: Mapped[int] = mapped_column(BigId)
    code: Mapped[int | None] = mapped_column(SmallInteger)
    enhanced: Mapped[str | None] = mapped_column(String(12))
    words: Mapped[str | None] = mapped_column(Text)  # the server's
    at: Mapped[datetime] = mapped_column(UtcTime)
    dismissed_at: Mapped[datetime | None] = mapped_column(UtcTime)


class UnsubscribeKey(Model):
    """What a white label's unsubscribe links are signed with: sealed, and never changed."""

    __tablename__ = "unsubscribe_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"), unique=True)
    key_sealed: Mapped[str | None] = mapped_column(Text)
