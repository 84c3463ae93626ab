"""The way to an own server in a real browser: fill in, test, see why it fails, mend it, save."""

from __future__ import annotations

import re
import threading

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.accounts.models import Person
from portal.core.db import db
from portal.smtp_settings import servers
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import PHONE, Browser, accessibility_faults, hold_timers
from tests.equipment.served import Served
from tests.equipment.smtp_script import Command, Script
from tests.equipment.smtp_server import SmtpServer
from tests.equipment.stage import make_sender, make_server, make_template
from tests.smtp_settings.bearer import enable

pytestmark = pytest.mark.browser

PAGES = (
    "/settings",
    "/servers",
    "/servers/new",
    "/servers/new?preset=generic",
    "/servers/new?preset=gmail",
    "/servers/new?preset=ses",
    "/servers/1",
    "/servers/1/edit",
    "/servers/1/delete",
    "/senders",
    "/senders/new",
    "/senders/1",
    "/senders/2/delete",
)


@pytest.fixture
def address(served: Served) -> str:
    """The portal of Acme, served to a real browser."""
    return served.url(host="acme.localhost", path="")


@pytest.fixture
def page(served: Served, browser: Browser, ada: Person) -> Page:
    """Ada's browser, signed in. It is closed before the server that it may still be asking."""
    return served.come_in(browser.open_page(), ada)


def _fill_in(page: Page, address: str, port: int) -> Locator:
    """A whole form for a server that asks for nothing; where its test shows itself."""
    page.goto(f"{address}/servers/new")
    page.get_by_role("link", name="Other / Generic SMTP").click()
    page.wait_for_url("**preset=generic")  # and until its scripts are there
    page.get_by_label("SMTP server").fill("127.0.0.1")
    page.get_by_label("None", exact=True).check()
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("None: the server lets us send as we are").check()
    page.get_by_label("Sender e-mail").fill("news@acme.example")
    page.locator("input[name=name]").fill("acme-own")
    return page.get_by_role("region", name="Test")


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def _test(page: Page) -> None:
    """In the dialog that the test has of its own."""
    _press(page, "Test")
    _press(page, "Send")


def _stage(panel: Locator, words: str) -> Locator:
    return panel.get_by_role("listitem").filter(has_text=words)


@pytest.mark.accepts("SB-32", "SB-42", "SB-43", "SS-30")
def test_fill_in_test_mend_save(page: Page, address: str, acme: WhiteLabel) -> None:
    with SmtpServer(Script()) as good, SmtpServer(Script(mechanisms=("PLAIN",))) as refusing:
        panel = _fill_in(page, address, refusing.port)

        _test(page)
        expect(panel.get_by_text("The test failed")).to_be_visible()
        failed = _stage(panel, "Sender not accepted")
        expect(failed).to_contain_text("530 5.7.0 Authentication required")
        expect(failed).to_contain_text("Enter both again.")

        _press(page, "Close")
        expect(failed).to_be_visible()
        page.get_by_label("Port").fill(str(good.port))
        _test(page)
        expect(panel.get_by_text("The test went well.")).to_be_visible()
        assert page.url.endswith("?preset=generic")  # the page never left
        assert _count(acme) == 0

        _press(page, "Close")
        _press(page, "Save")
        expect(page.get_by_role("heading", level=1)).to_have_text("acme-own")

    expect(page.get_by_text("Saved. The live session went well.")).to_be_visible()
    assert _count(acme) == 1


@pytest.mark.accepts("SB-33..SB-36", "SB-38..SB-41")
def test_a_test_has_a_dialog_with_recipient_template_and_language(
    page: Page, address: str, acme: WhiteLabel
) -> None:
    make_template(acme, texts=[("en", "Welcome", "Hello", None), ("de", "Servus", "Hallo", None)])
    with SmtpServer(Script()) as server:
        _fill_in(page, address, server.port)
        dialog = page.get_by_role("dialog", name="Test")
        expect(dialog).to_have_count(0)

        _press(page, "Test")
        expect(dialog).to_be_visible()
        letter = dialog.get_by_label("What it says")
        assert letter.locator("option").all_inner_texts() == [
            "A short test message",
            "Welcome: German",
            "Welcome: English",
        ]
        letter.select_option(label="Welcome: German")
        dialog.get_by_label("Send a test message to").fill("kim@customer.example")
        dialog.get_by_label("Send a test message to").press("Enter")
        taken = server.wait_for(1)[0]

        expect(dialog.get_by_text("Check whether it has arrived")).to_be_visible()
        expect(dialog.get_by_text("look into the spam folder")).to_be_visible()
        expect(dialog.get_by_role("button", name="Send", exact=True)).to_be_enabled()
        assert taken.recipients == ("kim@customer.example",)
        assert b"Subject: Servus" in taken.data
        assert accessibility_faults(page) == []


def test_an_address_that_is_none_is_said_in_the_dialog(page: Page, address: str) -> None:
    with SmtpServer(Script()) as server:
        _fill_in(page, address, server.port)
        _press(page, "Test")
        page.get_by_label("Send a test message to").fill("nobody")

        _press(page, "Send")

        dialog = page.get_by_role("dialog", name="Test")
        expect(dialog.locator("#recipient-error")).to_be_visible()


@pytest.mark.accepts("SB-12")
def test_settings_stand_at_the_lower_left(page: Page, address: str) -> None:
    page.goto(f"{address}/overview")

    entries = page.locator("#menu ul a")
    places = {
        entry.inner_text().strip(): entry.bounding_box() or {"x": 999, "y": 0}
        for entry in entries.all()
    }

    assert places["Settings"]["y"] == max(place["y"] for place in places.values())
    assert places["Settings"]["x"] < 100


def test_stages_tick_one_after_another_while_the_session_goes_on(page: Page, address: str) -> None:
    go_on = threading.Event()

    def wait(_command: Command) -> None:
        go_on.wait(60)

    with SmtpServer(Script(mail=wait)) as server:
        panel = _fill_in(page, address, server.port)
        _test(page)

        expect(_stage(panel, "Greeted")).to_have_class(re.compile("stage-good"))
        expect(_stage(panel, "Sender accepted")).to_have_class(re.compile("stage-wait stage-now"))
        expect(panel.get_by_text("The live session is under way.")).to_be_visible()
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
        go_on.set()

        expect(panel.get_by_text("The test went well.")).to_be_visible()
        expect(_stage(panel, "Sender accepted")).to_have_class(re.compile("stage-good"))
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
        assert accessibility_faults(page) == []


def test_what_was_said_is_copied_for_support(page: Page, address: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hold_timers(page)
    with SmtpServer(Script()) as server:
        panel = _fill_in(page, address, server.port)
        _test(page)
        panel.get_by_text("What was said, word for word").click()
        panel.get_by_role("button", name="Copy for support").click()
        expect(panel.get_by_role("button", name="Copied")).to_be_visible()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("S: 220 mx.fault.test ESMTP\nC: EHLO")


def test_a_form_that_cannot_be_tested_says_at_the_field_why_and_keeps_the_password(
    page: Page, address: str
) -> None:
    with SmtpServer(Script()) as server:
        _fill_in(page, address, server.port)
        page.get_by_label("User name and password (Basic)").check()
        page.locator("input[name=username]").fill("livery")
        page.locator("input[name=password]").fill("correct horse")

        _test(page)

        expect(page.locator("#tls-error")).to_contain_text("never sent over an open line")
        expect(page.get_by_text("What you typed is kept.")).to_be_visible()
        assert "correct horse" not in page.content()


def test_what_needs_a_change_before_it_can_be_tested_is_shown_at_once(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/servers/new?preset=generic")

    _test(page)

    expect(page.locator("#faults")).to_be_focused()
    expect(page.locator("#faults")).to_be_in_viewport()


@pytest.mark.accepts("ST-13", "ST-20", "ST-21")
def test_port_and_encryption_follow_each_other(page: Page, address: str) -> None:
    page.goto(f"{address}/servers/new?preset=generic")
    port = page.get_by_label("Port")
    starttls = page.get_by_label("STARTTLS")
    implicit = page.get_by_label("SSL/TLS")
    none = page.get_by_label("None", exact=True)
    expect(port).to_have_value("587")

    port.fill("465")
    expect(implicit).to_be_checked()
    port.fill("25")
    expect(none).to_be_checked()
    expect(page.get_by_text("Without TLS everybody on the way can read")).to_be_visible()
    starttls.check()
    expect(port).to_have_value("587")
    none.check()
    expect(port).to_have_value("25")
    starttls.check()
    expect(page.get_by_text("Without TLS everybody on the way can read")).to_be_hidden()
    port.fill("1025")
    implicit.check()
    expect(port).to_have_value("1025")


@pytest.mark.accepts("SB-30", "ST-04")
def test_the_form_follows_what_is_chosen(page: Page, address: str) -> None:
    page.goto(f"{address}/servers/new?preset=generic")
    user, sender = page.locator("input[name=username]"), page.get_by_label("Sender e-mail")

    user.fill("ada@acme.example")
    page.get_by_label("The address is the user name").check()
    expect(sender).to_have_value("ada@acme.example")
    user.fill("news@acme.example")
    expect(sender).to_have_value("news@acme.example")
    page.get_by_label("None: the server lets us send as we are").check()

    expect(user).to_be_hidden()
    expect(page.locator("input[name=password]")).to_be_hidden()


@pytest.mark.accepts("ST-04", "ST-26", "ST-37")
def test_the_fields_follow_the_type_of_authentication(page: Page, address: str) -> None:
    enable()
    page.goto(f"{address}/servers/new?preset=generic")
    password, client_id = page.locator("input[name=password]"), page.get_by_label("Client ID")
    expect(client_id).to_be_hidden()

    page.get_by_label("Access token (Bearer, OAuth): Microsoft").check()

    expect(password).to_be_hidden()
    expect(client_id).to_be_visible()
    expect(page.get_by_label("SMTP server")).to_have_value("smtp.office365.com")
    expect(page.get_by_role("button", name="Show the fields for this type")).to_be_hidden()


def test_the_list_of_services_shrinks_while_one_types(page: Page, address: str) -> None:
    page.goto(f"{address}/servers/new")

    page.get_by_label("Search for a service or a host").fill("office365")

    expect(page.get_by_role("link", name="Microsoft 365")).to_be_visible()
    expect(page.get_by_role("link", name="Other / Generic SMTP")).to_be_visible()
    expect(page.get_by_role("link", name="Amazon SES")).to_be_hidden()
    expect(page.get_by_role("heading", name="For mail that programs send")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_fit_for_everybody(
    scheme: str, served: Served, browser: Browser, ada: Person, acme: WhiteLabel
) -> None:
    server = make_server(ada, "acme-own")
    make_sender(server, "team@acme.example", of=acme)
    page = served.come_in(browser.open_page(color_scheme=scheme), ada)
    faults = {}

    for path in PAGES:
        page.goto(served.url(ada, path))
        if found := accessibility_faults(page):
            faults[path] = found

    assert faults == {}


def test_nothing_scrolls_sideways_on_a_phone(
    served: Served, browser: Browser, ada: Person, acme: WhiteLabel
) -> None:
    long = "an-office-server-with-quite-a-long-name-" + "x" * 20
    server = make_server(ada, long, host=f"{long}.acme.example", from_email="a@acme.example")
    make_sender(server, f"{'team' * 15}@acme.example", of=acme)
    page = served.come_in(browser.open_page(viewport=PHONE), ada)
    overflow = {}

    for path in PAGES:
        page.goto(served.url(ada, path))
        root = "document.documentElement"
        overflow[path] = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")

    assert overflow == dict.fromkeys(PAGES, 0)


def _count(white_label: WhiteLabel) -> int:
    number = len(servers.servers_of(white_label))
    db.session.rollback()
    return number
