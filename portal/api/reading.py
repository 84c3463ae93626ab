"""The OpenAPI document laid out for people: flat tables of members instead of nested schemas.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.api.examples import EXAMPLES, Example

Schema = Mapping[str, Any]
DEEPEST = 3
WIDTH = 72
"""Characters of a line of an example."""
_LIMITS = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
    ("maxProperties", "at most {} members"),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a table: a member of a body, a parameter, a header."""

    name: str  # with the way there: `deliveries[].status`
    kind: str
    is_required: bool
    note: str
    limits: str


@dataclass(frozen=True, slots=True)
class Call:
    """One operation, ready to be shown."""

    method: str
    path: str
    name: str
    summary: str
    parameters: tuple[Member, ...]
    body: tuple[Member, ...]
    answer: tuple[Member, ...]
    status: str
    example: Example | None


def calls(document: Mapping[str, Any]) -> list[Call]:
    """Every operation in the order of the document."""
    return [
        _call(document, path, method, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def pretty(body: object, indent: str = "") -> str:
    """JSON as people write it: on one line what fits there."""
    line = json.dumps(body, ensure_ascii=False)
    if len(indent) + len(line) <= WIDTH or not isinstance(body, Mapping | list):
        return line
    deeper = indent + "  "
    if isinstance(body, Mapping):
        opening, closing = "{", "}"
        items = [f"{json.dumps(name)}: {pretty(value, deeper)}" for name, value in body.items()]
    else:
        opening, closing = "[", "]"
        items = [pretty(value, deeper) for value in body]
    inner = f",\n{deeper}".join(items)
    return f"{opening}\n{deeper}{inner}\n{indent}{closing}"


def _call(document: Mapping[str, Any], path: str, method: str, described: Schema) -> Call:
    schemas = document["components"]["schemas"]
    status, good = next(item for item in described["responses"].items() if item[0] < "300")
    body = described.get("requestBody", {}).get("content", {}).get("application/json")
    return Call(
        method=method.upper(),
        path=path,
        name=described["operationId"],
        summary=described["summary"],
        parameters=tuple(
            Member(
                item["name"],
                f"{item['in']}, {item['schema']['type']}",
                item["required"],
                item.get("description", ""),
                _limits(item["schema"]),
            )
            for item in described["parameters"]
        ),
        body=tuple(_members(body["schema"], schemas)) if body else (),
        answer=tuple(_members(good["content"]["application/json"]["schema"], schemas)),
        status=status,
        example=EXAMPLES.get(described["operationId"]),
    )


def _members(schema: Schema, schemas: Schema, way: str = "", deep: int = 0) -> Iterator[Member]:
    """The members of an object, and below each those of the objects in it."""
    schema = _followed(schema, schemas)
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        kind, below = _kind(inner, schemas)
        full = f"{way}{name}"
        yield Member(full, kind, name in required, inner.get("description", ""), _limits(inner))
        if below is not None and deep < DEEPEST:
            dots = "[]." if "list" in kind else "."
            yield from _members(below, schemas, full + dots, deep + 1)


def _kind(schema: Schema, schemas: Schema) -> tuple[str, Schema | None]:
    """The type in words, and the object in it whose members are worth a line each."""
    if "$ref" in schema:
        followed = _followed(schema, schemas)
        if "enum" in followed:
            return " | ".join(str(value) for value in followed["enum"]), None
        return "object", followed
    if "anyOf" in schema:
        kinds = [_kind(one, schemas) for one in schema["anyOf"]]
        words = " or ".join(dict.fromkeys(kind for kind, _below in kinds))
        return words, next((below for _kind, below in kinds if below is not None), None)
    match schema.get("type"):
        case "array":
            kind, below = _kind(schema["items"], schemas)
            return f"list of {kind}", below
        case "object":
            return "object", schema if "properties" in schema else None
        case "string" if "format" in schema:
            return str(schema["format"]), None
        case kind:
            return str(kind or "any"), None


def _limits(schema: Schema) -> str:
    candidates = [schema, *schema.get("anyOf", ())]
    found = [
        words.format(f"{candidate[name]:,}")
        for candidate in candidates
        for name, words in _LIMITS
        if name in candidate
    ]
    return ", ".join(dict.fromkeys(found))


def _followed(schema: Schema, schemas: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    named: Schema = schemas[schema["$ref"].rpartition("/")[2]]
    return named
