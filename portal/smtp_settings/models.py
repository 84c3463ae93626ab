"""SMTP servers as rows, and their health."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.core.db import Json, KeptWords, Model, UtcTime, enum_of
from portal.smtp_settings.modes import AuthKind as AuthKind
from portal.smtp_settings.modes import TlsMode as TlsMode
from portal.white_labels.models import WhiteLabel

_IN_USE = text("deleted_at IS NULL")
_PLATFORMS = text("deleted_at IS NULL AND white_label_id IS NULL")


class SmtpServer(Model):
    """A way out. Belongs to the platform (no white label) or to one white label.

    `version` counts every change that could alter a route or a session; what was decided
    under an older version is decided again before it is sent.
    """

    __tablename__ = "smtp_server"
    __table_args__ = (
        Index(
            "uq_smtp_server_platform_name",
            "name",
            unique=True,
            sqlite_where=_PLATFORMS,
            postgresql_where=_PLATFORMS,
        ),
        Index(
            "uq_smtp_server_white_label_name",
            "white_label_id",
            "name",
            unique=True,
            sqlite_where=_IN_USE,
            postgresql_where=_IN_USE,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int | None] = mapped_column(ForeignKey("white_label.id"), index=True)
    configured_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str] = mapped_column(String(60))
    description: Mapped[str] = mapped_column(String(200), default="")
    preset: Mapped[str] = mapped_column(String(30), default="generic")
    version: Mapped[int] = mapped_column(default=1)

    host: Mapped[str] = mapped_column(String(253))
    port: Mapped[int]
    tls: Mapped[TlsMode] = mapped_column(enum_of(TlsMode))
    min_tls: Mapped[str] = mapped_column(String(4), default="1.2")
    ca_pem: Mapped[str | None] = mapped_column(Text)
    pin_sha256: Mapped[str | None] = mapped_column(String(64))
    may_auth_in_clear: Mapped[bool] = mapped_column(default=False)
    uses_pipelining: Mapped[bool] = mapped_column(default=True)

    auth: Mapped[AuthKind] = mapped_column(enum_of(AuthKind))
    username: Mapped[str] = mapped_column(String(254), default="")
    secret_sealed: Mapped[str | None] = mapped_column(Text)  # password, or OAuth client secret
    secret_set_at: Mapped[datetime | None] = mapped_column(UtcTime)
    secret_set_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    secret_expires_on: Mapped[date | None] = mapped_column(Date)  # of a client secret
    secret_reminded: Mapped[int | None]  # the last reminder: so many days before that date
    oauth_provider: Mapped[str | None] = mapped_column(String(20))
    oauth_authority: Mapped[str | None] = mapped_column(String(300))  # the operator's, never typed
    oauth_tenant: Mapped[str | None] = mapped_column(String(253))
    oauth_client_id: Mapped[str | None] = mapped_column(String(64))

    weight: Mapped[int] = mapped_column(default=1)
    max_recipients: Mapped[int | None]  # of one message: To, Cc and Bcc together
    max_bytes: Mapped[int | None]
    max_connections: Mapped[int] = mapped_column(default=10)
    max_per_connection: Mapped[int | None]  # messages before the connection is renewed
    per_second: Mapped[int | None]
    per_minute: Mapped[int | None]
    per_hour: Mapped[int | None]
    per_day: Mapped[int | None]

    is_enabled: Mapped[bool] = mapped_column(default=True)
    validated_at: Mapped[datetime | None] = mapped_column(UtcTime)  # last good live session
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcTime)

    white_label: Mapped[WhiteLabel | None] = relationship()
    configured_by: Mapped[Person] = relationship(foreign_keys=[configured_by_id])
    secret_set_by: Mapped[Person | None] = relationship(foreign_keys=[secret_set_by_id])
    health: Mapped[ServerHealth] = relationship(back_populates="server", uselist=False)

    @property
    def is_platform(self) -> bool:
        return self.white_label_id is None

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


class ServerHealth(Model):
    """How a server is doing: written by the delivery engine, read by routing and pages.

    Apart from the settings, so that a busy engine never collides with somebody's form.
    """

    __tablename__ = "server_health"

    server_id: Mapped[int] = mapped_column(ForeignKey("smtp_server.id"), primary_key=True)
    # Parked: nothing is sent until somebody mends it or a probe passes.
    parked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    parked_kind: Mapped[str | None] = mapped_column(String(32))  # credentials, security, quota …
    parked_words: Mapped[str | None] = mapped_column(KeptWords)  # the server's own, scrubbed
    probe_at: Mapped[datetime | None] = mapped_column(UtcTime)
    probes: Mapped[int] = mapped_column(default=0)
    # Breaker: short pauses after faults in a row.
    faults: Mapped[int] = mapped_column(default=0)
    resting_until: Mapped[datetime | None] = mapped_column(UtcTime)
    fault_words: Mapped[str | None] = mapped_column(KeptWords)
    # Adaptive rate: None is as fast as the server takes it.
    rate: Mapped[float | None]  # messages per second
    rate_words: Mapped[str | None] = mapped_column(KeptWords)
    rate_at: Mapped[datetime | None] = mapped_column(UtcTime)
    is_out_of_step: Mapped[bool] = mapped_column(default=False)  # no pipelining any more
    # Counted per settled batch, so that no page has to count the big table.
    sent: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)

    server: Mapped[SmtpServer] = relationship(back_populates="health")

    @property
    def is_parked(self) -> bool:
        return self.parked_at is not None


class ParkedSender(Model):
    """A From address that a server refused: held until somebody mends it."""

    __tablename__ = "parked_sender"

    server_id: Mapped[int] = mapped_column(ForeignKey("smtp_server.id"), primary_key=True)
    from_email: Mapped[str] = mapped_column(String(254), primary_key=True)
    parked_at: Mapped[datetime] = mapped_column(UtcTime)
    words: Mapped[str] = mapped_column(KeptWords)


class AccessToken(Model):
    """The access token of a server that signs in by OAuth: one for all lanes of all workers.

    Whoever finds it missing or old takes the lease, asks for a new one and keeps it here; the
    others wait for that answer, be it a token or a fault.
    """

    __tablename__ = "access_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("smtp_server.id"), unique=True)
    token_sealed: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    lease: Mapped[str | None] = mapped_column(String(32))  # of whoever is asking now
    leased_until: Mapped[datetime | None] = mapped_column(UtcTime)
    fault: Mapped[dict[str, Any] | None] = mapped_column(Json)  # how the last question ended
    fault_at: Mapped[datetime | None] = mapped_column(UtcTime)

    server: Mapped[SmtpServer] = relationship()
