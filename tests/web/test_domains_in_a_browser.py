"""Pages about domains in a real browser: for every reader, and on a phone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Page

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import record_templates
from portal.domains.models import DomainState
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import approved, asked, platforms_server
from tests.equipment.browser import PHONE, Browser, accessibility_faults, hold_timers
from tests.equipment.served import Served
from tests.equipment.stage import make_domain

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Paths:
    """Where there is something to see, for an admin and for an owner."""

    admin: tuple[str, ...]
    owner: tuple[str, ...]


@pytest.fixture
def paths(app: Flask, acme: WhiteLabel, birch: WhiteLabel, ada: Person, olive: Person) -> Paths:
    platforms_server(olive)
    template = record_templates.save(
        None, name="Provider", records="TXT @ v=spf1 include:spf.provider.example ~all"
    )
    make_domain(birch, "acme-sh0p.example")
    long = "a-rather-long-name-of-a-domain-that-somebody-really-has.example"
    make_domain(acme, long, DomainState.LAPSED)
    request, domain = approved(ada, olive)
    waiting = asked(ada, "аcme-shop.example", note="It is on our letterhead.")
    db.session.commit()
    return Paths(
        admin=(
            "/domains",
            "/domains/request",
            f"/domains/requests/{waiting.id}",
            f"/domains/{domain.id}",
            f"/domains/{domain.id}/remove",
        ),
        owner=(
            "/backoffice/domain-requests",
            f"/backoffice/domain-requests/{waiting.id}",
            f"/backoffice/domain-requests/{request.id}",
            f"/backoffice/white-labels/{request.white_label_id}/domains",
            f"/backoffice/white-labels/{request.white_label_id}/domains/{request.domain_id}/revoke",
            "/backoffice/record-templates",
            f"/backoffice/record-templates/{template.id}",
        ),
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_hold_up_to_wcag(
    served: Served, browser: Browser, ada: Person, olive: Person, paths: Paths, scheme: str
) -> None:
    faults: dict[str, list[str]] = {}

    for person, wanted in ((ada, paths.admin), (olive, paths.owner)):
        page = served.come_in(browser.open_page(color_scheme=scheme), person)
        for path in wanted:
            page.goto(served.url(person, path))
            faults[path] = accessibility_faults(page)

    assert {path: found for path, found in faults.items() if found} == {}


def test_nothing_scrolls_sideways_on_a_phone(
    served: Served, browser: Browser, ada: Person, olive: Person, paths: Paths
) -> None:
    widths: dict[str, int] = {}

    for person, wanted in ((ada, paths.admin), (olive, paths.owner)):
        page = served.come_in(browser.open_page(viewport=PHONE), person)
        for path in wanted:
            page.goto(served.url(person, path))
            widths[path] = _width(page)
    admin = served.come_in(browser.open_page(viewport=PHONE), ada)
    admin.goto(served.url(ada, paths.admin[3]))
    admin.get_by_role("button", name="Make a link").click()
    stranger = browser.open_page(viewport=PHONE)
    stranger.goto(admin.locator("#link-address").inner_text())
    stranger.get_by_role("button", name="Show the records").click()
    stranger.get_by_role("heading", level=1, name="DNS records of acme.example").wait_for()
    stranger.wait_for_load_state()  # its styles may come later than its words
    widths["the link"] = _width(stranger)
    faults = accessibility_faults(stranger)

    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}
    assert faults == []


def test_a_value_is_copied_with_one_click(
    served: Served, browser: Browser, ada: Person, paths: Paths
) -> None:
    page = served.come_in(browser.open_page(), ada)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hold_timers(page)
    page.goto(served.url(ada, paths.admin[3]))

    page.get_by_role("button", name="Copy the value").first.click()
    page.get_by_text("Copied").wait_for()

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("[id^=value-]").first.inner_text()


def test_where_there_is_no_clipboard_the_value_is_marked_to_be_copied_by_hand(
    served: Served, browser: Browser, ada: Person, paths: Paths
) -> None:
    page = served.come_in(browser.open_page(), ada)
    # As it is for a portal without TLS.
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(served.url(ada, paths.admin[3]))

    button = page.get_by_role("button", name="Copy the value").first
    button.click()

    marked = page.evaluate("getSelection().toString()")
    assert marked.strip() == page.locator("[id^=value-]").first.inner_text()
    assert button.inner_text() == "Copy the value"


def _width(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))
