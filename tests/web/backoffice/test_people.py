"""Platform owners: invited and removed by each other."""

from __future__ import annotations

import re

from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person
from portal.core.db import db
from portal.outbox.models import Message
from tests.equipment.stage import fresh, make_person, make_server
from tests.equipment.visitor import Visits

PASSWORD = "five words in a row"


def test_an_owner_is_invited_and_works_in_the_backoffice(visit: Visits, olive: Person) -> None:
    make_server(olive, port=9)

    page = visit(olive).get("/backoffice/people").click("Invite a person")
    page = page.submit("Send the invitation", name="Otto", email="otto@northwind.example")
    assert "The invitation to otto@northwind.example is on its way." in page.text

    text = db.session.scalars(select(Message.text)).one()
    db.session.commit()
    link = re.findall(r"http://localhost:8000(/invitation/\S+)", text or "")[0]
    page = visit.at().get(link).submit("Set the password", password=PASSWORD)
    page = page.submit("Sign in", email="otto@northwind.example", password=PASSWORD)
    assert page.path == "/backoffice/"


def test_people_of_white_labels_do_not_stand_here(
    visit: Visits, olive: Person, ada: Person
) -> None:
    page = visit(olive).get("/backoffice/people")

    assert olive.email in page.content
    assert ada.email not in page.content


def test_an_owner_is_removed_by_another_and_is_out(visit: Visits, olive: Person) -> None:
    otto = make_person(None, "Otto")
    ottos = visit(otto)

    page = visit(olive).get(f"/backoffice/people/{otto.id}").click("Remove Otto")
    page.submit("Remove Otto")

    assert ottos.get("/backoffice/").path.startswith("/sign-in")
    assert [one.id for one in people.everybody(None)] == [olive.id]


def test_the_last_owner_stays(visit: Visits, olive: Person) -> None:
    page = visit(olive).post(f"/backoffice/people/{olive.id}/remove")

    assert "You cannot remove yourself" in page.text
    assert not fresh(olive).is_removed
