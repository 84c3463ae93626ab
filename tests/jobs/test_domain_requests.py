"""What the clock does about domains that were asked for."""

from __future__ import annotations

from portal.accounts.models import Person
from portal.desk.request_states import RequestState
from portal.jobs.periodic import CHORES, do
from tests.desk.stage import asked, letters_to, platforms_server
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh


def test_a_request_that_nobody_answers_ends_by_itself_and_is_told(
    clock: HandSetClock, ada: Person, olive: Person
) -> None:
    platforms_server(olive)
    request = asked(ada)
    (chore,) = [one for one in CHORES if one.name == "unanswered domain requests"]

    clock.advance(days=29)
    do(chore)
    early = fresh(request).state
    clock.advance(days=2)
    do(chore)

    assert early is RequestState.OPEN
    assert fresh(request).state is RequestState.EXPIRED
    assert letters_to(ada)[-1].subject == "Nobody answered the request for acme.example"
