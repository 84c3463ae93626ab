"""What the reference systems say beside their server forms, where ours says it."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.senders import senders
from portal.smtp_settings import servers
from portal.smtp_settings.models import TlsMode
from portal.smtp_settings.presets import PRESETS
from portal.white_labels.models import MailMode, WhiteLabel
from tests.equipment.certificates import Authority
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import make_app, make_person, make_server, make_white_label
from tests.equipment.visitor import Page, Visits
from tests.web.servers import OPEN, make_signed_in, the_server

NEW = "/servers/new?preset=generic"


def offers(page: Page) -> list[str]:
    """What can be chosen as Reply-To with one click."""
    offered_by = page.tree.xpath("string(//input[@name='reply_to']/@list)")
    return [str(value) for value in page.tree.xpath(f"//*[@id='{offered_by}']/option/@value")]


# What is said of a service, and what is chosen first


@pytest.mark.accepts("SB-05..SB-09", "SS-15", "SS-16", "ST-11", "UC-06..UC-08")
@pytest.mark.accepts("ST-31", "UC-12", "UC-13")
@pytest.mark.parametrize("key", PRESETS)
def test_all_that_is_known_of_a_service_stands_on_its_form(
    key: str, visit: Visits, ada: Person
) -> None:
    service = PRESETS[key]

    page = visit(ada).get(f"/servers/new?preset={key}")

    said = [*service.warning, *service.hints, service.password.hint]
    said += [service.username.hint] if service.username.is_asked else []
    for words in filter(None, said):
        assert " ".join(str(words).split()) in page.content
    label = page.tree.xpath("string(//label[@for='password'])")
    assert " ".join(label.split()) == f"{service.password.label} *"
    if service.docs_url:
        assert service.docs_url in page.tree.xpath("//main//a/@href")


@pytest.mark.accepts("ST-03")
def test_without_a_type_of_authentication_nothing_is_saved(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer(Script()) as there:
        page = visit(ada).get(NEW).submit("Save", **{**OPEN, "auth": None}, port=there.port)

    assert page.error_at("auth") == "Choose one."
    assert there.connections == []
    assert not servers.servers_of(acme)


# Encryption is one choice of three


@pytest.mark.accepts("SS-27", "SS-28", "ST-17")
def test_encryption_is_one_choice_of_three_and_one_has_to_be_made(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).get(NEW)
    chosen = page.tree.xpath("//input[@name='tls'][@checked]/@value")

    none_of_them = visit(ada).post(NEW, {**OPEN, "tls": "", "port": 587, "act": "save"})

    assert page.tree.xpath("//input[@name='tls']/@type") == ["radio"] * 3
    assert page.tree.xpath("//input[@name='tls']/@value") == ["starttls", "implicit", "none"]
    assert chosen == ["starttls"]
    assert none_of_them.error_at("tls")


@pytest.mark.accepts("SS-28")
def test_starttls_is_saved_only_after_the_line_was_really_encrypted(
    visit: Visits, ada: Person, acme: WhiteLabel, authority: Authority
) -> None:
    script = Script(tls="starttls", certificate=authority.issue("127.0.0.1"), mechanisms=("PLAIN",))
    with FaultServer(script) as there:
        make_signed_in(visit, ada, authority, there, tls="starttls")

    assert the_server(acme).tls is TlsMode.STARTTLS
    assert "STARTTLS" in there.connections[0].commands
    assert there.connections[0].sign_ins == [("PLAIN", "livery")]


@pytest.mark.accepts("ST-17", "SS-28")
def test_no_encryption_is_possible_and_warned_of(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer(Script()) as there:
        typed = {**OPEN, "port": there.port}
        tried = visit(ada).get(NEW).submit("Test", **typed)
        saved = visit(ada).get(NEW).submit("Save", **typed)

    shown = tried.tree.xpath("//ul[@class='port-hints']/li[not(@hidden)]")
    assert "Without TLS everybody on the way can read the mail." in shown[0].text_content()
    assert saved.h1 == "acme-own"
    assert the_server(acme).tls is TlsMode.NONE


# Sending and answers


@pytest.mark.accepts("ST-02")
def test_the_form_says_that_the_mailbox_only_sends(visit: Visits, ada: Person) -> None:
    page = visit(ada).get(NEW)

    assert "This mailbox only sends" in page.tree.xpath("string(//*[@id='reply_to-field'])")
    assert "An SMTP server only sends." in page.content


@pytest.mark.accepts("UC-16")
def test_the_contact_addresses_of_its_apps_are_offered_as_reply_to(
    visit: Visits, ada: Person, bob: Person, cal: Person, acme: WhiteLabel
) -> None:
    for owner, name, contact in (
        (ada, "Shop", "shop@acme.example"),
        (bob, "Blog", "help@acme.example"),
        (bob, "Wiki", "help@acme.example"),
        (bob, "Cron", None),
        (cal, "Theirs", "help@birch.example"),
    ):
        make_app(owner, name).contact_email = contact
    db.session.commit()
    server = make_server(ada)
    sender = senders.primary_of(server)
    assert sender is not None
    here = visit(ada)

    for path in (NEW, f"/servers/{server.id}/edit", "/senders/new", f"/senders/{sender.id}"):
        assert offers(here.get(path)) == ["help@acme.example", "shop@acme.example"]


def test_without_contact_addresses_nothing_is_offered(visit: Visits, ada: Person) -> None:
    page = visit(ada).get(NEW)

    assert not page.tree.xpath("//input[@name='reply_to']/@list")


# Whose server, and how fast it is


@pytest.mark.accepts("UC-29")
def test_the_form_warns_that_the_permitted_rate_has_to_fit(visit: Visits, ada: Person) -> None:
    page = visit(ada).get(NEW)

    limits = page.tree.xpath("//details[.//input[@name='per_second']]")[0].text_content()
    assert "what comes faster than that is refused" in limits
    for window in ("per_second", "per_minute", "per_hour", "per_day"):
        assert page.tree.xpath(f"//input[@name='{window}']")


@pytest.mark.accepts("SB-02", "UC-02")
def test_every_setting_of_dispatch_can_be_made(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    numbers = {
        "weight": 3,
        "max_recipients": 20,
        "max_connections": 4,
        "max_per_connection": 100,
        "per_second": 5,
        "per_minute": 200,
        "per_hour": 5_000,
        "per_day": 40_000,
    }
    with FaultServer(Script()) as there:
        typed = {**OPEN, **numbers, "port": there.port, "min_tls": "1.3", "max_bytes": "12.5"}
        visit(ada).get(NEW).submit("Save", **typed, uses_pipelining=None)

    server = the_server(acme)
    assert {name: getattr(server, name) for name in numbers} == numbers
    assert (server.max_bytes, server.min_tls, server.uses_pipelining) == (12_500_000, "1.3", False)


@pytest.mark.accepts("SI-03", "SB-07")
def test_for_much_mail_the_services_made_for_it_come_first(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/servers/new")

    group = page.tree.xpath("//section[@data-group]")[0]
    assert group.xpath("string(h2)") == "For mail that programs send"
    assert "Built for it: high limits" in group.xpath("string(p)")
    assert "Mailgun" in group.text_content()


@pytest.mark.accepts("SS-05")
def test_an_own_server_is_offered_for_full_control_of_the_reputation(visit: Visits) -> None:
    acme = make_white_label("Acme", mail_mode=MailMode.PLATFORM)

    page = visit(make_person(acme)).get("/settings")
    services = page.submit("Custom mail server")

    [own] = page.tree.xpath("//section[h2 = 'Own server' or .//h2 = 'Own server']")
    assert "Full control" in own.text_content()
    assert "nobody else's reputation" in own.text_content()
    [other] = services.tree.xpath("//section[h2 = 'Any other server']")
    assert "costs least, and its reputation is yours alone" in other.text_content()
