"""Mailboxes that only send: the setting, and where people are told of it."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.white_labels import features
from portal.white_labels.features import EVERYWHERE, Feature
from portal.white_labels.models import WhiteLabel
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh, make_server, make_template
from tests.equipment.visitor import Page, Visits
from tests.web.servers import OPEN


def save(page: Page, **typed: object) -> Page:
    """Press the second form's button: the page has more than one Save."""
    [form] = page.tree.xpath("//section[@id='answers']//form")
    [token] = form.xpath(".//input[@name='csrf_token']/@value")
    language = typed.pop("language", "en")
    return page.visitor.send(
        form.get("action"), {"csrf_token": token, "language": language, **typed}
    )


@pytest.mark.accepts("ST-15", "ST-16")
def test_an_admin_says_that_mailboxes_only_send_and_where_to_answer(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).get("/settings")

    saved = save(page, only_sends="y", answer_to="help@acme.example", language="de")

    assert "ends with that line" in saved.text
    assert (fresh(acme).answer_to, acme.notice_language) == ("help@acme.example", "de")
    assert "To answer, write to help@acme.example." in saved.text


@pytest.mark.accepts("ST-16")
@pytest.mark.parametrize(
    ("address", "words"),
    [("", "An e-mail address is needed."), ("own@acme.example", "those only send")],
)
def test_it_cannot_be_said_without_another_way_to_answer(
    address: str, words: str, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "own")

    page = save(visit(ada).get("/settings"), only_sends="y", answer_to=address)

    assert words in page.error_at("answer_to")
    assert page.tree.xpath("//input[@name='answer_to']/@value") == [address]
    assert fresh(acme).answer_to is None


def test_it_is_said_no_more(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    acme.answer_to = "help@acme.example"
    db.session.commit()

    save(visit(ada).get("/settings"), answer_to="help@acme.example")

    assert fresh(acme).answer_to is None


@pytest.mark.accepts("ST-15", "ST-16")
@pytest.mark.parametrize("preset", ["generic", "sendgrid"])
def test_the_form_of_a_server_says_that_it_only_sends(
    preset: str, visit: Visits, ada: Person
) -> None:
    page = visit(ada).get(f"/servers/new?preset={preset}")

    assert "An SMTP server only sends." in page.text
    assert "offer them another way to answer" in page.text
    assert page.click("Set up that line").h1 == "Custom mail server"


@pytest.mark.accepts("ST-30")
def test_it_says_so_where_one_signs_in_by_token_too(
    visit: Visits, ada: Person, olive: Person
) -> None:
    features.set_reach(Feature.OAUTH_SMTP, EVERYWHERE, by=olive)
    db.session.commit()

    page = visit(ada).get("/servers/new?preset=microsoft_365")

    bearer = page.tree.xpath("//input[@name='auth'][@value='bearer'][@checked]")
    [sender] = page.tree.xpath("//label[@for='email']")
    assert bearer
    assert "*" in sender.text_content()
    assert "An SMTP server only sends." in page.text


def test_a_test_mail_by_a_template_has_the_line_too(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    acme.answer_to = "help@acme.example"
    db.session.commit()
    make_template(acme, texts=[("de", "Hallo", "Guten Tag {{ name }}", None)])
    with FaultServer(Script()) as server:
        page = visit(ada).get("/servers/new?preset=generic")
        [letter] = page.tree.xpath("//select[@name='letter']//option[@value!='']/@value")
        to = "kim@customer.example"
        page.submit("Test", **OPEN, port=server.port, recipient=to, letter=letter)
        taken = server.wait_for(1)[0]

    assert b"Guten Tag Kim" in taken.data
    assert b"Dieses Postfach sendet nur" in taken.data
