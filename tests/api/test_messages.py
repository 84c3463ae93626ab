"""An app hands its mail over."""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from portal.apps import apps, keys
from portal.apps.models import KeyKind
from portal.core import clock
from portal.core.db import db
from portal.core.secret import Secret
from portal.outbox.models import Delivery, Message
from portal.outbox.states import State
from portal.white_labels import tenants
from tests.api.conftest import Answer, Caller, Stage
from tests.equipment.stage import make_app, make_default, make_person, make_sender, make_template

HELLO: dict[str, Any] = {"to": ["cy@else.example"], "subject": "Hello", "text": "Good morning"}


def count_messages() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Message)) or 0


class TestAccepting:
    @pytest.mark.accepts("SS-01")
    def test_answers_with_an_id_and_the_route(self, calls: Caller, stage: Stage) -> None:
        answer = calls.post("/messages", HELLO)

        assert answer.status_code == 202
        body = answer.json
        assert body["id"].startswith("msg_")
        assert body["status"] == "queued"
        assert body["route"]["server"] == "acme-own"
        assert body["route"]["from"] == "Acme-Own of Ada <acme-own@acme.example>"
        assert "Ada owns Shop and configured this server" in body["route"]["words"]
        assert body["deliveries"][0]["to"] == "cy@else.example"

    @pytest.mark.accepts("UC-03")
    def test_nothing_but_the_route_tells_which_server_carries_it(
        self, calls: Caller, stage: Stage
    ) -> None:
        own = calls.post("/messages", HELLO)
        platforms = stage.caller(make_app(stage.bob, "Blog")).post("/messages", HELLO)

        assert (own.status_code, platforms.status_code) == (202, 202)
        assert (own.json["route"]["server"], platforms.json["route"]["server"]) == (
            "acme-own",
            "main",
        )
        same = own.json.keys() - {"id", "route", "deliveries"}
        assert {name: own.json[name] for name in same} == {
            name: platforms.json[name] for name in same
        }
        assert own.json.keys() == platforms.json.keys()

    def test_stores_one_delivery_for_each_recipient_however_often_named(
        self, calls: Caller
    ) -> None:
        body = HELLO | {"to": ["cy@else.example", "CY@else.example"], "bcc": ["di@else.example"]}

        answer = calls.post("/messages", body)

        assert [item["to"] for item in answer.json["deliveries"]] == [
            "cy@else.example",
            "di@else.example",
        ]

    @pytest.mark.accepts("SI-27", "SI-28")
    def test_a_co_admins_app_goes_through_the_platform_and_the_trace_says_why(
        self, stage: Stage
    ) -> None:
        bobs = stage.caller(make_app(stage.bob, "Blog"))

        sent = bobs.post("/messages", HELLO).json
        shown = bobs.get(f"/messages/{sent['id']}").json

        assert sent["route"]["server"] == "main"
        skipped = shown["route"]["trace"][0]
        assert skipped["code"] == "not_the_owners_server"
        assert skipped["words"] == "Ada configured this server, but the app belongs to Bob."

    def test_with_a_time_to_come_is_scheduled(self, calls: Caller) -> None:
        later = (clock.now() + timedelta(hours=2)).isoformat()

        answer = calls.post("/messages", HELLO | {"send_at": later})

        assert answer.json["status"] == "scheduled"

    def test_takes_a_template_with_variables(self, calls: Caller, stage: Stage) -> None:
        make_template(stage.acme)

        answer = calls.post(
            "/messages",
            {"to": ["cy@else.example"], "template": "welcome", "variables": {"name": "Cy"}},
        )

        assert answer.status_code == 202
        assert calls.get(f"/messages/{answer.json['id']}").json["template"] == "welcome"

    def test_takes_attachments(self, calls: Caller) -> None:
        file = {"filename": "a.txt", "content": base64.b64encode(b"hello").decode()}

        assert calls.post("/messages", HELLO | {"attachments": [file]}).status_code == 202

    def test_uses_the_default_sender_of_the_agent(self, calls: Caller, stage: Stage) -> None:
        abe = make_person(stage.acme, "Abe")
        make_default(abe, make_sender(stage.own, "abe@acme.example", of=stage.acme, name="Abe"))

        answer = calls.post("/messages", HELLO | {"agent": "abe@acme.example"})

        assert answer.json["route"]["from"] == "Abe <abe@acme.example>"
        assert answer.json["route"]["reason"] == "agent_default"


class TestTestKeys:
    def test_accept_and_show_everything_and_send_nothing(self, stage: Stage) -> None:
        calls = stage.caller(stage.shop, KeyKind.TEST)

        answer = calls.post("/messages", HELLO)

        assert answer.status_code == 202
        assert answer.json["status"] == "sandboxed"
        assert answer.json["route"]["server"] == "acme-own"

    @pytest.mark.accepts("SI-02", "SS-49")
    def test_without_any_server_a_live_key_is_in_the_sandbox_too(
        self, calls: Caller, stage: Stage
    ) -> None:
        stage.own.is_enabled = stage.main.is_enabled = False

        answer = calls.post("/messages", HELLO)

        assert answer.json["status"] == "sandboxed"
        assert answer.json["route"]["reason"] == "sandbox"

    def test_simulator_addresses_are_queued_with_any_key(self, stage: Stage) -> None:
        calls = stage.caller(stage.shop, KeyKind.TEST)

        answer = calls.post("/messages", HELLO | {"to": ["bounced@simulator.livery.example"]})

        assert answer.json["status"] == "queued"
        assert db.session.scalars(select(Delivery.server_id)).all() == [0]


class TestIdempotency:
    def test_the_same_key_and_body_get_the_first_answer(self, calls: Caller) -> None:
        first = calls.post("/messages", HELLO, Idempotency_Key="order-1")
        again = calls.post("/messages", HELLO, Idempotency_Key="order-1")

        assert again.json == first.json
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert count_messages() == 1

    def test_the_same_key_with_another_body_is_refused(self, calls: Caller) -> None:
        calls.post("/messages", HELLO, Idempotency_Key="order-1")

        answer = calls.post("/messages", HELLO | {"subject": "Bye"}, Idempotency_Key="order-1")

        assert answer.status_code == 409
        assert answer.json["code"] == "idempotency_key_reused"

    def test_a_refused_message_leaves_the_key_free(self, calls: Caller) -> None:
        refused = calls.post("/messages", HELLO | {"to": ["nobody"]}, Idempotency_Key="order-1")

        assert refused.status_code == 422
        assert calls.post("/messages", HELLO, Idempotency_Key="order-1").status_code == 202

    def test_keys_of_two_apps_have_nothing_to_do_with_each_other(
        self, calls: Caller, stage: Stage
    ) -> None:
        other = stage.caller(make_app(stage.ada, "Other"))

        calls.post("/messages", HELLO, Idempotency_Key="order-1")
        answer = other.post("/messages", HELLO | {"subject": "Bye"}, Idempotency_Key="order-1")

        assert answer.status_code == 202

    @pytest.mark.both_stores
    def test_a_double_click_is_one_message(self, calls: Caller, stage: Stage) -> None:
        answers: list[Answer] = []

        def click() -> None:
            caller = Caller(stage.app.test_client(), calls.key)
            with stage.app.app_context():
                answers.append(caller.post("/messages", HELLO, Idempotency_Key="click"))

        threads = [threading.Thread(target=click) for _ in range(4)]
        db.session.commit()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json["id"] for answer in answers}) == 1
        assert count_messages() == 1


class TestBatches:
    def test_answer_for_each_message(self, calls: Caller) -> None:
        wrong = HELLO | {"to": ["nobody"]}

        answer = calls.post("/messages/batch", {"messages": [HELLO, wrong, HELLO]})

        assert answer.status_code == 202
        first, second, third = answer.json["messages"]
        assert first["message"]["id"] != third["message"]["id"]
        assert second["error"]["code"] == "address_without_at"
        assert count_messages() == 2

    def test_of_more_than_a_thousand_are_refused(self, calls: Caller) -> None:
        answer = calls.post("/messages/batch", {"messages": [HELLO] * 1001})

        assert answer.status_code == 400
        assert count_messages() == 0


class TestRefusals:
    """Bad input gets a clear error at the right place, and nothing is stored."""

    @pytest.mark.parametrize(
        ("change", "status", "code", "field"),
        [
            ({"to": ["nobody"]}, 422, "address_without_at", "to[0]"),
            ({"cc": ["a@b.example", "x y@b.example"]}, 422, "address_malformed", "cc[1]"),
            ({"to": []}, 400, "too_short", "to"),
            ({"to": "cy@else.example"}, 400, "list_type", "to"),
            ({"subjekt": "Hello"}, 400, "extra_forbidden", "subjekt"),
            ({"text": None}, 422, "content_missing", "text"),
            ({"template": "welcome"}, 422, "content_ambiguous", "subject"),
            ({"sender": 4711}, 422, "sender_unknown", "sender"),
            ({"agent": "no@acme.example"}, 422, "agent_unknown", "agent"),
            ({"send_at": "2999-01-01T00:00:00Z"}, 422, "send_at_too_far", "send_at"),
            ({"send_at": "2026-01-01T00:00:00"}, 400, "timezone_aware", "send_at"),
            ({"category": "newsletter"}, 400, "enum", "category"),
            (
                {"attachments": [{"filename": "a", "content": "§"}]},
                422,
                "attachment_not_base64",
                "attachments[0].content",
            ),
        ],
    )
    def test_name_the_field(
        self, calls: Caller, change: dict[str, Any], status: int, code: str, field: str
    ) -> None:
        answer = calls.post("/messages", HELLO | change)

        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
        assert {"field": field, "code": code} in [
            {"field": error["field"], "code": error["code"]} for error in answer.json["errors"]
        ]
        assert count_messages() == 0

    @pytest.mark.parametrize(("faults", "named"), [(10_000, 10_000), (10_001, 0)])
    def test_name_no_more_than_somebody_can_use(
        self, calls: Caller, faults: int, named: int
    ) -> None:
        answer = calls.post("/messages", HELLO | {f"x{number}": 1 for number in range(faults)})

        assert (answer.status_code, answer.json["code"]) == (400, "malformed")
        assert len(answer.json.get("errors", [])) == named

    @pytest.mark.parametrize("evil", ["\r\n", "\n", "\r", "\0", "\u2028", "\u202e", "\x85"])
    @pytest.mark.parametrize("place", ["subject", "to_name", "header", "reply_to_name", "filename"])
    def test_no_header_can_be_smuggled_in(self, calls: Caller, evil: str, place: str) -> None:
        text = f"Hello{evil}Bcc: spy@evil.example"
        changes: dict[str, dict[str, Any]] = {
            "subject": {"subject": text},
            "to_name": {"to": [{"email": "cy@else.example", "name": text}]},
            "header": {"headers": {"X-Note": text}},
            "reply_to_name": {"reply_to": [{"email": "cy@else.example", "name": text}]},
            "filename": {"attachments": [{"filename": text, "content": ""}]},
        }

        answer = calls.post("/messages", HELLO | changes[place])

        assert answer.status_code == 422
        assert count_messages() == 0

    @pytest.mark.parametrize(
        "name", ["Bcc", "Subject", "Received", "Auto-Submitted", "X-Bad Name", "X-Bad:"]
    )
    def test_only_x_headers_are_taken(self, calls: Caller, name: str) -> None:
        answer = calls.post("/messages", HELLO | {"headers": {name: "value"}})

        assert answer.status_code == 422

    @pytest.mark.accepts("ST-38", "ST-39")
    def test_fifty_one_recipients_on_the_platforms_server(self, stage: Stage) -> None:
        bobs = stage.caller(make_app(stage.bob, "Blog"))
        many = [f"r{number}@else.example" for number in range(51)]

        answer = bobs.post("/messages", HELLO | {"to": many[:1], "cc": many[1:3], "bcc": many[3:]})

        assert answer.status_code == 422
        assert answer.json["code"] == "too_many_recipients"
        assert "at most 50" in answer.json["detail"]
        assert count_messages() == 0

    @pytest.mark.accepts("SI-27")
    def test_a_sender_on_somebody_elses_server_is_refused_and_not_replaced(
        self, stage: Stage
    ) -> None:
        bobs = stage.caller(make_app(stage.bob, "Blog"))

        answer = bobs.post("/messages", HELLO | {"sender": "acme-own@acme.example"})

        assert answer.status_code == 422
        assert answer.json["code"] == "not_the_owners_server"

    @pytest.mark.parametrize("end", ["0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"])
    @pytest.mark.parametrize(
        ("path", "name", "body"),
        [
            ("/messages", "send_at", HELLO),
            ("/campaigns", "start_at", {"name": "News", "template": "news", "audience": "All"}),
        ],
    )
    def test_a_moment_beyond_the_calendar_is_named(
        self, calls: Caller, path: str, name: str, body: dict[str, Any], end: str
    ) -> None:
        answer = calls.post(path, {**body, name: end})

        assert (answer.status_code, answer.json["code"]) == (400, "malformed")
        assert [error["field"] for error in answer.json["errors"]] == [name]

    def test_text_that_is_not_json(self, calls: Caller) -> None:
        answer: Any = calls.client.post(
            "/api/v1/messages",
            data="{",
            content_type="application/json",
            headers={"Authorization": f"Bearer {calls.key}"},
            base_url="http://localhost:8000",
        )

        assert (answer.status_code, answer.json["code"]) == (400, "json_invalid")

    def test_a_body_that_is_too_large(self, calls: Caller) -> None:
        answer = calls.post("/messages", HELLO | {"text": "x" * (17 * 1024 * 1024)})

        assert answer.status_code == 413
        assert answer.content_type == "application/problem+json"

    @pytest.mark.both_stores
    def test_an_id_that_no_store_can_take_is_the_callers_mistake(
        self, calls: Caller, store: str
    ) -> None:
        answer = calls.get("/messages/msg_%00")

        expected = {"sqlite": (404, "not_found"), "postgresql": (400, "malformed")}[store]
        assert (answer.status_code, answer.json["code"]) == expected
        assert answer.content_type == "application/problem+json"


class TestLooking:
    def test_an_app_sees_its_own_messages_newest_first(self, calls: Caller) -> None:
        ids = [calls.post("/messages", HELLO).json["id"] for _ in range(3)]

        answer = calls.get("/messages").json

        assert [message["id"] for message in answer["messages"]] == ids[::-1]
        assert answer["next"] is None

    def test_who_only_looks_does_not_wait_for_somebody_who_writes(self, calls: Caller) -> None:
        accepted = calls.post("/messages", HELLO).json["id"]

        with db.engine.begin():  # on SQLite there is one writer at a time
            paths = (f"/messages/{accepted}", "/messages", "/senders", "/templates", "/domains")
            statuses = [calls.get(path).status_code for path in paths]

        assert statuses == [200] * len(paths)

    def test_pages_go_on_after_the_last_id(self, calls: Caller) -> None:
        ids = [calls.post("/messages", HELLO).json["id"] for _ in range(51)]

        first = calls.get("/messages").json
        second = calls.get(f"/messages?after={first['next']}").json

        assert [message["id"] for message in second["messages"]] == ids[:1]

    def test_messages_are_found_by_recipient_and_status(self, calls: Caller) -> None:
        calls.post("/messages", HELLO)
        wanted = calls.post("/messages", HELLO | {"to": ["di@else.example"]}).json["id"]

        by_recipient = calls.get("/messages?to=di@else.example&status=queued").json["messages"]

        assert [message["id"] for message in by_recipient] == [wanted]
        assert calls.get("/messages?status=sent").json["messages"] == []

    def test_another_apps_message_is_not_there(self, calls: Caller, stage: Stage) -> None:
        other = stage.caller(make_app(stage.ada, "Other"))
        number = calls.post("/messages", HELLO).json["id"]

        assert other.get(f"/messages/{number}").status_code == 404
        assert other.post(f"/messages/{number}/cancel").status_code == 404
        assert other.get(f"/messages/{number}").json == other.get("/messages/msg_no").json


class TestCancelling:
    def test_takes_back_what_waits(self, calls: Caller) -> None:
        number = calls.post("/messages", HELLO).json["id"]

        answer = calls.post(f"/messages/{number}/cancel")

        assert answer.json == {"id": number, "cancelled": 1, "status": "cancelled"}

    def test_is_too_late_when_it_was_sent(self, calls: Caller) -> None:
        number = calls.post("/messages", HELLO).json["id"]
        delivery = db.session.scalars(select(Delivery)).one()
        delivery.state = State.SENT

        answer = calls.post(f"/messages/{number}/cancel")

        assert (answer.status_code, answer.json["code"]) == (409, "too_late")

    def test_a_test_key_takes_back_test_messages_only(self, calls: Caller, stage: Stage) -> None:
        trying = stage.caller(stage.shop, KeyKind.TEST)
        live = calls.post("/messages", HELLO).json["id"]
        tried = trying.post("/messages", HELLO | {"to": ["bounced@simulator.livery.example"]})

        refused = trying.post(f"/messages/{live}/cancel")
        taken = trying.post(f"/messages/{tried.json['id']}/cancel")

        assert (refused.status_code, refused.json["code"]) == (422, "test_key")
        assert calls.get(f"/messages/{live}").json["status"] == "queued"
        assert taken.json["status"] == "cancelled"


class TestKeys:
    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer lv_live_x_y", "Basic YTpi", "lv_live_x"]
    )
    def test_without_a_valid_key_there_is_no_entry(self, stage: Stage, header: str) -> None:
        answer: Any = stage.app.test_client().get(
            "/api/v1/messages",
            headers={"Authorization": header},
            base_url="http://localhost:8000",
        )

        assert answer.status_code == 401
        assert answer.json["code"] == "unauthorized"
        assert "WWW-Authenticate" in answer.headers

    def test_a_revoked_key_opens_nothing(self, calls: Caller, stage: Stage) -> None:
        for row in keys.keys_of(stage.shop):
            keys.revoke(row)

        assert calls.get("/messages").status_code == 401

    def test_a_key_of_a_deleted_app_opens_nothing(self, calls: Caller, stage: Stage) -> None:
        apps.delete(stage.shop)

        assert calls.get("/messages").status_code == 401

    def test_a_key_of_a_suspended_white_label_opens_nothing(
        self, calls: Caller, stage: Stage
    ) -> None:
        tenants.suspend(stage.acme)

        assert calls.get("/messages").status_code == 401

    def test_a_wrong_secret_with_the_right_id_opens_nothing(self, calls: Caller) -> None:
        wrong = Secret(calls.key[:-4] + "0000")

        assert Caller(calls.client, wrong.reveal()).get("/messages").status_code == 401


class TestRoute:
    def test_explains_and_sends_nothing(self, stage: Stage) -> None:
        bobs = stage.caller(make_app(stage.bob, "Blog"))

        answer = bobs.post("/route", {"to": ["cy@else.example"]})

        assert answer.status_code == 200
        assert answer.json["server"] == "main"
        assert [step["code"] for step in answer.json["trace"]] == [
            "not_the_owners_server",
            "passed",
        ]
        assert count_messages() == 0

    @pytest.mark.accepts("SI-29")
    def test_follows_the_owner(self, calls: Caller, stage: Stage) -> None:
        before = calls.post("/route").json["server"]
        apps.change_owner(stage.shop, owner=stage.bob)

        after = calls.post("/route").json["server"]

        assert (before, after) == ("acme-own", "main")

    def test_is_what_accepting_does(self, calls: Caller) -> None:
        asked = calls.post("/route", {"to": ["cy@else.example"]}).json
        sent = calls.post("/messages", HELLO).json["route"]

        assert {name: asked[name] for name in sent} == sent


def test_lists_name_what_an_app_may_use(calls: Caller, stage: Stage) -> None:
    make_template(stage.acme)

    senders = calls.get("/senders").json["senders"]
    templates = calls.get("/templates").json["templates"]

    assert [sender["email"] for sender in senders] == ["acme-own@acme.example"]
    assert [template["languages"] for template in templates] == [["en"]]
    assert calls.get("/domains").json == {"domains": []}


def test_a_long_list_asks_the_database_no_more_than_a_short_one(
    calls: Caller, stage: Stage
) -> None:
    make_template(stage.acme)
    short = _questions(calls, "/templates")
    for number in range(30):
        make_template(stage.acme, f"more-{number}")

    long = _questions(calls, "/templates")

    assert long <= short


def _questions(calls: Caller, path: str) -> int:
    """How often a call asks the database."""
    asked: list[object] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert calls.get(path).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(asked)
