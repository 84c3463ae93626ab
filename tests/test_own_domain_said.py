"""What the two sides of a domain tell each other, in two browsers: reminded, talked over, refused,
and an approval taken back with what that does to the mail.
"""

from __future__ import annotations

import pytest
import requests
from flask import Flask
from playwright.sync_api import Page, expect

from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import KeyKind
from portal.core.db import db
from portal.domains import allow_list
from tests.desk.stage import approved, asked, platforms_server
from tests.equipment.browser import Browser
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import drain
from tests.equipment.mailbox import Mailbox
from tests.equipment.served import Served
from tests.equipment.stage import make_app, make_sender

pytestmark = pytest.mark.browser


@pytest.mark.accepts("SI-21", "SI-25")
def test_a_request_is_talked_over_and_each_side_sees_what_it_has_not_read(
    app: Flask, served: Served, browser: Browser, ada: Person, olive: Person, mailbox: Mailbox
) -> None:
    platforms_server(olive, port=mailbox.door_port)
    asked(ada)
    admin = served.sign_in(browser.open_page(), ada)
    owner = served.sign_in(browser.open_page(), olive)
    reader = browser.open_page()

    # The owner finds the request unread, and has then read it.
    assert (_unread(owner), _unread(admin)) == (1, 0)
    owner.get_by_role("link", name="1 unread conversation").click()
    owner.get_by_role("link", name="Domain acme.example").click()
    expect(owner.locator("article", has_text="We would like to send mail")).to_be_visible()
    assert _unread(owner) == 0

    # The owner asks back; the admin is told by mail, reads it, and answers.
    owner.get_by_label("Message").fill("Which newsletters are these?")
    owner.get_by_role("button", name="Send", exact=True).click()
    expect(owner.locator("article", has_text="Which newsletters")).to_be_visible()
    drain(app)
    admin.reload()
    assert (_unread(owner), _unread(admin)) == (0, 1)
    admin.goto(mailbox.link_in(reader, "New message: Domain acme.example"))
    expect(admin.get_by_text("Which newsletters are these?")).to_be_visible()
    assert _unread(admin) == 0
    admin.get_by_label("Message").fill("Ours, to 300 members.")
    admin.get_by_role("button", name="Send", exact=True).click()
    expect(admin.locator("article", has_text="300 members")).to_be_visible()
    drain(app)

    # It is new to the owner again, in the mail and in the menu, and stands with the request.
    owner.get_by_role("link", name="Overview").click()
    owner.get_by_role("heading", level=1, name="Overview").wait_for()
    assert (_unread(owner), _unread(admin)) == (1, 0)
    owner.goto(mailbox.link_in(reader, "Acme: Domain acme.example"))
    assert _unread(owner) == 0
    owner.get_by_role("link", name="Request for acme.example").click()
    owner.wait_for_url("**/domain-requests/*")
    expect(owner.get_by_text("Ours, to 300 members.")).to_be_visible()


@pytest.mark.accepts("SI-24")
def test_a_request_is_reminded_of_refused_and_asked_again(
    app: Flask,
    served: Served,
    browser: Browser,
    clock: HandSetClock,
    ada: Person,
    olive: Person,
    mailbox: Mailbox,
) -> None:
    platforms_server(olive, port=mailbox.door_port)
    request = asked(ada)
    path = f"/domains/requests/{request.id}"
    admin, owner, reader = (browser.open_page() for _person in range(3))

    # Remind, but not at once.
    served.sign_in(admin, ada).goto(served.url(ada, path))
    admin.get_by_role("button", name="Remind them").click()
    expect(admin.get_by_text("The owners were asked less than three days ago.")).to_be_visible()
    clock.advance(days=3)
    served.sign_in(admin, ada).goto(served.url(ada, path))
    admin.get_by_role("button", name="Remind them").click()
    expect(admin.get_by_text("The owners are reminded by mail.")).to_be_visible()
    drain(app)

    # Refuse; without a reason nobody is refused.
    served.sign_in(owner, olive)
    owner.goto(mailbox.link_in(reader, "Acme still waits for an answer about acme.example"))
    owner.get_by_role("button", name="Refuse acme.example").click()
    expect(owner.get_by_role("link", name="Say why; they read it.")).to_be_visible()
    owner.get_by_label("Reason").fill("The contract names acme.test only.")
    owner.get_by_role("button", name="Refuse acme.example").click()
    expect(owner.get_by_text("The request is refused, and the reason sent.")).to_be_visible()
    drain(app)

    # Read why, and ask again at once.
    admin.goto(mailbox.link_in(reader, "The request for acme.example was refused"))
    assert "The contract names acme.test only." in reader.locator("pre").first.inner_text()
    expect(admin.locator("q")).to_have_text("The contract names acme.test only.")
    admin.get_by_role("link", name="Ask again").click()
    expect(admin.get_by_role("combobox", name="Domain")).to_have_value("acme.example")
    admin.get_by_label("Note").fill("It is in the contract now.")
    admin.get_by_role("button", name="Send request").click()
    expect(admin.get_by_text("Request sent.")).to_be_visible()


@pytest.mark.accepts("SI-16", "SI-32")
def test_an_approval_is_taken_back_and_mail_leaves_from_the_domain_no_more(
    app: Flask, served: Served, browser: Browser, ada: Person, olive: Person, mailbox: Mailbox
) -> None:
    server = platforms_server(olive, port=mailbox.door_port)
    request, domain = approved(ada, olive)
    allow_list.verify(domain)
    make_sender(server, "news@acme.example", of=request.white_label, name="Acme News")
    shop = make_app(ada, "Shop")
    key = keys.make_key(shop, kind=KeyKind.LIVE, name="production", by=ada)[1].reveal()
    db.session.commit()
    assert _send(served, key, "Chosen", "news@acme.example") == "queued"
    assert _send(served, key, "Wished", "hello@acme.example") == "queued"
    admin, owner, reader = (browser.open_page() for _person in range(3))

    # What it changes is said first, and then done.
    served.sign_in(owner, olive)
    owner.goto(served.url(olive, f"/backoffice/domain-requests/{request.id}"))
    owner.get_by_role("link", name="Revoke the approval").click()
    expect(owner.locator("dl.facts")).to_contain_text("1: news@acme.example")
    expect(owner.locator("dl.facts dd").nth(1)).to_contain_text("2")
    owner.get_by_label("Reason").fill("The contract has ended.")
    owner.get_by_role("button", name="Revoke the approval of acme.example").click()
    expect(owner.get_by_text("The approval of acme.example is taken back.")).to_be_visible()
    drain(app)

    # What only wished for the address leaves under the platform's, and answers find their way.
    (wished,) = mailbox.mails("Wished")
    assert wished.header("From") == "Acme via Northwind Apps <hello@northwind.example>"
    assert wished.header("Reply-To") == "hello@acme.example"

    # Where somebody chose it by hand, it is held: no other name is put on it in silence.
    assert mailbox.mails("Chosen") == []
    served.sign_in(admin, ada)
    admin.goto(mailbox.link_in(reader, "The approval of acme.example was taken back"))
    expect(admin.get_by_text("The reason:")).to_contain_text("The contract has ended.")
    admin.get_by_role("link", name="Delivery log").click()
    expect(admin.get_by_role("row", name="Chosen")).to_contain_text("Held")
    assert _send(served, key, "Third", "news@acme.example") == "from_not_allowed"


def _unread(page: Page) -> int:
    """What the bell of this page says, and the menu with it."""
    bell = page.locator("a.bell .count")
    menu = page.locator("nav a.nav-link", has_text="Desk").locator(".count")
    counts = [int(place.inner_text().split()[0]) for place in (*bell.all(), *menu.all())]
    assert len(counts) in (0, 2), counts
    assert len(set(counts)) <= 1, counts
    return counts[0] if counts else 0


def _send(served: Served, key: str, subject: str, sender: str) -> str:
    """What the API says becomes of a message from this address: its status, or why not."""
    answer = requests.post(
        served.url(path="/api/v1/messages"),
        json={"to": ["cy@reader.example"], "subject": subject, "text": "Hello", "sender": sender},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    told = answer.json()
    return str(told["status"] if answer.status_code == 202 else told["code"])
