"""Limits hold over any span that one looks at, for all lanes together, and leave no room unused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.core.db import db
from portal.delivery import limits
from portal.delivery.limits import WINDOWS, Limit, Used, limits_of, room
from tests.equipment.stage import make_person, make_server, make_white_label

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_without_limits_there_is_room_for_any_batch() -> None:
    assert limits_of(per_second=None, per_minute=None, per_hour=None, per_day=None, rate=None) == ()
    assert room([], {}, NOW).messages >= 500


def test_what_the_server_taught_us_is_below_what_was_configured() -> None:
    found = limits_of(per_second=14, per_minute=None, per_hour=None, per_day=200, rate=3.5)

    assert found == (Limit("second", 3), Limit("day", 200))


def test_the_tightest_limit_decides() -> None:
    tight = [Limit("second", 14), Limit("day", 200)]
    used = {"second": Used(NOW, 4), "day": Used(NOW - timedelta(hours=1), 198)}

    assert room(tight, used, NOW).messages == 2


def test_the_window_before_counts_for_the_part_that_is_still_within() -> None:
    used = {"minute": Used(NOW - timedelta(minutes=1), 60)}

    assert room([Limit("minute", 60)], used, NOW).messages == 0
    assert room([Limit("minute", 60)], used, NOW + timedelta(seconds=30)).messages == 30
    assert room([Limit("minute", 60)], used, NOW + timedelta(seconds=60)).messages == 60


@given(
    most=st.integers(1, 50),
    window=st.sampled_from(sorted(WINDOWS)),
    steps=st.lists(st.tuples(st.floats(0, 1.5), st.integers(0, 60)), max_size=60),
)
def test_no_window_gets_more_than_its_limit_and_a_wait_is_never_in_vain(
    most: int, window: str, steps: list[tuple[float, int]]
) -> None:
    limit, span = Limit(window, most), WINDOWS[window]
    used = Used(NOW)
    now = NOW
    starts: dict[datetime, int] = {}

    for pause, wanted in steps:
        now += pause * span
        answer = room([limit], {window: used}, now)
        used = limits.spent(limit, used, min(wanted, answer.messages), now)
        starts[used.starts_at] = used.used
        if not answer.messages:
            later = now + timedelta(seconds=answer.wait) + timedelta(microseconds=10)
            assert room([limit], {window: used}, later).messages > 0
            assert answer.wait <= 2 * span.total_seconds()

    assert all(count <= most for count in starts.values())


@given(
    most=st.integers(1, limits.FEW),
    pauses=st.lists(st.floats(0, 1.5), min_size=20, max_size=60),
)
def test_a_few_a_second_leave_one_by_one_and_as_many_as_they_may(
    most: int, pauses: list[float]
) -> None:
    limit, second = Limit("second", most), timedelta(seconds=1)
    used: dict[str, Used] = {}
    now, left_at = NOW, list[datetime]()

    for pause in pauses:
        answer = room([limit], used, now)
        if answer.messages:
            used["second"] = limits.spent(limit, used.get("second"), 1, now)
            left_at.append(now)
            now += pause * second
        else:
            now += timedelta(seconds=answer.wait)

    assert all(
        later - first >= second - timedelta(microseconds=most)
        for first, later in zip(left_at, left_at[most:], strict=False)
    )


def test_one_a_second_is_one_a_second() -> None:
    once = Limit("second", 1)
    used: dict[str, Used] = {}
    now, sent = NOW, 0

    while now < NOW + timedelta(seconds=60):
        answer = room([once], used, now)
        if answer.messages:
            used["second"] = limits.spent(once, used.get("second"), 1, now)
            sent += 1
        now += timedelta(seconds=answer.wait)

    assert sent == 60


@pytest.mark.both_stores
def test_what_one_lane_took_is_missing_for_the_next_and_may_come_back(app: Flask) -> None:
    server = make_server(make_person(make_white_label()))
    minute = (Limit("minute", 10),)

    with db.engine.begin() as connection:
        limits.take(connection, server.id, minute, 7, now=NOW)
    with db.engine.begin() as connection:
        first = limits.look(connection, server.id, minute, now=NOW)
        limits.take(connection, server.id, minute, -2, now=NOW)
        second = limits.look(connection, server.id, minute, now=NOW)

    assert (first.messages, second.messages) == (3, 5)


@pytest.mark.both_stores
def test_a_new_window_begins_where_the_last_one_ended(app: Flask) -> None:
    server = make_server(make_person(make_white_label()))
    minute = (Limit("minute", 10),)
    with db.engine.begin() as connection:
        limits.take(connection, server.id, minute, 10, now=NOW)

    with db.engine.begin() as connection:
        full = limits.look(connection, server.id, minute, now=NOW + timedelta(seconds=59))
        half = limits.look(connection, server.id, minute, now=NOW + timedelta(seconds=90))
        later = limits.look(connection, server.id, minute, now=NOW + timedelta(hours=5))

    assert (full.messages, half.messages, later.messages) == (0, 5, 10)
