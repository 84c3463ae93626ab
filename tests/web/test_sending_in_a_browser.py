"""People who send, in a real browser: an agent composes, an admin launches and watches."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.accounts.models import Person
from portal.campaigns.models import AudienceImport, Campaign
from portal.core.db import db
from portal.jobs.works import do_now
from portal.outbox import tally
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import PHONE, Browser, accessibility_faults
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.mail import until, working
from tests.equipment.served import Served
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import make_default, make_sender, make_server, make_template

pytestmark = pytest.mark.browser

CSV = "email,name,city\n" + "".join(
    f"person-{number}@customer.example,Person {number},Ulm\n" for number in range(20)
)


@pytest.mark.accepts("UC-22", "UC-26")
def test_an_agent_composes_sees_the_route_and_sends_once(
    app: Flask, served: Served, browser: Browser, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    with FaultServer() as server, working(app):
        own = make_server(ada, "acme-own", port=server.port)
        make_default(abe, make_sender(own, "abe@acme.example", of=acme, name="Abe"))
        make_sender(own, "team@acme.example", of=acme, name="The team")
        make_template(acme, "offer", texts=[("en", "Hi {{ name }}", "It costs {{ price }}", None)])
        page = served.come_in(browser.open_page(), abe)
        page.goto(served.url(abe, "/compose"))
        route = page.locator("#route")

        expect(route).to_contain_text("from abe@acme.example")
        page.get_by_label("From").select_option(label="The team <team@acme.example> · acme-own")
        expect(route).to_contain_text("from team@acme.example")
        page.get_by_label("What it says").select_option(label="Offer (en)")
        page.get_by_label("price").fill("9 euros")
        page.get_by_label("To", exact=False).first.fill("Kim <kim@customer.example>")
        page.get_by_role("button", name="Send", exact=True).dblclick()
        page.get_by_role("heading", level=1, name="Mail to kim@customer.example").wait_for()
        until(lambda: len(server.ledger) == 1)

        assert server.ledger[0].mail_from == "team@acme.example"
        assert b"9 euros" in server.ledger[0].data


@pytest.mark.accepts("UC-25", "UC-27", "UC-30")
def test_an_admin_brings_people_in_launches_and_watches(
    app: Flask, served: Served, browser: Browser, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer() as server, working(app):
        make_server(ada, "acme-own", port=server.port)
        make_template(acme, "offer", texts=[("en", "Hi {{ name }}", "In {{ city }}", None)])
        page = served.come_in(browser.open_page(), ada)

        _bring(page, served.url(ada, "/campaigns/audiences/new"))
        do_now("import", db.session.scalars(select(AudienceImport.id)).one())
        page.get_by_role("button", name="Add 20 people").click()
        expect(page.get_by_text("20 more people are in the audience.")).to_be_visible()
        page.goto(served.url(ada, "/campaigns/new"))
        page.get_by_label("Name").fill("Spring")
        page.get_by_role("button", name="Create campaign").click()
        page.get_by_label("Template").select_option(label="Offer")
        _go_on(page, "people")
        page.get_by_label("Audience").select_option(index=1)
        _go_on(page, "values")
        _go_on(page, "time")
        page.get_by_label("Randomise").check()
        page.get_by_label("Shortest pause").fill("0")
        page.get_by_label("Longest pause").fill("1")
        _go_on(page, "rehearsal")
        expect(page.get_by_role("main")).to_contain_text("Hi Person")
        page.get_by_role("button", name="Send to 20 people now").click()
        live = page.locator("#live")
        expect(live).to_contain_text("0 of 20 people reached")
        page.wait_for_load_state()  # the load to come is another one

        # Told by the server, without the page being opened again until all is over.
        with page.expect_event("load", timeout=90_000):
            do_now("campaign", db.session.scalars(select(Campaign.id)).one())
            expect(live).to_contain_text("20 of 20 people reached", timeout=60_000)
            expect(live).to_contain_text("Finished")
        page.get_by_role("link", name="Delivery log").last.click()
        expect(page.get_by_role("main")).to_contain_text("person-19@customer.example")
        assert len(server.ledger) == 20


def test_the_number_on_the_button_that_pauses_goes_along(
    served: Served, browser: Browser, ada: Person
) -> None:
    make_server(ada, "acme-own")
    running = launched(make_campaign(ada, make_audience(ada, 3)))
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, f"/campaigns/{running.id}"))
    expect(page.get_by_role("button", name="Pause: 3 people wait")).to_be_visible()

    tally.add(db.session.connection(), running.id, {"sent": 1})
    db.session.commit()

    expect(page.locator("#live")).to_contain_text("1 of 3 people reached, 2 wait")
    expect(page.get_by_role("button", name="Pause: 2 people wait")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_people_who_send_hold_up_to_wcag_and_fit_a_phone(
    served: Served, browser: Browser, ada: Person, acme: WhiteLabel, scheme: str
) -> None:
    make_server(ada, "acme-own")
    template, audience = make_template(acme), make_audience(acme)
    draft = make_campaign(ada, audience, template=template, name="A draft")
    running = launched(make_campaign(ada, audience, template=template, name="Under way"))
    paths = (
        "/compose",
        "/my-sender",
        "/campaigns",
        "/campaigns/audiences",
        f"/campaigns/audiences/{audience.id}",
        "/campaigns/suppressions",
        f"/campaigns/{draft.id}/people",
        f"/campaigns/{draft.id}/time",
        f"/campaigns/{draft.id}/rehearsal",
        f"/campaigns/{running.id}",
        f"/campaigns/{running.id}/log",
    )
    page = served.come_in(browser.open_page(color_scheme=scheme, viewport=PHONE), ada)
    faults: dict[str, list[str]] = {}
    widths: dict[str, int] = {}

    for path in paths:
        page.goto(served.url(ada, path))
        faults[path] = accessibility_faults(page)
        widths[path] = int(page.evaluate("document.documentElement.scrollWidth"))

    assert {path: found for path, found in faults.items() if found} == {}
    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}


def _go_on(page: Page, step: str) -> None:
    page.get_by_role("button", name="Save and go on").click()
    page.wait_for_url(f"**/{step}")


def _bring(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Name").fill("Customers")
    page.get_by_label("A file").set_input_files(
        {"name": "customers.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    )
    page.get_by_role("button", name="Look at the list").click()
    page.get_by_role("button", name="Read the list").click()
    page.get_by_text("Being read").wait_for()
