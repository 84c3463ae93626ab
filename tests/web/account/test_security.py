"""One's own account: profile, password, codes, passkeys, browsers."""

from __future__ import annotations

import re

import pyotp

from portal.accounts import second_factor, sign_in
from portal.accounts.models import Person
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh
from tests.equipment.visitor import PASSWORD, Page, Visits

NEW = "four words in a row"


def test_a_profile_is_changed(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/account/")

    page = page.submit("Save", name="Ada Admin", time_zone="Europe/Vienna")

    assert "Saved." in page.text
    assert fresh(ada).name == "Ada Admin"
    assert ada.time_zone == "Europe/Vienna"


def test_times_are_shown_in_the_readers_zone(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)
    here.get("/account/").submit("Save", time_zone="Asia/Tokyo")

    title = here.get("/account/security").tree.xpath("//time/@title")[0]

    assert title.endswith("JST")
    assert "6:00:00" in title


def test_dark_is_kept_in_this_browser(visit: Visits, ada: Person) -> None:
    here = visit(ada)

    dark = here.get("/account/").submit("Dark")
    again = dark.submit("As the system")

    assert dark.path == "/account/"
    assert dark.tree.get("data-bs-theme") == "dark"
    assert again.tree.get("data-bs-theme") is None


def test_a_changed_password_signs_other_browsers_out_and_this_one_not(
    visit: Visits, ada: Person
) -> None:
    here, elsewhere = visit(ada), visit(ada)

    page = here.get("/account/password")
    page = page.submit("Change the password", proof=PASSWORD, password=NEW)

    assert page.path == "/account/security"
    assert elsewhere.get("/overview").path.startswith("/sign-in")
    assert here.get("/overview").h1 == "Overview"


def test_a_password_is_not_changed_without_the_old_one(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/account/password")

    page = page.submit("Change the password", proof="not her password", password=NEW)

    assert page.error_at("proof") == "This is neither your password nor a valid code."
    assert visit(ada).get("/overview").h1 == "Overview"


def test_a_short_password_is_refused_at_its_field(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/account/password")

    page = page.submit("Change the password", proof=PASSWORD, password="short")

    assert page.error_at("password") == "Use at least 12 characters."


def test_codes_are_turned_on_by_the_first_right_one(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    page = visit(ada).get("/account/second-factor")
    totp = pyotp.TOTP(page.tree.xpath("string(//*[@id='secret'])"))

    wrong = page.submit("Turn the codes on", code="000000")
    same_secret = wrong.tree.xpath("string(//*[@id='secret'])")
    codes = wrong.submit("Turn the codes on", code=totp.at(clock.now()))

    assert wrong.error_at("code") == "This is not the code that the app shows."
    assert same_secret == totp.secret
    assert len(_recovery_codes(codes)) == 10
    assert second_factor.is_on(fresh(ada))


def test_a_recovery_code_opens_once(visit: Visits, clock: HandSetClock, ada: Person) -> None:
    page = visit(ada).get("/account/second-factor")
    totp = pyotp.TOTP(page.tree.xpath("string(//*[@id='secret'])"))
    recovery = _recovery_codes(page.submit("Turn the codes on", code=totp.at(clock.now())))[0]

    first = _sign_in_with_code(visit, ada, recovery)
    second = _sign_in_with_code(visit, ada, recovery.upper())

    assert first.h1 == "Overview"
    assert second.error_at("code") == "This code is not right, or was used already."


def test_new_recovery_codes_end_the_old_ones(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    here = visit(ada)
    page = here.get("/account/second-factor")
    totp = pyotp.TOTP(page.tree.xpath("string(//*[@id='secret'])"))
    old = _recovery_codes(page.submit("Turn the codes on", code=totp.at(clock.now())))[0]

    renewed = _recovery_codes(here.get("/account/security").submit("New recovery codes"))

    assert _sign_in_with_code(visit, ada, old).path == "/sign-in/code"
    assert _sign_in_with_code(visit, ada, renewed[0]).h1 == "Overview"


def test_codes_are_turned_off_again(visit: Visits, clock: HandSetClock, ada: Person) -> None:
    here = visit(ada)
    page = here.get("/account/second-factor")
    totp = pyotp.TOTP(page.tree.xpath("string(//*[@id='secret'])"))
    page.submit("Turn the codes on", code=totp.at(clock.now()))

    here.get("/account/security").submit("Turn the codes off")

    assert visit(ada).get("/overview").h1 == "Overview"
    assert fresh(ada).totp_sealed is None


def test_another_browser_is_signed_out_from_here(visit: Visits, ada: Person) -> None:
    here, elsewhere = visit(ada), visit(ada)

    page = here.get("/account/security").submit("Sign out")
    others = list(sign_in.of_person(ada))

    assert page.status == 200
    assert len(others) == 1
    assert {here.get("/overview").path, elsewhere.get("/overview").path} != {"/overview"}


def test_all_other_browsers_are_signed_out_at_once(visit: Visits, ada: Person) -> None:
    here, second, third = visit(ada), visit(ada), visit(ada)

    here.get("/account/security").submit("Sign all others out")

    assert here.get("/overview").path == "/overview"
    assert second.get("/overview").path.startswith("/sign-in")
    assert third.get("/overview").path.startswith("/sign-in")


def _recovery_codes(page: Page) -> list[str]:
    return re.findall(r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}", page.content)


def _sign_in_with_code(visit: Visits, person: Person, code: str) -> Page:
    page = visit.at(visit.host_of(person)).sign_in(person)
    return page.submit("Continue", code=code)
