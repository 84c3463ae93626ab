"""White labels in the Backoffice: found, made, suspended and let go on."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import KeyKind
from portal.core.db import db
from portal.outbox.states import State
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.mail import deliveries, drain, send
from tests.equipment.smtp_server import SmtpServer
from tests.equipment.stage import (
    fresh,
    kept,
    make_app,
    make_domain,
    make_person,
    make_server,
    make_white_label,
)
from tests.equipment.visitor import Visits

LIST = "/backoffice/white-labels"


def test_without_any_the_page_says_what_to_do_first(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(LIST)

    assert "No white labels yet" in page.content
    assert page.click("Create white label").h1 == "Create white label"


def test_each_stands_there_with_its_numbers(
    visit: Visits, olive: Person, ada: Person, bob: Person, cal: Person
) -> None:
    make_app(ada)
    make_server(ada)

    page = visit(olive).get(LIST)

    rows = [
        [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
        for row in page.tree.xpath("//tbody/tr")
    ]
    assert rows == [
        ["Birchbirch", "birch.localhost", "1", "0", "0", "Active"],
        ["Acmeacme", "acme.localhost", "2", "1", "1", "Active"],
    ]


@pytest.mark.parametrize("words", ["acme", "ACME.local", "Acme loc"])
def test_one_is_found_by_name_or_hostname(
    visit: Visits, olive: Person, acme: WhiteLabel, birch: WhiteLabel, words: str
) -> None:
    page = visit(olive).get(LIST).submit("Search", q=words)

    assert "acme.localhost" in page.content
    assert "birch.localhost" not in page.content


def test_those_that_are_suspended_are_found_by_their_state(
    visit: Visits, olive: Person, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    here = visit(olive)
    here.get(f"{LIST}/{birch.id}/suspend").submit("Suspend Birch")

    page = here.get(LIST).submit("Search", state="suspended")

    assert "birch.localhost" in page.content
    assert "acme.localhost" not in page.content


def test_nothing_found_leads_back_to_all(visit: Visits, olive: Person, acme: WhiteLabel) -> None:
    page = visit(olive).get(LIST, query={"q": "nobody"})

    assert "No white label matches" in page.content
    assert "acme.localhost" in page.click("Show all").content


def test_more_than_a_page_is_turned_over(visit: Visits, olive: Person) -> None:
    for number in range(51):
        make_white_label(f"T{number}")

    first = visit(olive).get(LIST)
    second = first.click("Older")

    assert len(first.tree.xpath("//tbody/tr")) == 50
    assert len(second.tree.xpath("//tbody/tr")) == 1


def test_all_are_given_out_as_csv(visit: Visits, olive: Person, acme: WhiteLabel) -> None:
    acme.name = "=1+1"
    db.session.commit()

    answer = visit(olive).answer("GET", f"{LIST}.csv")

    assert "'=1+1,acme,acme.localhost,0,0,0" in answer.get_data(as_text=True)


def test_a_new_one_says_what_it_still_needs(visit: Visits, olive: Person) -> None:
    page = (
        visit(olive)
        .get(f"{LIST}/new")
        .submit("Create white label", name="Cedar", slug="cedar", hostname="mail.cedar.example")
    )

    assert page.h1 == "Cedar"
    assert "What it still needs" in page.content
    made = db.session.scalars(select(WhiteLabel)).one()
    assert [(one.name, one.proven_at) for one in made.hostnames] == [("mail.cedar.example", None)]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "What is it called?"),
        ("slug", "No Spaces", "A short name has 2 to 40 small letters"),
        ("slug", "acme", "This short name is taken."),
        ("hostname", "co.uk", "belongs to a registry"),
        ("hostname", "acme.localhost", "This name is in use already."),
        ("hostname", "localhost", "localhost"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(
    visit: Visits, olive: Person, acme: WhiteLabel, field: str, value: str, words: str
) -> None:
    typed = {"name": "Cedar", "slug": "cedar", "hostname": "mail.cedar.example", field: value}

    page = visit(olive).get(f"{LIST}/new").submit("Create white label", **typed)

    assert words in page.error_at(field) or (field == "hostname" and page.error_at(field))
    assert page.tree.xpath("//input[@name='name']/@value") == [typed["name"]]
    assert db.session.scalars(select(WhiteLabel.slug)).all() == ["acme"]


def test_suspending_says_the_numbers_before_it_happens(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person, abe: Person
) -> None:
    make_server(ada, port=9)
    shop = make_app(ada)
    keys.make_key(shop, kind=KeyKind.LIVE, name="one", by=ada)
    send(shop, ["ann@birch.example", "ben@birch.example"])

    page = visit(olive).get(f"{LIST}/{acme.id}/").click("Suspend Acme")

    assert "2 people cannot sign in" in page.content
    assert "1 API key opens nothing" in page.content
    assert "2 deliveries that wait are held" in page.content
    assert not fresh(acme).is_suspended


def test_who_is_signed_in_is_out_at_the_next_click_and_stays_out_afterwards(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person
) -> None:
    adas, olives = visit(ada), visit(olive)

    page = olives.get(f"{LIST}/{acme.id}/suspend").submit("Suspend Acme")
    during = adas.get("/overview")
    page.click("Let it go on").submit("Let Acme go on")
    after = adas.get("/overview")

    assert during.path.startswith("/sign-in")
    assert after.path.startswith("/sign-in")


def test_mail_held_meanwhile_goes_on_its_way(
    app: Flask, visit: Visits, olive: Person, acme: WhiteLabel, ada: Person
) -> None:
    with SmtpServer() as fake:
        make_server(ada, port=fake.port)
        message = send(make_app(ada))
        here = visit(olive)
        here.get(f"{LIST}/{acme.id}/suspend").submit("Suspend Acme")
        drain(app)
        assert [one.state for one in deliveries(message)] == [State.HELD]

        page = here.get(f"{LIST}/{acme.id}/").click("Let it go on")
        assert "1 delivery that was held goes on its way" in page.content
        page = page.submit("Let Acme go on")

        assert "1 held delivery is on its way again" in page.text
        drain(app)
        assert [one.state for one in deliveries(message)] == [State.SENT]


def test_what_is_done_already_is_not_asked_again(
    visit: Visits, olive: Person, acme: WhiteLabel
) -> None:
    here = visit(olive)

    assert here.get(f"{LIST}/{acme.id}/resume").path == f"{LIST}/{acme.id}/"
    here.get(f"{LIST}/{acme.id}/suspend").submit("Suspend Acme")
    assert here.get(f"{LIST}/{acme.id}/suspend").path == f"{LIST}/{acme.id}/"


@pytest.mark.parametrize("page", ["", "brand", "hostnames", "people", "audit", "suspend"])
def test_one_that_is_not_there_has_no_pages(visit: Visits, olive: Person, page: str) -> None:
    assert visit(olive).get(f"{LIST}/4711/{page}").status == 404


def test_things_of_one_are_not_found_below_another(
    app: Flask, visit: Visits, olive: Person, acme: WhiteLabel, cal: Person
) -> None:
    theirs = db.session.scalars(
        select(Hostname).where(Hostname.white_label_id == cal.white_label_id)
    ).one()
    values = {
        "white_label_id": acme.id,
        "person_id": cal.id,
        "hostname_id": theirs.id,
        "domain_id": make_domain(theirs.white_label).id,
    }
    here = visit(olive)
    tried = 0

    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("backoffice.white_label.") and len(rule.arguments) > 1:
            given = {name: values[name] for name in rule.arguments}
            path = app.url_map.bind("any").build(rule.endpoint, given, force_external=False)
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                status = (here.get(path) if method == "GET" else here.post(path)).status
                assert status == 404, (method, path)
                tried += 1

    assert tried > 10


def test_a_platform_owner_is_not_one_of_a_white_labels_people(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(olive)

    assert here.get(f"{LIST}/{acme.id}/people/{olive.id}").status == 404
    assert here.get(f"/backoffice/people/{ada.id}").status == 404


def test_an_owner_invites_the_first_admin(visit: Visits, olive: Person, acme: WhiteLabel) -> None:
    make_server(olive, port=9)

    page = visit(olive).get(f"{LIST}/{acme.id}/").click("Invite an admin")
    page = page.submit("Send the invitation", name="Ada", email="ada@acme.example", role="admin")

    assert "The invitation to ada@acme.example is on its way." in page.text
    assert page.path == f"{LIST}/{acme.id}/people"


def test_nobody_is_invited_to_where_no_portal_is(
    visit: Visits, olive: Person, acme: WhiteLabel
) -> None:
    acme.hostnames[0].proven_at = None
    db.session.commit()

    page = visit(olive).get(f"{LIST}/{acme.id}/people/invite")
    page = page.submit("Send the invitation", name="Ada", email="ada@acme.example", role="admin")

    assert "Prove a hostname first." in page.faults[0]
    assert people.everybody(acme.id) == []


def test_an_agent_is_made_an_admin_and_is_signed_out(
    visit: Visits, olive: Person, acme: WhiteLabel, abe: Person
) -> None:
    abes = visit(abe)

    page = visit(olive).get(f"{LIST}/{acme.id}/people/{abe.id}/role")
    page.submit("Change the role", role="admin")

    assert fresh(abe).is_admin
    assert abes.get("/overview").path.startswith("/sign-in")


def test_an_address_without_an_account_is_not_a_person(
    visit: Visits, olive: Person, acme: WhiteLabel
) -> None:
    gone = make_person(acme, "Gone")
    gone.removed_at = gone.created_at
    kept(gone)

    assert visit(olive).get(f"{LIST}/{acme.id}/people/{gone.id}").status == 404
