"""The hand-set clock: the portal sees it, and only while the test runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.core import clock as portal_clock
from tests.equipment.clock import START, HandSetClock


def test_it_stands_still_until_it_is_moved(clock: HandSetClock) -> None:
    before = portal_clock.now()

    after = clock.advance(hours=1, seconds=1)

    assert (before, portal_clock.now()) == (START, START + timedelta(hours=1, seconds=1))
    assert after == portal_clock.now()


def test_it_can_be_set_back(clock: HandSetClock) -> None:
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))

    assert portal_clock.now().year == 2020


def test_it_refuses_a_moment_without_a_time_zone(clock: HandSetClock) -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2020, 1, 1))  # noqa: DTZ001
