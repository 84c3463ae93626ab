"""The hourly look at DNS: everybody's turn comes, nobody stops the others, people are told."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import domain_changes
from portal.domains import allow_list, checks, records
from portal.domains.models import Domain, DomainState
from portal.domains.resolver import Dns, DnsResolver
from portal.jobs import dns_checks
from portal.jobs.periodic import CHORES, do
from portal.outbox.models import Message
from portal.white_labels import hostnames
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_server import DnsServer
from tests.equipment.stage import fresh, make_server


@pytest.fixture
def dns(app: Flask, clock: HandSetClock, olive: Person, dns_server: DnsServer) -> DnsServer:
    """The application asks the test's own DNS, and the platform can write letters."""
    app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
    make_server(olive, "house")
    return dns_server


def allowed(white_label: WhiteLabel, name: str) -> Domain:
    domain = allow_list.allow(white_label, name)
    allow_list.set_records(domain, [])
    db.session.commit()
    return domain


def publish(dns_server: DnsServer, domain: Domain) -> None:
    proof = records.ownership(domain.name, domain.proof_token)
    dns_server.publish(proof.name, proof.value)


def wished(white_label: WhiteLabel, name: str) -> Hostname:
    hostname = hostnames.add(white_label, name)
    db.session.commit()
    return hostname


def letters() -> list[tuple[str, str]]:
    """Subject and recipient of every notice in the outbox."""
    found = [
        (message.subject or "", delivery.email)
        for message in db.session.scalars(select(Message).order_by(Message.id))
        for delivery in message.deliveries
    ]
    db.session.commit()
    return found


def work(name: str) -> bool:
    return do(next(one for one in CHORES if one.name == name))


@pytest.mark.both_stores
def test_what_is_published_is_seen_within_the_hour(
    dns: DnsServer, acme: WhiteLabel, ada: Person, clock: HandSetClock
) -> None:
    domain = allowed(acme, "acme.example")
    work("dns of domains")
    assert fresh(domain).state is DomainState.ALLOWED
    publish(dns, domain)

    clock.advance(hours=1)
    work("dns of domains")

    assert fresh(domain).state is DomainState.VERIFIED


SILENT = "_livery-challenge.n3.example"


class HastyWithTheSilent(DnsResolver):
    """Leaves the one that never answers soon, and gives all others the time that a busy machine
    may need."""

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        return super().texts(name, timeout=0.2 if name == SILENT else timeout)


def test_one_that_dns_is_silent_about_does_not_stop_the_others(
    dns: DnsServer, acme: WhiteLabel, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_checks, "DnsResolver", HastyWithTheSilent)
    domains = [allowed(acme, f"n{at}.example") for at in range(12)]
    for domain in domains:
        publish(dns, domain)
    dns.fall_silent(SILENT)
    dns.break_zone("_livery-challenge.n7.example")

    assert dns_checks.look_at_domains() == 12

    unseen = [one.name for one in domains if fresh(one).state is not DomainState.VERIFIED]
    assert unseen == ["n3.example", "n7.example"]


def test_a_resolver_that_is_away_is_not_waited_for_again_and_again(
    dns: DnsServer, acme: WhiteLabel, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.domains.asking.ONE_TAKES", 0.05)
    domains = [allowed(acme, f"n{at}.example") for at in range(dns_checks.CLAIM + 3)]
    for domain in domains:
        dns.fall_silent(f"_livery-challenge.{domain.name}")

    assert dns_checks.look_at_domains() == dns_checks.CLAIM

    due = checks.claim_due(99)
    assert len(due) == 3


def test_one_that_goes_wrong_does_not_stop_the_others(
    dns: DnsServer, acme: WhiteLabel, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = [allowed(acme, f"n{at}.example") for at in range(3)]
    for domain in domains:
        publish(dns, domain)
    write = checks.write

    def fails_for_one(findings: checks.Findings) -> checks.Checked | None:
        if findings.plan.domain == "n1.example":
            raise RuntimeError("a fault of ours")
        return write(findings)

    monkeypatch.setattr(checks, "write", fails_for_one)
    dns_checks.look_at_domains()

    assert [fresh(one).state.value for one in domains] == ["verified", "allowed", "verified"]


def test_what_dns_says_holds_also_where_nobody_can_be_told(
    dns: DnsServer, acme: WhiteLabel, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = allowed(acme, "acme.example")
    publish(dns, domain)

    def cannot(_domain: Domain, _change: checks.Change) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(domain_changes, "tell_change", cannot)
    dns_checks.look_at_domains()

    assert fresh(domain).state is DomainState.VERIFIED


def test_no_transaction_is_open_while_dns_is_asked(
    dns: DnsServer, acme: WhiteLabel, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed(acme, "acme.example")
    open_while_asked: list[bool] = []
    ask = checks.ask

    def watched(plan: checks.Plan, dns: Dns) -> checks.Findings:
        session = db.session()
        open_while_asked.append(session.in_transaction())
        return ask(plan, dns)

    monkeypatch.setattr(checks, "ask", watched)
    monkeypatch.setattr(dns_checks, "AT_ONCE", 1)
    monkeypatch.setattr(dns_checks, "ThreadPoolExecutor", InThisThread)
    dns_checks.look_at_domains()

    assert open_while_asked == [False]


def test_a_hostname_is_served_suspended_and_served_again_by_the_clock(
    dns: DnsServer, acme: WhiteLabel, ada: Person, olive: Person, clock: HandSetClock
) -> None:
    hostname = wished(acme, "mail.acme.example")
    proof = hostnames.proof_of(hostname)
    dns.publish(proof.name, proof.value)
    work("dns of hostnames")
    assert fresh(hostname).is_served

    dns.take_down(proof.name)
    for _hour in range(73):
        clock.advance(hours=1)
        work("dns of hostnames")
    assert not fresh(hostname).is_served

    dns.publish(proof.name, proof.value)
    clock.advance(hours=1)
    work("dns of hostnames")
    assert fresh(hostname).is_served
    assert letters() == [
        ("mail.acme.example is served", ada.email),
        ("The proof of mail.acme.example is missing", ada.email),
        ("mail.acme.example is served no more", ada.email),
        ("mail.acme.example is served no more", olive.email),
        ("mail.acme.example is served again", ada.email),
        ("mail.acme.example is served again", olive.email),
    ]


def test_a_letter_shows_the_record_and_a_link_that_works(
    dns: DnsServer, acme: WhiteLabel, ada: Person, clock: HandSetClock
) -> None:
    hostnames.remove(hostnames.hostnames_of(acme)[0])
    hostname = wished(acme, "mail.acme.example")
    proof = hostnames.proof_of(hostname)
    dns.publish(proof.name, proof.value)
    work("dns of hostnames")
    dns.take_down(proof.name)
    for _hour in range(73):
        clock.advance(hours=1)
        work("dns of hostnames")

    messages = db.session.scalars(select(Message).order_by(Message.id)).all()
    db.session.commit()

    served, missing, gone = [message.text or "" for message in messages[:3]]
    assert "http://mail.acme.example:8000/hostnames" in served
    assert f'{proof.name}. TXT "{proof.value}"' in missing
    assert f'{proof.name}. TXT "{proof.value}"' in gone
    assert "http" not in gone  # no portal is left that a link could lead to


class InThisThread:
    """Runs what is submitted at once, in the thread whose session the test looks at."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def __enter__(self) -> InThisThread:
        return self

    def __exit__(self, *_fault: object) -> None:
        pass

    def submit(self, work, *args):  # type: ignore[no-untyped-def]  # as of Executor.submit
        future: Future[object] = Future()
        future.set_result(work(*args))
        return future
