"""Workers, their lanes and leases, the limits they share and what they counted, as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import BigId, Model, UtcTime


class Worker(Model):
    """A delivery process. What its lanes claimed is theirs until its lease has run out."""

    __tablename__ = "worker"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - a number is used once

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    host: Mapped[str] = mapped_column(String(253))
    folder: Mapped[str] = mapped_column(String(32))  # whose journals these are, see `Folder`
    boot_id: Mapped[str] = mapped_column(String(64))  # a journal is believed within one boot
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcTime)
    lease_until: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)


class Lane(Model):
    """One connection to one server, or the right to open it: the rows are the shared count.

    A lane owns the deliveries it claimed (`Delivery.lane_id`); the row stays until what it
    claimed is settled, by itself or by whoever finds it dead.
    """

    __tablename__ = "lane"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - a number is used once

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("worker.id"), index=True)
    server_id: Mapped[int] = mapped_column(index=True)  # 0: the simulator
    opened_at: Mapped[datetime] = mapped_column(UtcTime)


class Allowance(Model):
    """How much of a server's limit is used up: in the present window and in the one before."""

    __tablename__ = "allowance"

    server_id: Mapped[int] = mapped_column(ForeignKey("smtp_server.id"), primary_key=True)
    window: Mapped[str] = mapped_column(String(8), primary_key=True)  # second, minute, hour, day
    starts_at: Mapped[datetime] = mapped_column(UtcTime)
    used: Mapped[int]
    used_before: Mapped[int] = mapped_column(default=0)


class Hourly(Model):
    """Deliveries settled in one hour, counted batch by batch: no page counts the big table."""

    __tablename__ = "hourly"

    tenant: Mapped[int] = mapped_column(primary_key=True)  # the white label's id, 0: the platform
    hour: Mapped[datetime] = mapped_column(UtcTime, primary_key=True)  # its beginning
    server_id: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)  # the state it became
    count: Mapped[int]


class Folder(Model):
    """A place with journals that this database was used from, and how often they met.

    The same number is kept in the folder. A database that counts less than the folder was
    restored from a backup; one that does not know the folder was copied from elsewhere.
    """

    __tablename__ = "folder"

    mark: Mapped[str] = mapped_column(String(32), primary_key=True)
    beats: Mapped[int]
    beaten_at: Mapped[datetime] = mapped_column(UtcTime)


class Engine(Model):
    """The state of sending as a whole: one row, id 1."""

    __tablename__ = "engine"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    is_fenced: Mapped[bool] = mapped_column(default=False)  # nothing leaves until it is resumed
    words: Mapped[str | None] = mapped_column(String(200))  # why it is fenced
    resumed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    # How many copies more may follow one whose outcome could not be learnt.
    copies_transactional: Mapped[int] = mapped_column(default=1)
    copies_campaign: Mapped[int] = mapped_column(default=0)
