"""When a campaign will be through, what holds it up, and what may go wrong on the way.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from portal.campaigns.pace import Pace
from portal.core.words import _

ASSUMED_PER_SECOND = 50.0
"""What a server without limits is reckoned to take; lanes are opened until it says otherwise."""

_WINDOWS = (
    ("per_second", 1),
    ("per_minute", 60),
    ("per_hour", 60 * 60),
    ("per_day", 24 * 60 * 60),
)


@dataclass(frozen=True, slots=True)
class Share:
    """One server's part of a campaign, and what it may be given. Limits of None are not set."""

    name: str
    mails: int
    per_second: float | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    learnt: float | None = None  # mails a second, taught by its complaints

    @property
    def has_limit(self) -> bool:
        return any(getattr(self, name) for name, _seconds in _WINDOWS)


class Bound(StrEnum):
    """What decides how long it takes."""

    PACE = "pace"
    LIMIT = "limit"  # a server's
    LEARNT = "learnt"  # the rate that a server's complaints have taught
    ASSUMED = "assumed"  # nothing is known; a guess


@dataclass(frozen=True, slots=True)
class Forecast:
    starts_at: datetime
    finishes_at: datetime
    bound: Bound
    by: str  # the server's name, where one decides
    warnings: tuple[str, ...]

    @property
    def words(self) -> str:
        """Why it takes so long, as the end of a sentence."""
        match self.bound:
            case Bound.PACE:
                return _("the pace that was chosen")
            case Bound.LIMIT:
                return _("the limit of %(server)s", server=self.by)
            case Bound.LEARNT:
                return _("%(server)s has asked to go slower", server=self.by)
            case _:
                return _("reckoned with %(rate)s mails a second", rate=int(ASSUMED_PER_SECOND))


def forecast(pace: Pace, shares: Sequence[Share], *, starts_at: datetime) -> Forecast:
    """The end of a campaign whose mails leave by these servers, each in its share."""
    mails = sum(share.mails for share in shares)
    longest = (pace.lasts(mails), Bound.PACE, "")
    for share in shares:
        taken = _takes(share, is_paced=pace.per_second is not None)
        longest = max(longest, taken, key=lambda one: one[0])
    lasts, bound, by = longest
    return Forecast(starts_at, starts_at + lasts, bound, by, tuple(_warnings(pace, shares)))


def _takes(share: Share, *, is_paced: bool) -> tuple[timedelta, Bound, str]:
    """How long this server needs for its share, and why."""
    times = [
        # The first window's allowance goes at once, the last one's too.
        (timedelta(seconds=(ceil(share.mails / limit) - 1) * seconds), Bound.LIMIT, share.name)
        for name, seconds in _WINDOWS
        if (limit := getattr(share, name))
    ]
    if share.learnt:
        lasts = timedelta(seconds=share.mails / share.learnt)
        times.append((lasts, Bound.LEARNT, share.name))
    if not times and not is_paced:
        times.append((timedelta(seconds=share.mails / ASSUMED_PER_SECOND), Bound.ASSUMED, ""))
    nothing = (timedelta(0), Bound.PACE, "")
    return max(times, key=lambda one: one[0], default=nothing)


def _warnings(pace: Pace, shares: Sequence[Share]) -> list[str]:
    """Where more is asked of a server than it is known to permit."""
    mails = sum(share.mails for share in shares) or 1
    found = []
    for share in shares:
        if not share.mails:
            continue
        wanted = pace.per_second and pace.per_second * share.mails / mails
        permitted = _permitted(share)
        if permitted is None:
            if wanted is None:
                found.append(
                    _(
                        "No limit is set for %(server)s. If its provider permits only so many "
                        "mails a second, hour or day, set that at the server, or choose a slower "
                        "pace: sending faster leads to refusals.",
                        server=share.name,
                    )
                )
        elif wanted is None or wanted > permitted:
            found.append(
                _(
                    "%(server)s takes at most %(rate)s mails an hour, fewer than this pace asks "
                    "for: the rest waits its turn.",
                    server=share.name,
                    rate=f"{permitted * 3600:,.0f}",
                )
            )
    return found


def _permitted(share: Share) -> float | None:
    """Mails a second that its limits leave over any long time."""
    rates = [limit / seconds for name, seconds in _WINDOWS if (limit := getattr(share, name))]
    if share.learnt:
        rates.append(share.learnt)
    return min(rates, default=None)
