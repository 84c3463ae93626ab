"""A white label gets its own domain allowed: the whole story, in two browsers and a real DNS.

An admin asks, an owner answers; each finds the other's news in the demo's mailbox. The records are
published as the page shows them, and mail leaves from the domain, waits while they are gone, and
leaves again. Whoever keeps the DNS needs no account for it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests
from flask import Flask
from playwright.sync_api import Page, expect

from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import KeyKind
from portal.config import Config
from portal.core.db import db
from portal.jobs import dns_checks
from tests.desk.stage import approved, platforms_server
from tests.equipment.browser import Browser
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_server import DnsServer
from tests.equipment.mail import drain
from tests.equipment.mailbox import Mailbox
from tests.equipment.served import Served
from tests.equipment.stage import make_app

RECORDS = "TXT @ v=spf1 include:spf.provider.example ~all\nCNAME s1._domainkey key.provider.example"
MERGED = "v=spf1 include:spf.office.example include:spf.provider.example ~all"
"""Their office's record and the provider's, as one: two of them would be none."""


@pytest.fixture
def config(config: Config, dns_server: DnsServer) -> Config:
    """DNS is asked at the test's own server."""
    return replace(config, dns_servers=(dns_server.address,))


@pytest.mark.browser
@pytest.mark.accepts("SI-16", "SI-18", "SI-19", "SI-20", "SI-22", "SI-23", "SI-24", "SI-32")
def test_a_domain_is_asked_for_allowed_published_used_lost_and_found(
    app: Flask,
    served: Served,
    browser: Browser,
    clock: HandSetClock,
    ada: Person,
    olive: Person,
    mailbox: Mailbox,
    dns_server: DnsServer,
) -> None:
    platforms_server(olive, port=mailbox.door_port)
    shop = make_app(ada, "Shop")
    key = keys.make_key(shop, kind=KeyKind.LIVE, name="production", by=ada)[1].reveal()
    db.session.commit()
    dns_server.publish("acme.example", "v=spf1 include:spf.office.example ~all")
    dns_server.publish("spf.office.example", "v=spf1 ip4:198.51.100.7 -all")
    dns_server.publish("spf.provider.example", "v=spf1 ip4:192.0.2.1 -all")
    dns_server.publish("key.provider.example", "v=DKIM1; k=rsa; p=MIIB")
    admin = served.sign_in(browser.open_page(), ada)
    owner = served.sign_in(browser.open_page(), olive)
    reader = browser.open_page()

    # Ask.
    admin.get_by_role("link", name="Domains").click()
    admin.get_by_role("link", name="Send request").first.click()
    admin.get_by_label("Domain").fill("acme.example")
    admin.get_by_role("button", name="Send request").click()
    expect(admin.get_by_text("Request sent.")).to_be_visible()

    # Answer.
    drain(app)
    owner.goto(mailbox.link_in(reader, "Acme asks to send from acme.example"))
    owner.get_by_label("Further records").fill(RECORDS)
    owner.get_by_role("button", name="Approve acme.example").click()
    expect(owner.get_by_text("acme.example is approved, the records are sent.")).to_be_visible()

    # Publish what the page shows, and check.
    drain(app)
    address = mailbox.link_in(reader, "Publish the DNS records of acme.example")
    assert MERGED in reader.locator("pre").first.inner_text()
    admin.goto(address)
    expect(admin.get_by_text("Publish these 4 records in the DNS of the domain.")).to_be_visible()
    spf = admin.locator("section.record", has=admin.get_by_role("heading", name="SPF"))
    expect(spf.locator("[id^=value-]")).to_have_text(MERGED)
    names = _publish(admin, dns_server)
    admin.get_by_role("button", name="Check now").click()
    expect(admin.get_by_text("acme.example is verified.")).to_be_visible()

    # Use it.
    admin.get_by_role("link", name="Create sender").click()
    admin.get_by_label("Sender e-mail").fill("news@acme.example")
    admin.get_by_label("Sender name").fill("Acme News")
    admin.get_by_role("button", name="Create sender").click()
    expect(admin.get_by_text("news@acme.example can be chosen as a sender now.")).to_be_visible()
    assert _send(served, key, "First") == "queued"
    drain(app)
    assert mailbox.senders_of("First") == ["Acme News <news@acme.example>"]
    assert mailbox.has("acme.example is verified")

    # Lose it: the hourly look misses the records for three days.
    for name in names:
        dns_server.take_down(name)
    for _day in range(4):
        clock.advance(days=1)
        dns_checks.look_at_domains()
    assert _send(served, key, "Second") == "held"
    drain(app)
    assert mailbox.senders_of("Second") == []
    assert mailbox.has("A DNS record of acme.example is missing")
    assert mailbox.has("Mail from acme.example is held: its DNS records are gone")

    # Find it again; the browser was signed out meanwhile.
    clock.advance(minutes=5)
    served.come_in(admin, ada)
    admin.goto(address)
    expect(admin.get_by_text("1 delivery waits for it.")).to_be_visible()
    _publish(admin, dns_server)
    admin.get_by_role("button", name="Check now").click()
    expect(admin.get_by_text("acme.example is verified.")).to_be_visible()
    drain(app)
    assert mailbox.senders_of("Second") == ["Acme News <news@acme.example>"]
    assert mailbox.has("Mail from acme.example leaves again")


@pytest.mark.browser
def test_who_keeps_the_dns_needs_no_account_and_sees_the_records_only(
    served: Served,
    browser: Browser,
    clock: HandSetClock,
    ada: Person,
    olive: Person,
    dns_server: DnsServer,
) -> None:
    platforms_server(olive)
    _request, domain = approved(ada, olive)
    path = f"/domains/{domain.id}"
    admin = served.come_in(browser.open_page(), ada)
    keeper, other = browser.open_page(), browser.open_page()

    # Get the link.
    admin.goto(served.url(ada, path))
    admin.get_by_role("button", name="Make a link").click()
    link = admin.locator("#link-address").inner_text()

    # Open it, and publish.
    keeper.goto(link)
    keeper.get_by_role("button", name="Show the records").click()
    expect(keeper.get_by_role("heading", level=1)).to_have_text("DNS records of acme.example")
    dns_server.publish("spf.provider.example", "v=spf1 ip4:192.0.2.1 -all")
    dns_server.publish("s1.domainkey.provider.example", "v=DKIM1; k=rsa; p=MIIB")
    _publish(keeper, dns_server)

    # It is to be read only: nothing can be sent from it, and it leads nowhere.
    assert keeper.locator("form, input, [type=submit]").count() == 0
    assert keeper.locator("main a[href]").count() == 0

    # It opens nowhere else, and leads to nothing else.
    other.goto(link)
    expect(other.get_by_text("It was opened already, in another browser")).to_be_visible()
    keeper.goto(served.url(ada, path))
    expect(keeper.get_by_role("button", name="Sign in", exact=True)).to_be_visible()

    # It tells what the hourly look has found.
    clock.advance(hours=1)
    dns_checks.look_at_domains()
    keeper.goto(link)
    expect(keeper.get_by_text("Verified since")).to_be_visible()
    expect(keeper.locator("section.record").first).to_contain_text("Found")

    # Withdraw it.
    admin.goto(served.url(ada, path))
    admin.get_by_role("button", name="Withdraw the link").click()
    expect(admin.get_by_text("The link does not work any more.")).to_be_visible()
    keeper.reload()
    expect(keeper.get_by_role("heading", level=1)).to_have_text("This link no longer works")
    assert ["404" in problem for problem in browser.take_problems()] == [True, True]


def _publish(page: Page, dns_server: DnsServer) -> list[str]:
    """Copy each record from the page into the zone; their names."""
    page.locator("section.record").first.wait_for()
    page.wait_for_load_state()  # the last of them comes later than the first
    names = []
    for record in page.locator("section.record").all():
        kind = record.locator("dd").first.inner_text()
        name = record.locator("[id^=name-]").inner_text()
        value = record.locator("[id^=value-]").inner_text()
        if kind == "CNAME":
            dns_server.publish_alias(name, value)
        else:
            dns_server.publish(name, value)
        names.append(name)
    assert names, "no record on this page"
    return names


def _send(served: Served, key: str, subject: str) -> str:
    """What the API says becomes of a message from the domain."""
    answer = requests.post(
        served.url(path="/api/v1/messages"),
        json={
            "to": ["cy@reader.example"],
            "subject": subject,
            "text": "Hello",
            "sender": "news@acme.example",
        },
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["status"])
