"""The allow-list: a domain is held by one white label, and covers what it says it covers."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.domains import allow_list
from portal.domains.models import Domain, DomainState
from portal.white_labels.models import WhiteLabel


def test_an_allowed_domain_may_be_used_once_it_is_verified(acme: WhiteLabel) -> None:
    domain = allow_list.allow(acme, "Bücher.Example.")
    assert domain.name == "xn--bcher-kva.example"
    assert not allow_list.may_send_from(acme, domain.name)

    allow_list.verify(domain)
    assert allow_list.may_send_from(acme, domain.name)


@pytest.mark.parametrize("name", ["co.uk", "com", "github.io", "acme", "127.0.0.1", "a b.example"])
def test_what_nobody_can_hold_is_refused(acme: WhiteLabel, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        allow_list.allow(acme, name)

    assert refused.value.field == "name"


@pytest.mark.parametrize(
    ("theirs", "with_theirs", "mine", "with_mine"),
    [
        ("acme.example", False, "acme.example", False),
        ("acme.example", True, "mail.acme.example", False),
        ("mail.acme.example", False, "acme.example", True),
        ("acme.example", True, "a.b.acme.example", True),
    ],
)
def test_two_white_labels_never_hold_the_same_name(
    acme: WhiteLabel,
    birch: WhiteLabel,
    theirs: str,
    with_theirs: bool,
    mine: str,
    with_mine: bool,
) -> None:
    allow_list.allow(birch, theirs, includes_subdomains=with_theirs)

    with pytest.raises(Refusal) as refused:
        allow_list.allow(acme, mine, includes_subdomains=with_mine)

    assert refused.value.code == "domain_held"


@pytest.mark.parametrize(
    ("theirs", "with_theirs", "mine"),
    [
        ("acme.example", False, "mail.acme.example"),
        ("mail.acme.example", True, "acme.example"),
        ("acme.example", True, "evilacme.example"),
    ],
)
def test_names_that_do_not_overlap_may_be_held_by_different_ones(
    acme: WhiteLabel, birch: WhiteLabel, theirs: str, with_theirs: bool, mine: str
) -> None:
    allow_list.allow(birch, theirs, includes_subdomains=with_theirs)

    assert allow_list.allow(acme, mine).white_label_id == acme.id


@pytest.mark.both_stores
def test_the_database_itself_holds_a_name_once(acme: WhiteLabel, birch: WhiteLabel) -> None:
    for white_label in (acme, birch):
        db.session.add(
            Domain(
                white_label_id=white_label.id,
                name="acme.example",
                state=DomainState.ALLOWED,
                created_at=clock.now(),
            )
        )

    with pytest.raises(IntegrityError):
        db.session.flush()


@pytest.mark.both_stores
def test_a_revoked_domain_is_free_for_another(acme: WhiteLabel, birch: WhiteLabel) -> None:
    domain = allow_list.allow(birch, "acme.example")
    allow_list.verify(domain)

    allow_list.revoke(domain)

    assert not allow_list.may_send_from(birch, "acme.example")
    assert allow_list.allow(acme, "acme.example").white_label_id == acme.id
    with pytest.raises(Refusal):
        allow_list.verify(domain)


def test_a_lapsed_domain_may_not_be_used_until_it_is_verified_again(acme: WhiteLabel) -> None:
    domain = allow_list.allow(acme, "acme.example")
    allow_list.verify(domain)

    allow_list.lapse(domain)
    assert not allow_list.may_send_from(acme, "acme.example")

    allow_list.verify(domain)
    assert allow_list.may_send_from(acme, "acme.example")


@pytest.mark.parametrize(
    ("includes", "asked", "may"),
    [
        (False, "acme.example", True),
        (False, "mail.acme.example", False),
        (True, "mail.acme.example", True),
        (True, "evilacme.example", False),
    ],
)
def test_subdomains_are_covered_only_where_that_was_approved(
    acme: WhiteLabel, includes: bool, asked: str, may: bool
) -> None:
    allow_list.verify(allow_list.allow(acme, "acme.example", includes_subdomains=includes))

    assert allow_list.may_send_from(acme, asked) is may


def test_a_foreign_domain_is_not_there(acme: WhiteLabel, birch: WhiteLabel) -> None:
    domain = allow_list.allow(acme, "acme.example")
    allow_list.verify(domain)

    with pytest.raises(NotFound):
        allow_list.find_domain(birch, domain.id)
    assert allow_list.find_by_name(birch, "acme.example") is None
    assert allow_list.domains_of(birch) == []
    assert not allow_list.may_send_from(birch, "acme.example")
