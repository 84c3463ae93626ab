"""Checks: records are looked for in a real DNS, and the domain's state follows what it says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.accounts.models import Person
from portal.audit.search import Wanted as WantedEntries
from portal.audit.search import entries
from portal.core.db import db
from portal.core.errors import Refusal
from portal.domains import allow_list, checks, records
from portal.domains.checks import Change, Checked
from portal.domains.models import Domain, DomainState
from portal.domains.records import RecordState
from portal.domains.resolver import DnsResolver
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_in_memory import InMemoryDns
from tests.equipment.dns_server import DnsServer
from tests.equipment.stage import fresh, make_domain

NAME = "acme.example"
SPF = records.spf_record(NAME, "spf.provider.example")
KEY = records.dkim_key(NAME, "s1", "v=DKIM1; k=rsa; p=" + "QUJD" * 98)
BOUNCE = records.return_path(NAME, "bounce", "mx.provider.example")
DMARC = records.dmarc_record(NAME)


@pytest.fixture
def domain(acme: WhiteLabel, clock: HandSetClock) -> Domain:
    """Approved, with records that nobody has published yet."""
    domain = allow_list.allow(acme, NAME)
    allow_list.set_records(domain, [SPF, KEY, BOUNCE, DMARC])
    db.session.commit()
    return domain


def publish(dns_server: DnsServer, domain: Domain) -> None:
    """All of it, as a person would who follows the page."""
    proof = records.ownership(domain.name, domain.proof_token)
    dns_server.publish("spf.provider.example", "v=spf1 ip4:192.0.2.1 -all")
    dns_server.publish(proof.name, proof.value)
    dns_server.publish(SPF.name, SPF.value)
    dns_server.publish(KEY.name, KEY.value)
    dns_server.publish_alias(BOUNCE.name, BOUNCE.value)
    dns_server.publish(DMARC.name, DMARC.value)


def look(domain: Domain, dns_server: DnsServer) -> Checked:
    """One check, from the plan to the commit."""
    plan = checks.plan(fresh(domain))
    db.session.rollback()
    checked = checks.write(checks.ask(plan, DnsResolver([dns_server.address])))
    db.session.commit()
    assert checked is not None
    return checked


def states(domain: Domain) -> dict[str, str]:
    return {record.purpose.value: record.code for record in fresh(domain).records}


@pytest.mark.both_stores
@pytest.mark.accepts("SI-23")
@pytest.mark.accepts("SS-06")
def test_a_domain_is_verified_when_all_its_records_are_there(
    domain: Domain, dns_server: DnsServer
) -> None:
    publish(dns_server, domain)

    checked = look(domain, dns_server)

    assert checked.change is Change.VERIFIED
    assert fresh(domain).state is DomainState.VERIFIED
    assert states(domain) == dict.fromkeys(
        ("ownership", "spf", "dkim", "return_path", "dmarc"), "found"
    )


def test_each_record_says_what_was_found_and_who_was_asked_when(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    dns_server.publish(SPF.name, "v=spf1 mx -all")
    look(domain, dns_server)

    spf = fresh(domain).records[1]

    assert (spf.state, spf.code) == (RecordState.WRONG, "spf_not_ours")
    assert spf.found == ["v=spf1 mx -all"]
    assert spf.to_publish == "v=spf1 mx include:spf.provider.example -all"
    assert (spf.asked, spf.checked_at) == (dns_server.address, clock.now())
    assert domain.records[0].to_publish == f"livery-challenge={domain.proof_token}"


def test_what_is_there_is_merged_even_where_not_all_that_it_includes_can_be_asked_for(
    domain: Domain, dns_server: DnsServer
) -> None:
    dns_server.publish(SPF.name, "v=spf1 include:away.example -all")
    dns_server.break_zone("away.example")
    look(domain, dns_server)

    spf = fresh(domain).records[1]

    assert spf.state is RecordState.UNKNOWN
    assert spf.to_publish == "v=spf1 include:away.example include:spf.provider.example -all"
    assert spf.is_merged


def test_what_was_found_later_is_not_overwritten_by_what_was_asked_before(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    early = checks.ask(checks.plan_ahead(NAME, [SPF]), DnsResolver([dns_server.address]))
    clock.advance(seconds=5)
    dns_server.publish(SPF.name, "v=spf1 mx -all")
    look(domain, dns_server)

    checks.note(domain, early)

    assert domain.records[1].code == "spf_not_ours"


@pytest.mark.parametrize("left_out", ["_livery-challenge.acme.example", KEY.name, NAME])
def test_one_required_record_too_few_is_not_enough(
    domain: Domain, dns_server: DnsServer, left_out: str
) -> None:
    publish(dns_server, domain)
    dns_server.take_down(left_out)

    assert look(domain, dns_server).change is None
    assert fresh(domain).state is DomainState.ALLOWED


def test_a_record_that_is_only_advised_is_not_waited_for(
    domain: Domain, dns_server: DnsServer
) -> None:
    publish(dns_server, domain)
    dns_server.take_down(DMARC.name)

    assert look(domain, dns_server).change is Change.VERIFIED
    assert states(domain)["dmarc"] == "missing"


@pytest.mark.accepts("SI-31")
def test_the_proof_of_another_white_label_is_worth_nothing(
    domain: Domain, dns_server: DnsServer, birch: WhiteLabel, cal: Person
) -> None:
    theirs = make_domain(birch, "birch.example", DomainState.ALLOWED)
    publish(dns_server, domain)
    dns_server.publish(
        f"_livery-challenge.{NAME}", records.ownership(NAME, theirs.proof_token).value
    )

    assert look(domain, dns_server).change is None
    assert states(domain)["ownership"] == "old_value"


def test_the_proof_of_an_earlier_approval_is_worth_nothing(
    domain: Domain, dns_server: DnsServer, acme: WhiteLabel
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)
    allow_list.revoke(fresh(domain))

    again = allow_list.allow(acme, NAME)
    allow_list.set_records(again, [])
    db.session.commit()

    assert look(again, dns_server).change is None
    assert fresh(again).state is DomainState.ALLOWED


def missed_daily(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock, days: int
) -> list[Change | None]:
    """A look each hour, for so many days; what changed at each day's end."""
    changes = []
    for _day in range(days):
        for _hour in range(23):
            clock.advance(hours=1)
            assert look(domain, dns_server).change is None
        clock.advance(hours=1)
        changes.append(look(domain, dns_server).change)
    return changes


@pytest.mark.accepts("SS-06")
def test_a_verified_domain_lapses_after_three_days_without_its_records_and_recovers(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)
    dns_server.take_down(f"_livery-challenge.{NAME}")
    look(domain, dns_server)

    assert missed_daily(domain, dns_server, clock, 3) == [Change.MISSING, None, Change.LAPSED]
    assert fresh(domain).state is DomainState.LAPSED

    publish(dns_server, domain)
    assert look(domain, dns_server).change is Change.RECOVERED
    assert fresh(domain).state is DomainState.VERIFIED


def test_records_that_come_back_in_time_begin_a_new_count(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)
    dns_server.take_down(KEY.name)
    look(domain, dns_server)
    missed_daily(domain, dns_server, clock, 2)

    publish(dns_server, domain)
    look(domain, dns_server)
    dns_server.take_down(KEY.name)
    look(domain, dns_server)

    assert missed_daily(domain, dns_server, clock, 2) == [Change.MISSING, None]
    assert fresh(domain).state is DomainState.VERIFIED


@pytest.mark.parametrize("trouble", ["break_zone", "refuse"])
def test_could_not_ask_changes_nothing_however_long_it_lasts(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock, trouble: str
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)
    getattr(dns_server, trouble)(f"_livery-challenge.{NAME}")

    for _day in range(10):
        clock.advance(days=1)
        assert look(domain, dns_server).change is None

    assert fresh(domain).state is DomainState.VERIFIED
    assert (domain.missing_since, domain.missing_days) == (None, 0)
    assert domain.records[0].state is RecordState.UNKNOWN
    assert domain.records[0].found == [f"livery-challenge={domain.proof_token}"]


def test_days_on_which_nobody_could_ask_do_not_count(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)
    dns_server.take_down(KEY.name)
    look(domain, dns_server)
    dns_server.break_zone(KEY.name)
    for _day in range(5):
        clock.advance(days=1)
        look(domain, dns_server)
    dns_server.recover(KEY.name)

    assert look(domain, dns_server).change is Change.MISSING
    assert (fresh(domain).missing_days, domain.state) == (1, DomainState.VERIFIED)


def test_silence_leaves_an_allowed_domain_where_it_is(domain: Domain, clock: HandSetClock) -> None:
    dns = InMemoryDns()
    dns.is_down = True

    checked = checks.write(checks.ask(checks.plan(domain), dns))
    db.session.commit()

    assert checked is not None
    assert checked.change is None
    assert {record.state for record in fresh(domain).records} == {RecordState.UNKNOWN}


def test_a_revoked_domain_is_not_touched_by_an_answer_that_comes_late(
    domain: Domain, dns_server: DnsServer
) -> None:
    publish(dns_server, domain)
    findings = checks.ask(checks.plan(domain), DnsResolver([dns_server.address]))
    allow_list.revoke(domain)
    db.session.commit()

    assert checks.write(findings) is None
    assert fresh(domain).state is DomainState.REVOKED


def test_an_older_answer_does_not_undo_a_newer_one(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    before = checks.ask(checks.plan(domain), DnsResolver([dns_server.address]))
    clock.advance(seconds=1)
    publish(dns_server, domain)
    look(domain, dns_server)

    assert checks.write(before) is None
    assert states(domain)["ownership"] == "found"


def test_records_that_were_set_meanwhile_are_not_judged_by_the_old_list(
    domain: Domain, dns_server: DnsServer
) -> None:
    publish(dns_server, domain)
    findings = checks.ask(checks.plan(domain), DnsResolver([dns_server.address]))
    allow_list.set_records(domain, [SPF, records.dkim_key(NAME, "s2", KEY.value)])
    db.session.commit()

    checked = checks.write(findings)

    assert checked is not None
    assert checked.change is None
    assert [record.code for record in checked.domain.records] == ["found", "found", "not_asked"]


def test_records_that_stay_on_the_list_keep_what_was_found(
    domain: Domain, dns_server: DnsServer
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)

    allow_list.set_records(domain, [KEY, SPF])
    db.session.commit()

    assert [(one.purpose.value, one.code) for one in fresh(domain).records] == [
        ("ownership", "found"),
        ("dkim", "found"),
        ("spf", "found"),
    ]


def test_a_record_is_put_on_the_list_once_and_taken_from_it(domain: Domain) -> None:
    another = records.dkim_key(NAME, "s2", KEY.value)

    first = allow_list.put_record(domain, another)
    again = allow_list.put_record(domain, another)
    assert first is again
    assert [one.name for one in domain.records].count(another.name) == 1

    allow_list.drop_record(domain, another)
    assert another not in [one.wanted for one in domain.records]
    assert len(domain.records) == 5


def test_the_proof_of_ownership_cannot_be_taken_from_the_list(domain: Domain) -> None:
    proof = domain.records[0].wanted

    allow_list.drop_record(domain, proof)

    assert domain.records[0].wanted == proof


def test_a_domain_that_an_operator_vouches_for_has_no_records_and_is_never_looked_at(
    acme: WhiteLabel, clock: HandSetClock
) -> None:
    domain = make_domain(acme)
    clock.advance(days=30)

    assert checks.claim_due(10) == []
    assert fresh(domain).state is DomainState.VERIFIED


def test_a_domain_is_due_at_once_and_then_within_each_hour(
    domain: Domain, clock: HandSetClock
) -> None:
    assert [plan.domain for plan in checks.claim_due(10)] == [NAME]
    db.session.commit()
    assert checks.claim_due(10) == []

    clock.advance(minutes=54)
    assert checks.claim_due(10) == []
    clock.advance(minutes=6)
    assert [plan.domain for plan in checks.claim_due(10)] == [NAME]


@pytest.mark.both_stores
def test_only_so_many_are_claimed_and_those_that_wait_longest(
    acme: WhiteLabel, clock: HandSetClock
) -> None:
    for at in range(4):
        allow_list.set_records(allow_list.allow(acme, f"n{at}.example"), [])
        db.session.commit()
        clock.advance(minutes=1)

    assert [plan.domain for plan in checks.claim_due(2)] == ["n0.example", "n1.example"]
    db.session.commit()
    assert [plan.domain for plan in checks.claim_due(9)] == ["n2.example", "n3.example"]


def test_domains_do_not_march_in_step(acme: WhiteLabel, clock: HandSetClock) -> None:
    times = {checks.next_check(subject) - clock.now() for subject in range(100)}

    assert len(times) > 50
    assert all(checks.EVERY <= one <= timedelta(hours=1) for one in times)


def test_by_hand_one_asks_only_so_often(
    domain: Domain, dns_server: DnsServer, clock: HandSetClock
) -> None:
    checks.count_check(domain)
    db.session.commit()
    look(domain, dns_server)
    with pytest.raises(Refusal) as just_now:
        checks.count_check(domain)
    clock.advance(seconds=10)
    for _time in range(checks.CHECKS_AN_HOUR - 1):
        checks.count_check(domain)
    with pytest.raises(Refusal) as too_often:
        checks.count_check(domain)

    assert (just_now.value.code, too_often.value.code) == ("checked_just_now", "too_many_checks")
    clock.advance(hours=1)
    checks.count_check(domain)


def test_what_strangers_publish_is_kept_short_and_visible() -> None:
    texts = ["a\u202eb\x00c", "x" * 1000, *("y" * 9)]

    shown = checks.shown(texts)

    assert shown[0] == "a�b�c"
    assert shown[1] == "x" * checks.MAX_FOUND_TEXT + "…"
    assert len(shown) == checks.MAX_FOUND


def test_the_trail_tells_of_the_records_and_of_each_move(
    domain: Domain, dns_server: DnsServer, acme: WhiteLabel
) -> None:
    publish(dns_server, domain)
    look(domain, dns_server)

    told = [entry.action for entry in entries(acme.id, WantedEntries("domain")).rows]

    assert told == ["domain.verified", "domain.records_set", "domain.allowed"]
