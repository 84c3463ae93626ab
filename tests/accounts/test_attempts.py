"""Guessing gets slower, for an account and for an address."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from flask import Flask

from portal.accounts import attempts
from portal.core.db import db
from tests.equipment.clock import HandSetClock

NONE = timedelta()
ACCOUNT = attempts.account(1, "ada@acme.example")
ADDRESS = attempts.address("203.0.113.9")


def test_the_first_five_are_free_and_then_the_wait_doubles(app: Flask, clock: HandSetClock) -> None:
    waits = [_guess(clock) for _guess_number in range(9)]

    seconds = [wait.total_seconds() for wait in waits]
    assert seconds == [0, 0, 0, 0, 0, 1, 2, 4, 8]


def test_a_patient_guesser_gets_few_guesses_and_the_owner_never_waits_long(
    app: Flask, clock: HandSetClock
) -> None:
    began, guesses, waits = clock.now(), 0, []

    while clock.now() - began < timedelta(hours=6):
        wait = attempts.begin(ACCOUNT, f"address {guesses}")
        guesses += not wait
        waits.append(wait)
        clock.advance(seconds=wait.total_seconds())

    assert guesses < 6 * 70
    assert max(waits) == timedelta(minutes=5)


def test_an_attempt_that_must_wait_does_not_lengthen_the_wait(
    app: Flask, clock: HandSetClock
) -> None:
    for _number in range(5):
        attempts.begin(ACCOUNT, ADDRESS)

    hammered = {attempts.begin(ACCOUNT, ADDRESS) for _number in range(20)}

    assert hammered == {timedelta(seconds=1)}


def test_after_a_quarter_of_an_hour_of_peace_all_is_forgotten(
    app: Flask, clock: HandSetClock
) -> None:
    for _number in range(5):
        attempts.begin(ACCOUNT, ADDRESS)

    clock.advance(minutes=15)

    assert attempts.begin(ACCOUNT, ADDRESS) == NONE


def test_one_address_that_tries_many_accounts_is_slowed_down_too(
    app: Flask, clock: HandSetClock
) -> None:
    waits = [attempts.begin(attempts.account(1, f"p{n}@acme.example"), ADDRESS) for n in range(31)]

    assert waits[:30] == [NONE] * 30
    assert waits[30] > NONE


def test_a_right_password_forgets_the_account_and_not_the_address(
    app: Flask, clock: HandSetClock
) -> None:
    for _number in range(5):
        attempts.begin(ACCOUNT, ADDRESS)

    attempts.forget(ACCOUNT)

    assert attempts.begin(ACCOUNT, ADDRESS) == NONE
    assert attempts.how_often(ADDRESS, timedelta(hours=1)) == 6


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.9", "203.0.113.10", False),
    ],
)
def test_an_ipv6_customer_is_a_whole_64(one: str, other: str, is_same: bool) -> None:
    assert (attempts.address(one) == attempts.address(other)) is is_same


def test_a_name_is_counted_however_it_is_typed_and_apart_for_each_tenant() -> None:
    typed = attempts.account(1, " Ada@Acme.example ")

    assert typed == ACCOUNT
    assert attempts.account(2, "ada@acme.example") != ACCOUNT
    assert "ada" not in ACCOUNT


@pytest.mark.both_stores
def test_two_guesses_at_once_are_no_cheaper_than_one_after_another(
    app: Flask, clock: HandSetClock
) -> None:
    for _number in range(attempts.FREE_FOR_ACCOUNT - 1):
        attempts.begin(ACCOUNT, ADDRESS)
    db.session.commit()
    both_have_begun = Barrier(2)

    def guess() -> bool:
        with app.app_context():
            wait = attempts.begin(ACCOUNT, ADDRESS)
            # Where they take turns, the other one cannot get here before this one commits.
            with suppress(BrokenBarrierError):
                both_have_begun.wait(timeout=0.5)
            db.session.commit()
            return not wait

    with ThreadPoolExecutor(2) as pool:
        free = list(pool.map(_in_a_context_of_its_own, [guess, guess]))

    assert sorted(free) == [False, True]


def _in_a_context_of_its_own(act: Callable[[], bool]) -> bool:
    return Context().run(act)


def _guess(clock: HandSetClock) -> timedelta:
    """One more wrong guess, made as soon as it is let; how long it had to wait."""
    wait = attempts.begin(ACCOUNT, ADDRESS)
    if wait:
        clock.advance(seconds=wait.total_seconds())
        attempts.begin(ACCOUNT, ADDRESS)
    return wait
