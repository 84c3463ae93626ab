"""The page of hostnames in a real browser: every state of a name, copied, narrow, and dark."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import db
from portal.domains import checks, hostname_checks
from portal.white_labels import hostnames
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.browser import PHONE, Browser, accessibility_faults, hold_timers
from tests.equipment.dns_in_memory import InMemoryDns
from tests.equipment.served import Served

pytestmark = pytest.mark.browser


@pytest.fixture
def wish(acme: WhiteLabel) -> Hostname:
    """One name waits, with its record at the wrong place; others are proven, missing, suspended."""
    wish = hostnames.add(acme, "mail.acme.example")
    proof = hostnames.proof_of(wish)
    dns = InMemoryDns({("TXT", f"{proof.name}.acme.example"): [proof.value]})
    hostname_checks.write(checks.ask(hostname_checks.plan(wish), dns))
    for name in ("good", "missing", "suspended", "a-rather-long-name-of-bücher-and-more"):
        one = hostnames.add(acme, f"{name}.acme-customers.example")
        one.proven_at, one.checked_at = clock.now() - timedelta(days=9), clock.now()
        one.code, one.asked = "missing", "192.0.2.53"
        if name == "missing":
            one.missing_since = clock.now() - timedelta(days=2)
        if name == "suspended":
            one.suspended_at = clock.now()
    db.session.commit()
    return wish


def test_the_record_is_copied_as_it_is_to_be_published(
    served: Served, browser: Browser, ada: Person, wish: Hostname
) -> None:
    proof = hostnames.proof_of(wish)
    db.session.commit()
    page = browser.open_page(permissions=["clipboard-read", "clipboard-write"])
    hold_timers(page)
    served.come_in(page, ada)
    page.goto(served.url(ada, "/hostnames"))

    page.get_by_role("button", name="Copy the value").first.click()
    page.get_by_role("button", name="Copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == proof.value


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": PHONE}],
    ids=["light", "dark", "phone"],
)
def test_every_state_of_a_name_can_be_read_by_everybody(
    served: Served, browser: Browser, ada: Person, wish: Hostname, options: dict[str, Any]
) -> None:
    page = served.come_in(browser.open_page(**options), ada)

    page.goto(served.url(ada, "/hostnames"))
    page.locator("summary").first.click()

    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
