"""The audit as a page: in words, found by who, what and whom, and proven on demand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from portal.accounts import people
from portal.accounts.models import Person, Role
from portal.audit import trail
from portal.audit.models import AuditEntry
from portal.audit.trail import Actor, acting
from portal.core.db import db
from portal.web.audit_words import ACTS, FIELDS, THINGS, act_of, actor_of, changes_of, target_of
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel
from tests.equipment.visitor import Page, Visits

PORTAL = Path(__file__).parents[2] / "portal"


@pytest.fixture
def told(acme: WhiteLabel, birch: WhiteLabel, ada: Person, abe: Person, olive: Person) -> None:
    """Ada and Olive changed something in Acme; something happened in Birch."""
    with acting(Actor(ada.email, ada.id, "203.0.113.7")):
        people.change_role(abe, role=Role.ADMIN)
    with acting(Actor(olive.email, olive.id, "198.51.100.4")):
        tenants.change(acme, name="Acme Apps")
    trail.record(birch.id, "app.created", "app 1 Secret plans")
    trail.record(None, "keys.rotated", "key abc", {"secrets": 3})
    db.session.commit()


def rows(page: Page) -> list[list[str]]:
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
        for row in page.tree.xpath("//tbody/tr")
    ]


def test_acts_are_told_in_words_with_what_was_before(
    told: None, visit: Visits, ada: Person
) -> None:
    page = visit(ada).get("/audit", query={"target": "abe@"})

    assert rows(page)[0][1:] == [
        "ada@acme.example203.0.113.7",
        "Role changedabe@acme.example",
        "role: agent → admin",
    ]


def test_who_of_the_platform_acted_is_not_told_to_a_white_label(
    told: None, visit: Visits, ada: Person, olive: Person
) -> None:
    here = visit(ada)

    page = here.get("/audit", query={"action": "white_label.changed"})

    assert rows(page)[0][1:] == [
        "Platform owner",
        "White label changedacme",
        "name: Acme → Acme Apps",
    ]
    for text in (page.body, here.answer("GET", "/audit.csv").get_data(as_text=True)):
        assert olive.email not in text
        assert "198.51.100.4" not in text
    assert "Nothing matches" in here.get("/audit", query={"actor": "olive"}).content


def test_a_white_label_reads_its_own_chain_only(told: None, visit: Visits, ada: Person) -> None:
    here = visit(ada)

    for query in ({}, {"chain": "all"}, {"chain": "2"}, {"chain": "0"}):
        page = here.get("/audit", query=query)
        assert "Secret plans" not in page.content
        assert "Sealing keys rotated" not in " ".join(cell for row in rows(page) for cell in row)
    assert "Secret plans" not in here.answer("GET", "/audit.csv?chain=all").get_data(as_text=True)


def test_the_backoffice_reads_all_of_them_or_one(
    told: None, visit: Visits, olive: Person, birch: WhiteLabel
) -> None:
    here = visit(olive)

    everything = rows(here.get("/backoffice/audit"))
    birchs = rows(here.get("/backoffice/audit").submit("Search", chain=birch.id))
    platforms = rows(here.get("/backoffice/audit").submit("Search", chain="0"))

    assert {row[1] for row in everything} == {"Acme Apps", "Birch", "Platform"}
    assert [row[2] for row in birchs] == ["App createdSecret plans"]
    assert any("Sealing keys rotated" in row[2] for row in platforms)
    assert not any("Secret plans" in " ".join(row) for row in platforms)


@pytest.mark.parametrize("chain", ["9" * 5000, "9" * 20, "²", "-1"])
def test_a_chain_that_there_cannot_be_is_everywhere(
    told: None, visit: Visits, olive: Person, chain: str
) -> None:
    page = visit(olive).get("/backoffice/audit", query={"chain": chain})

    assert {row[1] for row in rows(page)} == {"Acme Apps", "Birch", "Platform"}


def test_a_white_labels_tab_in_the_backoffice_has_its_chain(
    told: None, visit: Visits, olive: Person, birch: WhiteLabel
) -> None:
    page = visit(olive).get(f"/backoffice/white-labels/{birch.id}/audit")

    assert page.h1 == "Birch"
    assert [row[2] for row in rows(page)] == ["App createdSecret plans"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"action": "person"}, 3),
        ({"action": "person.role_changed"}, 1),
        ({"actor": "ADA"}, 2),
        ({"target": "ABE@"}, 2),
        ({"actor": "ada", "action": "white_label"}, 0),
        ({"action": "nonsense"}, 0),
    ],
)
def test_entries_are_found_by_what_who_and_whom(
    told: None, visit: Visits, abe: Person, ada: Person, query: dict[str, str], found: int
) -> None:
    visit(abe)

    page = visit(ada).get("/audit", query=query)

    assert len(rows(page)) == found


def test_pages_keep_what_was_searched_for(visit: Visits, acme: WhiteLabel, ada: Person) -> None:
    for number in range(60):
        trail.record(acme.id, "app.created", f"app {number} Shop {number}")
    db.session.commit()

    page = visit(ada).get("/audit", query={"action": "app.created"}).click("Older")

    assert [row[2] for row in rows(page)] == [f"App createdShop {n}" for n in range(9, -1, -1)]
    assert page.click("Newer").content.count("App created") >= 50


def test_an_unbroken_chain_is_said_to_be_so(told: None, visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/audit").click("Check the chain")

    assert "3 entries were checked: all of them fit" in page.content


@pytest.mark.both_stores
def test_a_rewritten_entry_is_named(
    told: None, visit: Visits, ada: Person, olive: Person, acme: WhiteLabel
) -> None:
    db.session.execute(
        update(AuditEntry)
        .where(AuditEntry.chain == acme.id, AuditEntry.number == 2)
        .values(actor="nobody@acme.example")
    )
    db.session.commit()

    adas = visit(ada).get("/audit", query={"check": "1"})
    olives = visit(olive).get("/backoffice/audit", query={"check": "1"})

    for page in (adas, olives):
        assert "Acme Apps: entry 2 does not fit the chain." in page.content
    assert "all of them fit" not in olives.content


def test_the_csv_has_the_hashes_and_no_formula(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    entry = trail.record(acme.id, "app.created", "app 1 =cmd()", {"name": "=cmd()"})
    mark = entry.hash
    db.session.commit()

    text = visit(ada).answer("GET", "/audit.csv?action=app.created").get_data(as_text=True)

    assert f",App created,'=cmd(),name: =cmd(),,1,{mark}" in text


def test_every_act_that_is_recorded_has_words() -> None:
    recorded = set(_recorded())

    assert len(recorded) > 40
    assert recorded - ACTS.keys() == set()
    assert {act.partition(".")[0] for act in ACTS} == THINGS.keys()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("person:3 ada@acme.example", "ada@acme.example"),
        ("app 12 Shop", "Shop"),
        ("server 5 acme own", "acme own"),
        ("app 12", "app 12"),
        ("mail.acme.example", "mail.acme.example"),
        ("white label acme", "acme"),
        ("address gone@customer.example", "gone@customer.example"),
        ("feature oauth_smtp", "OAuth enablement for SMTP"),
        ("outbox", "Outbox"),
        ("campaign cmp_7be1f0c2a94d Spring", "Spring"),
    ],
)
def test_a_target_is_called_by_its_name(target: str, words: str) -> None:
    assert target_of(AuditEntry(target=target)) == words


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("ada@acme.example", "ada@acme.example"),
        ("app Shop", "App Shop"),
        ("system", "the portal itself"),
        ("something new", "something new"),
    ],
)
def test_whoever_acted_is_called_by_name_or_by_what_it_is(actor: str, words: str) -> None:
    assert actor_of(AuditEntry(actor=actor)) == words


def test_every_field_that_is_recorded_by_name_has_words() -> None:
    named = {
        key.value
        for call in _records()
        for facts in call.args[3:]
        if isinstance(facts, ast.Dict)
        for key in facts.keys
        if isinstance(key, ast.Constant)
    }

    assert len(named) > 15
    assert named - FIELDS.keys() == set()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password": "changed"}, ["password: changed"]),
        ({"is_enabled": "False"}, ["switched on: no"]),
        ({"shows_platform_name": [False, True]}, ["platform's name shown: no → yes"]),
        ({"support_email": ""}, ["support address: –"]),
        (
            {"mail_mode": ["own", "platform"]},
            ["mail leaves through: its own servers → the platform’s servers"],
        ),
        ({"people": ["a@b.example"]}, ["people: a@b.example"]),
        ({"never_heard_of": 3}, ["never heard of: 3"]),
    ],
)
def test_changes_are_told_in_words(app: Flask, changes: dict[str, object], told: list[str]) -> None:
    entry = AuditEntry(action="server.changed", changes=changes)

    with app.test_request_context(base_url="http://localhost:8000"):
        assert [str(change) for change in changes_of(entry)] == told


def test_two_people_are_not_before_and_after(app: Flask) -> None:
    entry = AuditEntry(
        action="sender.defaults_changed", changes={"people": ["a@b.example", "c@d.example"]}
    )

    with app.test_request_context(base_url="http://localhost:8000"):
        assert [str(change) for change in changes_of(entry)] == ["people: a@b.example, c@d.example"]


def test_an_act_of_another_version_is_told_by_its_code(app: Flask) -> None:
    with app.test_request_context(base_url="http://localhost:8000"):
        assert act_of(AuditEntry(action="robot.awoke")) == "robot.awoke"


def test_every_field_that_is_told_of_a_server_has_words() -> None:
    columns = (PORTAL / "smtp_settings" / "values.py").read_text()
    fields = [
        node.target.id
        for kind in ast.walk(ast.parse(columns))
        if isinstance(kind, ast.ClassDef) and kind.name == "ServerValues"
        for node in kind.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]

    assert len(fields) > 10
    assert set(fields) - FIELDS.keys() == set()


def _recorded() -> list[str]:
    """The codes of all acts in the source; those made up of parts end in what stands there."""
    return [code for call in _records() for code in _codes(call.args[1])]


def _records() -> Iterator[ast.Call]:
    """All places in the source that write an entry."""
    for path in PORTAL.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("trail.record"):
                yield call


def _codes(code: ast.expr) -> list[str]:
    match code:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=yes, orelse=no):
            return _codes(yes) + _codes(no)
        case _:
            return []
