"""Hostnames of a white label: asked for, proven by DNS or by an owner's word, removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.audit.search import Wanted, entries
from portal.core.db import db
from portal.core.words import _, kept
from portal.white_labels import hostnames
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_server import DnsServer
from tests.equipment.stage import fresh
from tests.equipment.visitor import Visits

NAME = "mail.acme.example"


@pytest.fixture
def hostname(app: Flask, acme: WhiteLabel, dns_server: DnsServer) -> Hostname:
    """A name that is not proven; DNS is asked at the test's own server."""
    app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
    added = hostnames.add(acme, NAME)
    db.session.commit()
    return added


def at(white_label: WhiteLabel) -> str:
    return f"/backoffice/white-labels/{white_label.id}/hostnames"


def told(white_label: WhiteLabel) -> list[tuple[str, dict[str, object]]]:
    rows = entries(white_label.id, Wanted("hostname")).rows
    db.session.commit()
    return [(entry.action, entry.changes) for entry in rows]


def test_a_new_name_comes_with_the_record_to_publish(
    visit: Visits, olive: Person, acme: WhiteLabel
) -> None:
    page = visit(olive).get(at(acme)).submit("Add hostname", hostname=f" {NAME.upper()} ")

    added = hostnames.find_own(acme, NAME)
    assert added is not None
    assert f"_livery-host.{NAME}" in page.content
    assert f"livery-host={added.proof_token}" in page.content
    assert "Waits for its proof" in page.content
    assert visit.at(NAME).answer("GET", "/sign-in").status_code == 404


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Which name?"),
        ("co.uk", "belongs to a registry"),
        ("acme.localhost", "This name is in use already."),
        ("192.0.2.1", "An IP address cannot stand in place of a domain."),
        ("not a name", "contains a space"),
    ],
)
def test_a_name_that_cannot_be_had_is_told_at_its_field(
    visit: Visits, olive: Person, acme: WhiteLabel, name: str, words: str
) -> None:
    page = visit(olive).get(at(acme)).submit("Add hostname", hostname=name)

    assert words in page.error_at("hostname")
    assert [one.name for one in hostnames.hostnames_of(acme)] == ["acme.localhost"]


def test_a_published_record_proves_the_name_and_it_is_served(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname, dns_server: DnsServer
) -> None:
    proof = hostnames.proof_of(hostname)
    dns_server.publish(proof.name, "something else", proof.value)

    page = visit(olive).get(at(acme)).submit("Check now")

    assert f"{NAME} is proven, and served from now on." in page.text
    assert visit.at(NAME).answer("GET", "/sign-in").status_code == 200
    assert told(acme)[0] == ("hostname.proven", {"because": kept(_("DNS has the record."))})


def test_the_record_of_another_name_proves_nothing(
    visit: Visits,
    olive: Person,
    acme: WhiteLabel,
    birch: WhiteLabel,
    hostname: Hostname,
    dns_server: DnsServer,
) -> None:
    theirs = hostnames.add(birch, "mail.birch.example")
    db.session.commit()
    dns_server.publish(hostnames.proof_of(hostname).name, hostnames.proof_of(theirs).value)

    page = visit(olive).get(at(acme)).submit("Check now")

    assert "is not right yet: An old value." in page.text
    assert fresh(hostname).proven_at is None


def test_a_record_that_is_not_there_yet_is_told_so(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname
) -> None:
    page = visit(olive).get(at(acme)).submit("Check now")

    assert f"The record of {NAME} is not right yet: Missing." in page.text
    assert fresh(hostname).proven_at is None


def test_could_not_ask_is_not_no(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname, dns_server: DnsServer
) -> None:
    dns_server.break_zone(hostnames.proof_of(hostname).name)

    page = visit(olive).get(at(acme)).submit("Check now")

    assert "DNS could not be asked, so nothing is known" in page.text


def test_what_strangers_publish_is_only_text(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname, dns_server: DnsServer
) -> None:
    dns_server.publish(hostnames.proof_of(hostname).name, "<script>alert(1)</script>" * 40)

    page = visit(olive).get(at(acme)).submit("Check now")

    assert "<script>alert" not in page.body
    assert "<script>alert" in page.text
    assert "…" in page.text


def test_an_owner_vouches_with_a_reason_that_stays(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname
) -> None:
    page = visit(olive).get(at(acme)).click("Vouch for it")
    page = page.submit(f"Serve {NAME}", because="It is our own zone.")

    assert f"{NAME} is served from now on." in page.text
    assert told(acme)[0] == ("hostname.proven", {"because": "It is our own zone."})


def test_without_a_reason_nobody_vouches(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname
) -> None:
    page = visit(olive).get(f"{at(acme)}/{hostname.id}/vouch").submit(f"Serve {NAME}", because=" ")

    assert page.error_at("because") == "Say why you vouch for this name."
    assert fresh(hostname).proven_at is None


def test_vouching_asks_who_is_there(
    clock: HandSetClock, visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname
) -> None:
    here = visit(olive)
    clock.advance(minutes=16)

    page = here.get(f"{at(acme)}/{hostname.id}/vouch")

    assert page.h1 == "Confirm it is you"


def test_removing_the_last_name_says_whom_it_locks_out(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person, bob: Person
) -> None:
    here = visit(olive)

    page = here.get(at(acme)).click("Remove acme.localhost")
    assert "2 people have nowhere to sign in" in page.content
    page.submit("Remove acme.localhost")

    assert visit.at("acme.localhost").answer("GET", "/sign-in").status_code == 404


def test_removing_one_of_two_says_where_people_go(
    visit: Visits, olive: Person, acme: WhiteLabel, hostname: Hostname
) -> None:
    hostnames.vouch(hostname, because="a test")
    db.session.commit()

    page = visit(olive).get(at(acme)).click(f"Remove {NAME}")

    assert "go on at acme.localhost" in page.content
