"""A clock whose hands only the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from portal.core.clock import set_source

# A Monday morning, in no time zone's daylight-saving night.
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class HandSetClock:
    """`portal.core.clock.now()` for as long as a test runs. It stands still by itself."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Put the hands anywhere, also back. Only an aware moment is one."""
        if moment.tzinfo is None:
            raise ValueError("A moment without a time zone is not a moment.")
        self._now = moment.astimezone(UTC)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Move the hands on and say what they show."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self._now


@pytest.fixture
def clock() -> Iterator[HandSetClock]:
    hand_set = HandSetClock()
    set_source(hand_set.now)
    yield hand_set
    set_source(None)
