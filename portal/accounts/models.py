"""People and what lets them in, as rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Dialect, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from portal.core.db import BigId, Model, UtcTime, enum_of


class Role(StrEnum):
    PLATFORM_OWNER = "platform_owner"  # works in the Backoffice
    ADMIN = "admin"  # sets a white label up
    AGENT = "agent"  # writes and sends in a white label


class Person(Model):
    """Somebody who signs in: to the Backoffice (no white label) or to one white label.

    The same address in two white labels is two people: one tenant's admin must learn
    nothing about, and reset nothing of, another tenant's.
    """

    __tablename__ = "person"
    __table_args__ = (
        Index(
            "uq_person_platform_email",
            "email",
            unique=True,
            sqlite_where=text("white_label_id IS NULL"),
            postgresql_where=text("white_label_id IS NULL"),
        ),
        Index("uq_person_white_label_email", "white_label_id", "email", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int | None] = mapped_column(ForeignKey("white_label.id"))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(enum_of(Role))
    password_hash: Mapped[str | None] = mapped_column(Text)
    totp_sealed: Mapped[str | None] = mapped_column(Text)
    totp_last_step: Mapped[int | None]  # the last time step used: a code works once
    language: Mapped[str] = mapped_column(String(8), default="en")
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcTime)

    passkeys: Mapped[list[Passkey]] = relationship(back_populates="person")

    @property
    def is_removed(self) -> bool:
        return self.removed_at is not None

    @property
    def has_come_in(self) -> bool:
        """Whether they have chosen what lets them in; until then there is only an invitation."""
        return self.password_hash is not None or bool(self.passkeys)

    @property
    def is_platform_owner(self) -> bool:
        return self.role is Role.PLATFORM_OWNER

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


class SignIn(Model):
    """One signed-in browser. The cookie carries a random token; only its hash is here."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    host: Mapped[str] = mapped_column(String(253))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    confirmed_at: Mapped[datetime] = mapped_column(UtcTime)  # when the person last proved a factor
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    address: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(200), default="")

    person: Mapped[Person] = relationship()


class SignCount(TypeDecorator[int]):
    """32 bits without a sign (WebAuthn Level 3, 6.1) in an integer that has one."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return value if value is None or value < 2**31 else value - 2**32

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else value % 2**32


class Passkey(Model):
    """A WebAuthn credential."""

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(SignCount)
    name: Mapped[str] = mapped_column(String(60))
    host: Mapped[str] = mapped_column(String(253))  # the relying party it was made for
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)

    person: Mapped[Person] = relationship(back_populates="passkeys")


class RecoveryCode(Model):
    """A one-use code for the day the second factor is lost."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)


class LinkPurpose(StrEnum):
    INVITATION = "invitation"  # set the first password
    RESET = "reset"  # set a new password
    SETUP = "setup"  # first run: make the first platform owner


class OneTimeLink(Model):
    """A link that works once. The token is in the link; only its hash is here."""

    __tablename__ = "one_time_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[LinkPurpose] = mapped_column(enum_of(LinkPurpose))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcTime)

    person: Mapped[Person | None] = relationship()


class Tally(Model):
    """How often something happened in a span of time: sign-in failures, tests, resets.

    `subject` is what is counted (``sign-in account:…``), already hashed where it is personal.
    """

    __tablename__ = "tally"
    __table_args__ = (Index("ix_tally_subject_at", "subject", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(UtcTime)
