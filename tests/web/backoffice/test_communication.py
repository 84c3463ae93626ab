"""Settings > Communication: name and support of the platform, and its own servers."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.smtp_settings import servers
from portal.smtp_settings.models import AuthKind
from portal.white_labels.platform import the_platform
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh, make_server
from tests.equipment.visitor import Visits
from tests.web.servers import OPEN

AT = "/backoffice/settings/communication"


@pytest.mark.accepts("SI-05", "SI-06")
def test_settings_of_the_backoffice_open_with_communication(visit: Visits, olive: Person) -> None:
    page = visit(olive).get("/backoffice/").click("Settings")

    assert page.path == AT
    assert page.h1 == "Communication"
    assert page.tree.xpath("//h2/text()") == ["Custom SMTP Configuration"]
    assert page.tree.xpath("//nav[@id='menu']//a[@aria-current]")[0].text_content().split() == [
        "Settings"
    ]


def test_name_and_support_of_the_platform_are_changed(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(AT)

    page = page.submit("Save", name="Northwind Mail", support_email="help@northwind.example")

    platform = fresh(the_platform())
    assert (platform.name, platform.support_email) == ("Northwind Mail", "help@northwind.example")
    assert "Northwind Mail" in page.text


def test_what_cannot_be_is_said_at_its_field(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(AT)

    page = page.submit("Save", name="x" * 81, support_email="help")
    by_address = page.submit("Save", name="Northwind", support_email="help")

    assert page.error_at("name") == "A name of 1 to 80 characters is needed."
    assert by_address.error_at("support_email")
    assert fresh(the_platform()).name == "Northwind Apps"


@pytest.mark.accepts("SI-02", "SI-07", "SI-08")
def test_a_server_of_the_platform_is_saved_and_carries_the_portals_own_mail(
    visit: Visits, olive: Person
) -> None:
    with FaultServer(Script()) as there:
        page = (
            visit(olive)
            .get(AT)
            .click("Create SMTP server")
            .click("Other / Generic SMTP Everything by hand")
        )
        page = page.submit("Save", **OPEN | {"name": "main"}, port=there.port)

    (server,) = servers.servers_of(None)
    assert page.h1 == "main"
    assert (server.white_label_id, server.max_recipients) == (None, 50)
    assert "Leaves through main, from news@acme.example" in visit(olive).get(AT).content


@pytest.mark.accepts("SI-09")
def test_it_is_said_how_to_find_the_values(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(f"{AT}/servers/new?preset=generic")

    assert "search the web for “smtp” and the provider's name" in page.content


@pytest.mark.accepts("SI-10", "SI-11", "SI-12", "SI-13")
def test_yahoo_is_known(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(f"{AT}/servers/new?preset=yahoo")

    assert "smtp.mail.yahoo.com" in page.content
    ports = [option.text_content() for option in page.tree.xpath("//select[@name='port']/option")]
    assert ports == ["465, SSL/TLS", "587, STARTTLS"]


@pytest.mark.accepts("SB-10")
def test_the_owner_may_lower_protection_for_one_server(visit: Visits, olive: Person) -> None:
    with FaultServer(Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)) as there:
        page = visit(olive).get(f"{AT}/servers/new?preset=generic")
        typed = OPEN | {"auth": "basic", "username": "livery", "password": "correct horse"}
        refused = page.submit("Save", **typed, port=there.port)
        page.submit("Save", **typed, port=there.port, may_auth_in_clear=True, min_tls="1.0")

    assert "A password is never sent over an open line." in refused.error_at("tls")
    (server,) = servers.servers_of(None)
    assert (server.auth, server.may_auth_in_clear, server.min_tls) == (AuthKind.BASIC, True, "1.0")
    warned = visit(olive).get(f"{AT}/servers/{server.id}")
    assert "everybody on the way can read them" in warned.content
    assert "TLS 1.0 and 1.1 can be broken" in warned.content


def test_people_have_no_default_sender_at_the_platform(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(f"{AT}/servers/new?preset=generic")

    assert not page.tree.xpath("//*[@name='default_for']")


def test_deleting_the_platforms_only_server_names_who_loses_the_last_one(
    visit: Visits, olive: Person, ada: Person, cal: Person
) -> None:
    server = make_server(olive, "main")
    make_server(ada, "acme-own")

    page = visit(olive).get(f"{AT}/servers/{server.id}/delete")
    gone = page.submit("Delete server main")

    assert "Birch will have no server at all." in page.content
    assert "The platform has no server yet" in gone.content


def test_a_white_labels_server_is_not_in_the_backoffice(
    visit: Visits, olive: Person, ada: Person
) -> None:
    server = make_server(ada, "acme-own")
    here = visit(olive)

    assert here.get(f"{AT}/servers/{server.id}").status == 404
    assert here.get(f"{AT}/servers/{server.id}/edit").status == 404
    assert "acme-own" not in here.get(AT).text
