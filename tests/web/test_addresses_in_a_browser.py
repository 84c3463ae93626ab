"""Addresses in a real browser: what is typed is what arrives."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import Browser
from tests.equipment.served import Served
from tests.equipment.stage import make_domain, make_server

pytestmark = pytest.mark.browser


def test_a_domain_with_a_sharp_s_is_not_taken_for_another_one(
    served: Served, browser: Browser, ada: Person, olive: Person, acme: WhiteLabel
) -> None:
    make_server(olive)
    make_domain(acme, "xn--strae-oqa.example")
    db.session.commit()
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, "/senders/new"))

    page.get_by_label("Sender e-mail").fill("info@Straße.example")
    page.get_by_role("button", name="Create sender").click()

    page.get_by_text("info@xn--strae-oqa.example can be chosen as a sender now.").wait_for()
