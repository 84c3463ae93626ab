"""Audiences: a list is brought, its columns chosen, its faults shown; then it is taken, or not."""

from __future__ import annotations

from io import BytesIO

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.campaigns import audiences
from portal.campaigns.models import Audience, AudienceImport, ImportState
from portal.core.db import db
from portal.jobs.works import do_now
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.stage import fresh, make_server, make_template
from tests.equipment.visitor import Page, Visitor, Visits

CSV = (
    b"E-Mail;Vorname;Sprache;Stadt\r\n"
    b"kim@customer.example;Kim;de;Ulm\r\n"
    b"no address;Lou;en;Bonn\r\n"
    b"KIM@customer.example;Kim again;;\r\n"
    b"may@customer.example;May;xx-??;\r\n"
    b"pat@customer.example;Pat;en;\r\n"
)


def bring(here: Visitor, content: bytes = CSV, name: str = "Customers") -> Page:
    page = here.get("/campaigns/audiences").click("Create audience")
    return page.submit("Look at the list", name=name, file=(BytesIO(content), "customers.csv"))


def the_import() -> AudienceImport:
    return db.session.scalars(select(AudienceImport).order_by(AudienceImport.id.desc())).first()  # type: ignore[return-value]


def people(audience: Audience) -> list[tuple[str, str, str, dict[str, str] | None]]:
    db.session.rollback()
    found = [
        (one.email, one.name, one.language, one.values) for one in audiences.all_members(audience)
    ]
    db.session.commit()
    return found


def test_a_file_becomes_an_audience_step_by_step(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)

    columns = bring(here)
    reading = columns.submit("Read the list", **{"meaning-1": "name", "variable-3": "city"})
    do_now("import", the_import().id)
    checked = here.get(reading.path)
    (audience,) = audiences.choices(acme.id)
    nobody_yet = people(audience)
    done = checked.submit("Add 2 people")

    assert [one.get("value") for one in columns.tree.xpath("//option[@selected]")] == [
        "address", "variable", "language", "variable",
    ]  # fmt: skip
    assert "Being read" in reading.content
    assert "2 people would be added to Customers." in checked.content
    assert "Twice in this list1" in checked.content.replace(" 1", "1")
    assert "Rows that cannot be taken2" in checked.content.replace(" 2", "2")
    assert "no address" in checked.content
    assert "xx-??" in checked.content
    assert nobody_yet == []
    assert "2 more people are in the audience." in done.text
    assert people(fresh(audience)) == [
        ("kim@customer.example", "Kim", "de", {"city": "Ulm"}),
        ("pat@customer.example", "Pat", "en", None),
    ]


def test_pasted_addresses_become_an_audience(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    here = visit(ada)
    page = here.get("/campaigns/audiences/new")

    page = page.submit(
        "Look at the list", name="Friends", text="Kim <kim@customer.example>, lou@customer.example"
    )
    page = page.submit("Read the list")
    do_now("import", the_import().id)
    here.get(page.path).submit("Add 2 people")

    (audience,) = audiences.choices(acme.id)
    assert [one[:2] for one in people(audience)] == [
        ("kim@customer.example", "Kim"),
        ("lou@customer.example", ""),
    ]


@pytest.mark.parametrize(
    ("fields", "at", "words"),
    [
        ({"meaning-0": ""}, "meaning-0", "Exactly one column is the address."),
        ({"meaning-1": "address"}, "meaning-1", "Exactly one column is the address."),
        ({"meaning-1": "language"}, "meaning-2", "At most one column is the language."),
        ({"variable-3": ""}, "variable-3", "What is the variable called?"),
    ],
)
def test_columns_that_do_not_fit_are_refused_at_their_field(
    visit: Visits, ada: Person, fields: dict[str, str], at: str, words: str
) -> None:
    page = bring(visit(ada)).submit("Read the list", **fields)

    assert page.error_at(at) == words
    assert the_import().state is ImportState.UPLOADED


def test_a_list_that_is_not_wanted_leaves_nothing(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)
    page = bring(here).submit("Read the list")
    do_now("import", the_import().id)

    page = here.get(page.path).submit("Do not take this list")
    do_now("import", the_import().id)

    (audience,) = audiences.choices(acme.id)
    assert "The list was not taken" in page.text
    assert people(audience) == []
    assert fresh(the_import()).state is ImportState.CANCELLED


def test_a_list_is_taken_once(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    here = visit(ada)
    page = bring(here).submit("Read the list")
    do_now("import", the_import().id)
    checked = here.get(page.path)
    checked.submit("Add 2 people")

    second = checked.submit("Add 2 people")

    (audience,) = audiences.choices(acme.id)
    assert "This list is not ready to be taken over." in second.text
    assert fresh(audience).size == 2


def test_an_open_list_is_gone_on_with_before_another(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)
    bring(here)
    (audience,) = audiences.choices(acme.id)

    page = here.get(f"/campaigns/audiences/{audience.id}")
    refused = page.click("Add a list").submit("Look at the list", text="a@b.example")

    assert "The list customers.csv is on its way into this audience." in page.content
    assert "Go on with it" in page.links()
    assert "confirm or cancel it first" in refused.content


@pytest.mark.parametrize("fields", [{}, {"text": "   "}])
def test_a_list_of_nothing_is_refused_and_makes_no_audience(
    visit: Visits, ada: Person, acme: WhiteLabel, fields: dict[str, str]
) -> None:
    page = visit(ada).get("/campaigns/audiences/new")

    page = page.submit("Look at the list", name="Nobody", **fields)

    assert page.error_at("file") == "Choose a file, or paste some rows."
    assert list(audiences.choices(acme.id)) == []


def test_an_audience_is_added_to_searched_and_exported(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    audience = make_audience(acme, ["kim@customer.example,=1+1"], header="email,city")
    here = visit(ada)
    page = here.get(f"/campaigns/audiences/{audience.id}")

    page = page.click("Add a person").submit(
        "Add person", email="lou@customer.example", name="Lou", language="de",
        **{"value-city": "Ulm"},
    )  # fmt: skip
    found = page.submit("Search", q="lou")
    nothing = page.submit("Search", q="%")
    file = here.answer("GET", f"/campaigns/audiences/{audience.id}.csv").get_data(as_text=True)

    assert "lou@customer.example is in the audience." in page.text
    assert len(found.tree.xpath("//tbody/tr")) == 1
    assert "No address begins like this" in nothing.content
    assert file.removeprefix("\ufeff").splitlines() == [
        "email,name,language,city",
        "kim@customer.example,,,'=1+1",
        "lou@customer.example,Lou,de,Ulm",
    ]


def test_somebody_who_is_there_already_is_not_added_twice(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    audience = make_audience(acme)

    page = visit(ada).get(f"/campaigns/audiences/{audience.id}/people/new")
    page = page.submit("Add person", email="KIM@customer.example")

    assert page.error_at("email") == "This address is in the audience already."


def test_a_person_is_taken_out(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    audience = make_audience(acme, ["kim@customer.example,Kim"])

    page = visit(ada).get(f"/campaigns/audiences/{audience.id}").submit("Remove")

    assert "kim@customer.example is no longer in this audience." in page.text
    assert people(fresh(audience)) == []


def test_an_audience_is_renamed_and_its_name_is_its_own(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    audience = make_audience(acme)
    make_audience(acme, name="Friends")
    page = visit(ada).get(f"/campaigns/audiences/{audience.id}").click("Rename")

    taken = page.submit("Save", name="Friends")
    done = page.submit("Save", name="Best customers")

    assert taken.error_at("name") == "There is an audience of this name."
    assert done.h1 == "Best customers"


def test_deleting_says_what_goes(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    audience = make_audience(acme)
    page = visit(ada).get(f"/campaigns/audiences/{audience.id}").click("Delete")

    done = page.submit("Delete audience Customers")

    assert "People whose data is removed2" in page.content.replace(" 2", "2")
    assert "The audience Customers is deleted." in done.text
    assert "No audience yet" in done.content


def test_an_audience_whose_campaign_is_only_beginning_cannot_be_deleted(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    audience = make_audience(acme)
    campaign = make_campaign(ada, audience, template=make_template(acme))
    launched(campaign)
    campaign.is_handed_over = False
    db.session.commit()

    page = visit(ada).get(f"/campaigns/audiences/{audience.id}/delete")
    page = page.submit("Delete audience Customers")

    assert "takes its people from this audience" in page.content
    assert fresh(audience).deleted_at is None


def test_the_list_of_audiences_is_searched_and_exported(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_audience(acme)
    make_audience(acme, name="Friends")
    here = visit(ada)
    page = here.get("/campaigns/audiences")

    found = page.submit("Search", q="frie")
    nothing = page.submit("Search", q="%")
    file = here.answer("GET", "/campaigns/audiences.csv").get_data(as_text=True)

    assert found.tree.xpath("//tbody/tr/td[1]/a/text()") == ["Friends"]
    assert "No audience has this in its name" in nothing.content
    assert len(file.splitlines()) == 3


@pytest.mark.parametrize("path", ["", ".csv", "/add", "/people/new", "/name", "/delete"])
def test_another_white_labels_audience_is_not_there(
    visit: Visits, cal: Person, acme: WhiteLabel, path: str
) -> None:
    audience = make_audience(acme)

    assert visit(cal).answer("GET", f"/campaigns/audiences/{audience.id}{path}").status_code == 404


def test_a_member_of_another_audience_is_not_taken_out(
    visit: Visits, ada: Person, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    mine, theirs = make_audience(acme), make_audience(birch)
    (member, _other) = audiences.all_members(theirs)

    answer = visit(ada).post(f"/campaigns/audiences/{mine.id}/people/{member.id}/remove")

    assert answer.status == 404
    assert len(people(theirs)) == 2


@pytest.mark.parametrize("act", ["take", "drop"])
def test_another_white_labels_list_is_not_decided_on(
    visit: Visits, ada: Person, cal: Person, act: str
) -> None:
    bring(visit(ada))
    number = the_import().id

    answer = visit(cal).post(f"/campaigns/imports/{number}/{act}")

    assert answer.status == 404
    assert visit(cal).get(f"/campaigns/imports/{number}").status == 404
