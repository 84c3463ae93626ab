"""What monitoring asks again and again costs as much as waits, not as much as was ever sent."""

from __future__ import annotations

from collections.abc import Callable
from re import search
from typing import Any

import pytest

from portal.accounts.models import Person
from portal.campaigns import steps as campaign_steps
from portal.core.db import db
from portal.delivery import enabling, status
from portal.outbox import acts, effects, held, queries, suspension
from portal.outbox.models import Message
from portal.outbox.states import State
from portal.smtp_settings.models import AuthKind
from portal.white_labels.features import Feature, Reach
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import send
from tests.equipment.plans import plans
from tests.equipment.stage import make_app, make_domain, make_server


@pytest.fixture
def message(ada: Person) -> Message:
    make_server(ada).auth = AuthKind.BEARER
    db.session.commit()
    return send(make_app(ada))


@pytest.mark.parametrize("ask", [status.readiness, status.registry])
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_monitoring_reads_nothing_that_is_over(message: Message, ask: Callable[[], Any]) -> None:
    with plans(of="FROM delivery") as found:
        ask()

    only_these = "INDEX ix_delivery_(waiting|sending|notable)"
    assert found
    assert all(search(only_these, steps[0]) for steps in found), found


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_a_change_concerns_is_found_among_what_waits_or_is_held(
    message: Message, acme: WhiteLabel
) -> None:
    domain = make_domain(acme)
    app = message.app
    assert app is not None

    with plans(of=" delivery") as found:
        waiting = effects.waiting_of(app)
        effects.of_losing_domain(domain)
        (stopped,) = enabling.would_stop(Feature.OAUTH_SMTP, Reach())
        suspended = suspension.effects_of_suspending(acme)
        taken_back = acts.cancel_all_of(app)

    assert (waiting, stopped.waiting, suspended.waiting, taken_back) == (1, 1, 1, 1)
    assert len(found) == 8
    assert all(search("INDEX ix_delivery_(waiting|notable)", steps[0]) for steps in found), found


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_is_let_go_is_found_among_what_is_held(message: Message, acme: WhiteLabel) -> None:
    its_domain = make_domain(acme)

    with plans(of=" delivery") as found:
        held.let_go(held.of_lapsed(its_domain))
        held.let_go(held.because_of(acme.id, suspension.SUSPENDED))

    steps = [step for steps in found for step in steps]
    assert len([step for step in steps if "INDEX ix_delivery_notable" in step]) == len(found) == 6
    assert not [step for step in steps if "ix_message" in step or "SCAN" in step], steps


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("status", [state for state in State if state is not State.SENT])
def test_an_app_finds_its_messages_in_a_state_among_those_that_are_in_it(
    message: Message, acme: WhiteLabel, status: State
) -> None:
    assert message.app_id is not None

    with plans(of="delivery.state =") as found:
        queries.messages_of_app(acme.id, message.app_id, status=status)

    (steps,) = found
    looks = [step for step in steps if "delivery" in step]
    assert len(looks) == 1
    assert search("INDEX ix_delivery_(waiting|sending|notable)", looks[0]), steps


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_is_looked_for_each_minute_is_found_among_what_is_held(message: Message) -> None:
    with plans(of="delivery") as found:
        held.recovered_domains()
        campaign_steps.to_do()

    looks = [line for lines in found for line in lines if "delivery" in line]
    assert len(looks) == 2
    assert all("INDEX ix_delivery_notable" in line for line in looks), looks


def test_the_numbers_are_those_of_each_state(message: Message, ada: Person) -> None:
    shop = make_app(ada, "Second")
    for state, count in {State.HELD: 1, State.UNKNOWN: 2, State.SENDING: 3, State.SENT: 4}.items():
        for _each in range(count):
            send(shop).deliveries[0].state = state
            db.session.commit()

    numbers = status.registry()

    told = {
        state.value: numbers.get_sample_value("livery_deliveries", {"state": state.value})
        for state in State
    }
    assert {state: count for state, count in told.items() if count} == {
        "queued": 1,
        "held": 1,
        "unknown": 2,
        "sending": 3,
    }
