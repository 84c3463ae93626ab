"""When each mail of a campaign is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.campaigns.pace import LONGEST_DELAY, Pace, PaceKind
from portal.core.errors import Refusal

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def dues(pace: Pace, count: int) -> list[datetime]:
    return list(islice(pace.dues(START, Random(1)), count))


def pauses(pace: Pace, count: int) -> list[float]:
    return [(after - due).total_seconds() for due, after in pairwise(dues(pace, count))]


def test_as_fast_as_possible_everything_is_due_at_once() -> None:
    assert set(dues(Pace(), 100)) == {START}
    assert Pace().lasts(1_000_000) == timedelta(0)


@given(per_hour=st.integers(1, 100_000))
def test_in_no_hour_there_are_more_than_so_many(per_hour: int) -> None:
    pace = Pace(PaceKind.HOURLY, per_hour=per_hour)

    some = dues(pace, min(per_hour, 300) + 1)

    assert all(pause > 0 for pause in pauses(pace, 10))
    if len(some) > per_hour:
        assert some[per_hour] - some[0] >= timedelta(hours=1) - timedelta(milliseconds=per_hour)


@pytest.mark.accepts("UC-34")
@given(low=st.integers(0, 600), more=st.integers(1, 600), seed=st.integers())
def test_randomised_each_pause_is_between_the_two(low: int, more: int, seed: int) -> None:
    pace = Pace(PaceKind.RANDOM, min_delay=low, max_delay=low + more)

    some = list(islice(pace.dues(START, Random(seed)), 50))

    for due, after in pairwise(some):
        assert low - 1e-3 <= (after - due).total_seconds() <= low + more + 1e-3


@pytest.mark.accepts("UC-34")
def test_randomised_the_pauses_are_spread_over_the_whole_range() -> None:
    some = pauses(Pace(PaceKind.RANDOM, min_delay=10, max_delay=20), 2000)

    thirds = [sum(low <= pause < low + 10 / 3 for pause in some) for low in (10, 40 / 3, 50 / 3)]
    assert all(560 < third < 780 for third in thirds)


def test_the_expected_end_is_that_of_the_average_pause() -> None:
    assert Pace(PaceKind.HOURLY, per_hour=60).lasts(61) == timedelta(hours=1)
    assert Pace(PaceKind.RANDOM, min_delay=10, max_delay=30).lasts(11) == timedelta(seconds=200)
    assert Pace(PaceKind.HOURLY, per_hour=60).lasts(0) == timedelta(0)


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ({"kind": PaceKind.HOURLY}, "per_hour"),
        ({"kind": PaceKind.HOURLY, "per_hour": 0}, "per_hour"),
        ({"kind": PaceKind.HOURLY, "per_hour": 10**9}, "per_hour"),
        ({"kind": PaceKind.RANDOM, "max_delay": 5}, "min_delay"),
        ({"kind": PaceKind.RANDOM, "min_delay": -1, "max_delay": 5}, "min_delay"),
        ({"kind": PaceKind.RANDOM, "min_delay": 5}, "max_delay"),
        ({"kind": PaceKind.RANDOM, "min_delay": 5, "max_delay": 4}, "max_delay"),
        ({"kind": PaceKind.RANDOM, "min_delay": 0, "max_delay": 0}, "max_delay"),
        ({"kind": PaceKind.RANDOM, "min_delay": 5, "max_delay": LONGEST_DELAY + 1}, "max_delay"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused_at_its_field(
    numbers: dict[str, object], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        Pace(**numbers)  # type: ignore[arg-type]

    assert refused.value.field == field
