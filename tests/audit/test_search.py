"""Finding entries of the trail, and finding nothing of what is not one's own."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.audit import trail
from portal.audit.search import Wanted, entries
from portal.audit.trail import Actor, acting
from portal.core.db import db
from portal.white_labels.models import WhiteLabel


@pytest.fixture
def told(acme: WhiteLabel, birch: WhiteLabel, ada: Person, cal: Person, olive: Person) -> None:
    """Ada, Olive and the system did things in Acme, Cal did one in Birch."""
    with acting(Actor(ada.email, ada.id)):
        trail.record(acme.id, "app.created", "app 1", {"name": "Shop"})
        trail.record(acme.id, "person.removed", "person:9 bob@acme.example")
    with acting(Actor(olive.email, olive.id)):
        trail.record(acme.id, "white_label.suspended", "white label acme")
    trail.record(acme.id, "app.deleted", "app 1")
    with acting(Actor(cal.email, cal.id)):
        trail.record(birch.id, "app.created", "app 2")
    db.session.commit()


@pytest.mark.both_stores
def test_what_was_done_to_the_longest_address_is_kept_too(acme: WhiteLabel) -> None:
    address = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example"

    entry = trail.record(acme.id, "person.created", f"person:1 {address}")
    db.session.commit()

    assert address.startswith(entry.target.removeprefix("person:1 "))
    assert trail.first_broken(acme.id) is None


@pytest.mark.both_stores
def test_of_what_a_proxy_calls_an_address_the_beginning_is_kept(acme: WhiteLabel) -> None:
    with acting(Actor("ada@acme.example", None, "x" * 300)):
        entry = trail.record(acme.id, "person.signed_in", "person:1")
    db.session.commit()

    assert entry.address == "x" * 64
    assert trail.first_broken(acme.id) is None


def found(chain: int | None, known: list[int] | None = None, **wanted: str) -> list[str]:
    page = entries(chain, Wanted(**wanted), known=known)
    return [f"{entry.action} {entry.target}" for entry in page.rows]


def test_a_chain_is_read_from_its_newest_end(told: None, acme: WhiteLabel) -> None:
    assert found(acme.id) == [
        "app.deleted app 1",
        "white_label.suspended white label acme",
        "person.removed person:9 bob@acme.example",
        "app.created app 1",
    ]


def test_the_backoffice_reads_all_chains(told: None) -> None:
    assert found(None, action="app.created") == ["app.created app 2", "app.created app 1"]


def test_one_kind_of_thing_is_found_by_the_first_word(told: None, acme: WhiteLabel) -> None:
    assert found(acme.id, action="app") == ["app.deleted app 1", "app.created app 1"]


def test_the_first_word_is_a_whole_word(told: None, acme: WhiteLabel) -> None:
    assert found(acme.id, action="ap") == []


def test_somebodys_acts_are_found_by_a_part_of_the_name(told: None, acme: WhiteLabel) -> None:
    assert len(found(acme.id, actor="ADA@acme")) == 2


def test_what_was_done_to_somebody_is_found(told: None, acme: WhiteLabel) -> None:
    assert found(acme.id, target="bob@") == ["person.removed person:9 bob@acme.example"]


@pytest.mark.parametrize("pattern", ["%", "_", "a%a"])
def test_signs_of_patterns_are_letters(told: None, acme: WhiteLabel, pattern: str) -> None:
    assert found(acme.id, actor=pattern) == []


def test_names_that_one_may_not_know_find_nothing(
    told: None, acme: WhiteLabel, ada: Person
) -> None:
    assert found(acme.id, known=[ada.id], actor="olive") == []
    assert len(found(acme.id, known=[ada.id], actor="ada")) == 2
    assert len(found(acme.id, known=[ada.id])) == 4


def test_pages_follow_each_other(told: None, acme: WhiteLabel) -> None:
    first = entries(acme.id, Wanted(), size=3)
    second = entries(acme.id, Wanted(), size=3, before=first.older)

    assert [entry.number for entry in (*first.rows, *second.rows)] == [4, 3, 2, 1]
    assert second.older is None
