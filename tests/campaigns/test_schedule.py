"""A time of day in somebody's zone, also when the clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.campaigns.schedule import Change, start_at, zones
from portal.core.errors import Refusal


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("local", "zone", "moment"),
    [
        ("2026-01-15T09:00", "UTC", "2026-01-15T09:00+00:00"),
        ("2026-01-15T09:00", "Europe/Berlin", "2026-01-15T08:00+00:00"),
        ("2026-07-15T09:00", "Europe/Berlin", "2026-07-15T07:00+00:00"),
        ("2026-01-15T09:00", "America/New_York", "2026-01-15T14:00+00:00"),
        ("2026-01-15T09:00", "Asia/Kathmandu", "2026-01-15T03:15+00:00"),
    ],
)
def test_the_moment_when_clocks_there_show_the_time(local: str, zone: str, moment: str) -> None:
    start = start_at(at(local), zone)

    assert start.at == at(moment)
    assert start.at.tzinfo is UTC
    assert (start.change, start.words) == (None, "")


def test_a_time_that_is_left_out_in_spring_begins_after_the_jump() -> None:
    start = start_at(at("2026-03-29T02:30"), "Europe/Berlin")

    assert start.change is Change.GAP
    assert start.at == at("2026-03-29T01:30+00:00")
    assert f"{start.local:%H:%M}" == "03:30"
    assert "03:30" in start.words


def test_a_time_that_comes_twice_in_autumn_is_the_first() -> None:
    start = start_at(at("2026-10-25T02:30"), "Europe/Berlin")

    assert start.change is Change.FOLD
    assert start.at == at("2026-10-25T00:30+00:00")
    assert "twice" in start.words


@pytest.mark.parametrize("zone", ["Nowhere/Atlantis", "", "../../etc/passwd", "\0"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(Refusal) as refused:
        start_at(at("2026-01-15T09:00"), zone)

    assert refused.value.field == "time_zone"


@pytest.mark.parametrize(
    ("local", "zone", "words"),
    [
        ("9999-12-31T23:59", "America/New_York", "At most one year ahead."),
        ("0001-01-01T00:00", "Asia/Tokyo", "This time has passed there."),
    ],
)
def test_a_time_beyond_the_calendar_is_refused(local: str, zone: str, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        start_at(at(local), zone)

    assert (refused.value.field, refused.value.words) == ("at", words)


def test_the_zones_to_choose_from_have_what_people_look_for() -> None:
    assert {"UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"} <= set(zones())
    assert list(zones()) == sorted(zones())
