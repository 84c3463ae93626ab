"""When a campaign is through, and what it is warned of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.campaigns.forecast import Bound, Forecast, Share, forecast
from portal.campaigns.pace import Pace, PaceKind

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FREE = Share("free", 10_000)
HOURLY = Pace(PaceKind.HOURLY, per_hour=1000)


def lasts(pace: Pace, *shares: Share) -> tuple[timedelta, Bound, str]:
    seen = forecast(pace, shares, starts_at=START)
    return seen.finishes_at - seen.starts_at, seen.bound, seen.by


def warnings(pace: Pace, *shares: Share) -> tuple[str, ...]:
    return forecast(pace, shares, starts_at=START).warnings


def test_the_pace_decides_where_the_server_takes_more() -> None:
    limited = replace(FREE, per_second=100)

    assert lasts(HOURLY, limited) == (HOURLY.lasts(10_000), Bound.PACE, "")


@pytest.mark.parametrize(
    ("limits", "hours"),
    [
        ({"per_hour": 500}, 19),
        ({"per_day": 1000}, 9 * 24),
        ({"per_minute": 10}, 999 / 60),
        ({"per_hour": 500, "per_day": 1000}, 9 * 24),
    ],
)
def test_the_tightest_limit_of_the_server_decides(limits: dict[str, int], hours: float) -> None:
    limited = replace(FREE, **limits)  # type: ignore[arg-type]

    assert lasts(Pace(), limited) == (timedelta(hours=hours), Bound.LIMIT, "free")


def test_of_several_servers_the_one_that_is_last_decides() -> None:
    slow = Share("slow", 100, per_hour=10)

    assert lasts(Pace(), FREE, slow) == (timedelta(hours=9), Bound.LIMIT, "slow")


def test_a_rate_that_was_taught_by_complaints_counts() -> None:
    taught = replace(FREE, learnt=2.0)

    assert lasts(Pace(), taught) == (timedelta(seconds=5000), Bound.LEARNT, "free")


def test_without_anything_known_it_is_a_guess_and_says_so() -> None:
    seen = forecast(Pace(), [FREE], starts_at=START)

    assert seen.bound is Bound.ASSUMED
    assert "reckoned" in seen.words


def test_nobody_to_write_to_takes_no_time() -> None:
    assert forecast(HOURLY, [], starts_at=START) == Forecast(START, START, Bound.PACE, "", ())


@pytest.mark.accepts("UC-29")
def test_more_than_the_server_permits_is_warned_of_with_the_number() -> None:
    (words,) = warnings(HOURLY, replace(FREE, per_minute=10))

    assert "free takes at most 600 mails an hour" in words


@pytest.mark.accepts("UC-29")
def test_as_fast_as_possible_through_a_server_without_limits_is_warned_of() -> None:
    (words,) = warnings(Pace(), FREE)

    assert "No limit is set for free" in words


def test_what_fits_is_not_warned_of() -> None:
    assert warnings(HOURLY, replace(FREE, per_second=1)) == ()
    assert warnings(HOURLY, FREE) == ()
    assert warnings(Pace(), replace(FREE, mails=0)) == ()


def test_each_server_is_judged_by_its_share_of_the_pace() -> None:
    half = Share("half", 5000, per_hour=600)

    assert warnings(HOURLY, half, replace(half, name="other")) == ()
    assert len(warnings(HOURLY, half)) == 1
