"""Signing in and out, as people do it."""

from __future__ import annotations

from portal.accounts.models import Person
from tests.equipment.clock import HandSetClock
from tests.equipment.visitor import Visits


def test_an_admin_arrives_at_the_overview_of_the_own_portal(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/")

    assert page.h1 == "Overview"
    assert "Acme" in page.text


def test_a_platform_owner_arrives_in_the_backoffice(visit: Visits, olive: Person) -> None:
    page = visit(olive).get("/")

    assert page.path == "/backoffice/"


def test_a_wrong_password_is_told_in_the_same_words_as_an_unknown_name(
    visit: Visits, ada: Person
) -> None:
    visit(ada)
    page = visit.at("acme.localhost").get("/sign-in")

    known = page.submit("Sign in", email=ada.email, password="not her password")
    unknown = page.submit("Sign in", email="nobody@acme.example", password="not her password")

    assert known.faults == unknown.faults == ["The address or the password is not right."]


def test_after_signing_out_the_old_cookie_opens_nothing(visit: Visits, ada: Person) -> None:
    here = visit(ada)
    cookie = here.client.get_cookie("session", domain="acme.localhost")
    assert cookie is not None

    here.get("/").submit("Sign out")
    here.client.set_cookie("session", cookie.value, domain="acme.localhost")

    assert here.get("/overview").path.startswith("/sign-in")


def test_a_session_ends_after_twelve_idle_hours(
    visit: Visits, ada: Person, clock: HandSetClock
) -> None:
    here = visit(ada)
    clock.advance(hours=12)

    assert here.get("/overview").path.startswith("/sign-in")
