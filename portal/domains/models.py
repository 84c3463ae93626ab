"""The allow-list as rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Model, UtcTime, enum_of


class DomainState(StrEnum):
    ALLOWED = "allowed"  # approved by the platform owner; DNS records not seen yet
    VERIFIED = "verified"  # approved and the records are there: may be used in From
    LAPSED = "lapsed"  # was verified, the records are gone: new mail is held
    REVOKED = "revoked"  # the approval was taken back


class Domain(Model):
    """A domain that one white label, and no other, may send from."""

    __tablename__ = "domain"
    __table_args__ = (
        Index(
            "uq_domain_name",
            "name",
            unique=True,
            sqlite_where=text("state <> 'revoked'"),
            postgresql_where=text("state <> 'revoked'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"), index=True)
    name: Mapped[str] = mapped_column(String(253))  # canonical A-label
    includes_subdomains: Mapped[bool] = mapped_column(default=False)
    state: Mapped[DomainState] = mapped_column(enum_of(DomainState))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    verified_at: Mapped[datetime | None] = mapped_column(UtcTime)
