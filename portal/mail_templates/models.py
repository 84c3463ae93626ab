"""Templates as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.core.db import Json, Model, UtcTime
from portal.smtp_settings.models import SmtpServer

_PLATFORMS = text("white_label_id IS NULL")


class MailTemplate(Model):
    """A kind of mail, by slug; the platform's own have no white label."""

    __tablename__ = "mail_template"
    __table_args__ = (
        Index(
            "uq_mail_template_platform_slug",
            "slug",
            unique=True,
            sqlite_where=_PLATFORMS,
            postgresql_where=_PLATFORMS,
        ),
        Index("uq_mail_template_white_label_slug", "white_label_id", "slug", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int | None] = mapped_column(ForeignKey("white_label.id"), index=True)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))
    preferred_server_id: Mapped[int | None] = mapped_column(ForeignKey("smtp_server.id"))
    samples: Mapped[dict[str, str]] = mapped_column(Json, default=dict)  # as typed, by path
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    archived_at: Mapped[datetime | None] = mapped_column(UtcTime)

    preferred_server: Mapped[SmtpServer | None] = relationship()
    versions: Mapped[list[TemplateVersion]] = relationship(
        back_populates="template", order_by="TemplateVersion.number"
    )


class TemplateVersion(Model):
    """One saved state of a template. Never changed: a message can always be shown as it was."""

    __tablename__ = "template_version"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("mail_template.id"))
    number: Mapped[int]
    default_language: Mapped[str] = mapped_column(String(16))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    template: Mapped[MailTemplate] = relationship(back_populates="versions")
    created_by: Mapped[Person | None] = relationship()
    texts: Mapped[list[TemplateText]] = relationship(back_populates="version")


class TemplateText(Model):
    """What a version says in one language, as it was written and as mail programs need it."""

    __tablename__ = "template_text"
    __table_args__ = (UniqueConstraint("version_id", "language"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("template_version.id"))
    language: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    # Worked out of the HTML when it is saved; None where that is the same or cannot be done.
    inlined_html: Mapped[str | None] = mapped_column(Text)  # styles at the elements
    derived_text: Mapped[str | None] = mapped_column(Text)  # where no text was written

    version: Mapped[TemplateVersion] = relationship(back_populates="texts")
