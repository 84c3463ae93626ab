"""Confirming that it is you, before what gives power over mail."""

from __future__ import annotations

import pytest
from flask import Flask, Response, g, request

from portal.accounts.models import Person
from portal.web.guard import confirmed
from tests.equipment.clock import HandSetClock
from tests.equipment.visitor import PASSWORD, Page, Visitor, Visits

SECRET = "the password of a mail server"


@pytest.fixture
def delicate(app: Flask) -> dict[str, str]:
    """A view of a white label that asks for a proof; it keeps the form that reached it."""
    received: dict[str, str] = {}

    @confirmed
    def view() -> Response:
        received.update(request.form.to_dict(), person=g.person.email)
        return Response("done", content_type="text/plain")

    app._got_first_request = False
    app.add_url_rule("/delicate", "white_label.delicate", view, methods=["GET", "POST"])
    return received


def test_within_a_quarter_of_an_hour_nothing_is_asked(
    visit: Visits, clock: HandSetClock, ada: Person, delicate: dict[str, str]
) -> None:
    here = visit(ada)
    clock.advance(minutes=14)

    here.post("/delicate", {"password": SECRET})

    assert delicate["password"] == SECRET


def test_later_a_form_is_carried_through_the_question_and_nothing_is_lost(
    visit: Visits, clock: HandSetClock, ada: Person, delicate: dict[str, str]
) -> None:
    here = visit(ada)
    clock.advance(minutes=16)

    page = here.post("/delicate", {"host": "smtp.acme.example", "password": SECRET})
    asked_first = dict(delicate)
    page.submit("Confirm", proof=PASSWORD)

    assert page.h1 == "Confirm it is you"
    assert asked_first == {}
    assert delicate == {"host": "smtp.acme.example", "password": SECRET, "person": ada.email}


def test_what_is_carried_stands_in_no_page(
    visit: Visits, clock: HandSetClock, ada: Person, delicate: dict[str, str]
) -> None:
    here = visit(ada)
    clock.advance(minutes=16)

    page = here.post("/delicate", {"password": SECRET})

    assert SECRET not in page.body


def test_a_wrong_proof_asks_again_and_still_carries_the_form(
    visit: Visits, clock: HandSetClock, ada: Person, delicate: dict[str, str]
) -> None:
    here = visit(ada)
    clock.advance(minutes=16)
    page = here.post("/delicate", {"password": SECRET})

    again = page.submit("Confirm", proof="not her password")
    between = dict(delicate)
    again.submit("Confirm", proof=PASSWORD)

    assert again.error_at("proof") == "This is neither your password nor a valid code."
    assert between == {}
    assert delicate["password"] == SECRET


def test_a_carried_form_opens_at_no_other_address_and_for_nobody_else(
    visit: Visits, clock: HandSetClock, ada: Person, bob: Person, delicate: dict[str, str]
) -> None:
    hers, his = visit(ada), visit(bob)
    clock.advance(minutes=16)
    carried = _carried(hers.post("/delicate", {"password": SECRET}))

    _send_with_proof(his, "/delicate", carried)

    assert delicate == {}


def test_a_carried_form_spoils_after_a_quarter_of_an_hour(
    visit: Visits, clock: HandSetClock, ada: Person, delicate: dict[str, str]
) -> None:
    here = visit(ada)
    clock.advance(minutes=16)
    page = here.post("/delicate", {"password": SECRET})
    clock.advance(minutes=16)

    page.submit("Confirm", proof=PASSWORD)

    assert delicate == {}


def test_a_page_is_asked_for_first_and_shown_afterwards(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)
    clock.advance(minutes=16)

    asked = here.get("/account/second-factor")
    shown = asked.submit("Confirm", proof=PASSWORD)

    assert asked.h1 == "Confirm it is you"
    assert shown.h1 == "Codes from an app"


def test_a_proof_is_guessed_as_slowly_as_a_password(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)
    clock.advance(minutes=16)
    page = here.get("/account/second-factor")
    for _guess in range(5):
        page = page.submit("Confirm", proof="a guess")

    slowed = page.submit("Confirm", proof=PASSWORD)

    assert slowed.error_at("proof").startswith("Too many tries.")


def _carried(page: Page) -> str:
    return str(page.tree.xpath("string(//input[@name='carried']/@value)"))


def _send_with_proof(visitor: Visitor, path: str, carried: str) -> None:
    token = visitor.get("/").tree.xpath("//input[@name='csrf_token']/@value")[0]
    form = {"csrf_token": token, "carried": carried, "proof": PASSWORD}
    visitor.answer("POST", path, data=form)
