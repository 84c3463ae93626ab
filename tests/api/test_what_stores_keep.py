"""What PostgreSQL cannot keep is named where it stands, and refused on either store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Caller, Stage
from tests.equipment.campaigns import make_audience
from tests.equipment.stage import make_template

HELLO: dict[str, Any] = {"to": ["cy@else.example"], "subject": "Hello", "text": "Good morning"}

pytestmark = pytest.mark.both_stores


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": "a\0b"}, "text"),
        ({"html": "a\0b"}, "html"),
        ({"variables": {"a": [{"b": "\0"}]}}, "variables"),
        ({"variables": {"a\0": 1}}, "variables"),
        ({"metadata": {"order": "\0"}}, "metadata"),
        ({"metadata": {"\0": "7"}}, "metadata"),
        ({"to": [{"email": "a@b.example", "variables": {"a": "\0"}}]}, "to[0].AddressIn.variables"),
        ({"template": "welcome\0"}, "template"),
        ({"variables": {"a": float("nan")}}, "variables"),
        ({"variables": {"a": [float("-inf")]}}, "variables"),
    ],
)
def test_of_a_message(calls: Caller, change: dict[str, Any], field: str) -> None:
    answer = calls.post("/messages", HELLO | change)

    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert field in [fault["field"] for fault in answer.json["errors"]]


def test_in_a_batch_the_message_is_named(calls: Caller) -> None:
    answer = calls.post("/messages/batch", {"messages": [HELLO, HELLO | {"text": "\0"}]})

    assert answer.status_code == 400
    assert [fault["field"] for fault in answer.json["errors"]] == ["messages[1].text"]


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**30])
@pytest.mark.parametrize("name", ["sender", "agent"])
def test_a_number_beyond_all_ids_is_nobodys(calls: Caller, name: str, number: int) -> None:
    answer = calls.post("/messages", HELLO | {name: number}, Idempotency_Key="order-1")

    assert (answer.status_code, answer.json["code"]) == (422, f"{name}_unknown")
    assert calls.post("/messages", HELLO, Idempotency_Key="order-1").status_code == 202


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"audience": "All\0"}, 400, "audience"),
        ({"template": "welcome\0"}, 400, "template"),
        ({"variables": {"code": "\0"}}, 400, "variables.code"),
        ({"name": "June\0"}, 422, "name"),
        ({"sender": 2**31}, 422, "sender"),
    ],
)
def test_of_a_campaign(
    calls: Caller, stage: Stage, change: dict[str, Any], status: int, field: str
) -> None:
    make_template(stage.acme)
    make_audience(stage.ada, 1, name="All")
    body = {"name": "June", "template": "welcome", "audience": "All"}

    answer = calls.post("/campaigns", body | change)

    assert answer.status_code == status, json.dumps(answer.json)
    assert [fault["field"] for fault in answer.json["errors"]] == [field]
