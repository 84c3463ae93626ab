"""Domain requests in the Backoffice: what an owner sees before deciding, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import domain_requests, record_templates
from portal.desk.request_models import DomainRequest, RecordTemplate
from portal.desk.request_states import RequestState
from portal.domains import allow_list, signing
from portal.domains.models import DomainState
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import approved, asked, letters_to, platforms_server, publish, said_in
from tests.equipment.dns_server import DnsServer
from tests.equipment.mail import send
from tests.equipment.stage import fresh, kept, make_app, make_domain, make_server
from tests.equipment.visitor import Visitor, Visits

RECORDS = """; from the provider
TXT @ v=spf1 include:spf.provider.example ~all
s1._domainkey.{domain}. 3600 IN CNAME s1.domainkey.provider.example."""
ALONE = "v=spf1 include:spf.provider.example ~all"
IN_ITS_PLACE = "publish this one in its place, never beside it."
WARNING = "If a record that begins with v=spf1 is there already, do not add a second one;"


@pytest.fixture(autouse=True)
def main(olive: Person) -> SmtpServer:
    return platforms_server(olive)


@pytest.fixture
def here(visit: Visits, olive: Person) -> Visitor:
    return visit(olive)


@pytest.fixture
def provider(app: Flask) -> RecordTemplate:
    made = record_templates.save(
        None, name="Provider", records=RECORDS, note="The provider needs a day."
    )
    db.session.commit()
    return made


def at(request: DomainRequest) -> str:
    return f"/backoffice/domain-requests/{request.id}"


class TestDeciding:
    @pytest.mark.accepts("SI-21", "SI-25")
    def test_the_menu_counts_what_waits_and_the_list_leads_to_it(
        self, here: Visitor, ada: Person, cal: Person
    ) -> None:
        asked(ada)
        asked(cal, "birch.example")

        page = here.get("/backoffice/domain-requests")

        entry = page.tree.xpath("//nav//a[contains(., 'Domain requests')]")[0]
        assert " ".join(entry.text_content().split()).startswith("Domain requests 2")
        assert page.click("acme.example").h1 == "acme.example"

    def test_it_says_who_asks_and_what_sends_from_there(self, here: Visitor, ada: Person) -> None:
        make_server(ada, "own", from_email="news@acme.example")
        make_app(ada, "Shop")
        request = asked(ada, note="For our newsletter.")

        page = here.get(at(request))

        for words in (
            "Acme asks to send from acme.example through your servers.",
            "Ada, ada@acme.example",
            "news@acme.example on their own server",
            "Shop",
            "For our newsletter.",
        ):
            assert words in page.content

    @pytest.mark.accepts("SI-22", "SI-23")
    @pytest.mark.both_stores
    def test_with_a_record_template_approving_is_one_click(
        self, here: Visitor, ada: Person, provider: RecordTemplate
    ) -> None:
        request = asked(ada)

        page = here.get(at(request)).submit("Approve acme.example")

        assert "acme.example is approved, the records are sent." in page.text
        domain = fresh(request).domain
        assert domain is not None
        shown = [(one.type.value, one.name) for one in domain.records]
        db.session.commit()
        assert shown == [
            ("TXT", "_livery-challenge.acme.example"),
            ("TXT", "acme.example"),
            ("CNAME", "s1._domainkey.acme.example"),
            ("TXT", "_dmarc.acme.example"),
        ]
        (letter,) = letters_to(ada)
        assert "The provider needs a day." in (letter.text or "")

    def test_records_can_be_pasted_and_subdomains_ticked(self, here: Visitor, ada: Person) -> None:
        request = asked(ada)

        here.get(at(request)).submit(
            "Approve acme.example",
            records=RECORDS,
            includes_subdomains=True,
            note="Hello",
        )

        domain = fresh(request).domain
        assert domain is not None
        assert domain.includes_subdomains
        assert request.answer == "Hello"
        db.session.commit()

    def test_our_own_key_is_one_tick(self, here: Visitor, ada: Person) -> None:
        request = asked(ada)

        here.get(at(request)).submit("Approve acme.example", signs=True)

        domain = fresh(request).domain
        assert domain is not None
        assert len(signing.keys_of(domain)) == 1
        db.session.commit()

    @pytest.mark.parametrize(
        ("records", "words"),
        [
            ("", "Receivers need an SPF or a DKIM record"),
            ("hello", "Line 1 is not a record"),
            ("TXT other.example. v=spf1 -all", "is not a valid name"),
        ],
    )
    def test_records_that_cannot_be_are_told_at_the_field_and_nothing_is_approved(
        self, here: Visitor, ada: Person, records: str, words: str
    ) -> None:
        request = asked(ada)

        page = here.get(at(request)).submit("Approve acme.example", records=records, note="Kept")

        assert words in page.error_at("records") or "is not within" in page.error_at("records")
        assert "Kept" in page.body
        assert fresh(request).state is RequestState.OPEN
        assert allow_list.domains_of(request.white_label) == []
        db.session.commit()

    @pytest.mark.both_stores
    def test_an_spf_record_that_is_there_is_merged_into_the_very_answer(
        self, app: Flask, visit: Visits, here: Visitor, ada: Person, dns_server: DnsServer
    ) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
        dns_server.publish("spf.provider.example", "v=spf1 ip4:192.0.2.1 -all")
        dns_server.publish("acme.example", "v=spf1 ip4:198.51.100.7 -all")
        request = asked(ada)

        here.get(at(request)).submit("Approve acme.example", records=RECORDS)

        merged = "v=spf1 ip4:198.51.100.7 include:spf.provider.example -all"
        (letter,) = letters_to(ada)
        page = visit(ada).get(f"/domains/{fresh(request).domain_id}")
        listed = str(page.tree.xpath("string(//div[@class='records'])"))
        for told in (letter.text, letter.html, said_in(request)[-1], listed):
            assert merged in (told or "")
            assert IN_ITS_PLACE in (told or "")
            assert ALONE not in (told or "")
        db.session.commit()

    def test_where_dns_cannot_be_asked_every_answer_warns_of_a_second_spf_record(
        self, app: Flask, visit: Visits, here: Visitor, ada: Person, dns_server: DnsServer
    ) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
        dns_server.break_zone("acme.example")
        request = asked(ada)

        here.get(at(request)).submit("Approve acme.example", records=RECORDS)

        (letter,) = letters_to(ada)
        page = visit(ada).get(f"/domains/{fresh(request).domain_id}")
        listed = str(page.tree.xpath("string(//div[@class='records'])"))
        for told in (letter.text, letter.html, said_in(request)[-1], listed):
            assert ALONE in (told or "")
            assert (told or "").count(WARNING) == 1
        db.session.commit()

    def test_where_dns_says_that_there_is_none_nobody_is_warned(
        self, app: Flask, here: Visitor, ada: Person, dns_server: DnsServer
    ) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
        request = asked(ada)

        here.get(at(request)).submit("Approve acme.example", records=RECORDS)

        (letter,) = letters_to(ada)
        for told in (letter.text, letter.html, said_in(request)[-1]):
            assert ALONE in (told or "")
            assert WARNING not in (told or "")
            assert IN_ITS_PLACE not in (told or "")
        db.session.commit()

    @pytest.mark.both_stores
    def test_a_refusal_needs_a_reason_and_tells_it(self, here: Visitor, ada: Person) -> None:
        request = asked(ada)

        page = here.get(at(request)).submit("Refuse acme.example")
        assert page.error_at("refuse-reason") == "Say why; they read it."
        page = page.submit("Refuse acme.example", **{"refuse-reason": "Not with our provider."})

        assert "The request is refused, and the reason sent." in page.text
        assert fresh(request).state is RequestState.REFUSED
        assert "Not with our provider." in (letters_to(ada)[-1].text or "")

    def test_where_no_mail_leaves_it_says_where_the_answer_is_read(
        self, here: Visitor, visit: Visits, ada: Person, main: SmtpServer
    ) -> None:
        refused, listed = asked(ada), asked(ada, "other.example")
        main.is_enabled = False
        db.session.commit()

        page = here.get(at(refused)).submit(
            "Refuse acme.example", **{"refuse-reason": "Not with our provider."}
        )
        approved = here.get(at(listed)).submit("Approve other.example", records=RECORDS)
        changed = here.get(f"{at(listed)}/records").submit("Change the records", records=RECORDS)

        reads = "No mail reaches the admins of Acme at present: they read"
        assert f"{reads} the reason on the request's page and in the conversation." in page.text
        for answer in (approved, changed):
            assert f"{reads} the records on the domain's page." in answer.text
        admin = visit(ada)
        assert "Not with our provider." in admin.get(f"/domains/requests/{refused.id}").content
        assert "Not with our provider." in admin.get(f"/desk/{refused.thread_id}").content

    def test_what_was_taken_back_meanwhile_cannot_be_approved(
        self, here: Visitor, ada: Person, provider: RecordTemplate
    ) -> None:
        request = asked(ada)
        page = here.get(at(request))
        domain_requests.withdraw(request, by=ada)
        db.session.commit()

        page = page.submit("Approve acme.example")

        assert page.status == 200
        assert "Acme took it back." in page.content
        assert "Approve acme.example" not in page.text
        assert "This request was taken back." in page.text

    def test_two_refusals_at_once_are_one(self, here: Visitor, ada: Person) -> None:
        page = here.get(at(asked(ada)))

        page.submit("Refuse acme.example", **{"refuse-reason": "No."})
        again = page.submit("Refuse acme.example", **{"refuse-reason": "No!"})

        assert "This request was refused already." in again.text
        assert len(letters_to(ada)) == 1


class TestWarning:
    def test_of_a_domain_that_another_holds(
        self, here: Visitor, ada: Person, birch: WhiteLabel, provider: RecordTemplate
    ) -> None:
        request = asked(ada)
        make_domain(birch, "acme.example")

        page = here.get(at(request))

        assert "acme.example is held by another white label already" in page.content
        refused = page.submit("Approve acme.example")
        assert "is held by another white label." in refused.text
        assert fresh(request).state is RequestState.OPEN

    def test_of_others_who_ask_for_the_same(self, here: Visitor, ada: Person, cal: Person) -> None:
        request = asked(ada)
        asked(cal)

        page = here.get(at(request))

        assert "Others ask for the same domain; only one can have it: Birch" in page.content

    def test_of_letters_that_are_not_what_they_seem(self, here: Visitor, ada: Person) -> None:
        request = asked(ada, "аcme.example")

        page = here.get(at(request))

        assert page.h1 == "аcme.example"
        assert "xn--cme-5cd.example" in page.content
        assert "letters: Cyrillic, Latin" in page.content
        assert "аcme mixes letters of Cyrillic, Latin." in page.content

    def test_of_names_that_it_may_be_mistaken_for(
        self, here: Visitor, ada: Person, birch: WhiteLabel
    ) -> None:
        make_domain(birch, "acrne-shop.example")

        page = here.get(at(asked(ada, "acme-shop.example")))

        assert "Looks the same as acrne-shop.example of Birch." in page.content

    def test_of_what_was_answered_before(self, here: Visitor, ada: Person, olive: Person) -> None:
        domain_requests.refuse(asked(ada), by=olive, reason="No.")

        page = here.get(at(asked(ada)))

        assert "Asked before" in page.content
        assert "Refused" in page.content


class TestAfterwards:
    def test_the_owner_sees_the_records_and_can_check_them(
        self, app: Flask, here: Visitor, ada: Person, olive: Person, dns_server: DnsServer
    ) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
        request, domain = approved(ada, olive)
        publish(dns_server, domain.records)

        page = here.get(at(request)).submit("Check now")

        assert "acme.example is verified." in page.text
        assert "Acme sends from acme.example through your servers." in page.content

    @pytest.mark.both_stores
    def test_other_records_are_asked_for_where_the_provider_wants_others(
        self, here: Visitor, ada: Person, olive: Person
    ) -> None:
        request, domain = approved(ada, olive)

        page = here.get(at(request)).click("Change the records")
        (typed,) = page.tree.xpath("//textarea[@name='records']/text()")
        page = page.submit(
            "Change the records",
            records=typed.replace("s1.domainkey", "s7.domainkey"),
            note="Sorry, a slip.",
        )

        assert "The records are changed and sent." in page.text
        values = [one.to_publish for one in fresh(domain).records]
        db.session.commit()
        required = [one.is_required for one in domain.records]
        db.session.commit()
        assert "s7.domainkey.provider.example" in values
        assert required == [True, True, True, False]
        letter = letters_to(ada)[-1]
        assert "the DNS records of acme.example have changed" in (letter.text or "")
        assert "Sorry, a slip." in (letter.text or "")

    def test_changed_records_are_told_merged_with_what_is_there(
        self, app: Flask, here: Visitor, ada: Person, olive: Person, dns_server: DnsServer
    ) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], dns_servers=(dns_server.address,))
        dns_server.publish("other.provider.example", "v=spf1 ip4:192.0.2.9 -all")
        dns_server.publish("acme.example", "v=spf1 ip4:198.51.100.7 -all")
        request, _domain = approved(ada, olive)
        page = here.get(f"{at(request)}/records")

        page.submit(
            "Change the records", records="TXT @ v=spf1 include:other.provider.example ~all"
        )

        merged = "v=spf1 ip4:198.51.100.7 include:other.provider.example -all"
        assert merged in (letters_to(ada)[-1].text or "")
        assert merged in said_in(request)[-1]
        db.session.commit()

    def test_a_record_that_cannot_be_changes_nothing(
        self, here: Visitor, ada: Person, olive: Person
    ) -> None:
        request, domain = approved(ada, olive)

        page = here.get(f"{at(request)}/records").submit("Change the records", records="x")

        assert "Line 1 is not a record" in page.error_at("records")
        assert len(fresh(domain).records) == 4
        db.session.commit()

    @pytest.mark.both_stores
    def test_revoking_says_what_it_changes_and_wants_a_reason(
        self, here: Visitor, ada: Person, olive: Person
    ) -> None:
        request, domain = approved(ada, olive)
        allow_list.verify(domain)
        db.session.commit()
        send(make_app(ada), sender="news@acme.example")

        page = here.get(at(request)).click("Revoke the approval")
        assert "Mail that waits to leave from it 1" in page.content
        nothing = page.submit("Revoke the approval of acme.example")
        assert nothing.error_at("reason") == "Say why; they read it."
        page = page.submit("Revoke the approval of acme.example", reason="Complaints.")

        assert "The approval of acme.example is taken back." in page.text
        assert fresh(domain).state is DomainState.REVOKED
        assert "Complaints." in (letters_to(ada)[-1].text or "")

    def test_a_conversation_leads_to_its_request_on_both_sides(
        self, visit: Visits, here: Visitor, ada: Person
    ) -> None:
        request = asked(ada)

        theirs = here.get(f"/backoffice/desk/{request.thread_id}")
        ours = visit(ada).get(f"/desk/{request.thread_id}")

        assert theirs.click("Request for acme.example").path == at(request)
        assert ours.click("Request for acme.example").path == f"/domains/requests/{request.id}"


class TestList:
    @pytest.mark.both_stores
    def test_it_shows_what_is_asked_for(
        self, here: Visitor, ada: Person, cal: Person, olive: Person
    ) -> None:
        asked(ada)
        approved(cal, olive, "birch.example")

        waiting = here.get("/backoffice/domain-requests")
        listed = waiting.submit("Search", show="listed")
        found = waiting.submit("Search", show="all", q="birch")

        assert "acme.example" in waiting.content
        assert "birch.example" not in waiting.content
        assert "birch.example" in listed.content
        assert "acme.example" not in listed.content
        assert "acme.example" not in found.content

    def test_an_empty_list_says_what_to_do(self, here: Visitor, ada: Person, olive: Person) -> None:
        nothing = here.get("/backoffice/domain-requests")
        approved(ada, olive)
        answered = here.get("/backoffice/domain-requests")

        assert "Nobody has asked for a domain yet" in nothing.content
        assert "Every request is answered" in answered.content

    def test_it_is_given_out_as_a_file(self, here: Visitor, ada: Person) -> None:
        asked(ada)

        lines = here.get("/backoffice/domain-requests.csv").body.splitlines()

        assert lines[1].startswith("acme.example,Acme,ada@acme.example,")

    def test_many_requests_come_page_by_page(self, here: Visitor, ada: Person) -> None:
        first = asked(ada)
        for number in range(60):
            kept(
                DomainRequest(
                    white_label_id=first.white_label_id,
                    name=f"d{number}.example",
                    author_id=ada.id,
                    thread_id=first.thread_id,
                    state=RequestState.OPEN,
                    created_at=first.created_at,
                    changed_at=first.created_at,
                )
            )

        page = here.get("/backoffice/domain-requests")
        older = page.click("Older")

        assert "d59.example" in page.content
        assert "acme.example" not in page.content
        assert "acme.example" in older.content


class TestRecordTemplates:
    def test_one_is_made_changed_and_deleted(self, here: Visitor) -> None:
        page = here.get("/backoffice/record-templates").click("Create record template")
        page = page.submit("Create record template", name="Provider", records=RECORDS)
        assert "Provider 2 no" in page.content

        page = page.click("Provider").submit("Save", signs=True)
        assert "Provider 2 yes" in page.content

        page = page.click("Provider").click("Delete").submit("Delete record template Provider")
        assert "No record template yet" in page.content

    def test_a_line_that_is_no_record_is_told_with_its_number(self, here: Visitor) -> None:
        page = here.get("/backoffice/record-templates/new")

        page = page.submit(
            "Create record template", name="Provider", records="CNAME a b.example\nx"
        )

        assert "Line 2 is not a record" in page.error_at("records")
        assert "CNAME a b.example" in page.body
