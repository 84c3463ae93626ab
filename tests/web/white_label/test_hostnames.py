"""A white label's own hostnames, as its admin sees them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.core.db import db
from portal.domains import by_hand
from portal.white_labels import hostnames
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_server import DnsServer
from tests.equipment.stage import fresh
from tests.equipment.visitor import Visits

NAME = "mail.acme.example"


@pytest.fixture
def dns(app: Flask, dns_server: DnsServer) -> DnsServer:
    """The application asks the test's own DNS."""
    app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
    return dns_server


def wished(white_label: WhiteLabel, name: str = NAME) -> Hostname:
    hostname = hostnames.add(white_label, name)
    db.session.commit()
    return hostname


def publish(dns: DnsServer, hostname: Hostname) -> None:
    proof = hostnames.proof_of(hostname)
    dns.publish(proof.name, proof.value)


def test_an_admin_brings_a_name_proves_it_and_is_served_there(
    visit: Visits, ada: Person, acme: WhiteLabel, dns: DnsServer
) -> None:
    page = visit(ada).get("/hostnames").submit("Add hostname", hostname=NAME)
    added = hostnames.find_own(acme, NAME)
    assert added is not None
    assert "Waits for its proof" in page.content
    assert visit.at(NAME).answer("GET", "/sign-in").status_code == 404

    publish(dns, added)
    page = page.submit("Check now")

    assert f"{NAME} is proven, and served from now on." in page.text
    assert visit.at(NAME).answer("GET", "/sign-in").status_code == 200


def test_the_record_stands_there_to_be_copied_also_as_a_line_of_a_zone_file(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    proof = hostnames.proof_of(wished(acme))

    page = visit(ada).get("/hostnames")

    copied = {element.get("data-copy"): element for element in page.tree.iter("button")}
    for place in ("name", "value", "zone"):
        assert any(key and key.startswith(f"proof-{place}-") for key in copied)
    assert f'{proof.name}. TXT "{proof.value}"' in page.content


def test_what_is_wrong_is_told_with_what_was_found_and_who_was_asked(
    visit: Visits, ada: Person, acme: WhiteLabel, dns: DnsServer
) -> None:
    hostname = wished(acme)
    proof = hostnames.proof_of(hostname)
    dns.publish(f"{proof.name}.acme.example", proof.value)

    page = visit(ada).get("/hostnames").submit("Check now")

    assert "At the wrong name" in page.content
    assert f"It is published at {proof.name}.acme.example" in page.content
    assert dns.address in page.content


def test_could_not_ask_is_told_and_changes_nothing(
    visit: Visits, ada: Person, acme: WhiteLabel, dns: DnsServer
) -> None:
    hostname = wished(acme)
    dns.break_zone(hostnames.proof_of(hostname).name)

    page = visit(ada).get("/hostnames").submit("Check now")

    assert "DNS could not be asked, so nothing is known and nothing changed." in page.text
    assert "Waits for its proof" in page.content


def test_one_asks_only_so_often(
    visit: Visits, ada: Person, acme: WhiteLabel, dns: DnsServer, clock: HandSetClock
) -> None:
    wished(acme)
    page = visit(ada).get("/hostnames").submit("Check now")
    asked = len(dns.asked)

    page = page.submit("Check now")

    assert "DNS was asked a moment ago." in page.text
    assert len(dns.asked) == asked


def test_a_name_that_is_being_looked_for_is_not_looked_for_again_meanwhile(
    visit: Visits, ada: Person, acme: WhiteLabel, dns: DnsServer, clock: HandSetClock
) -> None:
    hostname = wished(acme)
    page = visit(ada).get("/hostnames")
    by_hand.begin(hostname)
    db.session.commit()

    page = page.submit("Check now")

    assert "DNS was asked a moment ago." in page.text
    assert dns.asked == []


def test_check_repair_and_check_again_is_only_ten_seconds(
    visit: Visits, ada: Person, acme: WhiteLabel, dns: DnsServer, clock: HandSetClock
) -> None:
    hostname = wished(acme)
    page = visit(ada).get("/hostnames").submit("Check now")
    publish(dns, hostname)
    clock.advance(seconds=10)

    page = page.submit("Check now")

    assert f"{NAME} is proven, and served from now on." in page.text


def test_a_name_that_somebody_else_is_served_at_stays_theirs(
    visit: Visits, ada: Person, acme: WhiteLabel, birch: WhiteLabel, dns: DnsServer
) -> None:
    ours, theirs = wished(acme), wished(birch)
    hostnames.vouch(theirs, because="a test")
    db.session.commit()
    publish(dns, ours)

    page = visit(ada).get("/hostnames").submit("Check now")

    assert f"another portal is served at {NAME}" in page.text
    assert "Birch" not in page.text
    assert not fresh(ours).is_served


def test_a_suspended_name_says_what_to_do(
    visit: Visits, ada: Person, acme: WhiteLabel, clock: HandSetClock
) -> None:
    hostname = wished(acme)
    hostname.proven_at, hostname.suspended_at = clock.now(), clock.now()
    db.session.commit()

    page = visit(ada).get("/hostnames")

    assert "Suspended" in page.content
    assert "Publish the record again, and it is served again." in page.content
    assert hostnames.proof_of(hostname).value in page.content


def test_whoever_was_signed_in_at_a_suspended_name_gets_no_page_and_signs_in_anew(
    visit: Visits, ada: Person, acme: WhiteLabel, clock: HandSetClock
) -> None:
    hostname = wished(acme)
    hostnames.was_seen(hostname)
    db.session.commit()
    here = visit.at(NAME)
    here.sign_in(ada)
    assert here.get("/hostnames").status == 200

    for _day in range(4):
        hostnames.was_missed(hostname, at=clock.advance(days=1))
    db.session.commit()
    clock.advance(days=-4)
    assert here.answer("GET", "/hostnames").status_code == 404
    assert here.answer("GET", "/sign-in").status_code == 404

    hostnames.was_seen(hostname)
    db.session.commit()
    answer = here.answer("GET", "/hostnames")
    assert answer.status_code == 302
    assert "/sign-in" in answer.headers["Location"]


def test_nobody_locks_themselves_out(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    page = visit(ada).get("/hostnames").click("Remove acme.localhost")
    path = page.path

    assert "would lock yourself out" in page.content
    visit(ada).post(path, {})
    assert hostnames.find_own(acme, "acme.localhost") is not None


def test_another_name_is_removed_after_saying_what_ends(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    hostnames.vouch(wished(acme), because="a test")
    db.session.commit()

    page = visit(ada).get("/hostnames").click(f"Remove {NAME}")
    assert "Its people go on at acme.localhost" in page.content
    page.submit(f"Remove {NAME}")

    assert hostnames.find_own(acme, NAME) is None


def test_an_admin_cannot_vouch_for_the_own_name(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    hostname = wished(acme)
    here = visit(ada)

    assert "Vouch for it" not in here.get("/hostnames").content
    assert here.answer("GET", f"/hostnames/{hostname.id}/vouch").status_code == 404
