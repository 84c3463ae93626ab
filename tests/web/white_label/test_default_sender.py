"""The default sender on a person's page: the same fact as "Set as default for"."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.senders import senders
from portal.senders.models import Sender
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_default, make_sender, make_server
from tests.equipment.visitor import Visits


@pytest.fixture
def news(ada: Person) -> Sender:
    sender = senders.primary_of(make_server(ada, "acme-own", from_email="news@acme.example"))
    assert sender is not None
    return sender


@pytest.fixture
def team(news: Sender, acme: WhiteLabel) -> Sender:
    return make_sender(news.server, "team@acme.example", of=acme)


@pytest.mark.accepts("UC-22")
def test_an_admin_chooses_an_agents_default_on_the_agents_page(
    visit: Visits, ada: Person, abe: Person, news: Sender
) -> None:
    here = visit(ada)

    page = here.get(f"/people/{abe.id}").click("Change the default sender")
    page = page.submit("Save", sender=news.id)

    assert page.h1 == "Abe"
    assert "news@acme.example" in page.content
    boxes = here.get(f"/senders/{news.id}").tree.xpath("//input[@name='default_for'][@checked]")
    assert [box.get("value") for box in boxes] == [str(abe.id)]


@pytest.mark.accepts("UC-22")
def test_taking_it_from_another_sender_says_so(
    visit: Visits, ada: Person, abe: Person, bob: Person, news: Sender, team: Sender
) -> None:
    for person in (abe, bob):
        make_default(person, news)

    page = visit(ada).get(f"/people/{abe.id}/sender").submit("Save", sender=team.id)

    assert (
        "Abe wrote from news@acme.example until now and writes from team@acme.example from now on."
    ) in page.text
    assert [one.name for one in senders.people_with_default(team)] == ["Abe"]
    assert [one.name for one in senders.people_with_default(news)] == ["Bob"]


def test_what_the_form_of_a_sender_sets_stands_on_the_agents_page(
    visit: Visits, ada: Person, abe: Person, team: Sender
) -> None:
    here = visit(ada)

    here.get(f"/senders/{team.id}").submit("Save", default_for=[abe.id])

    assert "Now it is team@acme.example." in here.get(f"/people/{abe.id}/sender").content


def test_the_form_of_a_server_says_who_has_a_sender_of_another_one(
    visit: Visits, ada: Person, abe: Person, bob: Person, team: Sender
) -> None:
    other = senders.primary_of(make_server(ada, "second", from_email="other@acme.example"))
    assert other is not None
    make_default(abe, team)
    make_default(bob, other)
    here = visit(ada)

    of_server = here.get(f"/servers/{team.server_id}/edit").content
    of_sender = here.get(f"/senders/{team.id}").content

    for page in (of_server, of_sender):
        assert "now other@acme.example" in page
        assert "now team@acme.example" not in page


def test_none_takes_it_away_from_this_person_alone(
    visit: Visits, ada: Person, abe: Person, bob: Person, news: Sender
) -> None:
    for person in (abe, bob):
        make_default(person, news)

    visit(ada).get(f"/people/{abe.id}/sender").submit("Save", sender="")

    assert senders.default_of(abe) is None
    assert senders.default_of(bob) == news


def test_an_agent_chooses_their_own(visit: Visits, abe: Person, team: Sender) -> None:
    page = visit(abe).get("/compose").click("Choose your default sender")

    page = page.submit("Save", sender=team.id)

    assert page.path == "/compose"
    assert senders.default_of(abe) == team


def test_another_white_labels_sender_cannot_be_chosen(
    visit: Visits, abe: Person, cal: Person, news: Sender
) -> None:
    foreign = senders.primary_of(make_server(cal, "birch-own"))
    assert foreign is not None

    page = visit(abe).get("/my-sender").submit("Save", sender=foreign.id)

    assert page.error_at("sender") == "Not a valid choice."
    assert senders.default_of(abe) is None


def test_a_sender_that_cannot_be_used_is_said_with_its_reason(
    visit: Visits, ada: Person, abe: Person
) -> None:
    make_server(ada, "second", from_email="off@acme.example", is_enabled=False)

    page = visit(abe).get("/my-sender")

    assert "off@acme.exampleThat server is switched off." in page.content


def test_without_senders_the_page_says_who_makes_them(visit: Visits, abe: Person) -> None:
    page = visit(abe).get("/my-sender")

    assert "No sender yet" in page.content
