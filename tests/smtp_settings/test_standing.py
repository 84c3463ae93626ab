"""How a server stands: one word, and what a person has to mend comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from portal.accounts.models import Person
from portal.core import clock
from portal.smtp_settings.models import AuthKind, ServerHealth, SmtpServer
from portal.smtp_settings.standing import (
    Standing,
    advice_on_parking,
    reason_of_parking,
    standing_of,
    words_of_parking,
)
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import make_server


def _parked(server: SmtpServer) -> None:
    server.health.parked_at = clock.now()


def _resting(server: SmtpServer) -> None:
    server.health.resting_until = clock.now() + timedelta(seconds=30)


def _locked_out(server: SmtpServer) -> None:
    server.auth = AuthKind.BASIC


def _untested(server: SmtpServer) -> None:
    server.validated_at = None


def _disabled(server: SmtpServer) -> None:
    server.is_enabled = False


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ((), Standing.WORKING),
        ((_resting,), Standing.RESTING),
        ((_parked,), Standing.PARKED),
        ((_locked_out,), Standing.LOCKED_OUT),
        ((_untested,), Standing.UNTESTED),
        ((_disabled,), Standing.DISABLED),
        ((_disabled, _untested), Standing.DRAFT),
        ((_parked, _resting), Standing.PARKED),
        ((_locked_out, _parked), Standing.LOCKED_OUT),
        ((_disabled, _parked), Standing.DISABLED),
    ],
)
def test_one_word_says_how_it_stands(
    changes: tuple[Callable[[SmtpServer], None], ...], standing: Standing, ada: Person
) -> None:
    server = make_server(ada)

    for change in changes:
        change(server)

    assert standing_of(server, now=clock.now()) is standing


def test_a_rest_is_over_by_itself(ada: Person, clock: HandSetClock) -> None:
    server = make_server(ada)
    _resting(server)

    clock.advance(seconds=30)

    assert standing_of(server, now=clock.now()) is Standing.WORKING


@pytest.mark.parametrize(
    ("kind", "words", "said", "meaning"),
    [
        (
            "credentials",
            "535 5.7.8 Bad credentials",
            "535 5.7.8 Bad credentials",
            "Google refused user name or password.",
        ),
        ("security", "certificate_expired", "", "The server's certificate has expired."),
    ],
)
def test_why_it_is_parked_is_said_for_its_service(
    kind: str, words: str, said: str, meaning: str
) -> None:
    health = ServerHealth(parked_kind=kind, parked_words=words)

    advice = advice_on_parking(SmtpServer(preset="gmail", auth=AuthKind.BASIC, health=health))

    assert advice is not None
    assert (words_of_parking(health), advice.meaning) == (said, meaning)


def test_a_reason_that_nobody_knows_leaves_the_servers_own_words() -> None:
    health = ServerHealth(parked_kind="something new", parked_words="Ask Olive")

    assert advice_on_parking(SmtpServer(preset="generic", health=health)) is None
    assert words_of_parking(health) == "Ask Olive"


@pytest.mark.parametrize(
    ("kind", "words", "reason"),
    [
        ("credentials", "535 5.7.8 Bad credentials", "535 5.7.8 Bad credentials"),
        ("security", "certificate_expired", "The server's certificate has expired."),
        (
            "switched_off",
            "switched_off",
            "Signing in by token (Bearer) is switched off here by the platform's owner.",
        ),
        ("something new", None, "something new"),
    ],
)
def test_the_reason_for_parking_is_words_and_never_a_code_of_ours(
    kind: str, words: str | None, reason: str
) -> None:
    health = ServerHealth(parked_kind=kind, parked_words=words)

    assert reason_of_parking(SmtpServer(preset="generic", health=health)) == reason
