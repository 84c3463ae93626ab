"""The API's page for people: complete, and its examples and codes are true."""

from __future__ import annotations

import ast
import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel

import portal
from portal.api import reading
from portal.api.description import OPERATIONS, Operation, document
from portal.api.examples import CODES, EXAMPLES, PROBLEM
from portal.api.schemas import ProblemOut
from portal.routing.decide import Check
from tests.api.conftest import Caller
from tests.equipment.visitor import Visits

ROOMS = Path(portal.__file__).parent


def test_every_operation_stands_there_with_an_example(visit: Visits) -> None:
    page = visit.at().get("/api/v1/")

    assert page.h1 == "How programs send"
    for operation in OPERATIONS:
        (section,) = page.tree.xpath(f"//section[@aria-labelledby='{operation.name}']")
        words = " ".join(section.text_content().split())
        assert f"{operation.method.upper()} {operation.path}" in words
        assert "curl http://localhost:8000/api/v1" in words.replace("curl '", "curl ")


def test_in_a_white_labels_portal_it_is_in_its_brand_and_names_its_host(
    visit: Visits, acme: object
) -> None:
    page = visit.at("acme.localhost").get("/api/v1/")

    assert "curl http://acme.localhost:8000/api/v1/messages" in page.text
    assert page.tree.xpath("string(//header)").split() == ["A", "Acme"]


def test_every_call_can_be_pasted_into_a_shell_as_it_stands(visit: Visits) -> None:
    page = visit.at().get("/api/v1/")
    kinds = {"messages": "msg_", "campaigns": "cmp_"}

    for pasted in page.tree.xpath("//pre[contains(., 'curl ')]/text()"):
        program, address, *rest = _words_of_a_shell(pasted)
        assert program == "curl"
        assert not {"&", ";", "|", "<", ">", "(", ")"} & set(rest), pasted
        parts = urlsplit(address).path.removeprefix("/api/v1/").split("/")
        if len(parts) > 1 and parts[1] != "batch":
            assert parts[1].startswith(kinds[parts[0]])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_examples_fit_their_models(operation: Operation) -> None:
    example = EXAMPLES[operation.name]

    assert _fits(operation.answer, example.answer)
    if operation.body is not None:
        assert example.body is not None
        operation.body.model_validate_json(json.dumps(example.body))


def test_the_example_of_a_problem_is_one() -> None:
    assert _fits(ProblemOut, PROBLEM)


def test_what_is_refused_in_an_example_is_refused_so(calls: Caller) -> None:
    refused = {"to": ["not an address"], "subject": "Hello", "text": "It is ready."}

    answer = calls.post("/messages", refused)
    batch = calls.post("/messages/batch", EXAMPLES["submit_batch"].body)

    assert answer.json == PROBLEM
    (_taken, expected) = EXAMPLES["submit_batch"].answer["messages"]
    assert batch.json["messages"][1] == expected


def test_no_code_is_made_up() -> None:
    said = _literals() | {check.value for check in Check}

    assert CODES.keys() - said == {"request_entity_too_large"}  # from the status, see problems.py


def test_no_code_of_the_api_itself_is_left_out() -> None:
    said = _codes_in(ROOMS / "api")

    assert said - CODES.keys() == set()


def test_no_code_of_an_address_is_left_out() -> None:
    said = _codes_in(ROOMS / "smtp", "addresses.py")

    assert "address_without_at" in said
    assert said - CODES.keys() == set()


def test_members_are_told_with_their_way_type_and_limits() -> None:
    submit = next(call for call in reading.calls(document()) if call.name == "submit")
    body = {member.name: member for member in submit.body}
    answer = {member.name: member for member in submit.answer}

    assert body["to"].is_required
    assert body["to"].kind == "list of string or object"
    assert body["to"].limits == "at least 1, at most 1,000"
    assert body["to[].email"].is_required
    assert not body["subject"].is_required
    assert "transactional" in body["category"].kind
    assert "route.words" in answer
    assert "deliveries[].status" in answer


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"a": 1},
        {"a": [{"b": "x" * 80}, {"c": [1, 2]}], "d": None},
        {"long": ["é" * 30] * 4},
    ],
)
def test_an_example_laid_out_is_the_same_json(body: Any) -> None:
    laid_out = reading.pretty(body)

    assert json.loads(laid_out) == body
    assert all(len(line) <= reading.WIDTH + 20 or "x" * 80 in line for line in laid_out.split("\n"))


def _fits(model: type[BaseModel], answer: Any) -> bool:
    """Whether the model would write just this answer."""
    names = {
        (field.serialization_alias or name): name for name, field in model.model_fields.items()
    }
    model.model_validate({names.get(name, name): value for name, value in _plain(answer).items()})
    return set(answer) <= set(names)


def _plain(value: Any) -> Any:
    """With the names that models give to what JSON calls `from`."""
    if isinstance(value, dict):
        return {"from_" if key == "from" else key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _literals() -> set[str]:
    return {
        node.value
        for file in ROOMS.rglob("*.py")
        if file.name != "examples.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _words_of_a_shell(text: str) -> list[str]:
    """What a shell reads: signs that mean something to it stand by themselves."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _codes_in(folder: Path, names: str = "*.py") -> set[str]:
    """The codes of all refusals and problems that are made in these files of this folder."""
    found = set()
    for file in folder.rglob(names):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = {"Refusal": 0, "AddressError": 0, "Problem": 1}.get(node.func.id)
                if place is not None and len(node.args) > place:
                    code = node.args[place]
                    if isinstance(code, ast.Constant):
                        found.add(str(code.value))
    return found
