"""Absence: something that was there is not seen any more; on how many days we looked in vain.

"Could not ask" is no day of absence: only an answer counts, and a day counts once, however often
somebody asked on it. So a resolver that is down over a weekend takes nothing away from anybody.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import UtcTime

DAYS_OF_GRACE = 3
"""After so many whole days of absence the consequences come."""
DAY = timedelta(days=1)


class MayGoMissing:
    """The columns of a row whose subject is looked for again and again."""

    missing_since: Mapped[datetime | None] = mapped_column(UtcTime)  # first look in vain
    missing_days: Mapped[int] = mapped_column(default=0)  # whole days since, each looked at
    missing_day_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when the last one was full

    def was_missed(self, at: datetime) -> bool:
        """Note a look in vain; whether the days of grace are over."""
        if self.missing_since is None or self.missing_day_at is None:
            self.missing_since = self.missing_day_at = at
            self.missing_days = 0
        elif at - self.missing_day_at >= DAY:
            self.missing_day_at = at
            self.missing_days += 1
        return self.missing_days >= DAYS_OF_GRACE

    def was_seen(self) -> None:
        """Note that it is there; the next absence begins anew."""
        self.missing_since = self.missing_day_at = None
        self.missing_days = 0
