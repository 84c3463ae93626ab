"""What an answer means for the server: the table, line by line, and the streaks."""

from __future__ import annotations

import pytest

from portal.delivery.consequences import (
    CONTENT_REFUSALS,
    Consequence,
    FewerLanes,
    Park,
    RefuseSender,
    Rest,
    SlowDown,
    Streak,
    consequence,
)
from portal.smtp.causes import Cause
from portal.smtp.replies import Failed, Kind, Reply, Sent, ServerFault, Stage

REPLY = Reply(451, "4.3.0", ("Some words",))
SENT = Sent(Reply(250, "2.0.0", ("Ok",)))
NO_RELAY = Failed(Kind.RELAY_SETUP, Reply(550, "5.7.1", ("Relaying denied",)))
SPAM = Failed(Kind.POLICY, Reply(554, "5.7.1", ("Looks like spam",)))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.UNREACHABLE, Rest),
        (Kind.BUSY, Rest),
        (Kind.REFUSED, Rest),
        (Kind.TEMPORARY_AUTH, Rest),
        (Kind.PROTOCOL, Rest),
        (Kind.SECURITY, Park),
        (Kind.CREDENTIALS, Park),
        (Kind.QUOTA, Park),
        (Kind.SENDER, RefuseSender),
        (Kind.RATE, SlowDown),
        (Kind.TOO_MANY_CONNECTIONS, FewerLanes),
    ],
)
def test_each_kind_of_fault_has_its_consequence(kind: Kind, expected: type[Consequence]) -> None:
    assert isinstance(consequence(ServerFault(kind, REPLY), Stage.MAIL), expected)


def test_the_servers_own_words_are_kept() -> None:
    found = consequence(ServerFault(Kind.CREDENTIALS, REPLY), Stage.AUTH)

    assert isinstance(found, Park)
    assert (found.kind, found.words) == ("credentials", "451 4.3.0 Some words")


def test_where_the_server_said_nothing_the_cause_is_named() -> None:
    found = consequence(ServerFault(Kind.UNREACHABLE, cause=Cause.CONNECT_TIMEOUT), Stage.CONNECT)

    assert found == Rest("connect_timeout")


def test_the_wait_that_a_server_asks_for_is_passed_on() -> None:
    assert consequence(ServerFault(Kind.BUSY, REPLY, 300), Stage.MAIL) == Rest(str(REPLY), 300)


@pytest.mark.parametrize("cause", [Cause.OUT_OF_STEP, Cause.UNSOLICITED])
def test_only_answers_out_of_step_end_pipelining(cause: Cause) -> None:
    found = consequence(ServerFault(Kind.PROTOCOL, cause=cause), Stage.DATA)
    other = consequence(ServerFault(Kind.PROTOCOL, cause=Cause.TOO_LONG), Stage.EHLO)

    assert isinstance(found, Rest)
    assert found.is_out_of_step
    assert other == Rest("too_long")


def test_the_third_domain_in_a_row_that_it_does_not_relay_to_parks_it() -> None:
    streak = Streak()

    answers = [streak.note(NO_RELAY, Stage.RCPT, f"{name}.example") for name in "abc"]

    assert answers[:2] == [None, None]
    assert isinstance(answers[2], Park)
    assert answers[2].kind == "relay_setup"


def test_the_same_domain_again_and_again_parks_nothing() -> None:
    streak = Streak()

    assert not any(streak.note(NO_RELAY, Stage.RCPT, "a.example") for _time in range(50))


def test_one_message_that_is_taken_ends_the_streak() -> None:
    streak = Streak()
    for name in ("a.example", "b.example"):
        streak.note(NO_RELAY, Stage.RCPT, name)
    streak.note(SENT, Stage.BODY, "c.example")

    assert streak.note(NO_RELAY, Stage.RCPT, "d.example") is None


def test_twenty_refused_contents_over_several_domains_park_it() -> None:
    streak = Streak()

    answers = [
        streak.note(SPAM, Stage.BODY, f"{number % 3}.example") for number in range(CONTENT_REFUSALS)
    ]

    assert not any(answers[:-1])
    assert isinstance(answers[-1], Park)


def test_refused_contents_for_one_domain_are_that_domains_affair() -> None:
    streak = Streak()

    assert not any(streak.note(SPAM, Stage.BODY, "a.example") for _time in range(100))


def test_a_message_that_we_refused_ourselves_counts_for_nothing() -> None:
    streak = Streak()
    ours = Failed(Kind.CONTENT)

    assert not any(streak.note(ours, Stage.MAIL, f"{number}.example") for number in range(100))
