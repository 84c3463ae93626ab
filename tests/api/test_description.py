"""The API describes itself, and the description is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from portal.api.description import OPERATIONS, Operation
from tests.api.conftest import Caller, Stage


def document(stage: Stage) -> Any:
    answer = stage.app.test_client().get("/api/v1/openapi.json", base_url="http://localhost:8000")
    assert answer.status_code == 200
    return answer.json


def test_is_a_valid_openapi_document(stage: Stage) -> None:
    OpenAPIV31SpecValidator(document(stage)).validate()


def test_names_every_endpoint_and_no_other(stage: Stage) -> None:
    served = {
        (method.lower(), re.sub(r"<[^>]+>", "{id}", rule.rule.removeprefix("/api/v1")))
        for rule in stage.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }

    described = {(operation.method, operation.path) for operation in OPERATIONS}

    assert served - {("get", "/openapi.json"), ("get", "/")} == described


@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if operation.body is not None]
)
def test_a_body_with_an_unknown_member_is_refused_everywhere(
    calls: Caller, operation: Operation
) -> None:
    answer = calls.post(operation.path, {"unknown": 1})

    assert answer.status_code == 400
    assert "unknown" in [error["field"] for error in answer.json["errors"]]
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_parameter_that_is_not_described_is_refused_everywhere(
    calls: Caller, operation: Operation
) -> None:
    path = operation.path.replace("{id}", "msg_5d0c8a4f31b27e96a0d4c8f1")

    answer = calls.ask(operation.method.upper(), f"{path}?state=sent")

    assert answer.status_code == 400
    assert answer.json["code"] == "parameter_unknown"
    assert [error["field"] for error in answer.json["errors"]] == ["state"]
