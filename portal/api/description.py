"""`/openapi.json`: the API described by OpenAPI 3.1, and a page that people can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portal.api import examples, reading, schemas
from portal.api.campaign_schemas import CampaignIn, CampaignOut
from portal.api.door import QUERIES, bp

REF = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to call the API."""

    method: str
    path: str
    name: str
    summary: str
    answer: type[BaseModel]
    status: int = 200
    body: type[BaseModel] | None = None
    is_idempotent: bool = False
    query: tuple[str, ...] = ()


class SendersOut(BaseModel):
    senders: list[schemas.SenderOut]


class TemplatesOut(BaseModel):
    templates: list[schemas.TemplateOut]


class DomainsOut(BaseModel):
    domains: list[schemas.DomainOut]


OPERATIONS = (
    Operation(
        "post",
        "/messages",
        "submit",
        "Hand over one message. It is stored, with its route, before the answer leaves.",
        schemas.AcceptedOut,
        202,
        schemas.MessageIn,
        is_idempotent=True,
    ),
    Operation(
        "post",
        "/messages/batch",
        "submit_batch",
        "Hand over up to 1,000 individual messages in one transaction.",
        schemas.BatchOut,
        202,
        schemas.BatchIn,
        is_idempotent=True,
    ),
    Operation(
        "get",
        "/messages",
        "messages",
        "The app's messages, newest first. Ask for the next page with after = next. What a "
        "campaign sends is not among them: its balance tells what became of it.",
        schemas.PageOut,
        query=QUERIES["api.messages"],
    ),
    Operation(
        "get",
        "/messages/{id}",
        "message",
        "One message with its route, its deliveries and their attempts.",
        schemas.MessageOut,
    ),
    Operation(
        "post",
        "/messages/{id}/cancel",
        "cancel",
        "Take back what has not been handed over yet.",
        schemas.CancelledOut,
    ),
    Operation(
        "post",
        "/campaigns",
        "launch_campaign",
        "Send one template to an audience, at a pace. The work is done in the background.",
        CampaignOut,
        202,
        CampaignIn,
        is_idempotent=True,
    ),
    Operation(
        "get",
        "/campaigns/{id}",
        "campaign",
        "One campaign of this app with its balance sheet.",
        CampaignOut,
    ),
    Operation(
        "post",
        "/campaigns/{id}/pause",
        "pause_campaign",
        "Nothing more of it leaves until it is resumed.",
        CampaignOut,
    ),
    Operation("post", "/campaigns/{id}/resume", "resume_campaign", "It goes on.", CampaignOut),
    Operation(
        "post",
        "/campaigns/{id}/cancel",
        "cancel_campaign",
        "Take back what has not been handed over yet.",
        CampaignOut,
    ),
    Operation(
        "post",
        "/route",
        "route",
        "Where a message would go, and why. Nothing is sent.",
        schemas.RouteTraceOut,
        body=schemas.RouteIn,
    ),
    Operation("get", "/senders", "senders", "The white label's senders.", SendersOut),
    Operation("get", "/templates", "templates", "The white label's templates.", TemplatesOut),
    Operation("get", "/domains", "domains", "The domains it may send from.", DomainsOut),
)

PROBLEMS = {
    "400": "The body is not as described.",
    "401": "The API key is missing or wrong.",
    "404": "There is no such thing for this key.",
    "409": "Too late, or the idempotency key was used for another request.",
    "413": "The body is too large.",
    "422": "Refused, with the reason.",
    "503": "The store cannot write now; nothing was accepted.",
}


@bp.get("/openapi.json")
def openapi() -> Response:
    """The description for programs."""
    return jsonify(document())


@bp.get("/")
def page() -> str:
    """The description for people."""
    described = document()
    return render_template(
        "api/page.html",
        document=described,
        calls=reading.calls(described),
        pretty=reading.pretty,
        problem=examples.PROBLEM,
        codes=examples.CODES,
    )


def document() -> dict[str, Any]:
    """The OpenAPI document, made from the very models that the views use."""
    bodies = [(operation.body, "validation") for operation in OPERATIONS if operation.body]
    answers = [(operation.answer, "serialization") for operation in OPERATIONS]
    _map, definitions = models_json_schema(
        [*bodies, *answers, (schemas.ProblemOut, "serialization")],  # type: ignore[list-item]
        ref_template=REF,
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mail API",
            "version": "1",
            "description": "Hand mail over, and know by which server it left and why.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An app's key: lv_live_… sends, lv_test_… only shows.",
                }
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in operation.query
    ]
    if "{id}" in operation.path:
        parameters.append(
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        )
    if operation.is_idempotent:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same key and body get the first answer again.",
                "schema": {"type": "string", "maxLength": 255},
            }
        )
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): {
                "description": "Done.",
                "content": {"application/json": {"schema": _ref(operation.answer)}},
            },
            **{
                status: {
                    "description": words,
                    "content": {"application/problem+json": {"schema": _ref(schemas.ProblemOut)}},
                }
                for status, words in PROBLEMS.items()
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return described


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}
