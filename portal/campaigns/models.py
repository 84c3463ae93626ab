"""Audiences, the files they come from, and campaigns, as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.apps.models import App
from portal.campaigns.pace import PaceKind as PaceKind
from portal.campaigns.states import CampaignState as CampaignState
from portal.campaigns.states import ImportState as ImportState
from portal.core.db import BigId, Json, KeptWords, Model, UtcTime, enum_of
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.outbox.models import Message
from portal.senders.models import Sender
from portal.white_labels.models import WhiteLabel

_IN_USE = text("deleted_at IS NULL")


class Audience(Model):
    """A list of people that campaigns go to.

    Members beyond `visible_to` belong to a file that is still being read, or that nobody has
    confirmed: for everybody else they are not there. So a file becomes visible all at once.
    """

    __tablename__ = "audience"
    __table_args__ = (
        Index(
            "uq_audience_name",
            "white_label_id",
            "name",
            unique=True,
            sqlite_where=_IN_USE,
            postgresql_where=_IN_USE,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"))
    name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    visible_to: Mapped[int] = mapped_column(BigId, default=0)  # a member's id
    # Kept up to date with the visible members, so that no page has to count them.
    size: Mapped[int] = mapped_column(default=0)
    columns: Mapped[dict[str, int]] = mapped_column(Json, default=dict)  # how many have a value
    languages: Mapped[dict[str, int]] = mapped_column(Json, default=dict)  # "": not said

    created_by: Mapped[Person | None] = relationship()


class AudienceMember(Model):
    """Somebody in an audience; in one audience each address is there once."""

    __tablename__ = "audience_member"
    __table_args__ = (
        UniqueConstraint("audience_id", "address"),
        Index("ix_audience_member_page", "audience_id", "id"),
        {"sqlite_autoincrement": True},  # an id is used once: `visible_to` relies on it
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audience.id"))
    address: Mapped[str] = mapped_column(String(254))  # folded: one for all its spellings
    email: Mapped[str] = mapped_column(String(254))  # as it is written to
    name: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[str] = mapped_column(String(16), default="")
    values: Mapped[dict[str, str] | None] = mapped_column(Json)


class AudienceImport(Model):
    """A file (or pasted text) on its way into an audience; at most one is open at a time.

    It is read in steps of one transaction each, which leave behind how far they came, so that
    whoever goes on begins exactly there.
    """

    __tablename__ = "audience_import"
    __table_args__ = (Index("ix_audience_import_audience_id", "audience_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audience.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    filename: Mapped[str] = mapped_column(String(200))
    state: Mapped[ImportState] = mapped_column(enum_of(ImportState), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)

    # How the file is written, as far as one can tell.
    size: Mapped[int] = mapped_column(BigId)  # bytes
    encoding: Mapped[str] = mapped_column(String(16))
    delimiter: Mapped[str] = mapped_column(String(1))
    has_header: Mapped[bool]
    header: Mapped[list[str]] = mapped_column(Json)
    sample: Mapped[list[list[str]]] = mapped_column(Json)  # the first rows
    mapping: Mapped[dict[str, Any]] = mapped_column(Json)

    # How far it was read, and what was found.
    rows_read: Mapped[int] = mapped_column(default=0)
    bytes_read: Mapped[int] = mapped_column(BigId, default=0)
    added: Mapped[int] = mapped_column(default=0)
    faulty: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)  # twice in this file
    known: Mapped[int] = mapped_column(default=0)  # in the audience already
    suppressed: Mapped[int] = mapped_column(default=0)  # of those added
    faults: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)  # the first ones
    columns: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    languages: Mapped[dict[str, int]] = mapped_column(Json, default=dict)
    words: Mapped[str | None] = mapped_column(KeptWords)  # why it failed

    audience: Mapped[Audience] = relationship()
    by: Mapped[Person | None] = relationship()


class ImportPiece(Model):
    """Some of an uploaded file, kept until it is in the audience or not wanted."""

    __tablename__ = "import_piece"

    import_id: Mapped[int] = mapped_column(ForeignKey("audience_import.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Campaign(Model):
    """One template to many people, over some time."""

    __tablename__ = "campaign"
    __table_args__ = (Index("ix_campaign_page", "white_label_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"))
    app_id: Mapped[int | None] = mapped_column(ForeignKey("app.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[CampaignState] = mapped_column(enum_of(CampaignState), index=True)

    template_id: Mapped[int | None] = mapped_column(ForeignKey("mail_template.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("template_version.id"))  # at launch
    language: Mapped[str | None] = mapped_column(String(16))  # None: each in their own
    values: Mapped[dict[str, str]] = mapped_column(Json, default=dict)  # the same for everybody
    sender_id: Mapped[int | None] = mapped_column(ForeignKey("sender.id"))  # None: by the rule
    audience_id: Mapped[int | None] = mapped_column(ForeignKey("audience.id"))

    start_at: Mapped[datetime | None] = mapped_column(UtcTime)  # None: when it is launched
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")  # in which it was chosen
    pace: Mapped[PaceKind] = mapped_column(enum_of(PaceKind), default=PaceKind.FAST)
    per_hour: Mapped[int | None]
    min_delay: Mapped[int | None]  # seconds
    max_delay: Mapped[int | None]  # seconds

    created_at: Mapped[datetime] = mapped_column(UtcTime)
    launched_at: Mapped[datetime | None] = mapped_column(UtcTime)
    launched_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    paused_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)  # or cancelled
    words: Mapped[str | None] = mapped_column(KeptWords)  # why it was paused, if not by hand

    # How far its people are in the outbox; each step is one transaction.
    members_to: Mapped[int] = mapped_column(BigId, default=0)  # the last member that is meant
    member: Mapped[int] = mapped_column(BigId, default=0)  # the last one that is there
    position: Mapped[int] = mapped_column(default=0)  # deliveries so far
    next_due_at: Mapped[datetime | None] = mapped_column(UtcTime)
    is_handed_over: Mapped[bool] = mapped_column(default=False)  # all of them are there
    first_delivery_id: Mapped[int | None] = mapped_column(BigId)
    last_delivery_id: Mapped[int | None] = mapped_column(BigId)

    # What has to be done to its deliveries step by step.
    has_moves: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=0)  # how often the failed were sent again
    resend_before: Mapped[datetime | None] = mapped_column(UtcTime)  # what was settled until then
    resends_unknown: Mapped[bool] = mapped_column(default=False)

    white_label: Mapped[WhiteLabel] = relationship()
    app: Mapped[App | None] = relationship()
    author: Mapped[Person | None] = relationship(foreign_keys=[author_id])
    launched_by: Mapped[Person | None] = relationship(foreign_keys=[launched_by_id])
    template: Mapped[MailTemplate | None] = relationship()
    version: Mapped[TemplateVersion | None] = relationship()
    sender: Mapped[Sender | None] = relationship()
    audience: Mapped[Audience | None] = relationship()


class CampaignPart(Model):
    """One message of a campaign: a text by one server. A campaign has several where its people
    read several languages, where servers take turns, and over time.
    """

    __tablename__ = "campaign_part"
    __table_args__ = (Index("ix_campaign_part_campaign_id", "campaign_id", "wave"),)

    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    wave: Mapped[int]  # parts of one wave share the people of their time
    text_id: Mapped[int] = mapped_column(ForeignKey("template_text.id"))
    weight: Mapped[int]  # of its server among those that take turns

    message: Mapped[Message] = relationship()
    text: Mapped[TemplateText] = relationship()


class CampaignHour(Model):
    """Deliveries of a campaign settled in one hour, counted batch by batch."""

    __tablename__ = "campaign_hour"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)  # its beginning
    server_id: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)  # the state it became
    count: Mapped[int]
