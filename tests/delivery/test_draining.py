"""Draining ends when nothing could leave any more, not when nothing happens to be seen."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from flask import Flask

from portal.core.db import db
from portal.delivery import reroute
from portal.delivery.worker import Survey, Worker
from portal.outbox.states import State
from tests.equipment.mail import drain, send, states
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label


@pytest.mark.both_stores
def test_what_a_lane_puts_back_while_the_worker_looks_is_carried_too(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hand, was_looked_for = Event(), Event()
    again, act = reroute.again, Worker._open_lanes

    def again_when_it_was_looked_for(*what: Any) -> None:
        in_hand.set()
        was_looked_for.wait(30)
        again(*what)

    def act_when_the_lane_has_ended(worker: Worker, seen: Survey) -> bool:
        if in_hand.is_set() and not seen.queues and not was_looked_for.is_set():
            was_looked_for.set()
            worker._works.ended.wait(30)
            for lane in worker._lanes:
                lane.thread.join(30)
        return act(worker, seen)

    monkeypatch.setattr(reroute, "again", again_when_it_was_looked_for)
    monkeypatch.setattr(Worker, "_open_lanes", act_when_the_lane_has_ended)
    acme = make_white_label()
    ada, bob = make_person(acme), make_person(acme, "Bob")
    with Fake() as own, Fake() as platforms:
        make_server(ada, port=own.port)
        make_server(make_person(name="Olive"), "main", port=platforms.port)
        shop = make_app(ada)
        message = send(shop)
        shop.owner_id = bob.id
        db.session.commit()

        drain(app)

    assert states(message) == [State.SENT]
    assert (len(own.ledger), len(platforms.ledger)) == (0, 1)
