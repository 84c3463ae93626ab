"""Hostnames: wished for by many, proven by one, suspended without proof, served again with it."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.accounts import links, sign_in
from portal.accounts.models import LinkPurpose, Person
from portal.audit.search import Wanted, entries
from portal.core.absence import DAYS_OF_GRACE
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.domains import checks, hostname_checks
from portal.white_labels import hostnames
from portal.white_labels.hostnames import Change
from portal.white_labels.models import Hostname, WhiteLabel
from portal.white_labels.origins import origin_of, served_at
from tests.equipment.clock import HandSetClock
from tests.equipment.dns_in_memory import InMemoryDns
from tests.equipment.stage import fresh

NAME = "mail.acme.example"


@pytest.fixture
def hostname(acme: WhiteLabel, clock: HandSetClock) -> Hostname:
    """A wish, not proven yet."""
    added = hostnames.add(acme, NAME)
    db.session.commit()
    return added


def zone(*owned: Hostname) -> InMemoryDns:
    proofs = [hostnames.proof_of(one) for one in owned]
    names = {proof.name for proof in proofs}
    return InMemoryDns(
        {("TXT", name): [proof.value for proof in proofs if proof.name == name] for name in names}
    )


def look(hostname: Hostname, dns: InMemoryDns) -> hostname_checks.Checked:
    findings = checks.ask(hostname_checks.plan(hostname), dns)
    checked = hostname_checks.write(findings)
    db.session.commit()
    assert checked is not None
    return checked


def served(hostname: Hostname, clock: HandSetClock) -> Hostname:
    look(hostname, zone(hostname))
    clock.advance(hours=1)
    return hostname


def days_without(hostname: Hostname, clock: HandSetClock, days: int) -> list[Change | None]:
    """The first look in vain, and one after each of so many days."""
    changes = [look(hostname, InMemoryDns()).change]
    for _day in range(days):
        clock.advance(days=1)
        changes.append(look(hostname, InMemoryDns()).change)
    return changes


def come_in(person: Person, host: str) -> Secret:
    _sign_in, token = sign_in.start(person, host=host, address="192.0.2.1", browser="")
    db.session.commit()
    return token


def told(white_label: WhiteLabel) -> list[str]:
    return [entry.action for entry in entries(white_label.id, Wanted("hostname")).rows]


@pytest.mark.both_stores
def test_a_name_is_served_once_its_proof_is_seen(hostname: Hostname, acme: WhiteLabel) -> None:
    assert served_at(NAME) is None

    checked = look(hostname, zone(hostname))

    assert checked.change is Change.PROVEN
    assert served_at(NAME) == acme
    assert told(acme)[0] == "hostname.proven"


def test_the_proof_of_another_white_label_serves_nobody(
    hostname: Hostname, birch: WhiteLabel
) -> None:
    theirs = hostnames.add(birch, NAME)
    db.session.commit()

    checked = look(hostname, zone(theirs))

    assert (checked.change, checked.verdict.diagnosis) == (None, "old_value")
    assert served_at(NAME) is None


def test_a_wish_takes_the_name_away_from_nobody(hostname: Hostname, birch: WhiteLabel) -> None:
    theirs = hostnames.add(birch, NAME)
    db.session.commit()

    look(theirs, zone(theirs))

    assert served_at(NAME) == birch


def test_a_name_that_is_served_can_be_had_by_nobody_else(
    hostname: Hostname, birch: WhiteLabel, clock: HandSetClock
) -> None:
    theirs = hostnames.add(birch, NAME)
    served(hostname, clock)

    checked = look(theirs, zone(theirs))
    with pytest.raises(Refusal) as added:
        hostnames.add(birch, NAME)
    with pytest.raises(Refusal) as vouched:
        hostnames.vouch(theirs, because="They say so.")

    assert (checked.is_taken, checked.change) == (True, None)
    assert added.value.code == vouched.value.code == "hostname_taken"
    assert not fresh(theirs).is_served


@pytest.mark.both_stores
def test_the_database_itself_serves_a_name_once(acme: WhiteLabel, birch: WhiteLabel) -> None:
    for white_label in (acme, birch):
        hostnames.add(white_label, NAME)
    wishes = db.session.scalars(select(Hostname).where(Hostname.name == NAME)).all()
    for wish in wishes:
        wish.proven_at = wish.created_at

    with pytest.raises(IntegrityError):
        db.session.flush()
    assert len(wishes) == 2


@pytest.mark.both_stores
def test_of_two_who_prove_a_name_at_the_same_moment_one_is_served(
    hostname: Hostname, birch: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = hostnames.add(birch, NAME)
    db.session.commit()
    # Neither sees the other before it writes.
    monkeypatch.setattr(hostnames, "find_served", lambda _name: None)

    checked = [look(one, zone(hostname, theirs)) for one in (hostname, theirs)]

    assert [one.is_taken for one in checked] == [False, True]
    assert [fresh(one).is_served for one in (hostname, theirs)] == [True, False]


def test_nobody_wishes_for_a_name_twice_or_for_too_many(acme: WhiteLabel) -> None:
    hostnames.add(acme, NAME)
    with pytest.raises(Refusal) as twice:
        hostnames.add(acme, NAME.upper())
    for at in range(hostnames.MOST - 2):
        hostnames.add(acme, f"n{at}.acme.example")
    with pytest.raises(Refusal) as many:
        hostnames.add(acme, "one.too.many.example")

    assert (twice.value.code, many.value.code) == ("hostname_taken", "hostnames_many")


def test_a_name_is_suspended_after_72_hours_without_proof_and_served_again_with_it(
    hostname: Hostname, acme: WhiteLabel, clock: HandSetClock
) -> None:
    served(hostname, clock)

    assert days_without(hostname, clock, 3) == [None, Change.MISSING, None, Change.SUSPENDED]
    assert served_at(NAME) is None

    assert look(hostname, zone(hostname)).change is Change.SERVED_AGAIN
    assert served_at(NAME) == acme
    assert told(acme)[:2] == ["hostname.served_again", "hostname.suspended"]


def test_a_proof_that_is_back_in_time_suspends_nothing(
    hostname: Hostname, clock: HandSetClock
) -> None:
    served(hostname, clock)
    days_without(hostname, clock, 2)
    look(hostname, zone(hostname))

    assert days_without(hostname, clock, 2)[-1] is None
    assert fresh(hostname).is_served


def test_could_not_ask_suspends_nothing(hostname: Hostname, clock: HandSetClock) -> None:
    served(hostname, clock)
    dns = InMemoryDns()
    dns.is_down = True

    for _day in range(10):
        clock.advance(days=1)
        assert look(hostname, dns).change is None

    assert fresh(hostname).is_served
    assert hostname.missing_days == 0


def test_an_owners_word_is_not_undone_by_what_dns_says(
    hostname: Hostname, clock: HandSetClock
) -> None:
    hostnames.vouch(hostname, because="It is our own zone.")
    db.session.commit()

    assert set(days_without(hostname, clock, DAYS_OF_GRACE + 7)) == {None}
    assert fresh(hostname).is_served


def test_an_owner_may_vouch_for_a_suspended_name(
    hostname: Hostname, acme: WhiteLabel, clock: HandSetClock
) -> None:
    served(hostname, clock)
    days_without(hostname, clock, 3)

    hostnames.vouch(hostname, because="Their DNS is in the works.")

    assert served_at(NAME) == acme


def test_a_suspended_name_goes_to_whoever_proves_it_and_is_not_taken_back(
    hostname: Hostname, birch: WhiteLabel, clock: HandSetClock
) -> None:
    served(hostname, clock)
    days_without(hostname, clock, 3)
    theirs = hostnames.add(birch, NAME)
    db.session.commit()
    look(theirs, zone(theirs))

    checked = look(hostname, zone(hostname))

    assert checked.is_taken
    assert served_at(NAME) == birch


@pytest.mark.parametrize("how", ["suspended", "removed"])
def test_browsers_that_are_signed_in_at_a_name_end_with_it_for_good(
    hostname: Hostname, ada: Person, clock: HandSetClock, how: str
) -> None:
    served(hostname, clock)
    clock.advance(days=2, hours=23)
    here, elsewhere = come_in(ada, NAME), come_in(ada, "acme.localhost")
    clock.advance(days=-2, hours=-23)

    if how == "suspended":
        days_without(hostname, clock, 3)
        look(hostname, zone(hostname))
    else:
        hostnames.remove(hostname)
        clock.advance(days=3)

    assert sign_in.find(here, host=NAME) is None
    assert sign_in.find(elsewhere, host="acme.localhost") is not None


def test_links_that_led_to_a_suspended_name_work_nowhere(
    acme: WhiteLabel, hostname: Hostname, ada: Person, cal: Person, clock: HandSetClock
) -> None:
    hostnames.remove(hostnames.hostnames_of(acme)[0])
    db.session.commit()
    served(hostname, clock)
    days_without(hostname, clock, 2)
    ours = links.make(LinkPurpose.INVITATION, person=ada)
    theirs = links.make(LinkPurpose.INVITATION, person=cal)
    db.session.commit()

    clock.advance(days=1)
    assert look(hostname, InMemoryDns()).change is Change.SUSPENDED

    assert links.find(ours, LinkPurpose.INVITATION, white_label_id=acme.id) is None
    found = links.find(theirs, LinkPurpose.INVITATION, white_label_id=cal.white_label_id)
    assert found is not None


def test_links_that_led_elsewhere_go_on_working(
    acme: WhiteLabel, hostname: Hostname, ada: Person, clock: HandSetClock
) -> None:
    served(hostname, clock)
    days_without(hostname, clock, 2)
    link = links.make(LinkPurpose.INVITATION, person=ada)
    db.session.commit()

    clock.advance(days=1)
    look(hostname, InMemoryDns())

    assert links.find(link, LinkPurpose.INVITATION, white_label_id=acme.id) is not None


def test_new_links_begin_with_the_next_name_that_is_served(
    acme: WhiteLabel, hostname: Hostname, clock: HandSetClock
) -> None:
    hostnames.remove(hostnames.hostnames_of(acme)[0])
    second = hostnames.add(acme, "second.acme.example")
    served(hostname, clock)
    hostnames.vouch(second, because="a test")
    assert origin_of(acme) == f"http://{NAME}:8000"

    days_without(hostname, clock, 3)

    assert origin_of(acme) == "http://second.acme.example:8000"
    assert hostnames.is_reachable(acme)


def test_a_wish_is_due_at_once_then_hourly_and_after_a_month_only_by_hand(
    hostname: Hostname, clock: HandSetClock
) -> None:
    assert [plan.domain for plan in hostname_checks.claim_due(9)] == [NAME]
    db.session.commit()
    assert hostname_checks.claim_due(9) == []
    clock.advance(days=31)
    assert len(hostname_checks.claim_due(9)) == 1
    db.session.commit()
    clock.advance(days=1)
    assert hostname_checks.claim_due(9) == []

    look(hostname, InMemoryDns())
    clock.advance(hours=1)

    assert len(hostname_checks.claim_due(9)) == 1


def test_a_name_that_was_removed_meanwhile_is_left_alone(hostname: Hostname) -> None:
    findings = checks.ask(hostname_checks.plan(hostname), zone(hostname))
    hostnames.remove(hostname)
    db.session.commit()

    assert hostname_checks.write(findings) is None


def test_an_older_answer_does_not_undo_a_newer_one(hostname: Hostname, clock: HandSetClock) -> None:
    before = checks.ask(hostname_checks.plan(hostname), InMemoryDns())
    clock.advance(seconds=1)
    look(hostname, zone(hostname))

    assert hostname_checks.write(before) is None
    assert fresh(hostname).code == "found"
