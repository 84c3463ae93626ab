"""The allow-list as rows, with the DNS records that each domain must show."""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.core.absence import MayGoMissing
from portal.core.db import Json, Model, UtcTime, enum_of
from portal.domains.records import Purpose, RecordState, RecordType, Wanted


class DomainState(StrEnum):
    ALLOWED = "allowed"  # approved by the platform owner; DNS records not seen yet
    VERIFIED = "verified"  # approved and the records are there: may be used in From
    LAPSED = "lapsed"  # was verified, the records are gone: new mail is held
    REVOKED = "revoked"  # the approval was taken back


def new_token() -> str:
    """128 random bits for a TXT record: public, but nobody can publish it before us."""
    return secrets.token_hex(16)


class Domain(MayGoMissing, Model):
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
    proof_token: Mapped[str] = mapped_column(String(64), default=new_token)  # of this approval
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    verified_at: Mapped[datetime | None] = mapped_column(UtcTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when DNS was last asked
    next_check_at: Mapped[datetime | None] = mapped_column(UtcTime, index=True)  # None: never

    records: Mapped[list[DomainRecord]] = relationship(
        back_populates="domain",
        order_by="DomainRecord.position",
        cascade="all, delete-orphan",
    )


class DomainRecord(Model):
    """One record that a domain must show, and what DNS said about it last."""

    __tablename__ = "domain_record"

    id: Mapped[int] = mapped_column(primary_key=True)
    domain_id: Mapped[int] = mapped_column(ForeignKey("domain.id"), index=True)
    position: Mapped[int]
    purpose: Mapped[Purpose] = mapped_column(enum_of(Purpose))
    type: Mapped[RecordType] = mapped_column(enum_of(RecordType))
    name: Mapped[str] = mapped_column(String(253))
    value: Mapped[str] = mapped_column(Text)
    is_required: Mapped[bool] = mapped_column(default=True)

    state: Mapped[RecordState] = mapped_column(enum_of(RecordState), default=RecordState.UNKNOWN)
    code: Mapped[str] = mapped_column(String(40), default="not_asked")  # of compare.Diagnosis
    found: Mapped[list[str]] = mapped_column(Json, default=list)  # as DNS has it, shortened
    facts: Mapped[dict[str, object]] = mapped_column(Json, default=dict)  # what the words need
    publish: Mapped[str | None] = mapped_column(Text)  # None: `value` as it is
    asked: Mapped[str | None] = mapped_column(String(200))  # whom
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when
    seen_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when it was last found

    domain: Mapped[Domain] = relationship(back_populates="records")

    @property
    def wanted(self) -> Wanted:
        """The record as a value."""
        return Wanted(self.purpose, self.type, self.name, self.value, self.is_required)

    @property
    def to_publish(self) -> str:
        """The value that DNS should have, made from what it has now."""
        return self.publish if self.publish is not None else self.value

    @property
    def is_merged(self) -> bool:
        """Whether what is to be published takes the place of a record that is there now."""
        return (
            self.state is not RecordState.FOUND
            and self.publish is not None
            and self.publish != self.value
        )

    @property
    def may_be_second(self) -> bool:
        """Whether an SPF record may be there already: nobody has been able to look yet."""
        return (
            self.purpose is Purpose.SPF
            and self.state is RecordState.UNKNOWN
            and self.publish is None
        )


class KeyState(StrEnum):
    ANNOUNCED = "announced"  # its record is to be published; it signs nothing yet
    LIVE = "live"  # was seen in DNS: signs
    RETIRED = "retired"  # signs no more; its record stays while mail of it is under way
    WITHDRAWN = "withdrawn"  # the private key is erased, the record may go


class SigningKey(Model):
    """A key that mail of a domain is signed with (DKIM), under a selector of its own."""

    __tablename__ = "signing_key"
    __table_args__ = (
        Index("uq_signing_key_selector", "domain_id", "selector", unique=True),
        Index(
            "uq_signing_key_announced",
            "domain_id",
            unique=True,
            sqlite_where=text("state = 'announced'"),
            postgresql_where=text("state = 'announced'"),
        ),
        Index(
            "uq_signing_key_live",
            "domain_id",
            unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    domain_id: Mapped[int] = mapped_column(ForeignKey("domain.id"))
    selector: Mapped[str] = mapped_column(String(63))
    public_key: Mapped[str] = mapped_column(Text)  # as `p=` has it
    key_sealed: Mapped[str | None] = mapped_column(Text)  # the private half, until withdrawn
    state: Mapped[KeyState] = mapped_column(enum_of(KeyState))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    live_at: Mapped[datetime | None] = mapped_column(UtcTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcTime)
    missing_since: Mapped[datetime | None] = mapped_column(UtcTime)  # live, but gone from DNS

    domain: Mapped[Domain] = relationship()
