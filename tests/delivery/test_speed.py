"""As fast as the server takes it: what no limit holds back leaves by the hundred a second."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from flask import Flask

from portal.outbox.states import State
from tests.equipment.mail import send, states, working
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

SEVERAL_HUNDRED = 200
"""Far below what a worker does; the server of this test shares a processor with it."""


@pytest.mark.both_stores
@pytest.mark.accepts("UC-28")
def test_several_hundred_mails_leave_in_a_second(app: Flask) -> None:
    people = [f"person{number}@birch.example" for number in range(4 * SEVERAL_HUNDRED)]
    with Fake() as fake:
        ada = make_person(make_white_label())
        make_server(ada, port=fake.port)
        message = send(make_app(ada), people)

        with working(app):
            fake.wait_until(lambda: len(fake.ledger) == len(people), 30)

    assert set(states(message)) == {State.SENT}
    moments = sorted(taken.at for taken in fake.ledger)
    in_a_second = [bisect_left(moments, begun + 1) - at for at, begun in enumerate(moments)]
    assert max(in_a_second) >= SEVERAL_HUNDRED
