"""The states of a delivery: every walk that the engine takes, and none that it must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portal.delivery import outcomes
from portal.delivery.outcomes import Terms
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.states import FINAL, MOVES, WAITING, Category, State, may_move, summary
from portal.smtp.protocol import Fate, NotSent, Unknown
from portal.smtp.replies import Failed, Kind, Reply, Sent, ServerFault, Stage, TryAgain

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FATES: list[tuple[Fate, Stage]] = [
    (Sent(Reply(250, "2.0.0", ("Ok",))), Stage.BODY),
    (TryAgain(Kind.BUSY, Reply(450, "4.2.0", ("Busy",))), Stage.RCPT),
    (TryAgain(Kind.GREYLIST, Reply(451, None, ("Wait",)), 300), Stage.RCPT),
    (Failed(Kind.ADDRESS, Reply(550, "5.1.1", ("Nobody",))), Stage.RCPT),
    (ServerFault(Kind.RATE, Reply(454, None, ("Slow down",))), Stage.MAIL),
    (ServerFault(Kind.SENDER, Reply(553, None, ("Not yours",))), Stage.MAIL),
    (Unknown(ServerFault(Kind.UNREACHABLE)), Stage.BODY),
    (NotSent(ServerFault(Kind.UNREACHABLE)), Stage.DATA),
]


class OneDelivery(RuleBasedStateMachine):
    """A delivery among lanes, servers and people, each doing what they may at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.QUEUED
        self.row = Claimed(1, 1, 1, 1, 1, 0, "ann@birch.example", "", None, 0, 0, 0, None)
        self.terms = Terms(Category.TRANSACTIONAL, NOW + timedelta(hours=72), copies=1)
        self.now = NOW
        self.has_arrived = False  # the server has it
        self.dots = 0  # copies that may have arrived

    def _become(self, settlement: Settlement) -> None:
        assert may_move(self.state, settlement.state)
        self.state = settlement.state
        self.row = self.row._replace(
            attempts=settlement.attempts, copies=settlement.copies, losses=settlement.losses
        )

    @precondition(lambda self: self.state in WAITING)
    @rule()
    def a_lane_takes_it(self) -> None:
        assert may_move(self.state, State.SENDING)
        self.state = State.SENDING

    @precondition(lambda self: self.state is State.SENDING)
    @rule(fate=st.sampled_from(FATES), seed=st.integers(0, 1000))
    def it_is_tried(self, fate: tuple[Fate, Stage], seed: int) -> None:
        verdict, stage = fate
        if stage is Stage.BODY:
            self.dots += 1
        settlement = outcomes.settlement(
            self.row, verdict, stage, terms=self.terms, now=self.now, random=Random(seed)
        )
        if settlement is None:
            self.state = State.QUEUED
        else:
            self._become(settlement)
        self.has_arrived |= isinstance(verdict, Sent)

    @precondition(lambda self: self.state in (*WAITING, State.HELD))
    @rule()
    def a_person_cancels_it(self) -> None:
        assert may_move(self.state, State.CANCELLED)
        self.state = State.CANCELLED

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def what_the_server_has_is_never_sent_again(self) -> None:
        assert not self.has_arrived or self.state is State.SENT

    @invariant()
    def no_more_copies_leave_than_are_marked(self) -> None:
        assert self.dots <= 1 + self.row.copies + (self.state is State.HELD)


TestOneDelivery = OneDelivery.TestCase


def test_final_states_are_left_by_nothing_but_news_or_a_person() -> None:
    for state in FINAL:
        assert set(MOVES[state]) <= {State.QUEUED}


def test_a_late_250_moves_everything_that_may_have_left() -> None:
    for state in State:
        may = may_move(state, State.SENT)

        assert may is (state not in (State.SENT, State.SANDBOXED, State.SUPPRESSED))


def test_a_message_shows_what_still_needs_attention_first() -> None:
    assert summary([State.SENT, State.HELD, State.FAILED]) is State.HELD
    assert summary([State.SENT, State.SENDING]) is State.SENDING
    assert summary([State.SENT, State.SENT]) is State.SENT
