"""Compose: an agent writes to one person, sees the route first, and sends once."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts import sign_in as sign_ins
from portal.accounts.models import Person
from portal.core.db import db
from portal.outbox.models import Delivery, Message
from portal.outbox.states import State
from portal.routing.decide import By
from portal.senders import senders
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import drain
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import (
    make_app,
    make_default,
    make_sender,
    make_server,
    make_template,
)
from tests.equipment.visitor import Page, Visits

MAIL = {"to": "Kim <kim@customer.example>", "subject": "Your question", "text": "Hello Kim"}


def route_of(page: Page) -> str:
    return " ".join(page.tree.xpath("string(//*[@id='route'])").split())


def chosen(page: Page) -> str:
    return " ".join(page.tree.xpath("string(//select[@name='sender']/option[@selected])").split())


def the_message() -> Message:
    return db.session.scalars(select(Message)).one()


@pytest.mark.accepts("UC-22", "UC-24", "UC-26")
def test_an_agents_own_default_is_chosen_beforehand_and_the_route_is_said(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    own = make_server(ada, "acme-own")
    make_default(abe, make_sender(own, "abe@acme.example", of=acme, name="Abe"))

    page = visit(abe).get("/compose")

    assert chosen(page) == "Abe <abe@acme.example> · acme-own"
    assert "Leaves through acme-own, from abe@acme.example, because this sender" in route_of(page)


@pytest.mark.accepts("UC-26")
def test_an_agent_sends_from_the_sender_they_choose(
    app: Flask, visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    with FaultServer() as server:
        own = make_server(ada, "acme-own", port=server.port)
        make_default(abe, make_sender(own, "abe@acme.example", of=acme))
        team = make_sender(own, "team@acme.example", of=acme, name="The team")

        sent = visit(abe).get("/compose").submit("Send", **MAIL, sender=team.id)
        drain(app)

        assert "On its way to kim@customer.example." in sent.text
        assert sent.h1 == "Mail to kim@customer.example"
        assert server.ledger[0].mail_from == "team@acme.example"
        assert b"Hello Kim" in server.ledger[0].data
        assert b"To: Kim <kim@customer.example>" in server.ledger[0].data


def test_a_double_click_sends_once(visit: Visits, ada: Person, abe: Person) -> None:
    make_server(ada, "acme-own")
    page = visit(abe).get("/compose")

    page.submit("Send", **MAIL)
    second = page.submit("Send", **MAIL)

    assert "it was not sent twice" in second.text
    assert second.h1 == "Mail to kim@customer.example"
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


def test_a_page_that_is_opened_again_sends_another_mail(
    visit: Visits, ada: Person, abe: Person
) -> None:
    make_server(ada, "acme-own")
    here = visit(abe)

    for _time in range(2):
        here.get("/compose").submit("Send", **MAIL)

    assert db.session.scalar(select(func.count()).select_from(Message)) == 2


def test_an_id_that_somebody_else_has_used_opens_nothing_of_theirs(
    visit: Visits, ada: Person, abe: Person, bob: Person
) -> None:
    make_server(ada, "acme-own")
    page = visit(ada).get("/compose")
    page.submit("Send", **MAIL)
    once = page.tree.xpath("//input[@name='once']/@value")[0]

    answer = visit(bob).get("/compose").submit("Send", **MAIL, once=once)

    assert answer.path == "/compose"
    assert answer.faults == ["This mail could not be handed over. Press Send once more."]
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


def test_looking_first_shows_the_mail_and_stores_nothing(
    visit: Visits, ada: Person, abe: Person
) -> None:
    sender = senders.primary_of(make_server(ada, "acme-own"))
    assert sender is not None
    make_default(abe, sender)

    page = visit(abe).get("/compose").submit("Look at it first", **MAIL)

    assert "Your question" in route_of(page)
    assert "Hello Kim" in route_of(page)
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 0


def test_a_template_asks_for_its_values_in_its_language(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    make_template(
        acme,
        "shipped",
        texts=[
            ("en", "Order {{ order }}", "Hello {{ name }}, {{ user.city | default: '' }}", None),
            ("de", "Bestellung {{ order }}", "Hallo {{ name }}", None),
        ],
    )
    page = visit(abe).get("/compose")

    page = page.submit("Take this choice", template="shipped:de", to=MAIL["to"])
    without = page.submit("Send")
    sent = without.submit("Send", **{"value-order": "4711"})

    assert page.tree.xpath("//input[@name='value-order']")
    assert without.error_at("value-order") == "The template needs it."
    assert "On its way" in sent.text
    message = the_message()
    assert message.template_text is not None
    assert (message.template_text.language, message.values) == ("de", {"order": "4711"})


def test_values_of_values_reach_the_template(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    make_template(
        acme, "hello", texts=[("en", "Hi {{ user.first }}", "From {{ user.city }}", None)]
    )
    page = visit(abe).get("/compose").submit("Take this choice", template="hello:en", to=MAIL["to"])

    page.submit("Send", **{"value-user.first": "Kim", "value-user.city": "Ulm"})

    assert the_message().values == {"user": {"first": "Kim", "city": "Ulm"}}


def test_a_template_that_greets_by_name_says_where_the_name_goes(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    make_template(acme, "welcome")
    page = visit(abe).get("/compose").submit("Take this choice", template="welcome:en")

    refused = page.submit("Send", to="kim@customer.example")

    assert "greets by name" in refused.error_at("to")


def test_what_was_written_is_there_again_after_a_look_at_a_template(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    make_template(acme, "welcome")
    page = visit(abe).get("/compose")

    away = page.submit("Take this choice", template="welcome:en", text="Line 1\nLine 2")
    back = away.submit("Take this choice", template="")

    assert back.tree.xpath("string(//textarea[@name='text'])").split("\n")[-2:] == [
        "Line 1",
        "Line 2",
    ]


def test_another_white_labels_sender_and_template_cannot_be_chosen(
    visit: Visits, ada: Person, abe: Person, cal: Person, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    make_template(acme, "mine")
    foreign = senders.primary_of(make_server(cal, "birch-own"))
    assert foreign is not None
    make_template(birch, "secret")
    page = visit(abe).get("/compose")

    by_sender = page.submit("Send", **MAIL, sender=foreign.id)
    by_template = page.submit("Send", **MAIL, template="secret:en")

    assert by_sender.error_at("sender") == "Not a valid choice."
    assert by_template.error_at("template") == "Not a valid choice."
    assert db.session.scalar(select(func.count()).select_from(Message)) == 0


def test_a_sender_of_a_server_that_is_off_is_not_offered(
    visit: Visits, ada: Person, abe: Person
) -> None:
    make_server(ada, "acme-own", from_email="on@acme.example")
    make_server(ada, "second", from_email="off@acme.example", is_enabled=False)

    page = visit(abe).get("/compose")

    offered = page.tree.xpath("//select[@name='sender']/option")
    assert any("on@acme.example" in option.text for option in offered)
    assert not any("off@acme.example" in option.text for option in offered)


def test_files_go_along(visit: Visits, ada: Person, abe: Person) -> None:
    make_server(ada, "acme-own")

    visit(abe).get("/compose").submit("Send", **MAIL, files=(BytesIO(b"x" * 3_000_000), "plan.pdf"))

    (file,) = the_message().attachments
    assert (file.filename, len(file.content)) == ("plan.pdf", 3_000_000)


def test_files_that_are_too_large_are_refused_and_the_text_is_kept(
    visit: Visits, ada: Person, abe: Person
) -> None:
    make_server(ada, "acme-own")

    page = (
        visit(abe)
        .get("/compose")
        .submit("Send", **MAIL, files=(BytesIO(b"x" * (10 * 1024 * 1024 + 1)), "plan.pdf"))
    )

    assert page.error_at("files").startswith("All attachments together may have 10 MB.")
    assert page.tree.xpath("string(//textarea[@name='text'])").strip() == "Hello Kim"


def test_nobody_who_is_not_signed_in_can_send_so_much(
    app: Flask, visit: Visits, acme: WhiteLabel
) -> None:
    stranger = visit.at("acme.localhost")
    stranger.get("/sign-in")

    answer = stranger.answer(
        "POST", "/compose", data={"files": (BytesIO(b"x" * 3_000_000), "plan.pdf")}
    )

    assert answer.status_code == 413


def test_a_cookie_alone_does_not_let_anybody_send_so_much(
    visit: Visits, ada: Person, abe: Person
) -> None:
    here = visit(abe)
    sign_ins.end_all(abe)
    agent = visit(abe)
    large = b"x" * 3_000_000

    ended = here.answer("POST", "/compose", data={"files": (BytesIO(large), "plan.pdf")})
    of_admins = agent.answer(
        "POST", "/campaigns/audiences/new", data={"file": (BytesIO(large), "all.csv")}
    )

    assert (ended.status_code, of_admins.status_code) == (413, 413)


@pytest.mark.parametrize("to", ["", "no address", "a@b.example, c@d.example"])
def test_a_recipient_is_one_address(visit: Visits, ada: Person, abe: Person, to: str) -> None:
    make_server(ada, "acme-own")

    page = visit(abe).get("/compose").submit("Send", **{**MAIL, "to": to})

    assert page.error_at("to")
    assert db.session.scalar(select(func.count()).select_from(Message)) == 0


def test_a_list_of_recipients_is_not_called_a_bad_address(
    visit: Visits, ada: Person, abe: Person
) -> None:
    make_server(ada, "acme-own")

    page = visit(abe).get("/compose").submit("Send", **{**MAIL, "to": "a@x.test, b@y.test"})

    assert page.error_at("to") == "One person: an address, with the name if you like."


@pytest.mark.accepts("SS-49")
def test_without_a_server_the_page_says_that_nothing_leaves(visit: Visits, abe: Person) -> None:
    page = visit(abe).get("/compose")

    sent = page.submit("Send", **MAIL)

    assert "Nothing leaves" in route_of(page)
    assert "the sandbox keeps it" in sent.text
    assert the_message().deliveries[0].state is State.SANDBOXED


def test_without_a_choice_the_agents_default_carries_it(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    own = make_server(ada, "acme-own")
    make_default(abe, make_sender(own, "abe@acme.example", of=acme))

    visit(abe).get("/compose").submit("Send", **MAIL, sender="")

    message = the_message()
    assert (message.reason, message.from_email) == (By.AGENT, "abe@acme.example")


def test_an_agent_sees_what_they_wrote_and_nothing_else(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "acme-own")
    make_app(ada)
    visit(ada).get("/compose").submit("Send", **{**MAIL, "to": "lou@customer.example"})
    here = visit(abe)

    here.get("/compose").submit("Send", **MAIL)

    log = here.get("/log").content
    assert "kim@customer.example" in log
    assert "lou@customer.example" not in log


def test_an_agents_first_page_leads_to_writing(visit: Visits, abe: Person) -> None:
    here = visit(abe)

    from_overview = here.get("/overview").click("Write to somebody")
    from_log = here.get("/log").click("Write to somebody")

    assert (from_overview.h1, from_log.h1) == ("Compose", "Compose")
