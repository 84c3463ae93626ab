"""Links for whoever keeps the DNS: opened once, by a person, for a while."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.desk import record_links
from portal.desk.request_models import RecordLink
from portal.domains import allow_list
from portal.domains.models import Domain
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import make_domain


@pytest.fixture
def domain(acme: WhiteLabel) -> Domain:
    return make_domain(acme)


def test_a_link_opens_in_one_browser_only(domain: Domain, acme: WhiteLabel, ada: Person) -> None:
    token = record_links.make(domain, by=ada)
    link = record_links.find(acme.id, token)

    reader = record_links.open_once(link)

    assert record_links.may_read(link, reader)
    assert not record_links.may_read(link, Secret("somebody else's"))
    assert not record_links.may_read(link, token)
    with pytest.raises(Refusal) as refused:
        record_links.open_once(link)
    assert refused.value.code == "link_used"


def test_before_it_is_opened_nobody_reads(domain: Domain, acme: WhiteLabel, ada: Person) -> None:
    token = record_links.make(domain, by=ada)

    assert not record_links.may_read(record_links.find(acme.id, token), Secret(""))


def test_only_hashes_are_kept(domain: Domain, acme: WhiteLabel, ada: Person) -> None:
    token = record_links.make(domain, by=ada)
    reader = record_links.open_once(record_links.find(acme.id, token))

    stored = db.session.scalars(select(RecordLink)).one()

    assert token.reveal() not in (stored.token_hash, stored.reader_hash)
    assert reader.reveal() not in (stored.token_hash, stored.reader_hash)


def test_a_newer_link_ends_the_older(domain: Domain, acme: WhiteLabel, ada: Person) -> None:
    old = record_links.make(domain, by=ada)
    new = record_links.make(domain, by=ada)

    with pytest.raises(NotFound):
        record_links.find(acme.id, old)
    assert record_links.find(acme.id, new).domain is domain


def test_a_withdrawn_link_shows_nothing(domain: Domain, acme: WhiteLabel, ada: Person) -> None:
    token = record_links.make(domain, by=ada)

    record_links.withdraw(domain)

    with pytest.raises(NotFound):
        record_links.find(acme.id, token)
    assert record_links.present(domain) is None


def test_a_link_is_too_old_after_two_weeks(
    clock: HandSetClock, domain: Domain, acme: WhiteLabel, ada: Person
) -> None:
    token = record_links.make(domain, by=ada)

    clock.advance(days=14)

    with pytest.raises(NotFound):
        record_links.find(acme.id, token)
    assert record_links.present(domain) is None


def test_a_link_ends_with_the_approval(domain: Domain, acme: WhiteLabel, ada: Person) -> None:
    token = record_links.make(domain, by=ada)

    allow_list.revoke(domain)

    with pytest.raises(NotFound):
        record_links.find(acme.id, token)
    with pytest.raises(Refusal):
        record_links.make(domain, by=ada)


def test_a_link_works_at_its_own_white_label_only(
    domain: Domain, birch: WhiteLabel, ada: Person
) -> None:
    token = record_links.make(domain, by=ada)

    with pytest.raises(NotFound):
        record_links.find(birch.id, token)
