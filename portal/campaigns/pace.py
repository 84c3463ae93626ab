"""How fast a campaign goes: when each of its mails is due.

Pure: no database, no clock, no network.

A pace only says when mail is due; the servers' own limits hold in any case, whatever is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from portal.core.errors import Refusal
from portal.core.words import _

MOST_PER_HOUR = 1_000_000
LONGEST_DELAY = 24 * 60 * 60
"""Seconds; one mail a day is the slowest campaign."""


class PaceKind(StrEnum):
    FAST = "fast"  # as fast as the servers take it
    HOURLY = "hourly"  # at most so many an hour
    RANDOM = "random"  # with a pause between two mails, drawn anew each time


@dataclass(frozen=True, slots=True)
class Pace:
    """One way to spread mail over time; the numbers that its kind does not use are None."""

    kind: PaceKind = PaceKind.FAST
    per_hour: int | None = None
    min_delay: int | None = None  # seconds
    max_delay: int | None = None  # seconds

    def __post_init__(self) -> None:
        """A pace that exists can be kept.

        Raises:
            Refusal: a number is missing or makes no sense; `field` names it.
        """
        if self.kind is PaceKind.HOURLY and not 1 <= (self.per_hour or 0) <= MOST_PER_HOUR:
            raise Refusal(
                "per_hour_not_fit",
                _("From 1 to %(most)s mails an hour.", most=MOST_PER_HOUR),
                field="per_hour",
            )
        if self.kind is PaceKind.RANDOM:
            low, high = self.min_delay, self.max_delay
            if low is None or not 0 <= low <= LONGEST_DELAY:
                raise Refusal(
                    "delay_not_fit",
                    _("A pause of 0 to %(most)s seconds.", most=LONGEST_DELAY),
                    field="min_delay",
                )
            if high is None or not max(low, 1) <= high <= LONGEST_DELAY:
                raise Refusal(
                    "delay_not_fit",
                    _("The longest pause is at least the shortest, and 1 to %(most)s seconds.",
                      most=LONGEST_DELAY),
                    field="max_delay",
                )  # fmt: skip

    @property
    def gap(self) -> float:
        """Seconds between two mails, on average."""
        match self.kind:
            case PaceKind.HOURLY:
                return 3600 / (self.per_hour or 1)
            case PaceKind.RANDOM:
                return ((self.min_delay or 0) + (self.max_delay or 0)) / 2
            case _:
                return 0.0

    @property
    def per_second(self) -> float | None:
        """What it asks of the servers; None: whatever they take."""
        return 1 / self.gap if self.gap else None

    @property
    def words(self) -> str:
        """As a person says it."""
        match self.kind:
            case PaceKind.HOURLY:
                return _("At most %(count)s an hour", count=self.per_hour)
            case PaceKind.RANDOM:
                return _(
                    "Randomised: %(low)s to %(high)s seconds between two mails",
                    low=self.min_delay,
                    high=self.max_delay,
                )
            case _:
                return _("As fast as the servers take it")

    def dues(self, first: datetime, random: Random) -> Iterator[datetime]:
        """When one mail after the other is due, the first at `first`; endless."""
        due = first
        while True:
            yield due
            due += timedelta(seconds=self._pause(random))

    def lasts(self, mails: int) -> timedelta:
        """From the first mail to the last, on average."""
        return timedelta(seconds=self.gap * max(0, mails - 1))

    def _pause(self, random: Random) -> float:
        if self.kind is PaceKind.RANDOM:
            return random.uniform(self.min_delay or 0, self.max_delay or 0)
        return self.gap
