"""The template editor in a real browser: the mail beside it follows what is typed."""

from __future__ import annotations

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from portal.accounts.models import Person
from portal.core.db import db
from portal.mail_templates import gallery, templates
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import DESK, PHONE, Browser, accessibility_faults
from tests.equipment.served import Served
from tests.equipment.stage import make_template

pytestmark = pytest.mark.browser


FRAME = "iframe.look:not(.look-next)"


def mail_in(page: Page) -> FrameLocator:
    """The mail itself, in the frame of the frame."""
    return page.frame_locator(FRAME).frame_locator("iframe")


def frame_after(page: Page, name: str) -> str:
    """The name of the frame that has taken the place of this one. Before it has, nobody may look
    inside: a frame that goes away while it is asked counts as a page that was closed."""
    expect(page.locator(FRAME)).not_to_have_attribute("name", name)
    return page.locator(FRAME).get_attribute("name") or ""


def test_the_mail_follows_what_is_typed_and_the_back_button_leaves_the_editor(
    served: Served, browser: Browser, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, f"/templates/{template.id}"))
    page.get_by_role("link", name="Write").last.click()
    page.wait_for_url("**/edit**")
    name = frame_after(page, "look")  # its script shows the mail anew at once, and listens
    expect(mail_in(page).get_by_text("Hello Kim")).to_be_visible()

    for words in ("<p>Typed {{ name }}</p>", "<p>Again {{ name }}</p>"):
        page.get_by_label("HTML").fill(words)
        name = frame_after(page, name)
        expect(mail_in(page).get_by_text(words[3:8])).to_be_visible()
    page.get_by_label("HTML").fill("<p>{% if a %}")
    frame_after(page, name)
    outer = page.frame_locator(FRAME)
    expect(outer.get_by_text("Line 1: {% if %} is never closed.")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.go_back()

    page.wait_for_url(f"**/templates/{template.id}")


def test_without_scripts_a_button_shows_it(
    served: Served, browser: Browser, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    page = served.come_in(browser.open_page(java_script_enabled=False), ada)
    page.goto(served.url(ada, f"/templates/{template.id}/edit"))

    page.get_by_label("HTML").fill("<p>Typed {{ name }}</p>")
    page.get_by_role("button", name="Preview").click()

    expect(mail_in(page).get_by_text("Typed Kim")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_templates_hold_up_to_wcag_and_fit_a_telephone(
    scheme: str, served: Served, browser: Browser, ada: Person, acme: WhiteLabel
) -> None:
    template = templates.create(acme, slug="invitation")
    start = gallery.find_start("invitation")
    gallery.begin(template, start, default_language="en", by=ada)
    db.session.commit()
    page = served.come_in(browser.open_page(color_scheme=scheme), ada)
    one = f"/templates/{template.id}"

    for path in ("", "/gallery", "/language", "/new?start=receipt"):
        page.goto(served.url(ada, f"/templates{path}"))
        assert accessibility_faults(page) == [], path
    for path in ("", "/edit", "/settings", "/history", "/history/1"):
        page.goto(served.url(ada, f"{one}{path}"))
        if path == "/edit":
            frame_after(page, "look")  # for a moment there are two
        assert accessibility_faults(page) == [], path
        page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
