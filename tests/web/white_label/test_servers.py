"""SMTP servers of a white label: chosen, tested, saved, watched, switched, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Person
from portal.campaigns.models import CampaignState
from portal.core import clock
from portal.core.db import db
from portal.domains import signing
from portal.domains.models import KeyState
from portal.mail_templates.models import MailTemplate
from portal.senders import senders
from portal.smtp_settings import health, rations, servers
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import SmtpServer, TlsMode
from portal.smtp_settings.presets import PRESETS, Fitness
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import make_audience, make_campaign
from tests.equipment.certificates import Authority
from tests.equipment.clock import HandSetClock
from tests.equipment.dkim_verifier import Verifies
from tests.equipment.smtp_script import Command, Say, Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import (
    fresh,
    make_default,
    make_domain,
    make_sender,
    make_server,
    make_template,
)
from tests.equipment.visitor import PASSWORD, Page, Visitor, Visits
from tests.web.servers import (
    HOST,
    OPEN,
    RIGHT,
    make_signed_in,
    signing_in,
    the_server,
    with_password,
)

NEW = "/servers/new?preset=generic"


def _names(page: Page) -> set[str]:
    """The fields of the server form."""
    names = page.tree.xpath("//form[contains(@class, 'server-form')]//@name")
    return {str(name) for name in names}


# Choosing a service


@pytest.mark.accepts("SS-10", "SS-12", "SB-05", "SB-06", "UC-10")
def test_services_are_listed_by_what_they_are_good_for(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/servers").click("Create SMTP server")

    groups = {
        section.xpath("string(h2)"): section.text_content()
        for section in page.tree.xpath("//section[@data-group]")
    }
    assert list(groups) == [
        "For mail that programs send",
        "Mailboxes of people",
        "Any other server",
    ]
    assert "Mailgun" in groups["For mail that programs send"]
    assert "Gmail" in groups["Mailboxes of people"]
    assert "may stop your mail" in groups["Mailboxes of people"]
    links = page.tree.xpath("//a[@class='service']")
    assert len(links) == len(PRESETS)


def test_the_list_can_be_searched_by_name_and_host(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/servers/new").submit("Search", q="Office365")

    names = [name.strip() for name in page.tree.xpath("//a[@class='service']/span[1]/text()")]
    assert names == ["Microsoft 365", "Other / Generic SMTP"]


@pytest.mark.accepts("SS-22")
def test_whoever_finds_no_service_is_offered_to_type_everything(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/servers/new").submit("Search", q="Maileroo")

    [only] = page.tree.xpath("//a[@class='service']/@href")
    assert only == NEW


@pytest.mark.parametrize("key", [*PRESETS])
@pytest.mark.accepts("SS-20", "SS-21", "SS-23", "SS-14", "SB-30")
def test_a_service_asks_only_for_what_it_does_not_settle(
    key: str, visit: Visits, ada: Person
) -> None:
    service = PRESETS[key]

    page = visit(ada).get(f"/servers/new?preset={key}")

    names = _names(page)
    assert ("tls" in names) is service.is_typed_by_hand
    assert ("username" in names) is service.username.is_asked
    assert ("same_as_username" in names) is (service.fitness is not Fitness.TRANSACTIONAL)
    assert ("understood" in names) is (service.fitness is Fitness.MAILBOX)
    assert {"password", "email", "sender_name", "reply_to", "name", "description"} <= names
    host = page.tree.xpath("//*[@name='host']")[0]
    offered = host.xpath(".//option/@value") or [host.get("value") or ""]
    assert offered == ([one.name for one in service.hosts] or [""])


@pytest.mark.accepts("SS-13")
def test_amazon_ses_offers_21_endpoints_and_takes_the_name_of_another_region(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)
    page = here.get("/servers/new?preset=ses")

    here.post("/servers/new?preset=ses", DRAFT | {"region": "ca-west-1", "port": 2587})

    assert len(page.tree.xpath("//select[@name='host']/option")) == 21
    server = the_server(acme)
    assert server.host == "email-smtp.ca-west-1.amazonaws.com"
    assert (server.port, server.tls, server.max_recipients) == (2587, TlsMode.STARTTLS, 50)


def test_a_region_without_smtp_is_refused_at_its_field(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).post("/servers/new?preset=ses", DRAFT | {"region": "eu-south-1"})

    assert "no SMTP endpoint in eu-south-1" in page.error_at("region")
    assert not servers.servers_of(acme)


@pytest.mark.accepts("SS-18")
def test_one_token_is_asked_for_where_it_is_user_name_and_password(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)
    page = here.get("/servers/new?preset=postmark")

    here.post("/servers/new?preset=postmark", DRAFT | {"host": "smtp.postmarkapp.com"})

    label = page.tree.xpath("string(//label[@for='password'])")
    assert label.split() == ["Server", "API", "token", "*"]
    assert the_server(acme).username == ""
    assert secret_of(the_server(acme)).reveal() == RIGHT


def test_a_mailbox_service_is_saved_only_with_its_warning_acknowledged(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)
    typed = DRAFT | {"host": "smtp.gmail.com", "understood": ""}

    page = here.post("/servers/new?preset=gmail", typed)
    assert not servers.servers_of(acme)
    again = here.post("/servers/new?preset=gmail", typed | {"understood": "y"})

    assert "Tick the box" in page.error_at("understood")
    assert again.h1 == "acme-own"


@pytest.mark.accepts("ST-22")
def test_required_fields_have_an_asterisk_and_a_legend(visit: Visits, ada: Person) -> None:
    page = visit(ada).get(NEW)

    starred = {
        label.get("for")
        for label in page.tree.xpath("//label[span[@class='required']]")
        if label.get("for")
    }
    assert starred >= {"host", "port", "username", "password", "email", "name"}
    assert "* must be filled in" in page.content


def test_what_is_missing_is_said_at_its_field_and_nothing_typed_is_lost(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).get(NEW).submit("Save", host="smtp.acme.example", description="For news")

    assert page.error_at("username") == "This is needed."
    assert page.error_at("email") == "From which address?"
    assert page.error_at("name") == "Give it a name."
    assert page.tree.xpath("//input[@name='host']/@value") == ["smtp.acme.example"]
    assert page.tree.xpath("//input[@name='description']/@value") == ["For news"]
    assert not servers.servers_of(acme)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("host", marks=pytest.mark.accepts("ST-08")),
        pytest.param("port", marks=pytest.mark.accepts("SB-23", "ST-12")),
        pytest.param("username", marks=pytest.mark.accepts("SB-29", "ST-09")),
        pytest.param("password", marks=pytest.mark.accepts("SB-31", "ST-10")),
        pytest.param("email", marks=pytest.mark.accepts("ST-14")),
    ],
)
def test_nothing_is_saved_without_a_required_field(
    name: str, visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as there:
        typed = signing_in(authority, there, **{name: ""})
        page = visit(ada).get(NEW).submit("Save", **typed)

    assert page.error_at(name)
    assert there.connections == []
    assert not servers.servers_of(acme)


@pytest.mark.accepts("SB-24", "SS-25")
def test_ports_are_suggested(visit: Visits, ada: Person) -> None:
    page = visit(ada).get(NEW)

    assert page.tree.xpath("//datalist[@id='ports']/option/@value") == ["587", "2525", "465", "25"]
    assert page.tree.xpath("//input[@name='port']/@value") == ["587"]


def test_a_port_that_is_none_of_mail_is_refused_at_its_field(
    visit: Visits, ada: Person, app: Flask
) -> None:
    config = app.config["LIVERY"]
    app.config["LIVERY"] = type(config)(**{**_fields_of(config), "relay_allow": ()})

    page = visit(ada).get(NEW).submit("Test", **OPEN, port=22)

    assert "Port 22 is not used for handing in mail" in page.error_at("port")


# Testing what is typed


@pytest.mark.accepts("SB-32", "SB-43", "SB-42")
def test_a_test_works_on_what_is_typed_and_stores_nothing(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as server:
        page = visit(ada).get(NEW).submit("Test", **signing_in(authority, server))

    assert "The test went well." in page.content
    assert _stages(page) == {
        "Name resolved": "good",
        "Connected": "good",
        "Protected by TLS": "good",
        "Greeted": "good",
        "Signed in": "good",
        "Sender accepted": "good",
    }
    assert not servers.servers_of(acme)


@pytest.mark.parametrize(
    ("script", "typed", "stage", "words"),
    [
        pytest.param(
            {}, {"password": "wrong"}, "Not signed in", "user name or password", id="SS-31"
        ),
        pytest.param({}, {"port": 1}, "Not connected", "nothing listens on this port", id="SS-32"),
        pytest.param({"tls": "none"}, {}, "Not protected by TLS", "TLS mismatch", id="SS-33"),
        pytest.param(
            {"mail": Say(550, "5.7.1 Not yours")},
            {},
            "Sender not accepted",
            "does not send for the sender address",
            id="SB-27",
        ),
    ],
)
@pytest.mark.accepts("SS-30", "SS-31", "SS-32", "SS-33", "SB-27")
def test_a_failing_test_names_the_stage_and_the_cause(
    script: dict[str, Any],
    typed: dict[str, Any],
    stage: str,
    words: str,
    visit: Visits,
    ada: Person,
    authority: Authority,
) -> None:
    with FaultServer(with_password(authority, **script)) as server:
        page = visit(ada).get(NEW).submit("Test", **signing_in(authority, server, **typed))

    assert _stages(page)[stage] == "bad"
    assert words in page.tree.xpath("string(//li[contains(@class, 'stage-bad')])")
    assert "The test failed" in page.content


def test_what_the_server_said_can_be_copied_without_the_password(
    visit: Visits, ada: Person, authority: Authority
) -> None:
    with FaultServer(with_password(authority, echo="raw")) as server:
        page = visit(ada).get(NEW).submit("Test", **signing_in(authority, server))

    transcript = page.tree.xpath("string(//pre[@id='transcript'])")
    assert "AUTH PLAIN <redacted>" in transcript
    assert page.tree.xpath("//button[@data-copy='transcript']")
    assert RIGHT not in page.body


@pytest.mark.accepts("SB-34", "SB-37", "SB-40", "SB-41")
def test_a_test_message_is_sent_to_whom_one_likes(visit: Visits, ada: Person) -> None:
    with FaultServer(Script()) as server:
        page = (
            visit(ada)
            .get(NEW)
            .submit("Test", **OPEN, port=server.port, recipient="kim@customer.example")
        )
        taken = server.wait_for(1)[0]

    assert taken.recipients == ("kim@customer.example",)
    assert b"Subject: Test message from Acme" in taken.data
    assert "Check whether it has arrived, and look into the spam folder" in page.content


def test_a_test_message_is_signed_as_other_mail_of_its_sender_is(
    visit: Visits, ada: Person, acme: WhiteLabel, published: dict[str, str], verifies: Verifies
) -> None:
    domain = make_domain(acme)
    key = signing.announce(domain)
    key.state = KeyState.LIVE
    published.update({record.name: record.value for record in domain.records})
    db.session.commit()
    page = visit(ada).get(NEW)
    with FaultServer(Script()) as server:
        for email in ("news@acme.example", "news@elsewhere.example"):
            sent = {**OPEN, "email": email, "port": server.port}
            page.submit("Test", **sent, recipient="kim@customer.example")
        first, second = server.wait_for(2)

    assert f"d=acme.example; s={key.selector};".encode() in first.data
    assert verifies(first.data)
    assert b"DKIM-Signature" not in second.data


@pytest.mark.accepts("SB-35", "SB-36", "SB-38")
def test_a_template_is_sent_in_one_of_the_languages_it_has(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_template(
        acme, texts=(("en", "Welcome", "Hello {{ name }}", None), ("de", "Servus", "Hallo", None))
    )
    with FaultServer(Script()) as server:
        page = visit(ada).get(NEW)
        options = {
            option.text_content(): option.get("value")
            for option in page.tree.xpath("//select[@name='letter']//option")
        }
        page.submit(
            "Test",
            **OPEN,
            port=server.port,
            recipient="kim@customer.example",
            letter=options["Welcome: English"],
        )
        taken = server.wait_for(1)[0]

    assert list(options) == ["A short test message", "Welcome: German", "Welcome: English"]
    assert b"Hello Kim" in taken.data


def test_no_sixth_message_an_hour(visit: Visits, ada: Person) -> None:
    with FaultServer(Script()) as server:
        page = visit(ada).get(NEW)
        for number in range(rations.MESSAGES_A_PERSON + 1):
            page = page.submit(
                "Test", **OPEN, port=server.port, recipient=f"kim{number}@customer.example"
            )

    assert len(server.ledger) == rations.MESSAGES_A_PERSON
    assert "test mails in an hour" in page.error_at("recipient")


def test_no_transaction_is_open_while_the_server_is_asked(
    visit: Visits, ada: Person, app: Flask
) -> None:
    def write_meanwhile(_command: Command) -> None:
        with app.app_context():
            db.session.get_one(Person, number).name = "Ada the Second"
            db.session.commit()  # waits for half a minute where somebody holds the lock

    number = ada.id
    with FaultServer(Script(ehlo=write_meanwhile)) as server:
        page = visit(ada).get(NEW).submit("Save", **OPEN, port=server.port)

    assert page.h1 == "acme-own"
    assert fresh(ada).name == "Ada the Second"


def test_a_browser_hears_of_each_stage_as_a_line_of_its_own(visit: Visits, ada: Person) -> None:
    here = visit(ada)
    with FaultServer(Script()) as server:
        lines = _streamed(here, NEW, port=server.port, recipient="kim@customer.example")

    stages = [line["stage"] for line in lines if "stage" in line]
    assert stages == ["resolve", "connect", "greeting", "mail", "body"]
    assert "under way" in lines[0]["panel"]
    assert "The test went well." in lines[-1]["panel"]
    assert lines[-1]["end"]


def test_a_form_that_needs_a_change_comes_back_as_a_page_instead_of_a_stream(
    visit: Visits, ada: Person
) -> None:
    answer = visit(ada).answer(
        "POST", NEW, data={**OPEN, "act": "test"}, headers={"Accept": "application/x-ndjson"}
    )

    assert answer.mimetype == "text/html"


# Saving


@pytest.mark.accepts("SB-16..SB-22", "SB-42", "SS-11", "SS-24", "SS-26", "SS-27", "SS-29")
@pytest.mark.accepts("UC-11..UC-15", "UC-17", "UC-23", "UC-24", "ST-04", "SI-13", "SI-26")
def test_saving_signs_in_and_keeps_everything(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as there:
        page = make_signed_in(
            visit,
            ada,
            authority,
            there,
            sender_name="Acme News",
            reply_to="help@acme.example",
            description="For the shop",
            per_second=20,
            max_bytes="12.5",
            weight=3,
        )

    server = the_server(acme)
    assert "Saved. The live session went well." in page.text
    assert there.connections[0].sign_ins == [("PLAIN", "livery")]
    assert (server.host, server.port, server.tls) == (HOST, there.port, TlsMode.IMPLICIT)
    assert (server.description, server.configured_by_id) == ("For the shop", ada.id)
    assert (server.per_second, server.max_bytes, server.weight) == (20, 12_500_000, 3)
    assert server.is_enabled
    assert server.validated_at is not None
    assert secret_of(server).reveal() == RIGHT
    sender = senders.primary_of(server)
    assert sender is not None
    assert (sender.email, sender.name, sender.reply_to) == (
        "news@acme.example",
        "Acme News",
        "help@acme.example",
    )
    assert "news@acme.example" in visit(ada).get("/senders").content


@pytest.mark.accepts("SB-30")
def test_the_sender_can_be_the_user_name(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority, username="ada@acme.example")) as there:
        make_signed_in(
            visit,
            ada,
            authority,
            there,
            username="ada@acme.example",
            same_as_username=True,
            email="",
        )

    sender = senders.primary_of(the_server(acme))
    assert sender is not None
    assert sender.email == "ada@acme.example"


@pytest.mark.accepts("SS-29", "SS-30")
def test_what_does_not_work_is_not_saved_but_can_be_kept_as_a_draft(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as there:
        page = visit(ada).get(NEW)
        page = page.submit("Save", **signing_in(authority, there, password="wrong"))
        assert not servers.servers_of(acme)
        draft = page.submit("Save as a disabled draft")

    assert page.faults[0].startswith("Nothing was saved. The server refused user name or password.")
    server = the_server(acme)
    assert (server.is_enabled, server.validated_at) == (False, None)
    assert "A draft: no mail is sent through it." in draft.content
    assert secret_of(server).reveal() == "wrong"


def test_saving_sends_nothing_and_forgets_no_recipient(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    typed = {"recipient": "kim@customer.example"}
    with FaultServer(with_password(authority)) as there:
        page = visit(ada).get(NEW)
        page = page.submit("Save", **signing_in(authority, there, password="wrong"), **typed)
        shown = page.tree.xpath("string(//input[@name='recipient']/@value)")
        page.submit("Save", password=RIGHT)

    assert shown == "kim@customer.example"
    assert the_server(acme).validated_at is not None
    assert not there.ledger


def test_a_typed_password_survives_an_error_and_is_never_shown(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as there:
        page = visit(ada).get(NEW)
        page = page.submit("Save", **signing_in(authority, there, name=""))
        body = page.body
        page = page.submit("Save", name="acme-own")

    assert RIGHT not in body
    assert page.h1 == "acme-own"
    assert secret_of(the_server(acme)).reveal() == RIGHT


def test_a_kept_password_opens_for_nobody_else_nowhere_else_and_not_for_long(
    visit: Visits, ada: Person, bob: Person, clock: HandSetClock
) -> None:
    typed = {**OPEN, "tls": "implicit", "auth": "basic", "username": "livery", "port": 1}
    here = visit(ada)
    kept = (
        here.get(NEW)
        .submit("Test", **typed, password=RIGHT)
        .tree.xpath("string(//input[@name='kept_password']/@value)")
    )
    typed |= {"kept_password": kept}
    at_another_server = f"/servers/{make_server(ada).id}/edit"

    again = here.get(NEW).submit("Test", **typed)
    stolen = visit(bob).get(NEW).submit("Test", **typed)
    elsewhere = here.get(at_another_server).submit("Test", **typed)
    clock.advance(minutes=16)
    late = here.post(NEW, DRAFT | typed | {"act": "test", "password": ""})
    late = late.submit("Confirm", proof=PASSWORD)

    assert "Not connected" in again.content
    for refused in (stolen, elsewhere, late):
        assert refused.error_at("password") == "The password is needed."


def test_a_name_is_taken_once(visit: Visits, ada: Person) -> None:
    make_server(ada, "acme-own")

    page = visit(ada).get(NEW).submit("Save", **OPEN, port=1)

    assert page.error_at("name") == "There is a server of this name already."


def test_a_second_server_of_a_service_gets_a_name_of_its_own(visit: Visits, ada: Person) -> None:
    make_server(ada, "Mailgun")

    page = visit(ada).get("/servers/new?preset=mailgun")

    assert page.tree.xpath("//input[@name='name']/@value") == ["Mailgun 2"]


@pytest.mark.accepts("UC-22")
def test_a_default_moves_here_and_it_is_said_from_where(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    old = make_server(ada, "old", from_email="old@acme.example")
    before = senders.primary_of(old)
    assert before is not None
    make_default(abe, before)
    with FaultServer(Script()) as there:
        page = visit(ada).get(NEW)
        words = page.tree.xpath("string(//label[contains(., 'Abe')])")
        page = page.submit("Save", **OPEN, port=there.port, default_for=[abe.id])

    assert words.split() == ["Abe", "now", "old@acme.example"]
    assert (
        "Abe wrote from old@acme.example until now and writes from news@acme.example" in page.text
    )
    now = senders.default_of(abe)
    assert now is not None
    assert now.email == "news@acme.example"


# Changing


@pytest.mark.accepts("SB-32")
def test_a_blank_password_stays_what_it_was_and_is_shown_as_set_by_whom(
    clock: HandSetClock, visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as there:
        make_signed_in(visit, ada, authority, there)
        page = visit(ada).get(f"/servers/{the_server(acme).id}/edit")
        saved = page.submit("Save", description="New words")

    assert "set just now by Ada" in page.content
    assert saved.h1 == "acme-own"
    assert the_server(acme).description == "New words"
    assert secret_of(the_server(acme)).reveal() == RIGHT


@pytest.mark.parametrize("act", ["Test", "Save"])
@pytest.mark.accepts("SB-32")
def test_a_stored_password_never_goes_to_another_place(
    act: str, visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with (
        FaultServer(with_password(authority)) as there,
        FaultServer(with_password(authority)) as evil,
    ):
        make_signed_in(visit, ada, authority, there)
        page = visit(ada).get(f"/servers/{the_server(acme).id}/edit")

        page = page.submit(act, port=evil.port)

    assert "enter it again" in page.error_at("password")
    assert evil.connections == []
    assert the_server(acme).port == there.port


def test_a_bad_change_is_not_saved_and_the_server_goes_on_as_it_was(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    with FaultServer(with_password(authority)) as there:
        make_signed_in(visit, ada, authority, there)
        page = visit(ada).get(f"/servers/{the_server(acme).id}/edit")
        page = page.submit("Save", password="wrong")

    assert page.faults
    server = the_server(acme)
    assert server.is_enabled
    assert secret_of(server).reveal() == RIGHT


def test_somebody_elses_save_in_between_is_not_overwritten(
    visit: Visits, ada: Person, acme: WhiteLabel, app: Flask
) -> None:
    def change_meanwhile(command: Command) -> None:
        if command.connection == 2:
            with app.app_context():
                server = db.session.get_one(SmtpServer, number)
                server.weight, server.version = 7, server.version + 1
                db.session.commit()

    with FaultServer(Script(ehlo=change_meanwhile)) as there:
        visit(ada).get(NEW).submit("Save", **OPEN, port=there.port)
        number = the_server(acme).id
        page = visit(ada).get(f"/servers/{number}/edit").submit("Save", uses_pipelining=None)

    assert page.faults == ["Somebody else saved this server in the meantime. Look at it again."]
    assert fresh(the_server(acme)).weight == 7


def test_a_saved_change_ends_parking_and_forgets_what_was_learnt(
    visit: Visits, ada: Person
) -> None:
    with FaultServer(Script()) as there:
        server = make_server(ada, port=there.port)
        _park(server)
        _slow_down(server)
        page = visit(ada).get(f"/servers/{server.id}/edit").submit("Save", uses_pipelining=None)

    assert "Mail leaves through it." in page.content
    state = fresh(server.health)
    assert (state.parked_at, state.rate) == (None, None)


@pytest.mark.accepts("SB-10")
def test_a_white_label_cannot_lower_tls(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    here = visit(ada)
    page = here.get(NEW)

    lowered = here.post(NEW, DRAFT | {**OPEN, "port": 587, "min_tls": "1.0"})

    assert page.tree.xpath("//select[@name='min_tls']/option/@value") == ["1.2", "1.3"]
    assert "may_auth_in_clear" not in _names(page)
    assert "Not a valid choice" in lowered.error_at("min_tls")
    assert not servers.servers_of(acme)


# Watching


@pytest.mark.accepts("SS-34", "SS-09", "UC-09")
def test_the_list_says_how_each_server_stands(visit: Visits, ada: Person, bob: Person) -> None:
    make_server(ada, "works")
    _park(make_server(bob, "parked", host="smtp.acme.example", port=587, tls=TlsMode.STARTTLS))
    make_server(ada, "draft", is_validated=False, is_enabled=False)

    page = visit(ada).get("/settings").click("SMTP servers")

    assert page.path == "/servers"
    rows = {
        row.xpath("string(.//a)"): " ".join(row.text_content().split())
        for row in page.tree.xpath("//tbody/tr")
    }
    assert list(rows) == ["draft", "parked", "works"]
    assert "Draft" in rows["draft"]
    assert "Parked 535 5.7.8 Refused Bob" in rows["parked"]
    assert "smtp.acme.example:587, STARTTLS" in rows["parked"]
    assert "Working Ada As fast as it takes it 0 0" in rows["works"]


def test_the_list_can_be_searched(visit: Visits, ada: Person) -> None:
    make_server(ada, "one")
    make_server(ada, "two")
    page = visit(ada).get("/servers")

    found, none = page.submit("Search", q="ONE"), page.submit("Search", q="three")

    assert found.tree.xpath("//tbody//a/text()") == ["one"]
    assert "No server has this name or host" in none.content


def test_the_list_is_given_out_as_a_file_without_anothers(
    visit: Visits, ada: Person, cal: Person
) -> None:
    make_server(ada, "=acme-own", host="smtp.acme.example", port=587, tls=TlsMode.STARTTLS)
    make_server(cal, "birch-own")

    answer = visit(ada).answer("GET", "/servers.csv")

    lines = answer.get_data(as_text=True).splitlines()
    assert lines[1] == (
        "'=acme-own,smtp.acme.example,587,STARTTLS,Other / Generic SMTP,ada@acme.example,"
        "Working,0,0"
    )
    assert len(lines) == 2


def test_the_present_rate_is_shown_with_its_reason(visit: Visits, ada: Person) -> None:
    server = make_server(ada)
    _slow_down(server)

    page = visit(ada).get(f"/servers/{server.id}")

    assert "12.5 a second for now 454 4.7.0 Too fast" in page.content


def test_a_parked_server_says_why_and_what_to_do_and_is_tried_again(
    visit: Visits, ada: Person
) -> None:
    with FaultServer(Script()) as there:
        server = make_server(ada, port=there.port)
        _park(server)
        page = visit(ada).get(f"/servers/{server.id}")
        again = page.submit("Try again now")

    assert "535 5.7.8 Refused" in page.content
    assert "Enter both again." in page.content
    assert "The test went well." in again.content
    assert "Mail leaves through it." in again.content
    assert not fresh(server.health).is_parked


def test_a_test_that_fails_leaves_it_parked(visit: Visits, ada: Person) -> None:
    with FaultServer(Script(mail=Say(550, "5.7.1 Not yours"))) as there:
        server = make_server(ada, port=there.port)
        _park(server)
        page = visit(ada).get(f"/servers/{server.id}").submit("Try again now")

    assert "The test failed" in page.content
    assert fresh(server.health).is_parked


def test_a_test_proves_nothing_about_settings_that_changed_meanwhile(
    visit: Visits, ada: Person, app: Flask
) -> None:
    def change_meanwhile(_command: Command) -> None:
        with app.app_context():
            now = db.session.get_one(SmtpServer, number)
            now.host, now.version = "smtp.other.example", now.version + 1
            db.session.commit()

    with FaultServer(Script(ehlo=change_meanwhile)) as there:
        server = make_server(ada, port=there.port, is_validated=False)
        number = server.id
        visit(ada).get(f"/servers/{number}").submit("Test")

    assert fresh(server).validated_at is None


def test_a_stream_ends_parking_too(visit: Visits, ada: Person) -> None:
    with FaultServer(Script()) as there:
        server = make_server(ada, port=there.port)
        _park(server)
        lines = _streamed(visit(ada), f"/servers/{server.id}")

    assert "The test went well." in lines[-1]["panel"]
    assert not fresh(server.health).is_parked


def test_a_draft_is_tested_and_then_switched_on(visit: Visits, ada: Person) -> None:
    with FaultServer(Script()) as there:
        server = make_server(ada, port=there.port, is_validated=False, is_enabled=False)
        page = visit(ada).get(f"/servers/{server.id}")
        too_soon = page.submit("Switch on")
        on = page.submit("Test").submit("Switch on")

    assert "Test this server first." in too_soon.text
    assert "Mail leaves through it." in on.content
    assert fresh(server).is_enabled


def test_a_server_is_switched_off(visit: Visits, ada: Person) -> None:
    server = make_server(ada)

    page = visit(ada).get(f"/servers/{server.id}").submit("Switch off")

    assert "What waits for it finds another way." in page.text
    assert not fresh(server).is_enabled


@pytest.mark.accepts("ST-20", "ST-21", "SB-25")
def test_port_and_encryption_that_do_not_go_together_are_warned_of(
    visit: Visits, ada: Person
) -> None:
    server = make_server(ada, host="smtp.acme.example", port=25, tls=TlsMode.IMPLICIT)

    page = visit(ada).get(f"/servers/{server.id}")

    assert "On port 25 TLS is usually off." in page.content
    assert "Many servers and networks block port 25." in page.content


# Deleting


@pytest.mark.accepts("SS-44", "SS-46", "SS-47", "SS-48")
def test_deleting_says_what_goes_with_it_and_then_it_goes(
    visit: Visits, ada: Person, abe: Person, acme: WhiteLabel
) -> None:
    server = make_server(ada, "acme-own", from_email="news@acme.example")
    template = make_template(acme, preferred=server)
    sender = make_sender(server, "team@acme.example", of=acme)
    make_default(abe, sender)
    page = visit(ada).get(f"/servers/{server.id}").click("Delete")

    gone = page.submit("Delete server acme-own")

    assert "1: Welcome" in page.content
    assert "2: news@acme.example, team@acme.example" in page.content
    assert "1: Abe" in page.content
    assert "kept in the sandbox" in page.content
    assert "The server acme-own is deleted." in gone.text
    assert "Sandbox: nothing leaves." in gone.content
    assert not servers.servers_of(acme)
    assert fresh(template).preferred_server_id is None
    assert senders.default_of(abe) is None
    assert db.session.scalars(select(MailTemplate)).all()


def test_deleting_one_of_several_does_not_speak_of_the_sandbox(visit: Visits, ada: Person) -> None:
    server = make_server(ada, "one")
    make_server(ada, "two")

    page = visit(ada).get(f"/servers/{server.id}/delete")

    assert "sandbox" not in page.content


def test_deleting_names_the_campaigns_that_are_to_leave_through_it(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    server = make_server(ada, "acme-own", from_email="news@acme.example")
    chosen = make_sender(server, "team@acme.example", of=acme)
    other = make_sender(make_server(ada, "other"), "other@acme.example", of=acme)
    plain, preferring = make_template(acme, "a"), make_template(acme, "b", preferred=server)
    audience = make_audience(acme)
    make_campaign(ada, audience, template=plain, name="By its sender", sender_id=chosen.id)
    make_campaign(ada, audience, template=preferring, name="By its template")
    make_campaign(ada, audience, template=preferring, name="Elsewhere", sender_id=other.id)
    make_campaign(ada, audience, template=plain, name="By chance")
    over = make_campaign(ada, audience, template=plain, name="Over", sender_id=chosen.id)
    over.state = CampaignState.FINISHED
    db.session.commit()

    page = visit(ada).get(f"/servers/{server.id}/delete")

    (told,) = page.tree.xpath("//dt[text() = 'Campaigns']/following-sibling::dd[1]")
    assert told.text_content() == "2: By its sender, By its template"


@pytest.mark.parametrize("path", ["/servers", "/apps", "/log"])
def test_pages_say_that_nothing_leaves_until_there_is_a_server(
    path: str, visit: Visits, ada: Person
) -> None:
    before = visit(ada).get(path).content

    make_server(ada)
    after = visit(ada).get(path).content

    assert ("nothing leaves" in before, "nothing leaves" in after) == (True, False)


# Whose


@pytest.mark.parametrize("path", ["", "/edit", "/delete"])
def test_anothers_server_is_not_there(path: str, visit: Visits, ada: Person, cal: Person) -> None:
    server = make_server(cal)

    page = visit(ada).get(f"/servers/{server.id}{path}")

    assert page.status == 404


def test_the_platforms_server_is_not_there_for_a_white_label(
    visit: Visits, ada: Person, olive: Person
) -> None:
    server = make_server(olive, "ses-frankfurt")
    here = visit(ada)

    assert here.get(f"/servers/{server.id}").status == 404
    assert here.post(f"/servers/{server.id}/delete").status == 404
    assert "ses-frankfurt" not in here.get("/servers").text


@pytest.mark.accepts("ST-01")
def test_an_agent_sets_up_no_servers(visit: Visits, abe: Person) -> None:
    here = visit(abe)

    assert here.get("/servers").status == 403
    assert here.get("/servers/new").status == 403
    assert here.post(NEW, DRAFT).status == 403


def test_credentials_are_changed_only_by_who_has_just_proved_who_they_are(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority, clock: HandSetClock
) -> None:
    with FaultServer(with_password(authority)) as there:
        page = visit(ada).get(NEW)
        clock.advance(minutes=16)

        asked = page.submit("Save", **signing_in(authority, there))
        assert there.connections == []
        saved = asked.submit("Confirm", proof=PASSWORD)

    assert asked.h1 == "Confirm it is you"
    assert RIGHT not in asked.body
    assert saved.h1 == "acme-own"
    assert secret_of(the_server(acme)).reveal() == RIGHT


@pytest.mark.parametrize("page", ["new", "{}/edit", "{}/delete"])
def test_pages_with_power_over_credentials_ask_for_a_proof_first(
    page: str, visit: Visits, ada: Person, clock: HandSetClock
) -> None:
    server = make_server(ada)
    here = visit(ada)
    clock.advance(minutes=16)

    asked = here.get(f"/servers/{page.format(server.id)}")

    assert asked.h1 == "Confirm it is you"


DRAFT: dict[str, Any] = {
    "act": "draft",
    "host": "email-smtp.us-east-1.amazonaws.com",
    "port": 587,
    "username": "AKIA",
    "password": RIGHT,
    "email": "news@acme.example",
    "name": "acme-own",
    "weight": 1,
    "max_connections": 10,
    "max_recipients": 50,
    "min_tls": "1.2",
    "uses_pipelining": "y",
}
"""A whole form, to be kept without a session."""


def _stages(page: Page) -> dict[str, str]:
    """How each stage of the test ended, by its words."""
    return {
        " ".join(stage.xpath("string(*[@class='stage-name'])").split()): stage.get("class")
        .split()[-1]
        .removeprefix("stage-")
        for stage in page.tree.xpath("//ol[@class='stages']/li")
    }


def _streamed(here: Visitor, path: str, **typed: Any) -> list[dict[str, str]]:
    """What a browser gets line by line."""
    page = here.get(path)
    token = page.tree.xpath("//input[@name='csrf_token']/@value")[0]
    data = {**DRAFT, **OPEN, **typed, "act": "test", "csrf_token": token}
    answer = here.answer("POST", path, data=data, headers={"Accept": "application/x-ndjson"})
    assert answer.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]


def _park(server: SmtpServer) -> None:
    health.park(
        db.session.connection(),
        server.id,
        kind="credentials",
        words="535 5.7.8 Refused",
        now=clock.now(),
    )
    db.session.commit()


def _slow_down(server: SmtpServer) -> None:
    health.slow_down(
        db.session.connection(), server.id, words="454 4.7.0 Too fast", now=clock.now(), present=25
    )
    db.session.commit()


def _fields_of(config: Any) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
