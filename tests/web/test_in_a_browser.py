"""What only a real browser can tell: passkeys, contrast, a narrow screen, no scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from portal.accounts import passkeys
from portal.accounts.models import Person
from tests.equipment.browser import PHONE, Browser, accessibility_faults
from tests.equipment.served import Served

pytestmark = pytest.mark.browser

ACCOUNT_PAGES = (
    "/account/",
    "/account/security",
    "/account/password",
    "/account/second-factor",
    "/account/passkeys/new",
)
PUBLIC_PAGES = ("/sign-in", "/forgotten", "/forgotten/sent", "/reset/nothing")


def test_a_passkey_is_added_and_signs_in(served: Served, browser: Browser, ada: Person) -> None:
    page = served.sign_in(browser.open_page(), ada)
    _plug_a_key_in(page)

    page.goto(served.url(ada, "/account/passkeys/new"))
    page.get_by_label("Name").fill("blue key")
    page.get_by_role("button", name="Add the passkey").click()
    page.get_by_text("The passkey is added.").wait_for()
    page.get_by_role("button", name="Sign out", exact=True).last.click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", level=1, name="Overview").wait_for()

    (kept,) = passkeys.of_person(ada)
    assert kept.name == "blue key"
    assert kept.used_at is not None
    assert kept.host == "acme.localhost"


def test_where_passkeys_cannot_be_used_the_page_says_so(
    served: Served, browser: Browser, ada: Person
) -> None:
    page = served.come_in(browser.open_page(), ada)
    words = page.get_by_text("Passkeys cannot be used here")
    page.goto(served.url(ada, "/account/passkeys/new"))
    page.get_by_role("button", name="Add the passkey").wait_for()
    was_said = words.is_visible()

    page.add_init_script("delete window.PublicKeyCredential")  # as over http at any other name
    page.reload()

    words.wait_for()
    assert not was_said
    assert not page.get_by_role("button", name="Add the passkey").is_visible()


def test_without_a_name_no_passkey_is_made(served: Served, browser: Browser, ada: Person) -> None:
    page = served.come_in(browser.open_page(), ada)
    _plug_a_key_in(page)
    page.goto(served.url(ada, "/account/passkeys/new"))

    page.get_by_role("button", name="Add the passkey").click()

    expect(page.get_by_label("Name")).to_be_focused()
    assert passkeys.of_person(ada) == []


def test_a_removed_passkey_signs_nobody_in(served: Served, browser: Browser, ada: Person) -> None:
    page = served.come_in(browser.open_page(), ada)
    _plug_a_key_in(page)
    page.goto(served.url(ada, "/account/passkeys/new"))
    page.get_by_label("Name").fill("blue key")
    page.get_by_role("button", name="Add the passkey").click()

    page.get_by_role("button", name="Remove blue key").click()
    page.get_by_text("The passkey is removed.").wait_for()
    page.goto(served.url(ada, "/account/"))
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()

    page.get_by_text("This passkey is not known here, or came too late.").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_hold_up_to_wcag(
    served: Served, browser: Browser, ada: Person, olive: Person, scheme: str
) -> None:
    faults: dict[str, list[str]] = {}

    page = browser.open_page(color_scheme=scheme)
    for path in PUBLIC_PAGES:
        page.goto(served.url(ada, path))
        faults[path] = accessibility_faults(page)
    served.come_in(page, ada)
    for path in ("/overview", *ACCOUNT_PAGES):
        page.goto(served.url(ada, path))
        faults[path] = accessibility_faults(page)
    served.sign_in(page, olive)
    faults["/backoffice/"] = accessibility_faults(page)
    browser.take_problems()  # the link that leads nowhere answered 404, as it should

    assert {path: found for path, found in faults.items() if found} == {}


def test_the_page_follows_the_system_and_the_readers_choice_comes_first(
    served: Served, browser: Browser, ada: Person
) -> None:
    page = served.sign_in(browser.open_page(color_scheme="dark"), ada)

    as_system = _background(page)
    page.goto(served.url(ada, "/account/"))
    page.get_by_role("button", name="Light").click()
    page.get_by_role("button", name="Light", pressed=True).wait_for()
    page.wait_for_load_state()  # its styles may come later than its words
    as_chosen = _background(page)

    assert as_system < 60
    assert as_chosen > 200


def test_nothing_scrolls_sideways_on_a_phone_and_the_menu_unfolds(
    served: Served, browser: Browser, ada: Person
) -> None:
    page = served.sign_in(browser.open_page(viewport=PHONE), ada)
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Overview")

    expect(link).to_be_hidden()
    page.locator("label.navbar-toggler").click()
    expect(link).to_be_visible()
    widths = {path: _width(page, served.url(ada, path)) for path in ACCOUNT_PAGES}

    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}


def test_everything_but_passkeys_works_without_javascript(
    served: Served, browser: Browser, ada: Person
) -> None:
    page = browser.open_page(java_script_enabled=False, viewport=PHONE)

    served.sign_in(page, ada)
    page.locator("label.navbar-toggler").click()
    page.get_by_role("link", name="Ada").click()
    page.get_by_label("Name").fill("Ada Admin")
    page.get_by_role("button", name="Save").click()

    page.get_by_text("Saved.").wait_for()


def test_after_an_error_the_keyboard_starts_at_the_summary(
    served: Served, browser: Browser, ada: Person
) -> None:
    page = browser.open_page()
    page.goto(served.url(ada, "/sign-in"))

    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Type your password.").click()

    expect(page.locator("#password")).to_be_focused()


def _plug_a_key_in(page: Page) -> None:
    """A security key that is always there and always opened by its owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def _background(page: Page) -> int:
    """How light the page is behind everything, 0 to 255."""
    colour = page.evaluate(
        """() => {
            const one = new OffscreenCanvas(1, 1).getContext("2d");
            one.fillStyle = getComputedStyle(document.body).backgroundColor;
            one.fillRect(0, 0, 1, 1);
            return one.getImageData(0, 0, 1, 1).data[0];
        }"""
    )
    return int(colour)


def _width(page: Page, url: str) -> int:
    page.goto(url)
    return int(page.evaluate("document.documentElement.scrollWidth"))
