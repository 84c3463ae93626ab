"""Apps: whose they are, and who may be told of them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person
from portal.apps import apps
from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_app, make_person


def test_an_app_belongs_to_an_admin_of_its_white_label(acme: WhiteLabel, ada: Person) -> None:
    app = apps.create(acme, name=" The  Shop ", owner=ada, contact_email="shop@Acme.example")

    assert (app.name, app.owner_id, app.contact_email) == ("The Shop", ada.id, "shop@acme.example")


@pytest.mark.accepts("SI-28")
def test_nobody_else_can_own_it(acme: WhiteLabel, abe: Person, cal: Person, olive: Person) -> None:
    removed = make_person(acme, "Rita")
    people.remove(removed, by=None)

    for person in (abe, cal, olive, removed):
        with pytest.raises(Refusal) as refused:
            apps.create(acme, name="Shop", owner=person)
        assert refused.value.field == "owner"


@pytest.mark.accepts("SI-29")
def test_handing_an_app_over_is_on_record(ada: Person, bob: Person) -> None:
    app = make_app(ada)

    apps.change_owner(app, owner=bob)

    entry = db.session.scalar(select(AuditEntry).where(AuditEntry.action == "app.owner_changed"))
    assert app.owner_id == bob.id
    assert entry is not None
    assert entry.changes == {"from": "ada@acme.example", "to": "bob@acme.example"}


@pytest.mark.parametrize("stranger", ["abe", "cal"])
def test_an_app_is_not_handed_to_somebody_who_cannot_own_it(
    ada: Person, stranger: str, request: pytest.FixtureRequest
) -> None:
    app = make_app(ada)
    person: Person = request.getfixturevalue(stranger)

    with pytest.raises(Refusal):
        apps.change_owner(app, owner=person)

    assert app.owner_id == ada.id


def test_a_name_is_used_once_and_is_free_after_deleting(acme: WhiteLabel, ada: Person) -> None:
    first = make_app(ada, "Shop")

    with pytest.raises(Refusal) as refused:
        apps.create(acme, name="Shop", owner=ada)
    apps.delete(first)

    assert refused.value.code == "name_taken"
    assert apps.create(acme, name="Shop", owner=ada).id != first.id


@pytest.mark.parametrize(
    ("name", "contact", "field"),
    [("", None, "name"), ("x" * 81, None, "name"), ("Shop", "no address", "contact_email")],
)
def test_wrong_values_are_refused_at_their_field(
    acme: WhiteLabel, ada: Person, name: str, contact: str | None, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        apps.create(acme, name=name, owner=ada, contact_email=contact)

    assert refused.value.field == field


def test_a_foreign_app_is_not_there(birch: WhiteLabel, acme: WhiteLabel, ada: Person) -> None:
    app = make_app(ada)

    assert apps.find_app(acme, app.id) is app
    assert apps.find_app(None, app.id) is app
    with pytest.raises(NotFound):
        apps.find_app(birch, app.id)
    assert apps.apps_of(birch) == []
    assert apps.search_apps(birch).rows == []
    assert apps.search_apps(birch, "shop").rows == []
    assert apps.find_by_name(birch, app.name) is None
