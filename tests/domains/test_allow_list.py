"""The allow-list: a domain is held by one white label, and covers what it says it covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.domains import allow_list
from portal.domains.models import Domain, DomainState
from portal.smtp.addresses import AddressError, canonical_domain, is_within, parse_address
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


@pytest.mark.both_stores
def test_below_the_longest_domain_its_proof_still_has_a_name(acme: WhiteLabel) -> None:
    longest = f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 44}.example"

    domain = allow_list.allow(acme, longest)
    allow_list.set_records(domain, [])
    db.session.commit()

    assert len(domain.records[0].name) == 253
    with pytest.raises(Refusal) as refused:
        allow_list.allow(acme, f"x{longest}")
    assert (refused.value.code, refused.value.field) == ("domain_too_long", "name")


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


ONE = (("acme.example", False),)
WITH_ALL_BELOW = (("acme.example", True),)
BELOW = (("mail.acme.example", False),)
SEVERAL = (("acme.example", False), ("news.acme.example", True), ("xn--bcher-kva.example", True))


@pytest.mark.parametrize(
    ("allowed", "sender", "may"),
    [
        # the domain itself
        (ONE, "ada@acme.example", True),
        (ONE, "ada+tag@acme.example", True),
        (ONE, "ADA@ACME.EXAMPLE", True),
        (ONE, "ada@Acme.Example", True),
        (ONE, "o'hara@acme.example", True),
        (ONE, "postmaster@acme.example", True),
        # names below, above and beside
        (ONE, "ada@mail.acme.example", False),
        (ONE, "ada@a.b.acme.example", False),
        (ONE, "ada@www.acme.example", False),
        (ONE, "ada@_dmarc.acme.example", None),
        (ONE, "ada@example", None),
        (ONE, "ada@birch.example", False),
        (ONE, "ada@acme.test", False),
        (ONE, "ada@acme.example.test", False),
        (ONE, "ada@acme.example.com", False),
        # names that end or begin alike
        (ONE, "ada@evilacme.example", False),
        (ONE, "ada@evil-acme.example", False),
        (ONE, "ada@acme-example.test", False),
        (ONE, "ada@acmeexample.test", False),
        (ONE, "ada@cme.example", False),
        (ONE, "ada@acme.exampl", False),
        (ONE, "ada@acme.examples", False),
        # lookalikes are other names
        (ONE, "ada@аcme.example", False),
        (ONE, "ada@acmé.example", False),
        (ONE, "ada@acrne.example", False),
        (ONE, "ada@acme.ехample", False),
        # other spellings of the same name
        (ONE, "ada@ａｃｍｅ.example", True),
        (ONE, "ada@acme。example", True),
        (ONE, "ada@acme．example", True),
        (ONE, "ada@ac\u00adme.example", True),
        # what is no address
        (ONE, "acme.example", None),
        (ONE, "@acme.example", None),
        (ONE, "ada@", None),
        (ONE, "ada@@acme.example", None),
        (ONE, "ada@acme.example.", None),
        (ONE, "ada@.acme.example", None),
        (ONE, "ada@acme..example", None),
        (ONE, "ada@acme.example@birch.example", None),
        (ONE, '"a@acme.example"@birch.example', None),
        (ONE, "ada@[192.0.2.1]", None),
        (ONE, "ada@192.0.2.1", None),
        (ONE, "ada@acme.example\n", None),
        (ONE, "ada@acme.example\x00", None),
        (ONE, "ada@acme.example, bob@birch.example", None),
        (ONE, "ada@birch.example\r\nFrom: ada@acme.example", None),
        (ONE, "ada@ac me.example", None),
        (ONE, "ada@*.acme.example", None),
        # with all below
        (WITH_ALL_BELOW, "ada@acme.example", True),
        (WITH_ALL_BELOW, "ada@mail.acme.example", True),
        (WITH_ALL_BELOW, "ada@a.b.c.acme.example", True),
        (WITH_ALL_BELOW, "ada@MAIL.acme.example", True),
        (WITH_ALL_BELOW, "ada@bücher.acme.example", True),
        (WITH_ALL_BELOW, "ada@evilacme.example", False),
        (WITH_ALL_BELOW, "ada@mail.evilacme.example", False),
        (WITH_ALL_BELOW, "ada@acme.example.birch.example", False),
        (WITH_ALL_BELOW, "ada@mail.birch.example", False),
        # one below does not open its parent or its neighbours
        (BELOW, "ada@mail.acme.example", True),
        (BELOW, "ada@acme.example", False),
        (BELOW, "ada@news.acme.example", False),
        (BELOW, "ada@x.mail.acme.example", False),
        (BELOW, "ada@xmail.acme.example", False),
        # several
        (SEVERAL, "ada@acme.example", True),
        (SEVERAL, "ada@mail.acme.example", False),
        (SEVERAL, "ada@news.acme.example", True),
        (SEVERAL, "ada@eu.news.acme.example", True),
        (SEVERAL, "ada@bücher.example", True),
        (SEVERAL, "ada@BÜCHER.example", True),
        (SEVERAL, "ada@xn--bcher-kva.example", True),
        (SEVERAL, "ada@XN--BCHER-KVA.example", True),
        (SEVERAL, "ada@alte.bücher.example", True),
        (SEVERAL, "ada@bucher.example", False),
        (SEVERAL, "ada@büche.example", False),
        # none
        ((), "ada@acme.example", False),
        ((), "ada@localhost.example", False),
    ],
)
@pytest.mark.accepts("SI-16")
@pytest.mark.accepts("SI-32")
def test_who_may_send_from_what_is_allowed(
    acme: WhiteLabel, allowed: tuple[tuple[str, bool], ...], sender: str, may: bool | None
) -> None:
    """None: it is no address, so nobody is asked."""
    for name, includes_subdomains in allowed:
        allow_list.verify(allow_list.allow(acme, name, includes_subdomains=includes_subdomains))

    if may is None:
        with pytest.raises(AddressError):
            parse_address(sender)
    else:
        assert allow_list.may_send_from(acme, parse_address(sender).domain) is may


@pytest.mark.parametrize(
    ("domain", "parent", "alone", "with_below"),
    [
        ("acme.example", "acme.example", True, True),
        ("mail.acme.example", "acme.example", False, True),
        ("a.b.acme.example", "acme.example", False, True),
        ("acme.example", "mail.acme.example", False, False),
        ("evilacme.example", "acme.example", False, False),
        ("acme.example.test", "acme.example", False, False),
        ("example", "acme.example", False, False),
    ],
)
def test_a_name_is_within_another_at_a_dot_only(
    domain: str, parent: str, alone: bool, with_below: bool
) -> None:
    assert is_within(domain, parent, including_subdomains=False) is alone
    assert is_within(domain, parent) is with_below


labels = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)


@given(name=names, parent=names)
def test_within_means_the_same_labels_at_the_end(name: str, parent: str) -> None:
    mine, theirs = name.split("."), parent.split(".")

    assert is_within(name, parent) is (mine[-len(theirs) :] == theirs)


@given(text=st.text(max_size=40))
def test_a_canonical_name_is_canonical(text: str) -> None:
    try:
        canonical = canonical_domain(text)
    except AddressError:
        return

    assert canonical_domain(canonical) == canonical
    assert canonical_domain(canonical.upper()) == canonical
    assert canonical.isascii()


def test_what_is_held_by_others_is_told_to_the_owner(acme: WhiteLabel, birch: WhiteLabel) -> None:
    allow_list.allow(acme, "acme.example")
    allow_list.allow(birch, "birch.example")
    allow_list.revoke(allow_list.allow(birch, "former.example"))

    held = {(one.name, one.owner, one.kind) for one in allow_list.held_by_others(acme)}

    assert held == {
        ("localhost", "Northwind Apps", "hostname"),
        ("birch.localhost", "Birch", "hostname"),
        ("birch.example", "Birch", "domain"),
    }


def test_a_conflict_is_somebody_elses_domain_that_overlaps(
    acme: WhiteLabel, birch: WhiteLabel
) -> None:
    theirs = allow_list.allow(birch, "mail.acme.example")

    assert allow_list.conflict_of(acme, "acme.example") is None
    assert allow_list.conflict_of(acme, "acme.example", includes_subdomains=True) == theirs
    assert allow_list.conflict_of(birch, "mail.acme.example") is None


def test_a_foreign_domain_is_not_there(acme: WhiteLabel, birch: WhiteLabel) -> None:
    domain = allow_list.allow(acme, "acme.example")
    allow_list.verify(domain)

    with pytest.raises(NotFound):
        allow_list.find_domain(birch, domain.id)
    assert allow_list.find_by_name(birch, "acme.example") is None
    assert allow_list.domains_of(birch) == []
    assert not allow_list.may_send_from(birch, "acme.example")
