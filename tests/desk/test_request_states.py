"""A domain request: which act leads where, and that nothing else leads anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import Refusal
from portal.desk.request_states import LIVE, MOVES, ON_THE_LIST, RequestAct, RequestState, after

OPEN, A, V, L = RequestState.OPEN, RequestState.APPROVED, RequestState.VERIFIED, RequestState.LAPSED
WITHDRAWN = RequestState.WITHDRAWN

ALLOWED = [
    (OPEN, RequestAct.NUDGE, OPEN),
    (OPEN, RequestAct.APPROVE, A),
    (OPEN, RequestAct.REFUSE, RequestState.REFUSED),
    (OPEN, RequestAct.WITHDRAW, WITHDRAWN),
    (OPEN, RequestAct.EXPIRE, RequestState.EXPIRED),
    (A, RequestAct.SEE, V),
    (A, RequestAct.MISS, L),
    (A, RequestAct.WITHDRAW, WITHDRAWN),
    (A, RequestAct.REVOKE, RequestState.REVOKED),
    (V, RequestAct.MISS, L),
    (V, RequestAct.WITHDRAW, WITHDRAWN),
    (V, RequestAct.REVOKE, RequestState.REVOKED),
    (L, RequestAct.SEE, V),
    (L, RequestAct.WITHDRAW, WITHDRAWN),
    (L, RequestAct.REVOKE, RequestState.REVOKED),
]
FORBIDDEN = [
    (state, act)
    for state in RequestState
    for act in RequestAct
    if (state, act) not in {(state, act) for state, act, _new in ALLOWED}
]


@pytest.mark.parametrize(("state", "act", "new"), ALLOWED)
def test_an_act_that_is_allowed_leads_where_the_design_says(
    state: RequestState, act: RequestAct, new: RequestState
) -> None:
    assert after(state, act) is new


@pytest.mark.parametrize(("state", "act"), FORBIDDEN)
def test_every_other_act_is_refused_with_words(state: RequestState, act: RequestAct) -> None:
    refusal = after(state, act)

    assert isinstance(refusal, Refusal)
    assert refusal.words.endswith(".")


@given(st.lists(st.sampled_from(RequestAct), max_size=40))
def test_whatever_happens_what_is_over_stays_over_and_no_answer_is_given_twice(
    acts: list[RequestAct],
) -> None:
    state, walked = RequestState.OPEN, [RequestState.OPEN]
    answers = 0

    for act in acts:
        new = after(state, act)
        if isinstance(new, Refusal):
            continue
        answers += act in (RequestAct.APPROVE, RequestAct.REFUSE, RequestAct.EXPIRE)
        state = new
        walked.append(state)

    assert answers <= 1
    over = [at for at, each in enumerate(walked) if each not in LIVE]
    assert over in ([], [len(walked) - 1])
    assert all(
        RequestState.APPROVED in walked[:at] or each is RequestState.APPROVED
        for at, each in enumerate(walked)
        if each in ON_THE_LIST
    )


@given(st.sampled_from(RequestState))
def test_only_what_is_live_can_still_move(state: RequestState) -> None:
    assert bool(MOVES[state]) is (state in LIVE)
