"""Signing in and out, as people do it."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from flask import Flask

from portal.accounts import people, second_factor, sign_in
from portal.accounts.models import Person, Role
from portal.core import clock as time
from portal.core.db import db
from portal.core.secret import Secret
from portal.web.next_page import is_page
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh
from tests.equipment.visitor import PASSWORD, Page, Visits

WRONG = "The address or the password is not right."


def test_an_admin_arrives_at_the_overview_of_the_own_portal(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/")

    assert page.h1 == "Overview"
    assert "Acme" in page.text


def test_a_platform_owner_arrives_in_the_backoffice(visit: Visits, olive: Person) -> None:
    page = visit(olive).get("/")

    assert page.path == "/backoffice/"


def test_after_signing_in_one_arrives_where_one_wanted_to_go(visit: Visits, ada: Person) -> None:
    visit(ada)
    here = visit.at("acme.localhost")

    page = here.get("/account/security").submit("Sign in", email=ada.email, password=PASSWORD)

    assert page.path == "/account/security"


def test_a_wrong_password_is_told_in_the_same_words_as_an_unknown_name(
    visit: Visits, ada: Person
) -> None:
    visit(ada)
    page = visit.at("acme.localhost").get("/sign-in")

    known = page.submit("Sign in", email=ada.email, password="not her password")
    unknown = page.submit("Sign in", email="nobody@acme.example", password="not her password")

    assert known.faults == unknown.faults == [WRONG]


def test_somebody_of_another_white_label_is_nobody_here(
    visit: Visits, acme: WhiteLabel, cal: Person
) -> None:
    visit(cal)
    page = visit.at("acme.localhost").get("/sign-in")

    refused = page.submit("Sign in", email=cal.email, password=PASSWORD)

    assert refused.faults == [WRONG]


def test_a_removed_person_is_nobody(visit: Visits, ada: Person, bob: Person) -> None:
    visit(ada)
    people.remove(ada, by=bob)
    page = visit.at("acme.localhost").get("/sign-in")

    refused = page.submit("Sign in", email=ada.email, password=PASSWORD)

    assert refused.faults == [WRONG]


def test_the_form_keeps_the_address_and_never_the_password(visit: Visits, acme: WhiteLabel) -> None:
    page = visit.at("acme.localhost").get("/sign-in")

    again = page.submit("Sign in", email="ada@acme.example", password="hunter2 hunter2")

    assert "ada@acme.example" in again.body
    assert "hunter2" not in again.body


def test_an_empty_form_names_what_is_missing_at_the_fields(visit: Visits, acme: WhiteLabel) -> None:
    page = visit.at("acme.localhost").get("/sign-in").submit("Sign in")

    assert page.error_at("email") == "Type your e-mail address."
    assert page.error_at("password") == "Type your password."
    assert len(page.faults) == 2


def test_after_five_guesses_the_right_password_has_to_wait_too(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    visit(ada)
    page = visit.at("acme.localhost").get("/sign-in")
    for _guess in range(5):
        page.submit("Sign in", email=ada.email, password="not her password")

    slowed = page.submit("Sign in", email=ada.email, password=PASSWORD)
    clock.advance(seconds=2)
    later = page.submit("Sign in", email=ada.email, password=PASSWORD)

    assert slowed.faults == ["Too many tries. Wait 1 seconds, then try again."]
    assert later.h1 == "Overview"


def test_an_unknown_name_is_slowed_down_just_the_same(
    visit: Visits, clock: HandSetClock, acme: WhiteLabel
) -> None:
    page = visit.at("acme.localhost").get("/sign-in")
    for _guess in range(5):
        page.submit("Sign in", email="nobody@acme.example", password="a guess at it")

    slowed = page.submit("Sign in", email="nobody@acme.example", password="a guess at it")

    assert slowed.faults[0].startswith("Too many tries.")


def test_a_new_session_has_a_new_token_and_keeps_nothing(visit: Visits, ada: Person) -> None:
    here = visit(ada)
    first = here.client.get_cookie("session", domain="acme.localhost")

    here.get("/").submit("Sign out")
    here.sign_in(ada)

    second = here.client.get_cookie("session", domain="acme.localhost")
    assert first is not None
    assert second is not None
    assert first.value != second.value


def test_a_token_from_before_signing_in_is_worth_nothing_afterwards(
    visit: Visits, ada: Person
) -> None:
    visit(ada)
    here = visit.at("acme.localhost")
    page = here.get("/sign-in")
    old = page.tree.xpath("//input[@name='csrf_token']/@value")[0]
    page.submit("Sign in", email=ada.email, password=PASSWORD)

    answer = here.answer("POST", "/account/", data={"csrf_token": old, "name": "Eve"})

    assert answer.status_code == 400


def test_after_signing_out_the_old_cookie_opens_nothing(visit: Visits, ada: Person) -> None:
    here = visit(ada)
    cookie = here.client.get_cookie("session", domain="acme.localhost")
    assert cookie is not None

    here.get("/").submit("Sign out")
    here.client.set_cookie("session", cookie.value, domain="acme.localhost")

    assert _is_signed_out(here.get("/overview"))


def test_a_session_ends_after_twelve_idle_hours(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)
    clock.advance(hours=12)

    assert _is_signed_out(here.get("/overview"))


def test_a_session_that_is_used_goes_on_for_seven_days_and_no_longer(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)

    for _step in range(7 * 3 - 1):
        clock.advance(hours=8)
        assert not _is_signed_out(here.get("/overview"))
    clock.advance(hours=8)

    assert _is_signed_out(here.get("/overview"))


def test_a_changed_role_ends_the_session(visit: Visits, ada: Person) -> None:
    here = visit(ada)

    people.change_role(ada, role=Role.AGENT)

    assert _is_signed_out(here.get("/overview"))


def test_a_removed_person_is_out_at_the_next_request(
    visit: Visits, ada: Person, bob: Person
) -> None:
    here = visit(ada)

    people.remove(ada, by=bob)

    assert _is_signed_out(here.get("/overview"))


def test_a_suspended_white_label_lets_nobody_in_and_throws_everybody_out(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)

    acme.suspended_at = time.now()

    out = here.get("/overview")
    assert _is_signed_out(out)
    refused = out.submit("Sign in", email=ada.email, password=PASSWORD)
    assert refused.faults == ["This portal is closed for now; its owner knows why."]


def test_a_host_that_went_to_another_white_label_took_no_sessions_along(
    visit: Visits, acme: WhiteLabel, birch: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)

    acme.hostnames[0].white_label_id = birch.id

    assert _is_signed_out(here.get("/overview"))


def test_with_codes_turned_on_the_password_alone_opens_nothing(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    visit(ada)
    secret = _turn_codes_on(ada, clock)
    here = visit.at("acme.localhost")

    halfway = here.get("/sign-in").submit("Sign in", email=ada.email, password=PASSWORD)
    refused = here.get("/overview")
    in_at_last = here.get("/sign-in/code").submit("Continue", code=_code(secret, clock))

    assert halfway.path == "/sign-in/code"
    assert _is_signed_out(refused)
    assert in_at_last.h1 == "Overview"


def test_codes_are_guessed_as_slowly_as_passwords(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    visit(ada)
    secret = _turn_codes_on(ada, clock)
    here = visit.at("acme.localhost")
    page = here.get("/sign-in").submit("Sign in", email=ada.email, password=PASSWORD)
    right = _code(secret, clock)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for _guess in range(5):
        page.submit("Continue", code=wrong)

    # A fresh start with the right password does not free more guesses.
    page = here.get("/sign-in").submit("Sign in", email=ada.email, password=PASSWORD)
    slowed = page.submit("Continue", code=right)

    assert slowed.error_at("code").startswith("Too many tries.")


def test_halfway_is_forgotten_after_ten_minutes(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    visit(ada)
    secret = _turn_codes_on(ada, clock)
    here = visit.at("acme.localhost")
    page = here.get("/sign-in").submit("Sign in", email=ada.email, password=PASSWORD)

    clock.advance(minutes=11)
    late = page.submit("Continue", code=_code(secret, clock))

    assert late.path == "/sign-in"


def test_the_browser_is_noted_at_most_once_a_minute(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)
    row = sign_in.of_person(ada)[0]
    began = row.seen_at

    clock.advance(seconds=59)
    here.get("/overview")
    within = fresh(row).seen_at
    clock.advance(seconds=1)
    here.get("/overview")
    after = fresh(row).seen_at

    assert within == began
    assert after == began + timedelta(minutes=1)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test/",
        "\\\\evil.test",
        "/\t/evil.test/overview",
        "/\n/evil.test/overview",
        "/overview?\r\nX-Further: field",
        "/overview#\n",
        "javascript:alert(1)",
        "/nothing/here",
        "/sign-out",
        "/static/css/livery.css",
        "overview",
        "",
    ],
)
def test_next_leads_to_no_other_place_than_a_page_of_ours(app: Flask, wanted: str) -> None:
    with app.test_request_context(base_url="http://acme.localhost"):
        assert not is_page(wanted)


def test_next_leads_to_no_other_place_even_where_a_route_takes_any_word(app: Flask) -> None:
    app._got_first_request = False
    app.add_url_rule("/<word>", "any_word", str)

    with app.test_request_context(base_url="http://acme.localhost"):
        assert is_page("/evil.test")
        assert not is_page("/\\evil.test")


@pytest.mark.parametrize("wanted", ["/overview", "/account/security?from=mail", "/"])
def test_next_leads_to_pages_of_ours(app: Flask, wanted: str) -> None:
    with app.test_request_context(base_url="http://acme.localhost"):
        assert is_page(wanted)


def _is_signed_out(page: Page) -> bool:
    return page.path.startswith("/sign-in")


def _turn_codes_on(person: Person, clock: HandSetClock) -> str:
    """Codes from an app, set up a minute ago; the secret that the app keeps."""
    secret = second_factor.new_secret()
    second_factor.enable(person, secret, code=_code(secret.reveal(), clock))
    db.session.commit()
    clock.advance(minutes=1)
    return secret.reveal()


def _code(secret: str, clock: HandSetClock) -> str:
    return pyotp.TOTP(Secret(secret).reveal()).at(clock.now())
