"""People are made, changed and removed within one tenant."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts import links, people, second_factor, sign_in
from portal.accounts.models import LinkPurpose, Person, Role
from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_person


def test_an_address_is_one_person_for_each_tenant(acme: WhiteLabel, birch: WhiteLabel) -> None:
    here = people.create(acme.id, email="Eve@Shop.example", name="Eve", role=Role.AGENT)
    there = people.create(birch.id, email="eve@shop.example", name="Eve", role=Role.ADMIN)

    assert here.id != there.id
    assert people.by_email(acme.id, " eve@SHOP.example") is here
    assert people.by_email(birch.id, "eve@shop.example") is there
    assert people.by_email(None, "eve@shop.example") is None


def test_an_address_that_is_taken_is_refused_at_its_field(ada: Person) -> None:
    with pytest.raises(Refusal) as refused:
        people.create(ada.white_label_id, email="ADA@acme.example", name="Ada", role=Role.AGENT)

    assert (refused.value.code, refused.value.field) == ("email_taken", "email")


@pytest.mark.parametrize(
    ("email", "name", "field"),
    [("eve", "Eve", "email"), ("eve@x.example", " ", "name"), ("e@x.example", "E\nve", "name")],
)
def test_what_is_not_an_address_or_a_name_is_refused_at_its_field(
    acme: WhiteLabel, email: str, name: str, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        people.create(acme.id, email=email, name=name, role=Role.AGENT)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("is_platform", "role"), [(True, Role.ADMIN), (True, Role.AGENT), (False, Role.PLATFORM_OWNER)]
)
def test_a_role_exists_only_at_its_place(acme: WhiteLabel, is_platform: bool, role: Role) -> None:
    place = None if is_platform else acme.id

    with pytest.raises(Refusal) as refused:
        people.create(place, email="eve@x.example", name="Eve", role=role)

    assert refused.value.code == "role_elsewhere"


def test_another_tenants_person_is_not_there(ada: Person, cal: Person) -> None:
    with pytest.raises(NotFound):
        people.named(ada.white_label_id, cal.id)


def test_everybody_is_everybody_of_one_tenant(ada: Person, bob: Person, cal: Person) -> None:
    assert people.everybody(ada.white_label_id) == [ada, bob]


def test_a_removed_person_loses_all_that_let_them_in(ada: Person, bob: Person) -> None:
    second_factor.new_recovery_codes(ada)
    sign_in.start(ada, host="acme.localhost", address="", browser="")

    people.remove(ada, by=bob)

    assert ada.password_hash is None
    assert second_factor.codes_left(ada) == 0
    assert sign_in.of_person(ada) == []
    assert people.everybody(ada.white_label_id) == [bob]


def test_nobody_removes_themselves(ada: Person) -> None:
    with pytest.raises(Refusal) as refused:
        people.remove(ada, by=ada)

    assert refused.value.code == "removes_oneself"


def test_the_last_platform_owner_stays(olive: Person) -> None:
    with pytest.raises(Refusal) as refused:
        people.remove(olive, by=None)

    assert refused.value.code == "last_owner"


def test_one_of_two_platform_owners_goes(olive: Person) -> None:
    other = make_person(None, "Otto")

    people.remove(olive, by=other)

    assert people.everybody(None) == [other]


def test_somebody_who_comes_back_is_the_same_person_without_the_old_password(
    ada: Person, bob: Person
) -> None:
    people.set_password(ada, Secret("four words in a row"))
    people.remove(ada, by=bob)

    again = people.create(ada.white_label_id, email=ada.email, name="Ada Again", role=Role.AGENT)

    assert again is ada
    assert (again.role, again.password_hash, again.is_removed) == (Role.AGENT, None, False)


def test_a_link_that_was_sent_before_somebody_left_does_not_work_when_they_are_back(
    ada: Person, bob: Person
) -> None:
    token = links.make(LinkPurpose.INVITATION, person=ada)
    people.remove(ada, by=bob)

    people.create(ada.white_label_id, email=ada.email, name="Ada Again", role=Role.AGENT)

    found = links.find(token, LinkPurpose.INVITATION, white_label_id=ada.white_label_id)
    assert found is None


def test_what_happens_to_people_stands_in_the_trail_without_secrets(ada: Person) -> None:
    people.set_password(ada, Secret("four words in a row"))

    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.chain, entry.action) == (ada.white_label_id, "person.password_changed")
    assert entry.changes == {"password": "changed"}
