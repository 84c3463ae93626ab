"""Codes from an app: each works once, about now, and for one person."""

from __future__ import annotations

import pyotp
import pytest

from portal.accounts import second_factor
from portal.accounts.models import Person
from portal.core import vault
from portal.core.errors import Refusal
from portal.core.secret import Secret
from tests.equipment.clock import HandSetClock


@pytest.fixture
def secret(clock: HandSetClock, ada: Person) -> str:
    """Ada's secret, set up a minute ago."""
    secret = second_factor.new_secret()
    second_factor.enable(ada, secret, code=_at(secret.reveal(), clock))
    clock.advance(minutes=1)
    return secret.reveal()


def test_a_code_works_once(clock: HandSetClock, secret: str, ada: Person) -> None:
    code = _at(secret, clock)

    assert second_factor.is_right(ada, code)
    assert not second_factor.is_right(ada, code)


def test_an_older_code_does_not_work_after_a_newer_one(
    clock: HandSetClock, secret: str, ada: Person
) -> None:
    older = _at(secret, clock)
    clock.advance(seconds=30)
    newer = _at(secret, clock)

    assert second_factor.is_right(ada, newer)
    assert not second_factor.is_right(ada, older)


@pytest.mark.parametrize(
    ("seconds", "is_right"), [(-60, False), (-30, True), (30, True), (60, False)]
)
def test_a_clock_may_be_half_a_minute_off(
    clock: HandSetClock, secret: str, ada: Person, seconds: int, is_right: bool
) -> None:
    code = pyotp.TOTP(secret).at(int(clock.now().timestamp()) + seconds)

    assert second_factor.is_right(ada, code) is is_right


def test_spaces_in_a_code_do_not_matter(clock: HandSetClock, secret: str, ada: Person) -> None:
    code = _at(secret, clock)

    assert second_factor.is_right(ada, f" {code[:3]} {code[3:]} ")


@pytest.mark.parametrize("typed", ["äöüäöü", "１２３４５６", "ключ-от-дома"])
def test_signs_that_no_code_has_are_a_wrong_code(secret: str, ada: Person, typed: str) -> None:
    assert not second_factor.is_right(ada, typed)


def test_it_is_not_turned_on_by_a_wrong_code(clock: HandSetClock, ada: Person) -> None:
    with pytest.raises(Refusal):
        second_factor.enable(ada, second_factor.new_secret(), code="000000")

    assert not second_factor.is_on(ada)


def test_the_code_that_turned_it_on_is_used_up(clock: HandSetClock, ada: Person) -> None:
    secret = second_factor.new_secret()
    code = _at(secret.reveal(), clock)

    second_factor.enable(ada, secret, code=code)

    assert not second_factor.is_right(ada, code)


def test_one_persons_sealed_secret_does_not_open_for_another(
    secret: str, ada: Person, bob: Person, clock: HandSetClock
) -> None:
    bob.totp_sealed = ada.totp_sealed

    with pytest.raises(vault.CannotOpen):
        second_factor.is_right(bob, _at(secret, clock))


def test_a_recovery_code_works_once_however_it_is_typed(secret: str, ada: Person) -> None:
    code = second_factor.new_recovery_codes(ada)[3]

    assert second_factor.is_right(ada, code.upper().replace("-", " "))
    assert not second_factor.is_right(ada, code)
    assert second_factor.codes_left(ada) == 9


def test_one_persons_recovery_code_is_not_anothers(ada: Person, bob: Person) -> None:
    hers = second_factor.new_recovery_codes(ada)[0]

    assert not second_factor.is_right(bob, hers)


def test_nobody_has_codes_before_they_are_turned_on(ada: Person) -> None:
    assert not second_factor.is_right(ada, "123456")
    assert not second_factor.is_right(ada, "")


def _at(secret: str, clock: HandSetClock) -> str:
    return pyotp.TOTP(Secret(secret).reveal()).at(clock.now())
