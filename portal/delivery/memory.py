"""What a worker has learnt about a server: enough to decide how many lanes it deserves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock

from portal.delivery.consequences import Park, Streak
from portal.smtp.protocol import Fate
from portal.smtp.replies import Stage

GROWS_AFTER = 60.0
"""Seconds until a server that had too many connections is given one more again."""


@dataclass(slots=True)
class Memory:
    """One server, for all lanes of this process."""

    streak: Streak = field(default_factory=Streak)
    lock: Lock = field(default_factory=Lock)  # around the streak, the pace, what settings say
    lanes: int = 0  # of this process, as the worker last counted
    is_proven: bool = False  # it took a message in this process's life
    speed: float = 0.0  # messages a second of the last lane that sent
    last_tenant: int | None = None  # whose turn it was
    next_at: float = 0.0  # monotonic: when its rate allows another message
    not_before: float = 0.0  # monotonic: no room, no connection free; worth another look then
    version: int | None = None  # of the server's settings when that was found out
    lanes_at_most: int | None = None  # learnt: it complained about more
    complained_at: float = 0.0
    started_at: float = 0.0  # monotonic: its newest lane

    def note(self, fate: Fate, stage: Stage, domain: str) -> Park | None:
        """One more answer; whether the answers of late call for parking the server."""
        with self.lock:
            return self.streak.note(fate, stage, domain)

    def note_taken(self) -> None:
        """It took a message; what it refused before was not a streak."""
        self.is_proven = True
        if self.streak.has_begun:
            with self.lock:
                self.streak.begin_again()

    def reserve(self, rate: float, *, within: float) -> float:
        """Seconds until a server of this rate may be given one more message; the moment is the
        caller's, and the next one has to wait, if that is no longer than `within`."""
        with self.lock:
            present = time.monotonic()
            pause = max(0.0, self.next_at - present)
            if pause <= within:
                self.next_at = max(self.next_at, present - within) + 1 / rate
            return pause

    def see(self, version: int) -> None:
        """The server has these settings now; what was found out under others is not believed."""
        if version != self.version:
            with self.lock:
                self.version, self.not_before = version, 0.0

    def put_off(self, seconds: float, *, version: int) -> None:
        """A lane found no room for so long, under these settings; they may be others by now."""
        with self.lock:
            if version == self.version:
                self.not_before = time.monotonic() + seconds

    def fewer_lanes(self) -> None:
        """It has too many connections: one less than now, at least one."""
        self.lanes_at_most = max(1, self.lanes - 1)
        self.complained_at = time.monotonic()

    def most_lanes(self, configured: int) -> int:
        """How many connections this process should have at most."""
        if self.lanes_at_most is None:
            return configured
        if time.monotonic() - self.complained_at > GROWS_AFTER:
            self.lanes_at_most += 1
            self.complained_at = time.monotonic()
            if self.lanes_at_most >= configured:
                self.lanes_at_most = None
                return configured
        return min(self.lanes_at_most, configured)
