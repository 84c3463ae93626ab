"""Settings > Custom mail server: the platform's server or an own one."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.white_labels.models import MailMode, WhiteLabel
from tests.equipment.stage import (
    fresh,
    make_app,
    make_domain,
    make_person,
    make_server,
    make_white_label,
)
from tests.equipment.visitor import Visits


@pytest.mark.accepts("SB-11", "SB-12", "SB-13")
def test_settings_stand_last_in_the_navigation_and_open_with_the_mail_server(
    visit: Visits, ada: Person
) -> None:
    page = visit(ada).get("/overview")

    last = page.tree.xpath("//nav[@id='menu']//ul/li[last()]/a")[0]
    opened = page.click("Settings")

    assert last.text_content().strip() == "Settings"
    assert opened.h1 == "Custom mail server"
    tabs = opened.tree.xpath("//nav[@class='tabs']//a")
    assert tabs[0].text_content() == "Custom mail server"
    assert tabs[0].get("aria-current") == "page"


@pytest.mark.accepts("SB-14", "SB-15")
def test_the_button_switches_to_an_own_server_and_opens_its_form(visit: Visits) -> None:
    acme = make_white_label("Acme", mail_mode=MailMode.PLATFORM)
    from_acme = visit(make_person(acme)).get("/settings")

    page = from_acme.submit("Custom mail server")
    form = page.click("Other / Generic SMTP Everything by hand")

    assert "All mail leaves through the platform's server." in from_acme.content
    assert page.h1 == "Create SMTP server"
    for name in ("host", "port", "email", "sender_name", "username", "password"):
        assert form.tree.xpath(f"//input[@name={name!r}]")
    assert fresh(acme).mail_mode is MailMode.OWN


@pytest.mark.accepts("SB-14")
def test_one_can_switch_back(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    make_server(ada, "acme-own")
    page = visit(ada).get("/settings")

    platform = page.submit("Use the platform's server")
    own = platform.submit("Custom mail server")

    assert "All mail leaves through the platform's server from now on." in platform.text
    assert "Own servers are used from now on" in own.text
    assert fresh(acme).mail_mode is MailMode.OWN


def test_a_list_of_servers_that_are_not_used_says_so(visit: Visits) -> None:
    acme = make_white_label("Acme", mail_mode=MailMode.PLATFORM)
    ada = make_person(acme)
    server = make_server(ada)
    here = visit(ada)

    page, detail = here.get("/servers"), here.get(f"/servers/{server.id}")

    assert "None of them is used: the platform's server is chosen." in page.content
    assert "It is not used: the platform's server is chosen." in detail.content


@pytest.mark.accepts("SI-27", "SI-28")
def test_the_way_of_each_app_is_said(
    visit: Visits, ada: Person, bob: Person, olive: Person
) -> None:
    make_server(olive, "main")
    make_server(ada, "acme-own")
    make_app(ada, "Shop")
    make_app(bob, "Blog")

    page = visit(ada).get("/settings")

    rows = [" ".join(row.text_content().split()) for row in page.tree.xpath("//tbody/tr")]
    assert rows[0].startswith("Blog Bob Leaves through main")
    assert rows[1].startswith("Shop Ada Leaves through acme-own")


@pytest.mark.accepts("SI-14", "SI-15")
def test_both_ways_to_mail_of_ones_own_are_offered(visit: Visits, olive: Person) -> None:
    make_server(olive, "main")
    acme = make_white_label("Acme", mail_mode=MailMode.PLATFORM)

    page = visit(make_person(acme)).get("/settings")

    platforms, own = page.tree.xpath("//div[@class='choice']/section")
    assert platforms.xpath("string(h2|*/h2)") == "Platform's server"
    assert platforms.xpath(".//a[contains(., 'Send request')]/@href") == ["/domains/request"]
    assert own.xpath("string(h2|*/h2)") == "Own server"
    assert own.xpath("normalize-space(.//button)") == "Custom mail server"


@pytest.mark.accepts("SI-19", "SI-24")
def test_own_domains_stand_there_with_their_state_and_another_can_be_asked_for(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person
) -> None:
    make_server(olive, "main")
    make_domain(acme, "acme.example")

    page = visit(ada).get("/settings")

    assert "acme.example Verified" in page.content
    assert page.click("Send request").path == "/domains/request"


@pytest.mark.accepts("SI-17")
def test_where_no_domain_can_be_asked_for_the_page_says_why(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/settings")

    assert "Send request" not in page.links()
    assert "the platform has no mail server of its own" in page.content
