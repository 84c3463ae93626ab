"""Mail by the hour, as plots and reports count it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """What was settled in one hour."""

    at: datetime  # its beginning
    sent: int = 0
    failed: int = 0
    deferred: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        return self.sent + self.failed + self.deferred + self.held
