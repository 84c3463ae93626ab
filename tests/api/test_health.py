"""What monitoring asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal import create_app
from portal.config import Config
from portal.core import clock
from portal.core.db import db
from portal.delivery.models import Worker
from tests.api.conftest import Caller, Stage
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import kept


def ask(app: Flask, path: str, **environ: str) -> Any:
    db.session.commit()
    return app.test_client().get(
        path,
        base_url="http://10.0.0.9:8000",
        environ_overrides={"REMOTE_ADDR": "127.0.0.1"} | environ,
    )


def start_worker(heard: timedelta = timedelta()) -> None:
    now = clock.now()
    kept(
        Worker(
            host="test",
            folder="f",
            boot_id="boot",
            pid=1,
            started_at=now,
            heartbeat_at=now - heard,
            lease_until=now + timedelta(minutes=1),
        )
    )


def test_the_process_answers_at_any_address(app: Flask) -> None:
    assert ask(app, "/healthz").json == {"status": "ok"}


def test_without_a_worker_it_is_not_ready_and_says_so(app: Flask) -> None:
    answer = ask(app, "/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"]["worker"] == "no worker was heard of for a minute"


def test_with_a_worker_that_is_heard_of_it_is_ready(app: Flask) -> None:
    start_worker()

    assert ask(app, "/readyz").status_code == 200


def test_a_silent_worker_does_not_count(app: Flask) -> None:
    start_worker(heard=timedelta(minutes=2))

    assert ask(app, "/readyz").status_code == 503


def test_old_due_mail_is_named(clock: HandSetClock, calls: Caller, stage: Stage) -> None:
    start_worker()
    calls.post("/messages", {"to": ["cy@else.example"], "subject": "Hello", "text": "Hi"})
    clock.advance(minutes=11)
    start_worker()

    answer = ask(stage.app, "/readyz")

    assert answer.status_code == 503
    assert answer.json["checks"]["queue"].startswith("mail is due since")


def test_metrics_are_for_loopback_or_the_token_only(app: Flask) -> None:
    assert ask(app, "/metrics").status_code == 200
    assert ask(app, "/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404


@pytest.mark.parametrize("name", ["X_FORWARDED_FOR", "X_REAL_IP", "FORWARDED", "VIA"])
@pytest.mark.parametrize("proxies", [0, 1])
def test_who_comes_by_way_of_a_proxy_on_this_machine_is_not_this_machine(
    config: Config, name: str, proxies: int
) -> None:
    app = create_app(replace(config, trusted_proxies=proxies))

    with app.app_context():
        # This is what a visitor claims to be where more proxies are trusted than there are.
        answer = ask(app, "/metrics", **{f"HTTP_{name}": "127.0.0.1"})

    assert answer.status_code == 404


def test_a_token_opens_the_metrics_through_a_proxy_too(app: Flask) -> None:
    app.config["LIVERY"] = replace(app.config["LIVERY"], metrics_token="right")

    answer = ask(
        app, "/metrics", HTTP_X_FORWARDED_FOR="192.0.2.7", HTTP_AUTHORIZATION="Bearer right"
    )

    assert answer.status_code == 200


def test_metrics_count_what_waits(calls: Caller, stage: Stage) -> None:
    calls.post("/messages", {"to": ["cy@else.example"], "subject": "Hello", "text": "Hi"})

    text = ask(stage.app, "/metrics").text

    assert 'livery_deliveries{state="queued"} 1.0' in text


@pytest.mark.parametrize(("given", "status"), [("right", 200), ("wrong", 404), ("r\u00efght", 404)])
def test_a_token_opens_the_metrics_and_nothing_like_it(app: Flask, given: str, status: int) -> None:
    app.config["LIVERY"] = replace(app.config["LIVERY"], metrics_token="right")

    answer = ask(app, "/metrics", REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION=f"Bearer {given}")

    assert answer.status_code == status


def test_who_asks_without_an_address_is_not_taken_for_this_machine(app: Flask) -> None:
    assert ask(app, "/metrics", REMOTE_ADDR="").status_code == 404
