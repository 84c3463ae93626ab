"""Workers and their leases, and the limits they share, as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import BigId, Model, UtcTime


class Worker(Model):
    """A delivery process. What it claimed is its own until its lease has run out."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    host: Mapped[str] = mapped_column(String(253))
    boot_id: Mapped[str] = mapped_column(String(64))  # a journal is believed within one boot
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcTime)
    lease_until: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Allowance(Model):
    """How much of a server's limit is used up in the present window."""

    __tablename__ = "allowance"

    server_id: Mapped[int] = mapped_column(ForeignKey("smtp_server.id"), primary_key=True)
    window: Mapped[str] = mapped_column(String(8), primary_key=True)  # second, minute, hour, day
    starts_at: Mapped[datetime] = mapped_column(UtcTime)
    used: Mapped[int]


class Engine(Model):
    """The state of sending as a whole: one row, id 1."""

    __tablename__ = "engine"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    fence: Mapped[str | None] = mapped_column(String(64))  # this database's own mark, see fencing
    is_fenced: Mapped[bool] = mapped_column(default=False)  # nothing leaves until it is resumed
    words: Mapped[str | None] = mapped_column(String(200))
