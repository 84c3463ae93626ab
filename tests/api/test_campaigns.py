"""Campaigns by the API: launched, looked at and stopped by the app that they belong to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.apps.models import KeyKind
from portal.campaigns.models import Campaign, CampaignState
from portal.core import clock
from portal.core.db import db
from portal.jobs.works import do_now
from portal.outbox.models import Message
from portal.senders import senders
from tests.api.conftest import Caller, Stage
from tests.equipment.campaigns import make_audience
from tests.equipment.stage import make_app, make_template

SPRING = {"name": "Spring", "template": "welcome", "audience": "Customers"}


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """There is a template and an audience of two."""
    make_template(stage.acme, "welcome")
    make_audience(stage.acme)
    return stage


def the_campaign() -> Campaign:
    return db.session.scalars(select(Campaign)).one()


@pytest.mark.usefixtures("ready")
def test_a_campaign_is_launched_and_looked_at(calls: Caller, stage: Stage) -> None:
    sender = senders.primary_of(stage.own)
    assert sender is not None

    launched = calls.post("/campaigns", {**SPRING, "sender": sender.email})
    do_now("campaign", the_campaign().id)
    seen = calls.get(f"/campaigns/{launched.json['id']}")

    assert launched.status_code == 202
    assert launched.json["state"] == "running"
    assert seen.json["balance"]["audience"] == 2
    assert seen.json["balance"]["waiting"] == 2
    assert the_campaign().app_id == stage.shop.id
    assert the_campaign().sender_id == sender.id


@pytest.mark.usefixtures("ready")
def test_its_mail_is_told_in_its_balance_and_not_among_the_messages(calls: Caller) -> None:
    calls.post("/campaigns", SPRING)
    do_now("campaign", the_campaign().id)
    of_the_campaign = db.session.scalars(select(Message)).one()

    listed = calls.get("/messages")
    seen = calls.get(f"/messages/{of_the_campaign.public_id}")

    assert listed.json["messages"] == []
    assert seen.status_code == 404


@pytest.mark.usefixtures("ready")
def test_the_same_key_twice_launches_once(calls: Caller) -> None:
    first = calls.post("/campaigns", SPRING, Idempotency_Key="spring")
    second = calls.post("/campaigns", SPRING, Idempotency_Key="spring")

    assert second.json == first.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert db.session.scalar(select(func.count()).select_from(Campaign)) == 1


@pytest.mark.usefixtures("ready")
def test_it_is_paused_resumed_and_cancelled(calls: Caller) -> None:
    path = f"/campaigns/{calls.post('/campaigns', SPRING).json['id']}"

    states = [calls.post(f"{path}/{act}").json["state"] for act in ("pause", "resume", "cancel")]
    again = calls.post(f"{path}/cancel")
    resumed = calls.post(f"{path}/resume")

    assert states == ["paused", "running", "cancelled"]
    assert (again.status_code, again.json["code"]) == (409, "too_late")
    assert (resumed.status_code, resumed.json["code"]) == (409, "not_paused")
    assert calls.get(path).json["balance"]["cancelled"] == 2


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"template": "nothing"}, "template_unknown", "template"),
        ({"audience": "Nobody"}, "audience_unknown", "audience"),
        ({"sender": "x@else.example"}, "sender_unknown", "sender"),
        ({"sender": 4711}, "sender_unknown", "sender"),
        ({"language": "fr"}, "language_unknown", "language"),
        ({"pace": {"kind": "hourly"}}, "per_hour_not_fit", "per_hour"),
        (
            {"pace": {"kind": "random", "min_delay": 9, "max_delay": 1}},
            "delay_not_fit",
            "max_delay",
        ),
        ({"start_at": "2199-01-01T00:00:00Z"}, "send_at_too_far", "start"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_left(
    calls: Caller, change: dict[str, Any], code: str, field: str
) -> None:
    answer = calls.post("/campaigns", {**SPRING, **change})

    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert answer.json["errors"][0]["field"] == field
    assert db.session.scalar(select(func.count()).select_from(Campaign)) == 0


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    "variables", [{f"v{number}": "x" for number in range(201)}, {"n" * 101: "x"}]
)
def test_more_variables_than_a_campaign_has_are_refused(
    calls: Caller, variables: dict[str, str]
) -> None:
    answer = calls.post("/campaigns", {**SPRING, "variables": variables})

    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert answer.json["errors"][0]["field"].startswith("variables")


@pytest.mark.usefixtures("ready")
def test_a_time_ahead_schedules_it(calls: Caller) -> None:
    start = (clock.now() + timedelta(days=30)).replace(microsecond=0)
    local = start.astimezone(timezone(timedelta(hours=1)))

    answer = calls.post("/campaigns", {**SPRING, "start_at": local.isoformat()})

    assert answer.json["state"] == "scheduled"
    assert datetime.fromisoformat(answer.json["start_at"]) == start


@pytest.mark.usefixtures("ready")
def test_a_test_key_launches_nothing(stage: Stage) -> None:
    answer = stage.caller(stage.shop, KeyKind.TEST).post("/campaigns", SPRING)

    assert (answer.status_code, answer.json["code"]) == (422, "test_key")
    assert db.session.scalar(select(func.count()).select_from(Campaign)) == 0


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
def test_a_test_key_looks_at_a_campaign_and_leaves_it_alone(
    calls: Caller, stage: Stage, act: str
) -> None:
    path = f"/campaigns/{calls.post('/campaigns', SPRING).json['id']}"
    if act == "resume":
        calls.post(f"{path}/pause")
    before = the_campaign().state
    trying = stage.caller(stage.shop, KeyKind.TEST)

    answer = trying.post(f"{path}/{act}")

    assert (answer.status_code, answer.json["code"]) == (422, "test_key")
    assert trying.get(path).json["state"] == before


@pytest.mark.usefixtures("ready")
@pytest.mark.accepts("SI-27")
def test_an_app_of_somebody_else_cannot_choose_the_owners_sender(stage: Stage) -> None:
    sender = senders.primary_of(stage.own)
    assert sender is not None

    answer = stage.caller(make_app(stage.bob, "Blog")).post(
        "/campaigns", {**SPRING, "sender": sender.id}
    )

    assert (answer.status_code, answer.json["code"]) == (422, "not_the_owners_server")


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("act", ["", "/pause", "/resume", "/cancel"])
def test_another_apps_campaign_is_not_there(calls: Caller, stage: Stage, act: str) -> None:
    path = f"/campaigns/{calls.post('/campaigns', SPRING).json['id']}{act}"
    other = stage.caller(make_app(stage.ada, "Blog"))

    answer = other.post(path) if act else other.get(path)

    assert answer.status_code == 404
    assert the_campaign().state is CampaignState.RUNNING
