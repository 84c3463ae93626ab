"""From an approval to mail that leaves: records published, seen, gone and back, in a real DNS."""

from __future__ import annotations

from email import message_from_bytes

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import db
from portal.core.errors import Refusal
from portal.desk import domain_changes, domain_requests
from portal.desk.models import Unread
from portal.desk.request_listing import request_of
from portal.desk.request_models import DomainRequest
from portal.desk.request_states import RequestState
from portal.domains import allow_list, checks
from portal.domains.checks import Change
from portal.domains.models import Domain, DomainState
from portal.domains.resolver import DnsResolver
from portal.outbox import acts, held
from portal.outbox.models import Event
from portal.outbox.states import State
from portal.senders import senders
from portal.senders.senders import SenderValues
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import approved, letters_to, platforms_server, publish, said_in
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_server import DnsServer
from tests.equipment.mail import deliveries, drain, send, states
from tests.equipment.races import Race
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as ReceivingServer
from tests.equipment.stage import fresh, make_app, make_domain, make_sender


@pytest.fixture
def main(olive: Person) -> SmtpServer:
    return platforms_server(olive)


@pytest.fixture
def shop(ada: Person) -> App:
    return make_app(ada, "Shop")


def look(domain: Domain, dns_server: DnsServer) -> Change | None:
    """One check, as the clock or a button makes it."""
    plan = checks.plan(domain)
    db.session.commit()
    checked = domain_changes.keep(checks.ask(plan, DnsResolver([dns_server.address])))
    assert checked is not None
    db.session.commit()
    return checked.change


def lapse(domain: Domain, dns_server: DnsServer, clock: HandSetClock) -> None:
    """The records are gone for three days."""
    for record in domain.records:
        dns_server.take_down(record.name)
    for _day in range(4):
        clock.advance(days=1)
        look(domain, dns_server)
    assert domain.state is DomainState.LAPSED


def test_a_record_that_is_missed_for_a_day_is_told_to_those_who_can_publish_it(
    main: SmtpServer, ada: Person, olive: Person, dns_server: DnsServer, clock: HandSetClock
) -> None:
    request, domain = approved(ada, olive)
    publish(dns_server, domain.records)
    look(domain, dns_server)
    dns_server.take_down(domain.records[0].name)
    look(domain, dns_server)

    clock.advance(days=1)
    change = look(domain, dns_server)

    assert change is Change.MISSING
    assert fresh(request).state is RequestState.VERIFIED
    assert letters_to(ada)[-1].subject == "A DNS record of acme.example is missing"
    assert letters_to(olive)[-1].subject == "acme.example is verified"


@pytest.mark.both_stores
def test_who_gives_a_domain_up_while_a_check_finds_it_waits_and_is_heard(
    app: Flask,
    main: SmtpServer,
    ada: Person,
    olive: Person,
    dns_server: DnsServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request, domain = approved(ada, olive)
    publish(dns_server, domain.records)
    findings = checks.ask(checks.plan(domain), DnsResolver([dns_server.address]))
    request_id, ada_id = request.id, ada.id
    race = Race(app)

    def found(domain: Domain) -> DomainRequest | None:
        race.pause()
        return request_of(domain)

    def withdraw() -> None:
        mine = db.session.get_one(DomainRequest, request_id)
        domain_requests.withdraw(mine, by=db.session.get_one(Person, ada_id))

    monkeypatch.setattr(domain_changes, "request_of", found)
    faults = race.run(lambda: domain_changes.keep(findings), withdraw)

    assert faults == (None, None)
    assert fresh(request).state is RequestState.WITHDRAWN
    assert fresh(domain).state is DomainState.REVOKED


@pytest.mark.accepts("SI-23", "SI-24", "SS-06")
def test_what_the_answer_asks_to_publish_is_what_the_check_wants_to_see(
    main: SmtpServer, ada: Person, olive: Person, dns_server: DnsServer
) -> None:
    request, domain = approved(ada, olive)
    assert look(domain, dns_server) is None

    publish(dns_server, domain.records)
    change = look(domain, dns_server)

    assert change is Change.VERIFIED
    assert fresh(request).state is RequestState.VERIFIED
    for person in (ada, olive):
        assert letters_to(person)[-1].subject == "acme.example is verified"
        assert db.session.get(Unread, (person.id, request.thread_id)) is not None
    assert said_in(request)[-1] == "All required DNS records of acme.example were found."


def test_the_records_of_one_white_label_prove_nothing_for_another(
    main: SmtpServer, ada: Person, cal: Person, olive: Person, dns_server: DnsServer
) -> None:
    request, acmes = approved(ada, olive)
    publish(dns_server, acmes.records)
    domain_requests.withdraw(request, by=ada)
    db.session.commit()

    _request, birchs = approved(cal, olive)

    assert look(birchs, dns_server) is None
    assert birchs.state is DomainState.ALLOWED


@pytest.mark.accepts("SI-32", "SB-03")
def test_before_it_is_verified_from_stays_the_platforms_and_after_it_is_ones_own(
    main: SmtpServer, shop: App, ada: Person, olive: Person, dns_server: DnsServer
) -> None:
    _request, domain = approved(ada, olive)

    before = send(shop, sender="news@acme.example")
    publish(dns_server, domain.records)
    look(domain, dns_server)
    after = send(shop, sender="news@acme.example")

    assert (before.from_email, before.from_name) == (
        "hello@northwind.example",
        "Acme via Northwind Apps",
    )
    assert [one["email"] for one in before.route_reply_to] == ["news@acme.example"]
    assert (after.from_email, after.route_reply_to) == ("news@acme.example", [])


@pytest.mark.accepts("SB-27")
def test_a_sender_on_the_platforms_server_needs_the_verified_domain(
    main: SmtpServer, acme: WhiteLabel, ada: Person, olive: Person, dns_server: DnsServer
) -> None:
    _request, domain = approved(ada, olive)
    values = SenderValues("news@acme.example", "Acme")
    with pytest.raises(Refusal, match="domain_not_verified"):
        senders.create(acme, main, values)
    db.session.rollback()

    publish(dns_server, domain.records)
    look(domain, dns_server)

    assert senders.create(acme, main, values).email == "news@acme.example"


class TestLapsing:
    @pytest.fixture
    def domain(
        self,
        clock: HandSetClock,
        main: SmtpServer,
        ada: Person,
        olive: Person,
        dns_server: DnsServer,
    ) -> Domain:
        _request, domain = approved(ada, olive)
        publish(dns_server, domain.records)
        look(domain, dns_server)
        return domain

    def test_both_sides_are_told_and_new_mail_waits_under_its_own_address(
        self,
        domain: Domain,
        clock: HandSetClock,
        shop: App,
        ada: Person,
        olive: Person,
        dns_server: DnsServer,
    ) -> None:
        lapse(domain, dns_server, clock)

        message = send(shop, sender="news@acme.example")

        (delivery,) = deliveries(message)
        assert (delivery.state, delivery.kind) == (State.HELD, "domain_lapsed")
        assert message.from_email == "news@acme.example"
        assert db.session.scalars(select(DomainRequest)).one().state is RequestState.LAPSED
        for person in (ada, olive):
            subject = letters_to(person)[-1].subject or ""
            assert subject == "Mail from acme.example is held: its DNS records are gone"

    @pytest.mark.both_stores
    def test_what_had_a_route_is_held_at_its_turn_and_leaves_when_the_records_are_back(
        self,
        domain: Domain,
        clock: HandSetClock,
        app: Flask,
        main: SmtpServer,
        acme: WhiteLabel,
        shop: App,
        olive: Person,
        dns_server: DnsServer,
    ) -> None:
        sender = make_sender(main, "news@acme.example", of=acme, name="Acme")
        with ReceivingServer(Script()) as receiving:
            main.port = receiving.port
            db.session.commit()
            chosen = send(shop, sender=sender.id)
            wished = send(shop, "bea@birch.example", sender="shop@acme.example")
            lapse(domain, dns_server, clock)
            drain(app)
            waited = [states(message) for message in (chosen, wished)]
            later = send(shop, "cy@birch.example", sender="shop@acme.example")

            publish(dns_server, domain.records)
            change = look(domain, dns_server)
            drain(app)

        assert waited == [[State.HELD], [State.HELD]]
        assert change is Change.RECOVERED
        assert [states(one) for one in (chosen, wished, later)] == [[State.SENT]] * 3
        left = {
            mail.recipients[0]: str(message_from_bytes(mail.data)["From"])
            for mail in receiving.ledger
            if mail.recipients[0].endswith("@birch.example")
        }
        assert left == {
            "ann@birch.example": "Acme <news@acme.example>",
            "bea@birch.example": "shop@acme.example",
            "cy@birch.example": "shop@acme.example",
        }
        assert letters_to(olive)[-1].subject == "Mail from acme.example leaves again"

    def test_mail_from_other_addresses_is_not_held(
        self, domain: Domain, clock: HandSetClock, shop: App, dns_server: DnsServer
    ) -> None:
        lapse(domain, dns_server, clock)

        message = send(shop, sender="news@elsewhere.example")

        assert states(message) == [State.QUEUED]

    def test_what_waits_for_another_domain_goes_on_waiting(
        self,
        domain: Domain,
        clock: HandSetClock,
        acme: WhiteLabel,
        shop: App,
        dns_server: DnsServer,
    ) -> None:
        other = make_domain(acme, "other.example", DomainState.LAPSED)
        lapse(domain, dns_server, clock)
        mine = send(shop, sender="a@acme.example")
        others = send(shop, sender="a@other.example")
        waiting = [held.count_of(held.of_lapsed(one)) for one in (domain, other)]

        publish(dns_server, domain.records)
        look(domain, dns_server)

        assert waiting == [1, 1]
        assert states(mine) == [State.QUEUED]
        assert states(others) == [State.HELD]

    @pytest.mark.both_stores
    def test_much_mail_goes_on_a_part_at_a_time_until_none_is_left(
        self,
        domain: Domain,
        clock: HandSetClock,
        shop: App,
        dns_server: DnsServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(held, "AT_ONCE", 2)
        lapse(domain, dns_server, clock)
        messages = [send(shop, sender="a@acme.example") for _one in range(5)]
        publish(dns_server, domain.records)
        look(domain, dns_server)
        at_once = sum(states(message) == [State.QUEUED] for message in messages)

        released = [domain_changes.release_recovered() for _minute in range(3)]
        db.session.commit()

        assert at_once == 2
        assert released == [2, 1, 0]
        assert all(states(message) == [State.QUEUED] for message in messages)

    @pytest.mark.both_stores
    def test_each_minute_it_is_looked_for_where_it_is_from_and_nowhere_else(
        self,
        domain: Domain,
        acme: WhiteLabel,
        clock: HandSetClock,
        shop: App,
        dns_server: DnsServer,
    ) -> None:
        make_domain(acme, "other.example")
        lapse(domain, dns_server, clock)
        send(shop, sender="a@acme.example")
        while_lapsed = held.recovered_domains()

        domain.state = DomainState.VERIFIED

        assert while_lapsed == []
        assert held.recovered_domains() == [domain]

    def test_a_person_cannot_release_it_under_another_name(
        self, domain: Domain, clock: HandSetClock, shop: App, dns_server: DnsServer
    ) -> None:
        lapse(domain, dns_server, clock)
        message = send(shop, sender="a@acme.example")

        with pytest.raises(Refusal, match="domain_lapsed"):
            acts.release(message)


def test_could_not_ask_holds_nothing_and_tells_nobody(
    clock: HandSetClock, main: SmtpServer, ada: Person, olive: Person, dns_server: DnsServer
) -> None:
    _request, domain = approved(ada, olive)
    publish(dns_server, domain.records)
    look(domain, dns_server)
    letters = len(letters_to(ada))
    for record in domain.records:
        dns_server.break_zone(record.name)

    for _day in range(6):
        clock.advance(days=1)
        assert look(domain, dns_server) is None

    assert domain.state is DomainState.VERIFIED
    assert len(letters_to(ada)) == letters


def test_of_a_domain_that_nobody_asked_for_both_sides_are_told(
    main: SmtpServer, acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    domain = make_domain(acme)
    allow_list.lapse(domain)

    domain_changes.tell_change(domain, Change.LAPSED)

    for person in (ada, olive):
        (letter,) = letters_to(person)
        assert letter.subject == "Mail from acme.example is held: its DNS records are gone"


def test_after_the_approval_is_taken_back_from_is_the_platforms_again(
    main: SmtpServer, app: Flask, shop: App, ada: Person, olive: Person, dns_server: DnsServer
) -> None:
    request, domain = approved(ada, olive)
    publish(dns_server, domain.records)
    look(domain, dns_server)
    with ReceivingServer(Script()) as receiving:
        main.port = receiving.port
        waiting = send(shop, sender="news@acme.example")
        assert waiting.from_email == "news@acme.example"

        domain_requests.revoke(request, by=olive, reason="Complaints.")
        db.session.commit()
        drain(app)

    assert fresh(waiting).from_email == "hello@northwind.example"
    assert [one["email"] for one in waiting.route_reply_to] == ["news@acme.example"]
    kinds = db.session.scalars(select(Event.kind).where(Event.message_id == waiting.id)).all()
    assert "rerouted" in kinds
