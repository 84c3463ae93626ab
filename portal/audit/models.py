"""The audit trail as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import BigId, Json, Model, UtcTime


class AuditEntry(Model):
    """One act. `hash` covers the row and the previous entry's hash in the same chain."""

    __tablename__ = "audit_entry"
    # The chain cannot fork: two entries can never have the same place in it.
    # The second index is for reading a chain from its newest end, page by page.
    __table_args__ = (
        UniqueConstraint("chain", "number"),
        Index("ix_audit_entry_chain_id", "chain", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    chain: Mapped[int]  # the white label's id, 0 for the platform's own chain
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcTime)
    actor_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(64), default="")
    action: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(200))
    changes: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(Text)
