"""Turns: of all who ask in a minute, one hears yes."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.core import turns
from portal.core.db import db
from tests.equipment.clock import HandSetClock


@pytest.mark.both_stores
def test_a_turn_is_taken_once_a_minute(app: Flask, clock: HandSetClock) -> None:
    first, second = turns.take("sweep"), turns.take("sweep")
    db.session.commit()
    clock.advance(seconds=61)

    assert (first, second) == (True, False)
    assert turns.take("sweep")


@pytest.mark.both_stores
def test_different_turns_do_not_wait_for_each_other(app: Flask, clock: HandSetClock) -> None:
    assert turns.take("sweep")
    assert turns.take("purge")


def test_a_clock_that_was_years_ahead_stops_nothing_once_it_is_right(
    app: Flask, clock: HandSetClock
) -> None:
    clock.advance(days=1000)
    assert turns.take("sweep")

    clock.advance(days=-1000)

    assert turns.take("sweep")


def test_a_clock_that_was_put_back_takes_no_turn_twice(app: Flask, clock: HandSetClock) -> None:
    assert turns.take("sweep")

    clock.advance(minutes=-5)

    assert not turns.take("sweep")
