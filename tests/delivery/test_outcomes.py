"""What becomes of a delivery after a try."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.delivery import simulator
from portal.delivery.moments import Moments
from portal.delivery.outcomes import BACK_OFF, SPREAD, Terms, back_off, settlement
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.states import Category, State
from portal.smtp.protocol import Fate, NotSent, Unknown
from portal.smtp.replies import Failed, Kind, Reply, Sent, ServerFault, Stage, TryAgain

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROW = Claimed(7, 1, 1, 1, 1, 0, "ann@birch.example", "", None, 2, 0, 0, None)
TERMS = Terms(Category.TRANSACTIONAL, NOW + timedelta(hours=72), copies=1)
BUSY = Reply(450, "4.2.0", ("Busy",))
LOST = Unknown(ServerFault(Kind.UNREACHABLE))


def after(
    fate: Fate, stage: Stage = Stage.RCPT, *, row: Claimed = ROW, terms: Terms = TERMS
) -> Settlement | None:
    return settlement(row, fate, stage, terms=terms, now=NOW, random=Random(1))


def test_a_250_is_final_and_counted() -> None:
    done = after(Sent(Reply(250, "2.0.0", ("Ok",))), Stage.BODY)

    assert done is not None
    assert (done.state, done.attempts, done.code, done.words) == (State.SENT, 3, 250, "Ok")


def test_a_refusal_is_final_with_its_kind() -> None:
    done = after(Failed(Kind.ADDRESS, Reply(550, "5.1.1", ("Nobody",))))

    assert done is not None
    assert (done.state, done.kind, done.enhanced) == (State.FAILED, "address", "5.1.1")


def test_a_busy_server_is_asked_again_after_the_back_off() -> None:
    done = after(TryAgain(Kind.BUSY, BUSY))

    assert done is not None
    assert (done.state, done.attempts, done.kind) == (State.DEFERRED, 3, "busy")
    assert done.due_at is not None
    assert timedelta(minutes=3.2) <= done.due_at - NOW <= timedelta(minutes=4.8)


def test_a_wait_that_the_server_names_is_kept_to() -> None:
    done = after(TryAgain(Kind.GREYLIST, BUSY, 300))

    assert done is not None
    assert done.due_at is not None
    assert timedelta(seconds=300) <= done.due_at - NOW <= timedelta(seconds=360)


def test_what_would_be_tried_after_its_time_has_expired() -> None:
    late = Terms(Category.TRANSACTIONAL, NOW + timedelta(minutes=2), copies=1)

    done = after(TryAgain(Kind.BUSY, BUSY), row=ROW._replace(attempts=20), terms=late)

    assert done is not None
    assert (done.state, done.kind, done.code) == (State.FAILED, "expired", 450)


def test_what_waited_too_long_for_its_server_is_tried_for_a_while_all_the_same() -> None:
    late = Terms(Category.TRANSACTIONAL, NOW - timedelta(hours=1), copies=1)

    done = after(TryAgain(Kind.GREYLIST, BUSY), row=ROW._replace(attempts=0), terms=late)

    assert done is not None
    assert done.state is State.DEFERRED


@pytest.mark.parametrize("kind", [Kind.RATE, Kind.QUOTA, Kind.CREDENTIALS, Kind.BUSY])
def test_a_server_at_fault_charges_no_attempt(kind: Kind) -> None:
    done = after(ServerFault(kind, BUSY), Stage.MAIL)

    assert done is not None
    assert (done.state, done.attempts, done.due_at) == (State.QUEUED, 2, None)


def test_a_refused_sender_holds_the_message() -> None:
    done = after(ServerFault(Kind.SENDER, BUSY), Stage.MAIL)

    assert done is not None
    assert (done.state, done.kind, done.attempts) == (State.HELD, "sender_refused", 2)


def test_what_was_not_begun_goes_back_as_it_was() -> None:
    assert after(NotSent(ServerFault(Kind.UNREACHABLE)), Stage.MAIL) is None


@pytest.mark.parametrize(
    "fate", [ServerFault(Kind.RATE, BUSY), NotSent(ServerFault(Kind.UNREACHABLE))]
)
def test_a_message_that_the_server_stumbles_over_lets_others_go_first(fate: Fate) -> None:
    done = after(fate, Stage.BODY)

    assert done is not None
    assert (done.state, done.attempts) == (State.DEFERRED, 2)
    assert done.due_at is not None
    assert done.due_at > NOW


def test_a_message_that_the_server_stumbles_over_is_not_tried_for_ever() -> None:
    over = replace(TERMS, give_up_at=NOW - timedelta(seconds=1))
    row, tries = ROW._replace(attempts=0), 0

    while (done := after(ServerFault(Kind.RATE, BUSY), row=row, terms=over)) is not None:
        tries += 1
        if done.state is State.FAILED:
            break
        row = row._replace(attempts=done.attempts)

    assert (done and done.kind, tries) == ("expired", len(BACK_OFF))


def test_a_lost_answer_is_followed_by_one_marked_copy() -> None:
    done = after(LOST, Stage.BODY)

    assert done is not None
    assert (done.state, done.copies, done.attempts) == (State.QUEUED, 1, 3)
    assert done.as_unknown


def test_a_second_lost_answer_is_for_a_person() -> None:
    done = after(LOST, Stage.BODY, row=ROW._replace(copies=1))

    assert done is not None
    assert (done.state, done.copies, done.kind) == (State.HELD, 1, "unknown")


def test_a_campaigns_lost_answer_is_for_a_person_at_once() -> None:
    campaign = Terms(Category.CAMPAIGN, TERMS.give_up_at, copies=0)

    done = after(LOST, Stage.BODY, terms=campaign)

    assert done is not None
    assert (done.state, done.copies) == (State.HELD, 0)


@given(st.integers(1, 200), st.integers())
def test_the_back_off_grows_to_an_hour_and_never_beyond_its_spread(
    attempts: int, seed: int
) -> None:
    minutes = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]

    wait = back_off(attempts, Random(seed)) / timedelta(minutes=minutes)

    assert 1 - SPREAD <= wait <= 1 + SPREAD


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("delivered@simulator.livery.example", Sent),
        ("delivered+tag@simulator.livery.example", Sent),
        ("deferred@simulator.livery.example", TryAgain),
        ("bounced@simulator.livery.example", Failed),
        ("somebody@simulator.livery.example", Failed),
    ],
)
def test_the_simulators_addresses_behave_as_named(email: str, expected: type) -> None:
    verdict, _stage = simulator.answer(email)

    assert isinstance(verdict, expected)


def test_a_clock_that_jumps_ahead_is_known_for_what_others_write_by_it() -> None:
    seconds = 0.0
    moments = Moments(NOW, monotonic=lambda: seconds)

    seconds = 5.0
    moments.follow(NOW + timedelta(seconds=5, hours=1))

    assert moments.latest() - NOW >= timedelta(seconds=5, hours=1)
    assert moments.now() - NOW < timedelta(seconds=6)


def test_a_clock_that_jumps_is_followed_by_a_second_a_minute() -> None:
    seconds = 0.0
    moments = Moments(NOW, monotonic=lambda: seconds)

    for _minute in range(60):
        seconds += 60
        moments.follow(NOW + timedelta(seconds=seconds, hours=-1))

    assert moments.now() == NOW + timedelta(seconds=3600 - 60)


def test_a_clock_that_is_off_a_little_is_followed_altogether() -> None:
    seconds = 0.0
    moments = Moments(NOW, monotonic=lambda: seconds)
    seconds = 60

    off = moments.follow(NOW + timedelta(seconds=60.5))

    assert off == timedelta(0)
    assert moments.now() == NOW + timedelta(seconds=60.5)
