"""A white label's domains: asked for, published, checked, shared, given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Person, Tally
from portal.core.db import db
from portal.desk import domain_requests
from portal.desk.request_models import DomainRequest, RecordLink
from portal.domains import checks
from portal.domains.models import Domain, DomainRecord, DomainState
from portal.domains.records import Purpose
from portal.domains.resolver import DnsResolver
from portal.outbox import suspension
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import approved, asked, letters_to, platforms_server, publish
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_server import DnsServer
from tests.equipment.mail import send
from tests.equipment.stage import fresh, make_app, make_domain, make_sender, make_server
from tests.equipment.visitor import Visitor, Visits


@pytest.fixture
def main(olive: Person) -> SmtpServer:
    return platforms_server(olive)


@pytest.fixture
def here(visit: Visits, ada: Person) -> Visitor:
    return visit(ada)


@pytest.fixture
def domain(
    app: Flask, main: SmtpServer, ada: Person, olive: Person, dns_server: DnsServer
) -> Domain:
    """Approved, with nothing published; DNS is asked at the test's own server."""
    app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
    return approved(ada, olive)[1]


class TestAsking:
    @pytest.mark.accepts("SI-14", "SI-18", "SI-19", "SI-20")
    @pytest.mark.both_stores
    def test_send_request_tells_the_owner_and_shows_how_it_stands(
        self, main: SmtpServer, here: Visitor, olive: Person
    ) -> None:
        page = here.get("/domains").click("Send request")
        page = page.submit("Send request", name=" Acme.Example. ", note="For our newsletter.")

        assert "Request sent. You get a mail when it is answered." in page.text
        assert page.h1 == "acme.example"
        assert "Waits for an answer since" in page.content
        assert "For our newsletter." in page.content
        assert len(letters_to(olive)) == 1

    @pytest.mark.accepts("SI-17")
    def test_without_a_platforms_server_there_is_no_button_and_the_page_says_why(
        self, here: Visitor
    ) -> None:
        page = here.get("/domains")

        assert "Send request" not in page.links()
        assert "the platform has no mail server of its own" in page.content
        assert "no mail server of its own" in here.get("/domains/request").content

    @pytest.mark.accepts("SI-31")
    def test_the_likeliest_domain_stands_in_the_form_and_any_other_can_be_typed(
        self, main: SmtpServer, here: Visitor, ada: Person
    ) -> None:
        make_server(ada, "own", from_email="news@shop.example")

        page = here.get("/domains/request")

        assert page.tree.xpath("//input[@name='name']/@value") == ["shop.example"]
        other = page.click("acme.example")
        assert other.tree.xpath("//input[@name='name']/@value") == ["acme.example"]

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("", "Which domain?"),
            ("*.acme.example", "another sign that no domain can have"),
            ("192.0.2.1", "An IP address cannot stand in place of a domain."),
            ("co.uk", "Everybody can register names below co.uk."),
            ("birch.localhost", "This domain is in use already. If it is yours"),
            ("x" * 300, "is too long"),
        ],
    )
    def test_what_cannot_be_asked_for_is_told_at_the_field_and_nothing_is_lost(
        self, main: SmtpServer, birch: WhiteLabel, here: Visitor, name: str, words: str
    ) -> None:
        page = here.get("/domains/request").submit("Send request", name=name, note="Keep me.")

        assert words in page.error_at("name")
        assert "Keep me." in page.body
        assert db.session.scalars(select(DomainRequest)).all() == []

    def test_a_second_click_asks_once(self, main: SmtpServer, here: Visitor, olive: Person) -> None:
        form = here.get("/domains/request")

        form.submit("Send request", name="acme.example")
        again = form.submit("Send request", name="acme.example")

        assert "was asked for already" in again.error_at("name")
        assert len(letters_to(olive)) == 1

    def test_a_name_in_other_letters_is_shown_both_ways(
        self, main: SmtpServer, here: Visitor
    ) -> None:
        page = here.get("/domains/request").submit("Send request", name="bücher.example")

        assert page.h1 == "bücher.example"
        assert "xn--bcher-kva.example" in page.content


class TestWaiting:
    @pytest.mark.both_stores
    def test_the_owners_are_reminded_when_three_days_are_over(
        self, clock: HandSetClock, main: SmtpServer, visit: Visits, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)
        too_early = visit(ada).get(f"/domains/requests/{request.id}").submit("Remind them")
        clock.advance(days=3)

        page = visit(ada).get(f"/domains/requests/{request.id}").submit("Remind them")

        assert "less than three days ago" in too_early.text
        assert "The owners are reminded by mail." in page.text
        assert len(letters_to(olive)) == 2

    @pytest.mark.both_stores
    def test_it_is_taken_back_on_a_page_of_its_own(
        self, main: SmtpServer, here: Visitor, ada: Person
    ) -> None:
        request = asked(ada)

        page = here.get(f"/domains/requests/{request.id}").click("Take it back")
        page = page.submit("Take back the request for acme.example")

        assert "Taken back" in page.content
        assert page.path == "/domains"

    def test_a_refusal_is_shown_with_its_reason_and_can_be_answered_by_asking_again(
        self, main: SmtpServer, here: Visitor, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)
        domain_requests.refuse(request, by=olive, reason="No <b>such</b> names.")
        db.session.commit()

        page = here.get(f"/domains/requests/{request.id}")

        assert "Refused on" in page.content
        assert "No <b>such</b> names." in page.content
        again = page.click("Ask again").submit("Send request")
        assert "Waits for an answer since" in again.content

    def test_a_request_that_became_a_domain_leads_to_it(
        self, here: Visitor, domain: Domain
    ) -> None:
        request = db.session.scalars(select(DomainRequest)).one()

        assert here.get(f"/domains/requests/{request.id}").path == f"/domains/{domain.id}"


class TestPublishing:
    @pytest.mark.accepts("SI-24")
    def test_the_answer_stands_first_and_each_record_can_be_copied(
        self, here: Visitor, domain: Domain
    ) -> None:
        page = here.get(f"/domains/{domain.id}")

        assert page.tree.xpath("string(//main//p[@class='answer'])").strip() == (
            "Publish these 4 records in the DNS of the domain."
        )
        for record in domain.records:
            assert page.tree.xpath(f"string(//*[@id='name-{record.id}'])") == record.name
            assert page.tree.xpath(f"string(//*[@id='value-{record.id}'])") == record.value
            assert page.tree.xpath(f"//button[@data-copy='value-{record.id}']")

    def test_what_is_only_advised_and_there_is_not_counted_among_what_to_publish(
        self, here: Visitor, domain: Domain, dns_server: DnsServer
    ) -> None:
        dns_server.publish(f"_dmarc.{domain.name}", "v=DMARC1; p=reject")

        page = here.get(f"/domains/{domain.id}").submit("Check now")

        assert "Publish these 3 records in the DNS of the domain." in page.content

    def test_check_now_says_what_is_there_and_what_is_not(
        self, here: Visitor, domain: Domain, dns_server: DnsServer
    ) -> None:
        first = domain.records[0]
        dns_server.publish(first.name, first.value)

        page = here.get(f"/domains/{domain.id}").submit("Check now")

        assert "1 of 3 required records is there." in page.text
        assert "Nothing is published at this name." in page.content
        assert f"at {dns_server.address}" in page.content

    @pytest.mark.accepts("SS-06")
    @pytest.mark.both_stores
    def test_check_now_verifies_and_tells_both_sides(
        self, here: Visitor, domain: Domain, dns_server: DnsServer, ada: Person, olive: Person
    ) -> None:
        publish(dns_server, domain.records)

        page = here.get(f"/domains/{domain.id}").submit("Check now")

        assert "acme.example is verified." in page.text
        assert "Verified since" in page.content
        assert "Create sender" in page.links()
        for person in (ada, olive):
            assert letters_to(person)[-1].subject == "acme.example is verified"

    def test_a_sender_is_created_from_there(
        self, here: Visitor, domain: Domain, dns_server: DnsServer
    ) -> None:
        publish(dns_server, domain.records)
        page = here.get(f"/domains/{domain.id}").submit("Check now")

        page = page.click("Create sender").submit("Create sender", email="news@acme.example")

        assert "news@acme.example can be chosen as a sender now." in page.text
        assert "news@acme.example" in here.get(f"/domains/{domain.id}").content

    def test_an_spf_record_that_is_there_is_merged_and_not_doubled(
        self, here: Visitor, domain: Domain, dns_server: DnsServer
    ) -> None:
        dns_server.publish("spf.provider.example", "v=spf1 ip4:192.0.2.1 -all")
        dns_server.publish("acme.example", "v=spf1 ip4:198.51.100.7 -all")

        page = here.get(f"/domains/{domain.id}").submit("Check now")

        spf = next(one for one in _records(domain) if one.purpose is Purpose.SPF)
        shown = page.tree.xpath(f"string(//*[@id='value-{spf.id}'])")
        assert "ip4:198.51.100.7" in shown
        assert "include:spf.provider.example" in shown
        assert "in its place, never beside it" in page.content

    def test_could_not_ask_is_not_missing(
        self, here: Visitor, domain: Domain, dns_server: DnsServer
    ) -> None:
        for record in domain.records:
            dns_server.break_zone(record.name)

        page = here.get(f"/domains/{domain.id}").submit("Check now")

        assert "DNS did not answer for all of them" in page.text
        assert "Missing" not in page.content

    def test_dns_is_not_asked_twice_in_a_moment(
        self, clock: HandSetClock, here: Visitor, domain: Domain
    ) -> None:
        page = here.get(f"/domains/{domain.id}").submit("Check now")

        again = page.submit("Check now")

        assert "DNS was asked a moment ago." in again.text

    def test_a_check_is_counted_while_dns_is_asked_and_no_longer(
        self, clock: HandSetClock, here: Visitor, domain: Domain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        under_way: list[int] = []

        def looked_at(plan: checks.Plan, dns: DnsResolver) -> checks.Findings:
            # From outside: what is counted has to be committed by now.
            with db.engine.connect() as another:
                counted = select(Tally).where(Tally.subject.startswith("dns check under way"))
                under_way.append(len(another.execute(counted).all()))
            return ask(plan, dns)

        ask = checks.ask
        monkeypatch.setattr(checks, "ask", looked_at)
        page = here.get(f"/domains/{domain.id}").submit("Check now")
        clock.advance(seconds=10)

        page = page.submit("Check now")

        assert under_way == [2, 2]
        assert "0 of 3 required records are there." in page.text

    def test_what_strangers_publish_is_only_text(
        self, here: Visitor, domain: Domain, dns_server: DnsServer
    ) -> None:
        dns_server.publish(domain.records[0].name, "<script>alert(1)</script>")

        page = here.get(f"/domains/{domain.id}").submit("Check now")

        assert "<script>alert" not in page.body
        assert "<script>alert(1)</script>" in page.content

    def test_a_lapsed_domain_says_how_much_waits(
        self, main: SmtpServer, here: Visitor, acme: WhiteLabel, ada: Person
    ) -> None:
        lapsed = make_domain(acme, state=DomainState.LAPSED)
        send(make_app(ada), sender="news@acme.example")

        page = here.get(f"/domains/{lapsed.id}")

        assert "Lapsed: a required record is gone." in page.content
        assert "1 delivery waits for it." in page.content

    def test_a_vouched_domain_has_no_records_to_look_for(
        self, here: Visitor, acme: WhiteLabel
    ) -> None:
        page = here.get(f"/domains/{make_domain(acme).id}")

        assert "An operator vouches for this domain" in page.content


class TestSharing:
    @pytest.mark.both_stores
    def test_whoever_has_the_link_opens_it_once_and_reads_the_records(
        self, visit: Visits, here: Visitor, domain: Domain
    ) -> None:
        address = _share(here, domain)
        stranger = visit.at("acme.localhost")

        door = stranger.get(address)
        shown = door.submit("Show the records")

        assert "asks you to publish DNS records" in door.content
        for record in domain.records:
            assert record.value not in door.body
            assert record.value in shown.body
        assert stranger.get(address).h1 == "DNS records of acme.example"
        assert "was opened on" in here.get(f"/domains/{domain.id}").content

    def test_somebody_with_the_same_link_later_sees_nothing(
        self, visit: Visits, here: Visitor, domain: Domain
    ) -> None:
        address = _share(here, domain)
        visit.at("acme.localhost").get(address).submit("Show the records")

        other = visit.at("acme.localhost").get(address)

        assert other.status == 404
        assert "It was opened already" in other.content

    def test_a_scanner_that_opens_every_link_does_not_use_it_up(
        self, visit: Visits, here: Visitor, domain: Domain
    ) -> None:
        address = _share(here, domain)
        for _time in range(3):
            visit.at("acme.localhost").answer("GET", address)

        page = visit.at("acme.localhost").get(address).submit("Show the records")

        assert page.h1 == "DNS records of acme.example"

    def test_it_shows_nothing_else_of_the_white_label(
        self, visit: Visits, here: Visitor, domain: Domain, ada: Person, acme: WhiteLabel
    ) -> None:
        make_domain(acme, "secret-plan.example")

        page = visit.at("acme.localhost").get(_share(here, domain)).submit("Show the records")

        for words in (ada.name, ada.email, "secret-plan", "Desk", "Sign out"):
            assert words not in page.body
        assert [link for link in page.links() if link != "Skip to the content"] == []

    def test_its_answers_are_kept_and_listed_by_nobody(
        self, visit: Visits, here: Visitor, domain: Domain
    ) -> None:
        address = _share(here, domain)
        stranger = visit.at("acme.localhost")
        opened = stranger.get(address).submit("Show the records")

        headers = opened.response.headers
        cookie = stranger.client.get_cookie("records", domain="acme.localhost", path=address)

        assert headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert cookie is not None
        assert (cookie.http_only, cookie.same_site) == (True, "Lax")

    def test_a_withdrawn_link_and_a_wrong_one_look_the_same(
        self, visit: Visits, here: Visitor, domain: Domain
    ) -> None:
        address = _share(here, domain)
        page = here.get(f"/domains/{domain.id}").submit("Withdraw the link")

        withdrawn = visit.at("acme.localhost").get(address)
        wrong = visit.at("acme.localhost").get(f"{address[:-4]}AAAA")

        assert "The link does not work any more." in page.text
        assert (withdrawn.status, withdrawn.content) == (404, wrong.content)

    def test_it_opens_at_its_own_white_label_only(
        self, visit: Visits, here: Visitor, birch: WhiteLabel, domain: Domain
    ) -> None:
        address = _share(here, domain)

        for host in ("birch.localhost", ""):
            assert visit.at(host).get(address).status == 404

    def test_a_suspended_white_label_shows_nothing(
        self, visit: Visits, here: Visitor, acme: WhiteLabel, domain: Domain
    ) -> None:
        address = _share(here, domain)
        stranger = visit.at("acme.localhost")
        stranger.get(address).submit("Show the records")

        suspension.suspend(acme)
        db.session.commit()

        assert stranger.answer("GET", address).status_code != 200

    def test_whoever_tries_links_out_is_slowed_down(
        self, clock: HandSetClock, visit: Visits, main: SmtpServer, acme: WhiteLabel
    ) -> None:
        stranger = visit.at("acme.localhost")
        statuses = [stranger.answer("GET", f"/records/{n}").status_code for n in range(61)]

        assert statuses == [404] * 60 + [429]
        clock.advance(minutes=11)
        assert stranger.answer("GET", "/records/x").status_code == 404

    def test_pressing_the_button_of_links_that_are_not_there_is_counted_too(
        self, clock: HandSetClock, visit: Visits, acme: WhiteLabel
    ) -> None:
        stranger = visit.at("acme.localhost")
        stranger.get("/sign-in")
        statuses = [stranger.post(f"/records/{n}").status for n in range(61)]

        assert statuses == [404] * 60 + [429]

    def test_the_new_link_is_shown_once(self, here: Visitor, domain: Domain) -> None:
        address = _share(here, domain)

        assert address not in here.get(f"/domains/{domain.id}").body
        assert len(db.session.scalars(select(RecordLink)).all()) == 1


class TestRemoving:
    @pytest.mark.both_stores
    def test_what_goes_with_it_is_shown_first(
        self,
        main: SmtpServer,
        here: Visitor,
        acme: WhiteLabel,
        ada: Person,
        domain: Domain,
        dns_server: DnsServer,
    ) -> None:
        publish(dns_server, domain.records)
        here.get(f"/domains/{domain.id}").submit("Check now")
        make_sender(main, "news@acme.example", of=acme)
        send(make_app(ada), sender="news@acme.example")

        page = here.get(f"/domains/{domain.id}").click("Remove domain")

        assert "1: news@acme.example" in page.content
        assert "Mail that waits to leave from it 1" in page.content
        page = page.submit("Remove domain acme.example")
        assert "acme.example is off your list." in page.text
        assert fresh(domain).state is DomainState.REVOKED
        assert here.get(f"/domains/{domain.id}").path.startswith("/domains/requests/")

    def test_a_domain_that_nobody_asked_for_is_removed_too(
        self, here: Visitor, acme: WhiteLabel
    ) -> None:
        vouched = make_domain(acme)

        here.get(f"/domains/{vouched.id}/remove").submit("Remove domain acme.example")

        assert fresh(vouched).state is DomainState.REVOKED
        assert here.get(f"/domains/{vouched.id}").status == 404


class TestList:
    @pytest.mark.both_stores
    def test_each_name_stands_there_once_with_its_state(
        self, main: SmtpServer, here: Visitor, acme: WhiteLabel, ada: Person, olive: Person
    ) -> None:
        make_domain(acme, "verified.example")
        make_domain(acme, "lapsed.example", DomainState.LAPSED)
        approved(ada, olive, "approved.example")
        asked(ada, "bücher.example")

        rows = here.get("/domains").tree.xpath("//tbody/tr")

        assert [" ".join(row.text_content().split()) for row in rows] == [
            "approved.example Records to publish 0 of 3 there –",
            "lapsed.example Lapsed – –",
            "verified.example Verified – –",
            "bücher.example xn--bcher-kva.example Waits for an answer – –",
        ]

    def test_it_can_be_searched_by_name_and_state(
        self, main: SmtpServer, here: Visitor, acme: WhiteLabel, ada: Person
    ) -> None:
        make_domain(acme, "one.example")
        asked(ada, "two.example")

        by_name = here.get("/domains", query={"q": "ONE"})
        by_state = here.get("/domains", query={"state": "open"})
        nothing = here.get("/domains", query={"q": "three"})

        assert "two.example" not in by_name.content
        assert "one.example" not in by_state.content
        assert "No domain matches" in nothing.content

    def test_it_is_given_out_as_a_file(self, here: Visitor, acme: WhiteLabel) -> None:
        make_domain(acme, "one.example")

        lines = here.get("/domains.csv").body.splitlines()

        assert lines[1].startswith("one.example,one.example,Verified,no,")


def _share(here: Visitor, domain: Domain) -> str:
    """The path of a new link, as the page shows it."""
    page = here.get(f"/domains/{domain.id}")
    words = "Make a new link" if "Make a new link" in page.text else "Make a link"
    address: str = page.submit(words).tree.xpath("string(//*[@id='link-address'])")
    origin = "http://acme.localhost:8000"
    assert address.startswith(f"{origin}/records/")
    return address.removeprefix(origin)


def _records(domain: Domain) -> list[DomainRecord]:
    db.session.refresh(domain)
    records = list(domain.records)
    db.session.commit()
    return records
