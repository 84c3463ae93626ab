"""Keys that sign: made, seen in DNS, followed by another, withdrawn; and never anybody else's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.audit.models import AuditEntry
from portal.config import Config
from portal.core import sealed, vault
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.vault import CannotOpen
from portal.domains import allow_list, checks, signing
from portal.domains.models import Domain, DomainState, KeyState, SigningKey
from portal.domains.records import Purpose, RecordState, RecordType
from portal.domains.resolver import DnsResolver
from portal.jobs.periodic import CHORES
from portal.smtp import dkim
from portal.web.audit_words import ACTS
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.dkim_verifier import Verifies
from tests.equipment.dns_server import DnsServer
from tests.equipment.stage import make_domain

FOUND, MISSING, WRONG, UNKNOWN = (
    RecordState.FOUND,
    RecordState.MISSING,
    RecordState.WRONG,
    RecordState.UNKNOWN,
)
LETTER = b"From: news@acme.example\r\nSubject: News\r\n\r\nHello\r\n"


@pytest.fixture
def domain(acme: WhiteLabel) -> Domain:
    return make_domain(acme)


def look(domain: Domain, states: Mapping[SigningKey, RecordState]) -> None:
    """A check has found the records of these keys so."""
    for key, state in states.items():
        name = dkim.record_name(key.selector, domain.name)
        next(record for record in domain.records if record.name == name).state = state
    signing.follow(domain)
    db.session.flush()


def withdrawn() -> int:
    """How many keys the hourly chore erases now."""
    chore = next(one for one in CHORES if one.name == "retired signing keys")
    return chore.work()


def live_key(domain: Domain) -> SigningKey:
    key = signing.announce(domain)
    look(domain, {key: FOUND})
    return key


def listed(domain: Domain) -> dict[str, bool]:
    """The selectors on the list, and whether the domain must show them."""
    return {
        record.name.partition(".")[0]: record.is_required
        for record in domain.records
        if record.purpose is Purpose.DKIM
    }


def who_signs(tenant: WhiteLabel, from_email: str) -> int | None:
    """The id of the key that the engine would take."""
    keys = signing.live_keys(db.session.connection(), {tenant.id}).get(tenant.id, ())
    key = signing.key_for(keys, from_email)
    return key.id if key else None


def test_whose_signature_stood_on_a_mail_is_known_later(
    acme: WhiteLabel, birch: WhiteLabel, domain: Domain, clock: HandSetClock
) -> None:
    before = clock.now()
    clock.advance(hours=1)
    domain.verified_at = before
    first = live_key(domain)
    with_first = clock.advance(hours=1)
    clock.advance(hours=1)
    second = live_key(domain)
    with_second = clock.advance(hours=1)

    def seen(moment: datetime, tenant: WhiteLabel = acme, host: str = "acme.example") -> str | None:
        found = signing.signature_at(tenant.id, f"news@{host}", moment)
        return found.selector if found else None

    assert [seen(moment) for moment in (before, with_first, with_second)] == [
        None, first.selector, second.selector,
    ]  # fmt: skip
    assert seen(with_second, birch) is None
    assert seen(with_second, host="else.example") is None

    look(domain, {second: MISSING})
    assert seen(with_second + signing.GRACE) is None

    allow_list.lapse(domain)
    assert seen(with_second) is None


class TestAnnounced:
    def test_its_record_is_on_the_list_with_the_public_key(self, domain: Domain) -> None:
        key = signing.announce(domain)

        [record] = [one for one in domain.records if one.purpose is Purpose.DKIM]
        assert record.type is RecordType.TXT
        assert record.name == f"{key.selector}._domainkey.acme.example"
        assert record.value == f"v=DKIM1; k=rsa; p={key.public_key}"

    def test_it_signs_nothing_before_it_is_seen(self, acme: WhiteLabel, domain: Domain) -> None:
        key = signing.announce(domain)
        for state in (UNKNOWN, MISSING, WRONG):
            look(domain, {key: state})

            assert key.state is KeyState.ANNOUNCED
            assert who_signs(acme, "news@acme.example") is None

    def test_once_seen_it_signs(self, acme: WhiteLabel, domain: Domain) -> None:
        key = live_key(domain)

        assert who_signs(acme, "news@acme.example") == key.id

    def test_a_new_domain_is_verified_only_with_it(self, acme: WhiteLabel) -> None:
        domain = make_domain(acme, state=DomainState.ALLOWED)

        key = signing.announce(domain)

        assert listed(domain) == {key.selector: True}

    def test_a_domain_in_use_does_not_lapse_for_want_of_it(self, domain: Domain) -> None:
        key = signing.announce(domain)

        assert listed(domain) == {key.selector: False}

    def test_there_is_one_at_a_time(self, domain: Domain) -> None:
        signing.announce(domain)

        with pytest.raises(Refusal) as refused:
            signing.announce(domain)

        assert refused.value.code == "key_announced"

    def test_a_revoked_domain_gets_none(self, domain: Domain) -> None:
        allow_list.revoke(domain)

        with pytest.raises(Refusal) as refused:
            signing.announce(domain)

        assert refused.value.code == "domain_revoked"

    @pytest.mark.both_stores
    @pytest.mark.parametrize("state", [KeyState.ANNOUNCED, KeyState.LIVE])
    def test_the_store_itself_allows_no_second_one(
        self, acme: WhiteLabel, domain: Domain, state: KeyState
    ) -> None:
        first = signing.announce(domain)
        first.state = state
        db.session.flush()
        facts = {"public_key": "x", "state": state, "created_at": first.created_at}

        db.session.add(SigningKey(domain=domain, selector="other", **facts))

        with pytest.raises(IntegrityError):
            db.session.flush()


class TestSuccession:
    def test_a_new_key_waits_beside_the_one_that_signs(
        self, acme: WhiteLabel, domain: Domain
    ) -> None:
        old = live_key(domain)

        new = signing.announce(domain)

        assert new.selector != old.selector
        assert listed(domain) == {old.selector: True, new.selector: False}
        assert who_signs(acme, "news@acme.example") == old.id

    @pytest.mark.both_stores
    def test_once_seen_it_takes_over_and_the_old_record_may_still_be_asked_for(
        self, acme: WhiteLabel, domain: Domain
    ) -> None:
        old = live_key(domain)
        new = signing.announce(domain)

        look(domain, {old: FOUND, new: FOUND})
        db.session.commit()

        assert who_signs(acme, "news@acme.example") == new.id
        assert old.state is KeyState.RETIRED
        assert listed(domain) == {old.selector: False, new.selector: True}

    def test_the_old_one_is_withdrawn_when_no_mail_of_it_is_under_way(
        self, domain: Domain, clock: HandSetClock
    ) -> None:
        old = live_key(domain)
        new = signing.announce(domain)
        look(domain, {new: FOUND})

        clock.advance(days=7, hours=23)
        assert withdrawn() == 0
        assert (old.state, old.key_sealed is None) == (KeyState.RETIRED, False)

        clock.advance(hours=1)
        assert withdrawn() == 1
        assert (old.state, old.key_sealed) == (KeyState.WITHDRAWN, None)
        assert listed(domain) == {new.selector: True}

    def test_so_is_that_of_a_domain_whose_approval_was_taken_back(
        self, domain: Domain, clock: HandSetClock
    ) -> None:
        key = live_key(domain)
        signing.stop(domain)
        allow_list.revoke(domain)
        clock.advance(days=8)

        assert withdrawn() == 1

        assert key.key_sealed is None
        assert domain.next_check_at is None

    def test_a_mail_in_hand_is_still_signed_with_the_old_one(self, domain: Domain) -> None:
        old = live_key(domain)
        new = signing.announce(domain)

        look(domain, {new: FOUND})

        signer = signing.open_key(db.session.connection(), old.id)
        assert f"s={old.selector};".encode() in signer.sign(LETTER)

    def test_stopping_signs_nothing_more(self, acme: WhiteLabel, domain: Domain) -> None:
        live, announced = live_key(domain), signing.announce(domain)

        signing.stop(domain)

        assert who_signs(acme, "news@acme.example") is None
        assert (live.state, announced.state) == (KeyState.RETIRED, KeyState.WITHDRAWN)
        assert announced.key_sealed is None
        assert listed(domain) == {live.selector: False}

    def test_its_records_can_be_kept_when_the_list_is_written_anew(self, domain: Domain) -> None:
        key = live_key(domain)

        allow_list.set_records(domain, signing.records_of(domain))

        assert listed(domain) == {key.selector: True}
        assert domain.records[-1].state is FOUND


class TestMissed:
    @pytest.mark.parametrize("state", [MISSING, WRONG])
    def test_a_record_that_is_gone_for_a_day_ends_the_signing(
        self, acme: WhiteLabel, domain: Domain, clock: HandSetClock, state: RecordState
    ) -> None:
        key = live_key(domain)

        look(domain, {key: state})
        assert who_signs(acme, "news@acme.example") == key.id

        clock.advance(hours=24)
        look(domain, {key: state})
        assert who_signs(acme, "news@acme.example") is None

    def test_seen_again_it_signs_again(
        self, acme: WhiteLabel, domain: Domain, clock: HandSetClock
    ) -> None:
        key = live_key(domain)
        look(domain, {key: MISSING})
        clock.advance(days=2)

        look(domain, {key: FOUND})

        assert who_signs(acme, "news@acme.example") == key.id

    def test_could_not_ask_is_no_absence(
        self, acme: WhiteLabel, domain: Domain, clock: HandSetClock
    ) -> None:
        key = live_key(domain)

        look(domain, {key: UNKNOWN})
        clock.advance(days=5)
        look(domain, {key: UNKNOWN})

        assert who_signs(acme, "news@acme.example") == key.id


class TestWhoseMail:
    def test_another_white_label_never_signs_with_it(
        self, domain: Domain, birch: WhiteLabel
    ) -> None:
        live_key(domain)
        theirs = live_key(make_domain(birch, "birch.example"))

        assert who_signs(birch, "news@acme.example") is None
        assert who_signs(birch, "news@birch.example") == theirs.id

    @pytest.mark.parametrize("state", [DomainState.LAPSED, DomainState.REVOKED])
    def test_only_a_verified_domain_signs(
        self, acme: WhiteLabel, domain: Domain, state: DomainState
    ) -> None:
        live_key(domain)

        domain.state = state
        db.session.flush()

        assert who_signs(acme, "news@acme.example") is None

    @pytest.mark.parametrize(
        ("with_subdomains", "from_email", "signs"),
        [
            (False, "news@acme.example", True),
            (False, "news@mail.acme.example", False),
            (True, "news@mail.acme.example", True),
            (True, "news@evilacme.example", False),
            (True, "acme.example@evil.example", False),
        ],
    )
    def test_subdomains_are_covered_where_they_are_included(
        self, acme: WhiteLabel, domain: Domain, with_subdomains: bool, from_email: str, signs: bool
    ) -> None:
        key = live_key(domain)
        domain.includes_subdomains = with_subdomains
        db.session.flush()

        assert who_signs(acme, from_email) == (key.id if signs else None)

    def test_the_most_particular_domain_signs(self, acme: WhiteLabel, domain: Domain) -> None:
        domain.includes_subdomains = True
        live_key(domain)
        particular = live_key(make_domain(acme, "mail.acme.example"))

        assert who_signs(acme, "news@mail.acme.example") == particular.id


class TestSecrecy:
    def test_the_private_key_is_sealed(self, domain: Domain) -> None:
        key = signing.announce(domain)

        assert key.key_sealed is not None
        private = vault.unseal(key.key_sealed, signing.binding_of(key))
        assert dkim.public_key(private) == key.public_key
        assert private.reveal() not in key.key_sealed

    @pytest.mark.parametrize("change", ["domain", "white label", "name", "selector", "row"])
    def test_it_opens_for_nothing_else(
        self, domain: Domain, birch: WhiteLabel, change: str
    ) -> None:
        key = live_key(domain)
        row = key.id
        match change:
            case "domain":
                key.domain = make_domain(birch, "birch.example")
            case "white label":
                domain.white_label_id = birch.id
            case "name":
                domain.name = "birch.example"
            case "selector":
                key.selector = "other"
            case _:
                copy = SigningKey(
                    domain=domain,
                    selector=key.selector + "x",
                    public_key=key.public_key,
                    key_sealed=key.key_sealed,
                    state=KeyState.RETIRED,
                    created_at=key.created_at,
                )
                db.session.add(copy)
                db.session.flush()
                row = copy.id
        db.session.flush()

        with pytest.raises(CannotOpen):
            signing.open_key(db.session.connection(), row)

    def test_a_withdrawn_key_opens_no_more(self, domain: Domain) -> None:
        key = signing.announce(domain)
        signing.stop(domain)
        db.session.flush()

        with pytest.raises(CannotOpen):
            signing.open_key(db.session.connection(), key.id)

    def test_it_is_turned_with_the_other_secrets(
        self, app: Flask, domain: Domain, config: Config
    ) -> None:
        key = live_key(domain)
        db.session.commit()
        before = signing.open_key(db.session.connection(), key.id).sign(LETTER)
        old = vault.keyring().current
        db.session.remove()

        turned = app.test_cli_runner().invoke(args=["keys", "rotate"])

        assert turned.exit_code == 0, turned.output
        assert sealed.count_by_key() == {vault.keyring().current: 1}
        vault.keyring().without(old).save(config.key_file)
        assert signing.open_key(db.session.connection(), key.id).sign(LETTER) == before


@pytest.mark.both_stores
def test_from_the_first_key_to_the_second_by_what_dns_really_says(
    acme: WhiteLabel, dns_server: DnsServer, clock: HandSetClock
) -> None:
    dns = DnsResolver([dns_server.address])
    domain = allow_list.allow(acme, "acme.example")
    allow_list.set_records(domain, [])

    def publish() -> None:
        for record in domain.records:
            dns_server.publish(record.name, record.value)

    def check() -> None:
        clock.advance(hours=1)
        planned = checks.plan(domain)
        db.session.commit()
        checks.write(checks.ask(planned, dns))
        db.session.commit()

    first = signing.announce(domain)
    check()
    assert (domain.state, first.state) == (DomainState.ALLOWED, KeyState.ANNOUNCED)

    publish()
    check()
    assert (domain.state, first.state) == (DomainState.VERIFIED, KeyState.LIVE)

    second = signing.announce(domain)
    check()
    assert (domain.state, second.state) == (DomainState.VERIFIED, KeyState.ANNOUNCED)

    publish()
    check()
    assert (first.state, second.state) == (KeyState.RETIRED, KeyState.LIVE)

    clock.advance(days=8)
    assert withdrawn() == 1
    check()
    assert (domain.state, first.state) == (DomainState.VERIFIED, KeyState.WITHDRAWN)
    assert listed(domain) == {second.selector: True}


def test_what_it_signs_holds_with_the_record_that_was_asked_for(
    domain: Domain, published: dict[str, str], verifies: Verifies
) -> None:
    key = live_key(domain)

    published.update({record.name: record.value for record in domain.records})

    signed = signing.open_key(db.session.connection(), key.id).sign(LETTER)
    assert verifies(signed)


def test_what_becomes_of_a_key_stands_in_the_trail_in_words(
    acme: WhiteLabel, domain: Domain
) -> None:
    key = live_key(domain)
    look(domain, {key: MISSING})
    signing.announce(domain)
    signing.stop(domain)

    said = db.session.scalars(
        select(AuditEntry.action).where(AuditEntry.action.startswith("domain.key"))
    ).all()
    assert set(said) == {
        f"domain.key_{what}" for what in ("announced", "live", "missed", "retired", "withdrawn")
    }
    assert set(said) <= ACTS.keys()
