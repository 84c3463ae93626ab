"""Apps and their keys as rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.core.db import Model, UtcTime, enum_of
from portal.white_labels.models import WhiteLabel


class App(Model):
    """Something that sends mail."""

    __tablename__ = "app"
    __table_args__ = (
        Index(
            "uq_app_name",
            "white_label_id",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    contact_email: Mapped[str | None] = mapped_column(String(254))  # offered as Reply-To (UC-16)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)

    owner: Mapped[Person] = relationship()
    white_label: Mapped[WhiteLabel] = relationship()
    keys: Mapped[list[ApiKey]] = relationship(back_populates="app", order_by="ApiKey.id")

    @property
    def working_keys(self) -> list[ApiKey]:
        """Those that were not revoked, oldest first."""
        return [key for key in self.keys if key.revoked_at is None]


class KeyKind(StrEnum):
    LIVE = "live"  # mail leaves
    TEST = "test"  # everything is accepted and shown, nothing leaves


class ApiKey(Model):
    """``lv_live_<public id>_<secret>``; of the secret (256 random bits) a SHA-256 hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("app.id"), index=True)
    public_id: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[KeyKind] = mapped_column(enum_of(KeyKind))
    name: Mapped[str] = mapped_column(String(60))
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)  # to the minute
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)

    app: Mapped[App] = relationship(back_populates="keys")
    created_by: Mapped[Person | None] = relationship()
