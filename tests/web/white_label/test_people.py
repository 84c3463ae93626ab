"""The people of a white label: invited, seen, given roles, removed."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person, Role
from portal.core.db import db
from portal.notices.letters import INVITED_PER_ADDRESS
from portal.outbox.models import Message
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import (
    fresh,
    make_app,
    make_default,
    make_person,
    make_sender,
    make_server,
)
from tests.equipment.visitor import Page, Visits

NEW = {"name": "Grace Hopper", "email": "grace@acme.example"}
PASSWORD = "five words in a row"


def invite(page: Page, **typed: object) -> Page:
    return page.submit("Send the invitation", **{**NEW, **typed})


def links() -> list[str]:
    """The links in invitations that were written, the newest last."""
    texts = db.session.scalars(select(Message.text).order_by(Message.id)).all()
    db.session.commit()
    return re.findall(
        r"http://acme\.localhost:8000(/invitation/\S+)", " ".join(filter(None, texts))
    )


def test_somebody_is_invited_chooses_a_password_and_signs_in(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    make_server(ada, port=9)
    page = invite(visit(ada).get("/people").click("Invite a person"), role="agent")
    assert "The invitation to grace@acme.example is on its way." in page.text
    assert "Invited" in page.content

    at_acme = visit.at("acme.localhost")
    page = at_acme.get(links()[-1]).submit("Set the password", password=PASSWORD)
    page = page.submit("Sign in", email=NEW["email"], password=PASSWORD)

    assert page.h1 == "Overview"
    grace = people.by_email(acme.id, NEW["email"])
    assert grace is not None
    assert grace.role is Role.AGENT


def test_an_invitation_that_cannot_leave_is_told_so(visit: Visits, ada: Person) -> None:
    page = invite(visit(ada).get("/people/invite"))

    assert "grace@acme.example is added, but the invitation does not leave." in page.text


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"name": ""}, "name", "What is their name?"),
        ({"email": ""}, "email", "Where does the invitation go?"),
        ({"email": "no address"}, "email", "@"),
        ({"email": "Ada@Acme.Example"}, "email", "Somebody with this address is already here."),
        ({"role": "platform_owner"}, "role", "Not a valid choice."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nobody_is_added(
    visit: Visits, acme: WhiteLabel, ada: Person, typed: dict[str, str], field: str, words: str
) -> None:
    page = invite(visit(ada).get("/people/invite"), **typed)

    assert words in page.error_at(field)
    assert [one.id for one in people.everybody(acme.id)] == [ada.id]
    assert links() == []


def test_the_same_address_may_work_in_two_white_labels(
    visit: Visits, ada: Person, birch: WhiteLabel, cal: Person
) -> None:
    page = invite(visit(ada).get("/people/invite"), email=cal.email)

    assert "is added" in page.text


def test_an_invitation_is_sent_again_and_the_first_link_is_over(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    make_server(ada, port=9)
    invite(visit(ada).get("/people/invite"))

    visit(ada).get("/people").click("Grace Hopper").submit("Send the invitation again")

    first, second = links()
    at_acme = visit.at("acme.localhost")
    assert at_acme.get(first).status == 404
    assert at_acme.get(second).status == 200


def test_nobodys_mailbox_is_filled_with_invitations(
    clock: HandSetClock, visit: Visits, ada: Person
) -> None:
    make_server(ada, port=9)
    here = visit(ada)
    page = invite(here.get("/people/invite")).click("Grace Hopper")
    for _time in range(INVITED_PER_ADDRESS):
        page = page.submit("Send the invitation again")

    assert "This address was invited three times within a day." in page.text
    assert len(links()) == INVITED_PER_ADDRESS
    clock.advance(days=1)
    page = visit(ada).get("/people").click("Grace Hopper").submit("Send the invitation again")
    assert "is on its way" in page.text


def test_who_has_come_in_is_not_invited_again(visit: Visits, ada: Person, bob: Person) -> None:
    visit(bob)

    page = visit(ada).post(f"/people/{bob.id}/invite")

    assert "This person has signed in before." in page.text
    assert links() == []


def test_inviting_asks_who_is_there_and_keeps_what_was_typed(
    clock: HandSetClock, visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)
    page = here.get("/people/invite")
    clock.advance(minutes=16)

    page = invite(page)
    assert page.h1 == "Confirm it is you"
    page.submit("Confirm", proof="a password that only tests use")

    assert people.by_email(acme.id, NEW["email"]) is not None


def test_the_list_tells_roles_factors_and_default_senders(
    clock: HandSetClock, visit: Visits, acme: WhiteLabel, ada: Person, abe: Person
) -> None:
    make_default(abe, make_sender(make_server(ada), "abe@acme.example", of=acme))

    page = visit(ada).get("/people")

    rows = [
        [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
        for row in page.tree.xpath("//tbody/tr")
    ]
    assert rows == [
        ["Abeabe@acme.example", "Agent", "Invited", "abe@acme.example", "never"],
        ["Ada (you)ada@acme.example", "Admin", "Password only", "–", "just now"],
    ]


def test_somebody_is_found_by_a_part_of_the_name(
    visit: Visits, ada: Person, bob: Person, abe: Person
) -> None:
    page = visit(ada).get("/people").submit("Search", q="bo")

    assert "bob@acme.example" in page.content
    assert "abe@acme.example" not in page.content


def test_others_people_are_not_found(visit: Visits, ada: Person, cal: Person) -> None:
    assert cal.email not in visit(ada).get("/people", query={"q": ""}).body
    assert cal.email not in visit(ada).answer("GET", "/people.csv").get_data(as_text=True)


def test_the_csv_has_everybody_and_no_formula(visit: Visits, acme: WhiteLabel, ada: Person) -> None:
    make_person(acme, "+1")

    text = visit(ada).answer("GET", "/people.csv").get_data(as_text=True)

    assert "\r\n'+1,'+1@acme.example,Admin,no,," in text


def test_a_role_counts_at_once(visit: Visits, ada: Person, abe: Person) -> None:
    abes = visit(abe)

    page = visit(ada).get(f"/people/{abe.id}").click("Change the role")
    page = page.submit("Change the role", role="admin")

    assert "Abe has the role Admin now." in page.text
    assert abes.get("/overview").path.startswith("/sign-in")
    assert visit(fresh(abe)).get("/people").status == 200


def test_nobody_changes_their_own_role(visit: Visits, ada: Person) -> None:
    here = visit(ada)

    page = here.get(f"/people/{ada.id}/role").submit("Change the role", role="agent")

    assert page.error_at("role").startswith("You cannot change your own role")
    assert fresh(ada).role is Role.ADMIN


def test_an_owner_of_apps_stays_an_admin_and_is_told_which(
    visit: Visits, ada: Person, bob: Person
) -> None:
    make_app(bob, "Blog")

    page = visit(ada).get(f"/people/{bob.id}/role").submit("Change the role", role="agent")

    assert "Bob owns Blog." in page.error_at("role")
    assert page.click("Blog").h1 == "Blog"
    assert fresh(bob).role is Role.ADMIN


def test_removing_says_what_it_takes_and_ends_it(
    visit: Visits, acme: WhiteLabel, ada: Person, bob: Person
) -> None:
    own = make_server(bob, "bobs")
    make_default(bob, make_sender(own, "bob.s@acme.example", of=acme))
    bobs = visit(bob)

    page = visit(ada).get(f"/people/{bob.id}").click("Remove Bob")
    for words in ("1 signed-in browser is", "bob.s@acme.example stays", "1 SMTP server that Bob"):
        assert words in page.content
    assert not fresh(bob).is_removed
    page = page.submit("Remove Bob")

    assert "Bob is removed." in page.text
    assert bobs.get("/overview").path.startswith("/sign-in")


def test_an_owner_of_apps_is_not_removed_and_the_page_leads_to_them(
    visit: Visits, ada: Person, bob: Person
) -> None:
    make_app(bob, "Blog")

    page = visit(ada).get(f"/people/{bob.id}/remove")
    assert page.click("Blog").h1 == "Blog"
    page = visit(ada).post(f"/people/{bob.id}/remove")

    assert "Give each of these apps another owner first." in page.text
    assert not fresh(bob).is_removed


def test_nobody_removes_themselves(visit: Visits, ada: Person) -> None:
    page = visit(ada).post(f"/people/{ada.id}/remove")

    assert "You cannot remove yourself" in page.text
    assert not fresh(ada).is_removed


def test_a_suspended_white_labels_people_cannot_be_invited_by_its_admin(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)
    here.get("/people/invite")
    tenants.suspend(acme)
    db.session.commit()

    here.post("/people/invite", {**NEW, "role": "agent"})

    assert people.by_email(acme.id, NEW["email"]) is None
