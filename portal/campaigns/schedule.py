"""A time of day in somebody's zone, as a moment: what the clocks' changes do to it is said.

Pure: no database, no clock, no network.

In spring an hour is left out (a gap): a time in it does not exist, and the campaign begins when the
clocks have jumped. In autumn an hour comes twice (a fold): the first of the two is meant. Both as
PEP 495 reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from portal.core.errors import Refusal
from portal.core.words import _


class Change(StrEnum):
    GAP = "gap"  # the time is left out that day
    FOLD = "fold"  # the time comes twice that day


@dataclass(frozen=True, slots=True)
class Start:
    """When a campaign begins."""

    at: datetime  # in UTC
    zone: str  # in which it was chosen
    change: Change | None = None

    @property
    def local(self) -> datetime:
        """What clocks show there then."""
        return self.at.astimezone(ZoneInfo(self.zone))

    @property
    def words(self) -> str:
        """What is worth knowing about it; empty on ordinary days."""
        match self.change:
            case Change.GAP:
                return _(
                    "The clocks are put forward that day and this time is left out; "
                    "it begins at %(time)s.",
                    time=f"{self.local:%H:%M}",
                )
            case Change.FOLD:
                return _(
                    "The clocks are put back that day and this time comes twice; "
                    "it begins at the first."
                )
            case _:
                return ""


def start_at(local: datetime, zone: str) -> Start:
    """The moment when clocks in the zone show this time (without a zone of its own).

    Raises:
        Refusal: there is no such zone, or no such moment in UTC: there the calendar has ended.
    """
    place = _zone(zone)
    try:
        first, second = (local.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        words = _("This time has passed there.")
        if local.year == MAXYEAR:
            words = _("At most one year ahead.")
        raise Refusal("start_not_fit", words, field="at") from None
    if first == second:
        return Start(first, zone)
    if first < second:
        return Start(first, zone, Change.FOLD)
    # In a gap the offset before the jump gives the same distance behind it.
    return Start(first, zone, Change.GAP)


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """The zones to choose from, by name."""
    places = (zone for zone in available_timezones() if "/" in zone or zone == "UTC")
    return tuple(sorted(zone for zone in places if not zone.startswith(("Etc/", "SystemV/"))))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal(
            "time_zone_unknown", _("There is no such time zone."), field="time_zone"
        ) from None
