"""The engine's own time: it follows the clock, but never jumps with it.

Somebody sets the machine's clock an hour back, and mail due in five minutes would wait for an
hour and five. So the engine's time runs by the monotonic clock and is only drawn towards the
reference (the database's clock on PostgreSQL, which all machines share; else the system's): a
step is followed by one second a minute, so that no mail due within the hour moves by more than
a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

SKEW = timedelta(seconds=10)
"""How far the clocks of two machines may be apart without anybody noticing."""
FOLLOWS = 1 / 60
"""Seconds of correction for each second that passes."""


def elapsed() -> float:
    """Seconds that pass evenly, those included in which the machine slept."""
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Moments:
    """`now()` for one process. Threads may share it."""

    def __init__(self, reference: datetime, *, monotonic: Callable[[], float] = elapsed) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._anchor = reference
        self._anchored = monotonic()
        self._ahead = timedelta(0)  # the reference, of us

    def now(self) -> datetime:
        return self._anchor + timedelta(seconds=self._monotonic() - self._anchored)

    def latest(self) -> datetime:
        """What another clock may call now: of somebody who has mail sent at once."""
        return self.now() + max(self._ahead, SKEW)

    def follow(self, reference: datetime) -> timedelta:
        """Move a little towards the reference; how far it is away still."""
        with self._lock:
            present = self._monotonic()
            passed = present - self._anchored
            here = self._anchor + timedelta(seconds=passed)
            off = reference - here
            most = timedelta(seconds=passed * FOLLOWS)
            step = max(-most, min(most, off))
            # Two assignments: a reader between them is off by the step, which is small.
            self._anchor, self._anchored = here + step, present
            self._ahead = off - step
            return self._ahead
