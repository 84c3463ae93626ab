"""The import rule: rooms know only the rooms before them, and doors know nothing of each other.

`ROOMS` is the map of the portal, lowest first. A flow is a walk downwards; nothing comes back up.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = [
    "config",  # not a room, but everybody may read it, and it knows nobody
    "core",
    "audit",
    "smtp",
    "accounts",
    "white_labels",
    "domains",
    "smtp_settings",
    "senders",
    "apps",
    "mail_templates",
    "routing",
    "outbox",
    "campaigns",
    "notices",
    "delivery",
    "desk",
]
DOORS = ["web", "api", "commands", "jobs"]

WEB_FRAMEWORK = {"flask", "werkzeug", "wtforms"}
COMMITTERS = {*DOORS, "delivery"}
# What a file that calls itself pure can have no use for, as the start of a module's name.
IMPURE = {
    *("sqlalchemy", "flask", "psycopg", "pysqlite3", "redis", "huey"),
    *("socket", "ssl", "select", "http", "requests", "dns", "time", "asyncio", "subprocess"),
    *("portal.config", "portal.core.db", "portal.core.clock"),
}

# Memory that few processes need: these are loaded when they are wanted.
LOADED_LATE = {
    "portal.accounts.passkeys": {"portal.accounts.ceremonies"},
    "portal.commands.check": {"redis"},
    "portal.jobs": {"portal.jobs"},
    "portal.mail_templates.content": {"portal.mail_templates.laying_out"},
}


def room_of(module: str) -> str:
    """`portal.apps.keys` is in `apps`; `portal` itself is in no room."""
    return [*module.split("."), ""][1]


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Each import and the module it names; `from portal import apps` names `portal.apps`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "portal":
            known = {*ROOMS, *DOORS}
            for alias in node.names:
                yield node, f"portal.{alias.name}" if alias.name in known else "portal"
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from portal.core import db` and `from portal.core.db import db` name the same file.
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def starts_with(module: str, beginnings: set[str]) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:length]) in beginnings for length in range(1, len(parts) + 1))


def uses_web_framework(module: str, name: str) -> bool:
    top = name.split(".")[0].partition("_")[0]
    return top in WEB_FRAMEWORK and (module, name.split(".")[0]) != (
        "portal.core.db",
        "flask_sqlalchemy",
    )


def faults(module: str, source: str) -> Iterator[str]:
    """Everything in this file that breaks the rule, as sentences."""
    if module == "portal":
        return  # it opens the doors, so it sees everything
    tree = ast.parse(source)
    room = room_of(module)
    is_door = room in DOORS
    is_pure = any(line.startswith("Pure") for line in (ast.get_docstring(tree) or "").splitlines())

    for node, name in imports(tree):
        target = room_of(name) if name.split(".")[0] == "portal" else None
        if target == "":
            yield f"{module} imports portal itself, which opens the doors"
        elif target in DOORS and target != room:
            yield f"{module} imports the door {target}"
        elif target in ROOMS and not is_door and ROOMS.index(target) > ROOMS.index(room):
            yield f"{module} imports {target}, which comes after {room}"
        if not is_door and uses_web_framework(module, name):
            yield f"{module} imports {name.split('.')[0]}: rooms know no web framework"
        if is_pure and (starts_with(name, IMPURE) or ".models" in name):
            yield f"{module} calls itself pure and imports {name}"
        is_late = node.col_offset and not is_for_types(tree, node)
        if is_late and not starts_with(name, LOADED_LATE.get(module, set())):
            yield f"{module} imports {name} in line {node.lineno}, not at the top of the file"

        if is_door and starts_with(name, {"sqlalchemy"}) and "sqlalchemy.exc" not in name:
            yield f"{module} imports {name}: doors write no queries"

    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr == "commit" and room not in COMMITTERS:
            yield f"{module} commits in line {call.lineno}: that is for doors and delivery"


def is_for_types(tree: ast.Module, node: ast.stmt) -> bool:
    """`if TYPE_CHECKING:` at the top of the file is the top of the file."""
    return any(
        isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for block in tree.body
        if node in ast.walk(block)
    )


def files() -> dict[str, Path]:
    """Every module of the portal by its name."""
    found = {}
    for path in sorted((ROOT / "portal").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def test_the_portal_keeps_the_rule() -> None:
    modules = files()

    broken = [
        fault
        for module, path in modules.items()
        for fault in faults(module, path.read_text(encoding="utf-8"))
    ]

    assert broken == []


def test_the_map_shows_every_room_and_door() -> None:
    found = {room_of(module) for module in files()} - {""}

    assert found <= {*ROOMS, *DOORS}


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("portal.smtp.replies", "from portal.outbox.states import State", "imports outbox"),
        ("portal.smtp.replies", "import portal.outbox.states", "imports outbox"),
        ("portal.smtp", "from portal import outbox", "imports outbox"),
        ("portal.config", "from portal.core.errors import Refusal", "imports core"),
        ("portal.desk.threads", "from portal.api.door import guard", "the door api"),
        ("portal.api.door", "from portal.web import guard", "the door web"),
        ("portal.jobs.clock", "from portal import create_app", "portal itself"),
        ("portal.jobs.clock", "import portal", "portal itself"),
        ("portal.apps.keys", "from flask import g", "imports flask"),
        ("portal.apps.keys", "import flask_login", "imports flask_login"),
        ("portal.apps.keys", "from wtforms.fields import Field", "imports wtforms"),
        ("portal.core.db", "from flask import g", "imports flask"),
        ("portal.core.vault", "from flask_sqlalchemy import SQLAlchemy", "flask_sqlalchemy"),
        ("portal.web.pages", "from sqlalchemy import select", "no queries"),
        ("portal.apps.keys", "db.session.commit()", "commits in line 1"),
        ("portal.apps.keys", "def f():\n    import json", "line 2, not at the top"),
        ("portal.api.door", "class C:\n    from json import loads", "not at the top"),
        ("portal.smtp.a", '"""A.\n\nPure: no clock."""\nimport time', "pure and imports time"),
        ("portal.smtp.a", '"""A.\n\nPure."""\nfrom portal.core import db', "portal.core.db"),
        ("portal.smtp.a", '"""A.\n\nPure."""\nfrom sqlalchemy.orm import Mapped', "sqlalchemy"),
        ("portal.outbox.a", '"""A.\n\nPure."""\nfrom portal.apps.models import App', "models"),
    ],
)
def test_a_violation_is_caught(module: str, source: str, words: str) -> None:
    found = list(faults(module, source))

    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("portal", "import portal.web\nfrom flask import Flask"),
        ("portal.outbox.accept", "from portal.routing.decide import decide"),
        ("portal.outbox.accept", "from portal.outbox.states import State"),
        ("portal.web.pages", "from portal.desk import threads\nfrom flask import g"),
        ("portal.web.pages", "from sqlalchemy.exc import OperationalError"),
        ("portal.core.db", "from flask_sqlalchemy import SQLAlchemy"),
        ("portal.delivery.worker", "db.session.commit()"),
        ("portal.jobs.clock", "db.session.commit()"),
        ("portal.apps.keys", "if TYPE_CHECKING:\n    from portal.accounts.people import Person"),
        ("portal.smtp.a", '"""A.\n\nPure."""\nfrom portal.core.errors import Refusal'),
        ("portal.jobs", "def f():\n    from portal.jobs import works"),
        ("portal.smtp.timetable", '"""A.\n\nPure."""\nfrom portal.smtp.times import t'),
    ],
)
def test_what_is_allowed_is_not_caught(module: str, source: str) -> None:
    assert list(faults(module, source)) == []
