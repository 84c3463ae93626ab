"""Senders of a white label: listed, added, changed, tried, deleted."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import db
from portal.senders import senders
from portal.smtp_settings import health
from portal.smtp_settings.models import ParkedSender
from portal.white_labels.models import WhiteLabel
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh, make_default, make_domain, make_sender, make_server
from tests.equipment.visitor import Visits


def test_all_senders_are_listed_with_their_server_and_whose_default_they_are(
    visit: Visits, ada: Person, abe: Person, olive: Person, acme: WhiteLabel
) -> None:
    own = make_server(ada, "acme-own", from_email="news@acme.example")
    platforms = make_server(olive, "ses-frankfurt")
    make_default(abe, make_sender(own, "team@acme.example", of=acme, name="The team"))
    make_sender(platforms, "shop@acme.example", of=acme)

    page = visit(ada).get("/senders")

    rows = [" ".join(row.text_content().split()) for row in page.tree.xpath("//tbody/tr")]
    assert rows[0].startswith("shop@acme.example The platform's server")
    assert rows[1].startswith("team@acme.exampleThe team acme-own Abe")
    assert rows[2].startswith("news@acme.example")
    assert "ses-frankfurt" not in page.text


def test_senders_are_found_by_a_part_of_address_or_name(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    own = make_server(ada, from_email="news@acme.example", from_name="News")
    make_sender(own, "team_1@acme.example", of=acme, name="The Office")
    page = visit(ada).get("/senders")

    by_name = page.submit("Search", q="OFFICE")
    by_sign = page.submit("Search", q="_")
    nothing = page.submit("Search", q="%")

    for found in (by_name, by_sign):
        assert found.tree.xpath("//tbody//a/text()")[0] == "team_1@acme.example"
        assert len(found.tree.xpath("//tbody/tr")) == 1
    assert "No sender has this" in nothing.content


def test_the_list_is_given_out_as_a_file_without_anothers(
    visit: Visits, ada: Person, abe: Person, cal: Person, acme: WhiteLabel
) -> None:
    own = make_server(ada, "acme-own", from_email="news@acme.example", from_name="News")
    make_default(abe, make_sender(own, "team@acme.example", of=acme))
    make_server(cal)

    answer = visit(ada).answer("GET", "/senders.csv")

    assert answer.get_data(as_text=True).splitlines()[1:] == [
        "news@acme.example,News,,acme-own,",
        "team@acme.example,,,acme-own,abe@acme.example",
    ]


def test_a_long_list_has_pages(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    own = make_server(ada, from_email="first@acme.example")
    for number in range(60):
        make_sender(own, f"team-{number}@acme.example", of=acme)
    here = visit(ada)

    newest = here.get("/senders")
    oldest = newest.click("Older")

    assert "team-59@acme.example" in newest.content
    assert "first@acme.example" not in newest.content
    assert "first@acme.example" in oldest.content
    assert "Newer" in oldest.links()


@pytest.mark.accepts("SB-03", "UC-14", "UC-15", "UC-17", "UC-22", "UC-24")
def test_an_address_is_added_to_an_own_server(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    server = make_server(ada, "acme-own")
    page = visit(ada).get("/senders").click("Create sender")

    page = page.submit(
        "Create sender",
        server=server.id,
        email="Team@ACME.example",
        sender_name="The team",
        reply_to="help@acme.example",
        default_for=[abe.id],
    )

    assert "Team@acme.example can be chosen as a sender now." in page.text
    sender = senders.default_of(abe)
    assert sender is not None
    assert (sender.email, sender.name) == ("Team@acme.example", "The team")
    assert (sender.reply_to, sender.server_id) == ("help@acme.example", server.id)


def test_on_the_platforms_server_a_sender_needs_a_verified_domain(
    visit: Visits, ada: Person, olive: Person, acme: WhiteLabel
) -> None:
    platforms = make_server(olive, "ses-frankfurt")
    here = visit(ada)
    before = here.get("/senders/new")
    make_domain(acme, "acme.example")
    make_domain(acme, "xn--strae-oqa.example")

    form = here.get("/senders/new")
    refused = form.submit("Create sender", server=platforms.id, email="news@other.example")
    taken = form.submit("Create sender", server=platforms.id, email="news@acme.example")

    assert "No server could carry it yet" in before.content
    assert "from your verified domains: acme.example, straße.example." in form.content
    assert "ses-frankfurt" not in form.text
    assert "other.example is not one of them" in refused.error_at("email")
    assert taken.h1 == "Senders"
    assert senders.find_by_email(acme, "news@acme.example") is not None


def test_a_server_that_is_not_offered_is_not_taken(
    visit: Visits, ada: Person, cal: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    foreign = make_server(cal)
    here = visit(ada)

    page = here.post("/senders/new", {"server": foreign.id, "email": "news@acme.example"})

    assert "Not a valid choice" in page.error_at("server")
    assert senders.find_by_email(acme, "news@acme.example") is None


def test_an_address_that_is_none_is_refused_at_its_field(visit: Visits, ada: Person) -> None:
    server = make_server(ada)

    page = (
        visit(ada)
        .get("/senders/new")
        .submit("Create sender", server=server.id, email="news", reply_to="help@acme.example")
    )

    assert page.error_at("email")
    assert page.tree.xpath("//input[@name='reply_to']/@value") == ["help@acme.example"]


@pytest.mark.accepts("UC-22")
def test_a_default_moves_and_it_is_said_from_where(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    server = make_server(ada)
    make_default(abe, make_sender(server, "old@acme.example", of=acme))
    new = make_sender(server, "new@acme.example", of=acme)
    page = visit(ada).get(f"/senders/{new.id}")

    page = page.submit("Save", default_for=[abe.id])

    assert "Abe wrote from old@acme.example until now" in page.text
    assert "writes from new@acme.example from now on." in page.text
    sender = senders.default_of(abe)
    assert sender is not None
    assert sender.email == "new@acme.example"


def test_a_sender_is_changed(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    sender = make_sender(make_server(ada), "old@acme.example", of=acme)

    visit(ada).get(f"/senders/{sender.id}").submit(
        "Save", email="new@acme.example", sender_name="New"
    )

    changed = fresh(sender)
    assert (changed.email, changed.name) == ("new@acme.example", "New")


def test_a_refused_sender_shows_why_and_is_tried_again(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer(Script()) as there:
        server = make_server(ada, port=there.port)
        sender = make_sender(server, "team@acme.example", of=acme)
        health.refuse_sender(
            db.session.connection(),
            server.id,
            "team@acme.example",
            words="550 5.7.1 Not yours",
            now=clock.now(),
        )
        here = visit(ada)
        listed = here.get("/senders")
        page = here.get(f"/senders/{sender.id}")
        again = page.submit("Test")

    assert "Refused 550 5.7.1 Not yours" in listed.content
    assert "550 5.7.1 Not yours" in page.content
    assert "The test went well." in again.content
    assert there.commands[1] == "MAIL FROM:<team@acme.example>"
    assert db.session.query(ParkedSender).count() == 0


def test_a_sender_on_the_platforms_server_is_not_tried_by_a_white_label(
    visit: Visits, ada: Person, olive: Person, acme: WhiteLabel
) -> None:
    with FaultServer(Script()) as there:
        sender = make_sender(make_server(olive, port=there.port), "a@acme.example", of=acme)
        here = visit(ada)
        page = here.get(f"/senders/{sender.id}")
        tried = here.post(f"/senders/{sender.id}/test", {"trial-letter": ""})

    assert "Asks the server" not in page.content
    assert tried.status == 404
    assert there.connections == []


def test_deleting_says_whose_default_it_is_and_then_it_goes(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    sender = make_sender(make_server(ada), "team@acme.example", of=acme)
    make_default(abe, sender)
    page = visit(ada).get(f"/senders/{sender.id}").click("Delete")

    gone = page.submit("Delete sender team@acme.example")

    assert "1: Abe" in page.content
    assert "The sender team@acme.example is deleted." in gone.text
    assert senders.find_by_email(acme, "team@acme.example") is None
    assert senders.default_of(abe) is None


def test_the_only_address_of_a_server_is_not_deleted(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    server = make_server(ada, from_email="news@acme.example")
    primary = senders.primary_of(server)
    assert primary is not None
    here = visit(ada)

    page = here.get(f"/senders/{primary.id}")
    refused = here.get(f"/senders/{primary.id}/delete").submit("Delete sender news@acme.example")

    assert "Delete" not in page.links()
    assert "A server needs one address to send from" in refused.faults[0]
    assert senders.primary_of(server) is not None


@pytest.mark.parametrize("path", ["", "/delete"])
def test_anothers_sender_is_not_there(path: str, visit: Visits, ada: Person, cal: Person) -> None:
    theirs = senders.primary_of(make_server(cal))
    assert theirs is not None

    assert visit(ada).get(f"/senders/{theirs.id}{path}").status == 404


def test_somebody_of_another_white_label_cannot_be_given_a_default(
    visit: Visits, ada: Person, cal: Person, acme: WhiteLabel
) -> None:
    sender = make_sender(make_server(ada), "team@acme.example", of=acme)

    page = visit(ada).get(f"/senders/{sender.id}")
    page = page.visitor.post(page.path, {"email": sender.email, "default_for": cal.id})

    assert page.error_at("default_for")
    assert senders.default_of(cal) is None
