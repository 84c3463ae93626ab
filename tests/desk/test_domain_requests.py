"""Domain requests: who may ask for what, who answers, and who is told."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.accounts.models import Person
from portal.audit.search import Wanted as WantedEntries
from portal.audit.search import entries
from portal.core import clock as clocks
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.desk import domain_requests, proposals, request_listing
from portal.desk.models import Unread
from portal.desk.request_listing import Show
from portal.desk.request_models import DomainRequest
from portal.desk.request_states import RequestState
from portal.domains import allow_list, signing
from portal.domains.models import Domain, DomainState
from portal.domains.records import Purpose, RecordType, Wanted
from portal.smtp_settings.models import SmtpServer
from portal.white_labels import hostnames
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import NAME, approved, asked, letters_to, platforms_server, said_in, specs
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh, make_domain, make_person, make_sender, make_server

HOSTILE = [
    ("", "domain_missing"),
    ("acme", "domain_not_full"),
    ("co.uk", "domain_public"),
    ("github.io", "domain_public"),
    ("192.0.2.1", "domain_is_ip"),
    ("[2001:db8::1]", "domain_is_ip"),
    ("*.acme.example", "domain_malformed"),
    ("_dmarc.acme.example", "domain_malformed"),
    ("acme..example", "domain_malformed"),
    ("-acme.example", "domain_malformed"),
    ("a b.example", "domain_malformed"),
    (f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 45}.example", "domain_too_long"),
    ("acme.example/", "domain_malformed"),
    ("http://acme.example", "domain_malformed"),
    ("ada@acme.example", "domain_malformed"),
    ("acme.example\r\nBcc: x@y.example", "domain_malformed"),
    (".".join(["a"] * 300), "domain_too_long"),
    ("a" * 64 + ".example", "domain_too_long"),
]


@pytest.fixture(autouse=True)
def _platform_sends(olive: Person) -> None:
    platforms_server(olive)


class TestAsking:
    @pytest.mark.accepts("SI-16", "SI-18", "SI-20")
    def test_every_owner_gets_a_mail_through_the_platforms_own_route(
        self, acme: WhiteLabel, ada: Person, olive: Person
    ) -> None:
        oscar = make_person(None, "Oscar")

        request = asked(ada, note="It is on our letterhead.")

        for owner in (olive, oscar):
            (letter,) = letters_to(owner)
            assert letter.white_label_id is None
            assert letter.from_email == "hello@northwind.example"
            assert letter.subject == "Acme asks to send from acme.example"
            assert "Ada of Acme" in (letter.text or "")
            assert "It is on our letterhead." in (letter.text or "")
            link = f"http://localhost:8000/backoffice/domain-requests/{request.id}"
            assert link in (letter.text or "")

    def test_a_letter_spells_a_name_in_other_letters_both_ways(
        self, ada: Person, olive: Person
    ) -> None:
        request = asked(ada, "аcme.example")

        (letter,) = letters_to(olive)
        assert letter.subject == "Acme asks to send from аcme.example (xn--cme-5cd.example)"
        assert "xn--cme-5cd.example" in said_in(request)[0]

    @pytest.mark.accepts("SI-21", "SI-25")
    def test_it_lies_on_the_desk_unread_by_every_owner(self, ada: Person, olive: Person) -> None:
        request = asked(ada, note="It is on our letterhead.")

        (words,) = said_in(request)
        assert "send mail from acme.example through your servers" in words
        assert "It is on our letterhead." in words
        unread = db.session.get(Unread, (olive.id, request.thread_id))
        assert unread is not None

    @pytest.mark.accepts("SI-17")
    def test_without_a_server_of_the_platform_nobody_can_ask(
        self, acme: WhiteLabel, ada: Person
    ) -> None:
        for server in db.session.scalars(select(SmtpServer)):
            server.is_enabled = False
        db.session.commit()

        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name=NAME, author=ada)

        assert refused.value.code == "no_platform_server"

    @pytest.mark.parametrize(
        ("typed", "canonical"),
        [
            (" Acme.Example. ", "acme.example"),
            ("Bücher.Example", "xn--bcher-kva.example"),
            ("ＡＣＭＥ。example", "acme.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("аcme.example", "xn--cme-5cd.example"),
        ],
    )
    def test_a_name_is_kept_in_its_canonical_form(
        self, ada: Person, typed: str, canonical: str
    ) -> None:
        assert asked(ada, typed).name == canonical

    @pytest.mark.parametrize(("name", "code"), HOSTILE)
    def test_what_is_no_domain_of_anybody_is_refused_at_the_field(
        self, acme: WhiteLabel, ada: Person, name: str, code: str
    ) -> None:
        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name=name, author=ada)

        assert (refused.value.code, refused.value.field) == (code, "name")

    def test_it_is_asked_for_once(self, acme: WhiteLabel, ada: Person, bob: Person) -> None:
        asked(ada)

        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name="ACME.example", author=bob)

        assert refused.value.code == "already_asked"

    @pytest.mark.both_stores
    def test_of_two_clicks_at_once_the_database_lets_one_through(
        self, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked(ada)
        monkeypatch.setattr(domain_requests, "check_free", lambda *_args: None)

        with pytest.raises(Refusal) as refused:
            asked(ada)

        assert refused.value.code == "already_asked"
        db.session.rollback()
        assert len(db.session.scalars(select(DomainRequest)).all()) == 1

    @pytest.mark.parametrize("state", [DomainState.ALLOWED, DomainState.VERIFIED])
    def test_a_domain_of_another_is_refused_without_telling_whose(
        self, acme: WhiteLabel, birch: WhiteLabel, ada: Person, state: DomainState
    ) -> None:
        make_domain(birch, NAME, state)

        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name=NAME, author=ada)

        assert refused.value.code == "domain_not_available"
        assert "Birch" not in refused.value.words

    def test_a_hostname_of_another_is_refused_without_telling_whose(
        self, acme: WhiteLabel, birch: WhiteLabel, ada: Person
    ) -> None:
        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name="birch.localhost", author=ada)

        assert refused.value.code == "domain_not_available"

    @pytest.mark.parametrize("name", ["northwind.example", "NORTHWIND.example."])
    def test_the_platforms_own_domain_is_refused(
        self, acme: WhiteLabel, ada: Person, name: str
    ) -> None:
        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name=name, author=ada)

        assert refused.value.code == "domain_platform"

    def test_what_is_on_the_list_needs_no_request(self, acme: WhiteLabel, ada: Person) -> None:
        make_domain(acme, NAME).includes_subdomains = True
        db.session.commit()

        for name in (NAME, f"mail.{NAME}"):
            with pytest.raises(Refusal) as refused:
                domain_requests.submit(acme, name=name, author=ada)
            assert refused.value.code == "domain_allowed"

    def test_owners_are_not_flooded(self, acme: WhiteLabel, ada: Person) -> None:
        for number in range(domain_requests.ASKED_PER_DAY):
            asked(ada, f"d{number}.example")

        with pytest.raises(Refusal) as refused:
            domain_requests.submit(acme, name="one-more.example", author=ada)

        assert refused.value.code == "asked_too_often"

    @pytest.mark.accepts("SI-31")
    def test_proposed_is_what_its_senders_and_hostnames_say(
        self, acme: WhiteLabel, ada: Person
    ) -> None:
        own = make_server(ada, "own", from_email="news@shop.example")
        make_sender(own, "hello@news.example", of=acme)
        make_domain(acme, "news.example")
        hostnames.vouch(hostnames.add(acme, "mail.agency.example"), because="test")

        assert proposals.proposals_for(acme, ada) == [
            "shop.example",
            "agency.example",
            "acme.example",
        ]

    def test_nothing_is_proposed_that_would_be_refused(
        self, acme: WhiteLabel, birch: WhiteLabel, ada: Person
    ) -> None:
        make_domain(birch, "acme.example")

        assert proposals.proposals_for(acme, ada) == []


class TestReminding:
    def test_after_three_days_the_owners_are_reminded_once(
        self, clock: HandSetClock, ada: Person, bob: Person, olive: Person
    ) -> None:
        request = asked(ada)
        clock.advance(days=3)

        domain_requests.nudge(request, by=bob)

        assert letters_to(olive)[-1].subject == "Acme still waits for an answer about acme.example"
        with pytest.raises(Refusal) as refused:
            domain_requests.nudge(request, by=bob)
        assert refused.value.code == "nudged_recently"

    def test_before_three_days_they_are_left_in_peace(
        self, clock: HandSetClock, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)
        clock.advance(days=2, hours=23)

        with pytest.raises(Refusal):
            domain_requests.nudge(request, by=ada)

        assert len(letters_to(olive)) == 1

    def test_an_answered_request_needs_no_reminder(
        self, clock: HandSetClock, ada: Person, olive: Person
    ) -> None:
        request, _domain = approved(ada, olive)
        clock.advance(days=4)

        with pytest.raises(Refusal) as refused:
            domain_requests.nudge(request, by=ada)

        assert refused.value.code == "already_decided"


class TestApproving:
    @pytest.mark.accepts("SI-22", "SI-23")
    def test_it_allows_the_domain_and_tells_which_records_to_publish(
        self, ada: Person, bob: Person, olive: Person
    ) -> None:
        request = asked(ada)

        domain = domain_requests.approve(request, by=olive, specs=specs(), note="Give it an hour.")

        assert request.state is RequestState.APPROVED
        assert domain.state is DomainState.ALLOWED
        assert [record.purpose for record in domain.records] == [
            Purpose.OWNERSHIP,
            Purpose.SPF,
            Purpose.DKIM,
            Purpose.DMARC,
        ]
        for admin in (ada, bob):
            (letter,) = letters_to(admin)
            assert letter.subject == "Publish the DNS records of acme.example"
            assert "Give it an hour." in (letter.text or "")
            for record in domain.records:
                assert record.name in (letter.text or "")
                assert record.to_publish in (letter.text or "")
            assert f"http://acme.localhost:8000/domains/{domain.id}" in (letter.text or "")
        assert domain.proof_token in said_in(request)[-1]

    def test_the_letter_names_nobody_of_the_platform(self, ada: Person, olive: Person) -> None:
        approved(ada, olive)

        (letter,) = letters_to(ada)
        assert "Northwind" not in (letter.text or "") + (letter.html or "")
        assert "Olive" not in (letter.text or "") + (letter.html or "")

    def test_advice_on_dmarc_is_not_given_twice(self, ada: Person, olive: Person) -> None:
        own = Wanted(Purpose.DMARC, RecordType.TXT, "_dmarc", "v=DMARC1; p=reject", False)
        request = asked(ada)

        domain = domain_requests.approve(request, by=olive, specs=[*specs(), own])

        values = [one.value for one in domain.records if one.purpose is Purpose.DMARC]
        assert values == ["v=DMARC1; p=reject"]

    def test_our_own_key_is_among_the_records(self, ada: Person, olive: Person) -> None:
        request = asked(ada)

        domain = domain_requests.approve(request, by=olive, signs=True)

        (key,) = signing.keys_of(domain)
        assert f"{key.selector}._domainkey.acme.example" in [one.name for one in domain.records]
        assert key.public_key[:60] in said_in(request)[-1]

    def test_changed_records_leave_our_own_key_alone(self, ada: Person, olive: Person) -> None:
        request = asked(ada)
        domain = domain_requests.approve(request, by=olive, signs=True)
        before = signing.records_of(domain)

        domain_requests.change_records(request, by=olive, specs=specs())

        assert signing.records_of(domain) == before
        assert domain_requests.chosen_records(domain)[:2] == specs()

    def test_records_of_a_domain_that_is_off_the_list_cannot_change(
        self, ada: Person, olive: Person
    ) -> None:
        request, _domain = approved(ada, olive)
        domain_requests.withdraw(request, by=ada)

        with pytest.raises(Refusal) as refused:
            domain_requests.change_records(request, by=olive, specs=specs())

        assert refused.value.code == "not_on_the_list"

    def test_something_must_vouch_for_the_mail(self, ada: Person, olive: Person) -> None:
        request = asked(ada)

        with pytest.raises(Refusal) as refused:
            domain_requests.approve(request, by=olive)

        assert (refused.value.code, refused.value.field) == ("nothing_vouches", "records")

    def test_subdomains_come_only_where_that_was_ticked(self, ada: Person, olive: Person) -> None:
        request, domain = approved(ada, olive)
        other = asked(ada, "other.example")

        wide = domain_requests.approve(
            other, by=olive, specs=specs("other.example"), includes_subdomains=True
        )

        assert (domain.includes_subdomains, wide.includes_subdomains) == (False, True)
        assert request.name == domain.name

    @pytest.mark.both_stores
    def test_of_two_white_labels_that_ask_for_one_domain_one_gets_it(
        self, ada: Person, cal: Person, olive: Person
    ) -> None:
        acmes, birchs = asked(ada), asked(cal)
        domain_requests.approve(acmes, by=olive, specs=specs())
        db.session.commit()

        with pytest.raises(Refusal) as refused:
            domain_requests.approve(birchs, by=olive, specs=specs())
        db.session.rollback()

        assert refused.value.code == "domain_held"
        assert fresh(birchs).state is RequestState.OPEN
        assert [one.id for one in request_listing.rivals_of(acmes)] == [birchs.id]

    def test_the_proof_of_one_is_worth_nothing_to_another(
        self, ada: Person, cal: Person, olive: Person
    ) -> None:
        request, first = approved(ada, olive)
        domain_requests.withdraw(request, by=ada)

        _request, second = approved(cal, olive)
        _again, third = approved(ada, olive, "again.example")

        assert len({first.proof_token, second.proof_token, third.proof_token}) == 3

    def test_a_request_that_was_taken_back_cannot_be_approved(
        self, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)
        domain_requests.withdraw(request, by=ada)
        db.session.commit()

        with pytest.raises(Refusal) as refused:
            domain_requests.approve(request, by=olive, specs=specs())

        assert refused.value.code == "withdrawn"


class TestRefusing:
    def test_the_reason_is_told_and_the_domain_can_be_asked_for_again_at_once(
        self, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)

        domain_requests.refuse(request, by=olive, reason="Our provider takes no such names.")
        db.session.commit()

        (letter,) = letters_to(ada)
        assert letter.subject == "The request for acme.example was refused"
        assert "Our provider takes no such names." in (letter.text or "")
        assert request.thread.is_closed
        assert asked(ada).id != request.id

    def test_it_is_refused_once_and_with_a_reason(self, ada: Person, olive: Person) -> None:
        request = asked(ada)

        with pytest.raises(Refusal) as no_reason:
            domain_requests.refuse(request, by=olive, reason=" ")
        db.session.rollback()
        domain_requests.refuse(request, by=olive, reason="No.")
        with pytest.raises(Refusal) as twice:
            domain_requests.refuse(request, by=olive, reason="No.")

        assert no_reason.value.field == "reason"
        assert twice.value.code == "already_decided"


class TestEnding:
    def test_an_open_request_is_taken_back_and_the_owners_know(
        self, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)

        domain_requests.withdraw(request, by=ada)

        assert request.state is RequestState.WITHDRAWN
        assert letters_to(olive)[-1].subject == "Acme took back its request for acme.example"

    def test_a_domain_that_is_given_up_is_free_for_the_next(
        self, acme: WhiteLabel, birch: WhiteLabel, ada: Person, olive: Person
    ) -> None:
        request, domain = approved(ada, olive)

        domain_requests.withdraw(request, by=ada)

        assert domain.state is DomainState.REVOKED
        assert allow_list.allow(birch, NAME).white_label_id == birch.id
        assert letters_to(olive)[-1].subject == "Acme no longer sends from acme.example"

    def test_an_approval_is_taken_back_with_a_reason(self, ada: Person, olive: Person) -> None:
        request, domain = approved(ada, olive)
        allow_list.verify(domain)

        domain_requests.revoke(request, by=olive, reason="Complaints.")

        assert (request.state, domain.state) == (RequestState.REVOKED, DomainState.REVOKED)
        letter = letters_to(ada)[-1]
        assert letter.subject == "The approval of acme.example was taken back"
        assert "Complaints." in (letter.text or "")
        with pytest.raises(Refusal):
            domain_requests.revoke(request, by=olive, reason="Again.")

    def test_nobody_waits_longer_than_a_month(
        self, clock: HandSetClock, ada: Person, olive: Person
    ) -> None:
        request = asked(ada)
        clock.advance(days=30, minutes=1)

        ended = domain_requests.expire_unanswered()
        db.session.commit()

        assert ended == 1
        assert fresh(request).state is RequestState.EXPIRED
        assert letters_to(ada)[-1].subject == "Nobody answered the request for acme.example"
        assert domain_requests.expire_unanswered() == 0
        assert asked(ada).is_open

    def test_a_reminder_keeps_the_request_alive(self, clock: HandSetClock, ada: Person) -> None:
        request = asked(ada)
        clock.advance(days=20)
        domain_requests.nudge(request, by=ada)
        clock.advance(days=20)

        assert domain_requests.expire_unanswered() == 0

    def test_an_answered_request_does_not_expire(
        self, clock: HandSetClock, ada: Person, olive: Person
    ) -> None:
        approved(ada, olive)
        clock.advance(days=100)

        assert domain_requests.expire_unanswered() == 0


class TestFinding:
    def test_a_foreign_request_is_not_there(
        self, acme: WhiteLabel, birch: WhiteLabel, ada: Person, cal: Person
    ) -> None:
        request = asked(ada)
        asked(cal, "birch.example")

        with pytest.raises(NotFound):
            request_listing.find_request(birch, request.id)
        assert request_listing.find_request(acme, request.id) is request
        assert [row.name for row in request_listing.rows_of(birch)] == ["birch.example"]

    def test_a_list_shows_each_name_once_as_it_stands_now(
        self, acme: WhiteLabel, ada: Person, olive: Person
    ) -> None:
        for reason in ("No.", "Still no."):
            domain_requests.refuse(asked(ada, "b.example"), by=olive, reason=reason)
        approved(ada, olive, "a.example")
        make_domain(acme, "c.example", DomainState.LAPSED)
        asked(ada, "b.example")

        rows = [(row.name, row.state) for row in request_listing.rows_of(acme)]

        assert rows == [
            ("a.example", RequestState.APPROVED),
            ("b.example", RequestState.OPEN),
            ("c.example", RequestState.LAPSED),
        ]

    def test_the_backoffice_counts_and_finds_what_waits(
        self, ada: Person, cal: Person, olive: Person
    ) -> None:
        asked(ada)
        approved(ada, olive, "b.example")
        domain_requests.refuse(asked(ada, "c.example"), by=olive, reason="No.")
        asked(cal, "d.example")
        db.session.commit()

        found = {
            show: [one.name for one in request_listing.page_of_requests(show).rows] for show in Show
        }

        assert request_listing.open_count() == 2
        assert found == {
            Show.OPEN: ["d.example", "acme.example"],
            Show.LISTED: ["b.example"],
            Show.OVER: ["c.example"],
            Show.ALL: ["d.example", "c.example", "b.example", "acme.example"],
        }
        words = request_listing.page_of_requests(Show.ALL, words="birch").rows
        assert [one.name for one in words] == ["d.example"]
        too_many = request_listing.page_of_requests(Show.ALL, words="birch " * 8 + "nowhere").rows
        assert [one.name for one in too_many] == ["d.example"]


@pytest.mark.both_stores
def test_the_database_itself_knows_one_live_request(ada: Person) -> None:
    request = asked(ada)
    again = DomainRequest(
        white_label_id=request.white_label_id,
        name=request.name,
        author_id=ada.id,
        thread_id=request.thread_id,
        state=RequestState.VERIFIED,
        created_at=clocks.now(),
        changed_at=clocks.now() + timedelta(seconds=1),
    )
    db.session.add(again)

    with pytest.raises(IntegrityError):
        db.session.flush()


@pytest.mark.both_stores
def test_two_owners_who_approve_one_domain_for_two_white_labels_at_once_allow_it_once(
    app: Flask, ada: Person, cal: Person, olive: Person
) -> None:
    ids = [asked(ada).id, asked(cal).id]
    owner_id = olive.id
    db.session.remove()
    together, outcomes = threading.Barrier(2), []

    def approve(request_id: int) -> None:
        with app.app_context():
            together.wait(10)
            request = request_listing.find_request(None, request_id)
            owner = db.session.get_one(Person, owner_id)
            try:
                domain_requests.approve(request, by=owner, specs=specs())
                db.session.commit()
                outcomes.append("approved")
            except Refusal as refusal:
                db.session.rollback()
                outcomes.append(refusal.code)

    people = [threading.Thread(target=approve, args=(request_id,)) for request_id in ids]
    for person in people:
        person.start()
    for person in people:
        person.join(30)

    assert sorted(outcomes) == ["approved", "domain_held"]
    assert len(db.session.scalars(select(Domain)).all()) == 1


@pytest.mark.both_stores
def test_of_two_answers_at_once_the_first_counts(app: Flask, ada: Person, olive: Person) -> None:
    request_id, owner_id = asked(ada).id, olive.id
    db.session.remove()
    together, outcomes = threading.Barrier(2), []

    def answer(approves: bool) -> None:
        with app.app_context():
            together.wait(10)
            request = request_listing.find_request(None, request_id)
            owner = db.session.get_one(Person, owner_id)
            try:
                if approves:
                    domain_requests.approve(request, by=owner, specs=specs())
                else:
                    domain_requests.refuse(request, by=owner, reason="No.")
                db.session.commit()
                outcomes.append("done")
            except Refusal as refusal:
                db.session.rollback()
                outcomes.append(refusal.code)

    people = [threading.Thread(target=answer, args=(approves,)) for approves in (True, False)]
    for person in people:
        person.start()
    for person in people:
        person.join(30)

    assert sorted(outcomes) == ["already_decided", "done"]


class TestTakingBackWhatNobodyAskedFor:
    """A domain that an operator put on the list has no request and no thread."""

    def test_its_people_read_why_and_where_to_look(self, acme: WhiteLabel, olive: Person) -> None:
        ada, bob = make_person(acme, "Ann"), make_person(acme, "Ben")
        domain = make_domain(acme, NAME)

        domain_requests.take_back(domain, by=olive, reason=" Complaints. ")

        assert domain.state is DomainState.REVOKED
        for admin in (ada, bob):
            (letter,) = letters_to(admin)
            assert letter.subject == "The approval of acme.example was taken back"
            assert "Complaints." in (letter.text or "")
            assert "Show all domains:\nhttp://acme.localhost:8000/domains\n" in (letter.text or "")
        assert letters_to(olive) == []

    def test_the_trail_keeps_the_reason(self, acme: WhiteLabel, olive: Person) -> None:
        domain_requests.take_back(make_domain(acme, NAME), by=olive, reason="Complaints.")

        (entry,) = entries(acme.id, WantedEntries("domain")).rows
        assert (entry.action, entry.target) == ("domain.revoked", NAME)
        assert entry.changes == {"reason": "Complaints."}

    def test_its_keys_sign_no_more_and_its_name_is_free(
        self, acme: WhiteLabel, birch: WhiteLabel, olive: Person
    ) -> None:
        domain = allow_list.allow(acme, NAME)
        signing.announce(domain)

        domain_requests.take_back(domain, by=olive, reason="Complaints.")

        assert list(signing.keys_of(domain)) == []
        assert allow_list.allow(birch, NAME).white_label_id == birch.id

    @pytest.mark.parametrize("reason", ["", " \n "])
    def test_without_a_reason_it_stays(self, acme: WhiteLabel, olive: Person, reason: str) -> None:
        domain = make_domain(acme, NAME)

        with pytest.raises(Refusal, match="reason_missing"):
            domain_requests.take_back(domain, by=olive, reason=reason)

        assert domain.state is DomainState.VERIFIED

    def test_a_second_time_nobody_is_told_again(
        self, acme: WhiteLabel, ada: Person, olive: Person
    ) -> None:
        domain = make_domain(acme, NAME)
        domain_requests.take_back(domain, by=olive, reason="Complaints.")

        with pytest.raises(Refusal, match="revoked"):
            domain_requests.take_back(domain, by=olive, reason="Again.")

        assert len(letters_to(ada)) == 1

    def test_what_was_asked_for_goes_the_way_of_its_request(
        self, ada: Person, olive: Person
    ) -> None:
        request, domain = approved(ada, olive)

        domain_requests.take_back(domain, by=olive, reason="Complaints.")

        assert (request.state, request.answer) == (RequestState.REVOKED, "Complaints.")
        assert said_in(request)[-1] == "Complaints."
        assert f"/domains/requests/{request.id}" in (letters_to(ada)[-1].text or "")
