"""Tenants as rows, and the platform itself."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    and_,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.absence import MayGoMissing
from portal.core.db import Json, Model, UtcTime, enum_of


class Platform(Model):
    """This installation: exactly one row, id 1."""

    __tablename__ = "platform"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(80))
    origin: Mapped[str] = mapped_column(String(300))  # scheme, host and port; links start with it
    colour: Mapped[str] = mapped_column(String(7), default="#1f5fa8")
    support_email: Mapped[str | None] = mapped_column(String(254))
    is_demo: Mapped[bool] = mapped_column(default=False)


class MailMode(StrEnum):
    PLATFORM = "platform"  # everything leaves through the platform's servers
    OWN = "own"  # the custom mail server, where the owner rule lets it


class WhiteLabel(Model):
    """A tenant under its own name."""

    __tablename__ = "white_label"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    colour: Mapped[str] = mapped_column(String(7), default="#1f5fa8")
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    logo_mark: Mapped[str | None] = mapped_column(String(16))  # changes with it; None: no logo
    mail_mode: Mapped[MailMode] = mapped_column(enum_of(MailMode), default=MailMode.OWN)
    shows_platform_name: Mapped[bool] = mapped_column(default=False)
    # Its mailboxes only send, and this is where an answer arrives; None: nothing is said.
    answer_to: Mapped[str | None] = mapped_column(String(254))
    # The language in which that is said below mail that names none.
    notice_language: Mapped[str] = mapped_column(String(16), default="en")
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcTime)

    hostnames: Mapped[list[Hostname]] = relationship(
        back_populates="white_label", order_by="Hostname.id"
    )

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None


class Hostname(MayGoMissing, Model):
    """A name under which a white label's portal answers."""

    __tablename__ = "hostname"
    __table_args__ = (
        UniqueConstraint("white_label_id", "name"),
        # Many may wish for a name and one has proven it: a wish alone takes nothing away.
        Index(
            "uq_hostname_served",
            "name",
            unique=True,
            sqlite_where=text("proven_at IS NOT NULL AND suspended_at IS NULL"),
            postgresql_where=text("proven_at IS NOT NULL AND suspended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"), index=True)
    name: Mapped[str] = mapped_column(String(253))  # canonical A-label, lower case, no port
    proof_token: Mapped[str] = mapped_column(String(64))  # of this white label and this name only
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    proven_at: Mapped[datetime | None] = mapped_column(UtcTime)  # None: never served yet
    is_vouched: Mapped[bool] = mapped_column(default=False)  # on an owner's word, without a record
    suspended_at: Mapped[datetime | None] = mapped_column(UtcTime)  # the proof was gone too long

    code: Mapped[str] = mapped_column(String(40), default="not_asked")  # what the last look told
    found: Mapped[list[str]] = mapped_column(Json, default=list)  # as DNS had it, shortened
    facts: Mapped[dict[str, object]] = mapped_column(Json, default=dict)  # what the words need
    asked: Mapped[str | None] = mapped_column(String(200))  # whom
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    next_check_at: Mapped[datetime | None] = mapped_column(UtcTime, index=True)

    white_label: Mapped[WhiteLabel] = relationship(back_populates="hostnames")

    @hybrid_property
    def is_served(self) -> bool:
        """Whether the portal answers at this name now."""
        return self.proven_at is not None and self.suspended_at is None

    @is_served.inplace.expression
    @classmethod
    def _is_served(cls) -> ColumnElement[bool]:
        return and_(cls.proven_at.is_not(None), cls.suspended_at.is_(None))
