"""What a worker has learnt about a server counts as long as the server's settings are the same."""

from __future__ import annotations

import time

from portal.delivery.memory import Memory


def test_a_used_up_limit_is_left_alone_until_there_is_room_again() -> None:
    memory = Memory()
    memory.see(1)

    memory.put_off(3600, version=1)
    memory.see(1)

    assert memory.not_before > time.monotonic() + 1800


def test_new_settings_are_worth_another_look_at_once() -> None:
    memory = Memory()
    memory.see(1)
    memory.put_off(3600, version=1)

    memory.see(2)

    assert memory.not_before == 0.0


def test_a_lane_that_found_no_room_under_earlier_settings_puts_nothing_off() -> None:
    memory = Memory()
    memory.see(1)
    memory.see(2)

    memory.put_off(3600, version=1)

    assert memory.not_before == 0.0
