"""The address grammar: what is let through, what is refused, and with which words."""

from __future__ import annotations

import string

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp.addresses import (
    Address,
    AddressError,
    Mailbox,
    canonical_domain,
    check_name,
    find_forbidden,
    is_canonical,
    is_within,
    parse_address,
    parse_mailbox,
)

ATOMS = string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-"
local_parts = st.lists(st.text(ATOMS, min_size=1, max_size=15), min_size=1, max_size=4).map(
    ".".join
)
labels = st.from_regex(r"[a-z0-9]([a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
domains = st.builds(
    lambda left, last: ".".join([*left, last]),
    st.lists(labels, min_size=1, max_size=4),
    st.sampled_from(["example", "test", "local", "localhost", "com", "de"]),
)
addresses = st.builds(lambda local, domain: f"{local}@{domain}", local_parts, domains)

FORBIDDEN = [
    *(chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]),
    *"\u2028\u2029\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "\ud800",
    "\udfff",
]


def refused(text: str) -> str:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    assert caught.value.words
    return caught.value.code


@given(addresses)
def test_every_dot_atom_at_a_full_domain_is_an_address(text: str) -> None:
    address = parse_address(text)

    assert str(address) == text
    assert is_canonical(text)


@given(addresses.filter(lambda text: not text.endswith((".local", ".localhost"))))
def test_what_we_accept_an_independent_validator_accepts(text: str) -> None:
    address = parse_address(text)

    judged = email_validator.validate_email(
        str(address), check_deliverability=False, test_environment=True, strict=True
    )

    assert judged.ascii_email is not None
    assert judged.ascii_email.lower() == str(address).lower()


@given(st.text(st.sampled_from('ab.@"<>() ,;:\\[]\r\n\0üÜß。-_1%\u202e\ud800'), max_size=20))
def test_whatever_is_typed_the_answer_is_a_canonical_address_or_a_refusal(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return

    assert str(address).isascii()
    assert is_canonical(str(address))
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("top", ["test", "local", "localhost", "example", "invalid", "onion"])
def test_special_top_level_domains_are_accepted(top: str) -> None:
    assert str(parse_address(f"ada@acme.{top}")) == f"ada@acme.{top}"


def test_the_local_part_stays_as_given_and_the_domain_becomes_lower_case() -> None:
    assert parse_address("Postmaster@ACME.Example") == Address("Postmaster", "acme.example")


def test_spellings_of_one_mailbox_fold_to_the_same() -> None:
    assert parse_address("Ada@acme.example").folded == parse_address("aDA@Acme.Example").folded


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@acme。example", "ada@acme.example"),
        ("ada@ＡＣＭＥ.example", "ada@acme.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_international_domains_travel_as_a_labels(typed: str, wire: str) -> None:
    assert str(parse_address(typed)) == wire


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "address_missing"),
        ("ada", "address_without_at"),
        ("@acme.example", "address_malformed"),
        ("ada@", "domain_missing"),
        ("a@b@acme.example", "address_malformed"),
        (" ada@acme.example", "address_malformed"),
        ("ada @acme.example", "address_malformed"),
        ("ada@acme.example ", "domain_malformed"),
        (".ada@acme.example", "address_malformed"),
        ("ada.@acme.example", "address_malformed"),
        ("a..da@acme.example", "address_malformed"),
        ('"ada"@acme.example', "address_quoted"),
        ('"a@b"@acme.example', "address_quoted"),
        ("ädä@acme.example", "address_not_ascii"),
        ("ada@acme", "domain_not_full"),
        ("ada@localhost", "domain_not_full"),
        ("ada@127.0.0.1", "domain_is_ip"),
        ("ada@[127.0.0.1]", "domain_is_ip"),
        ("ada@[IPv6:::1]", "domain_is_ip"),
        ("ada@acme.0x7f", "domain_is_ip"),
        ("ada@2130706433", "domain_is_ip"),
        ("ada@acme..example", "domain_malformed"),
        ("ada@.acme.example", "domain_malformed"),
        ("ada@acme.example.", "address_malformed"),
        ("ada@acme.example。", "address_malformed"),
        ("ada@-acme.example", "domain_malformed"),
        ("ada@acme-.example", "domain_malformed"),
        ("ada@ac_me.example", "domain_malformed"),
        ("ada@ac me.example", "domain_malformed"),
        ("ada@xn--zzzzzz.example", "domain_malformed"),
        ("ada@acme.example>", "domain_malformed"),
        ("<ada@acme.example", "address_malformed"),
        ("ada,bob@acme.example", "address_malformed"),
        ("ada@acme.example,bob@acme.example", "address_malformed"),
        (f"{'a' * 65}@acme.example", "address_too_long"),
        (f"ada@{'a' * 64}.example", "domain_too_long"),
        (f"ada@{'a.' * 130}example", "domain_too_long"),
        (f"{'a' * 60}@{'.'.join(['b' * 60] * 3)}.{'c' * 20}", "address_too_long"),
        ("ada@" + "a" * 5000, "domain_too_long"),
    ],
)
def test_what_is_not_an_address_is_refused_by_name(text: str, code: str) -> None:
    assert refused(text) == code


@pytest.mark.parametrize("character", FORBIDDEN, ids=lambda character: f"U+{ord(character):04X}")
def test_control_characters_are_refused_in_every_part(character: str) -> None:
    assert refused(f"a{character}da@acme.example") == "address_control_character"
    assert refused(f"ada@ac{character}me.example") == "address_control_character"
    assert refused(f"ada@acme.example{character}") == "address_control_character"
    with pytest.raises(AddressError, match="name_control_character"):
        check_name(f"Ada{character}Admin")


def test_the_longest_address_is_accepted_and_one_more_octet_is_not() -> None:
    domain = f"{'.'.join(['b' * 60] * 3)}.example"
    longest = f"{'a' * 63}@{domain}"

    assert len(longest) == 254
    assert str(parse_address(longest)) == longest
    assert refused("a" + longest) == "address_too_long"


def test_an_address_cannot_be_built_around_the_grammar() -> None:
    for local, domain in [
        ("a\r\nb", "acme.example"),
        ("ada", "ACME.example"),
        ("ada", "acme.example\n"),
        ("ada", "bücher.example"),
        ("ada", "10.0.0.1"),
        ("", "acme.example"),
    ]:
        with pytest.raises(AddressError):
            Address(local, domain)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ada@acme.example", ""),
        ("<ada@acme.example>", ""),
        ("Ada Admin <ada@acme.example>", "Ada Admin"),
        ("Ädä Ädmin <ada@acme.example>", "Ädä Ädmin"),
        ("Acme Inc. <ada@acme.example>", "Acme Inc."),
        ('"Admin, Ada" <ada@acme.example>', "Admin, Ada"),
        (r'"Ada \"the\" Admin \\" <ada@acme.example>', 'Ada "the" Admin \\'),
        ('"<bob@acme.example>" <ada@acme.example>', "<bob@acme.example>"),
    ],
)
def test_a_mailbox_has_a_name_and_an_address(text: str, name: str) -> None:
    assert parse_mailbox(text) == Mailbox(Address("ada", "acme.example"), name)


@pytest.mark.parametrize(
    "text",
    [
        "Admin, Ada <ada@acme.example>",
        "bob@acme.example <ada@acme.example>",
        "<bob@acme.example> <ada@acme.example>",
        "Ada (admin) <ada@acme.example>",
        'Ada "x" <ada@acme.example>',
        '"Ada <ada@acme.example>',
        '"Ada\\" <ada@acme.example>',
        "Ada ada@acme.example>",
        "Ada <ada@acme.example> ",
        "Ada < ada@acme.example>",
        "Ada\n<ada@acme.example>",
    ],
)
def test_a_mailbox_that_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(text)


def test_a_name_that_is_a_whole_letter_is_refused() -> None:
    with pytest.raises(AddressError, match="name_too_long"):
        check_name("a" * 201)


def test_encoded_word_marks_in_a_name_are_just_text() -> None:
    assert check_name("=?utf-8?q?=0ABcc=3A?=") == "=?utf-8?q?=0ABcc=3A?="


def test_the_forbidden_character_is_described() -> None:
    assert find_forbidden("all ✓ fine") is None
    assert find_forbidden("a\nb") == "a line break"
    assert find_forbidden("a\tb") == "a tab"
    assert find_forbidden("a\u202eb") == "the invisible character U+202E"


def test_a_dot_at_the_end_of_a_domain_is_dropped() -> None:
    assert canonical_domain("Acme.Example.") == "acme.example"


@given(domains)
def test_a_canonical_domain_stays_as_it_is(domain: str) -> None:
    assert canonical_domain(domain) == domain


@pytest.mark.parametrize(
    ("domain", "including_subdomains", "within"),
    [
        ("acme.example", True, True),
        ("acme.example", False, True),
        ("mail.acme.example", True, True),
        ("mail.acme.example", False, False),
        ("evilacme.example", True, False),
        ("acme.example.test", True, False),
        ("example", True, False),
    ],
)
def test_a_domain_is_within_its_parent_only_at_a_dot(
    domain: str, including_subdomains: bool, within: bool
) -> None:
    answer = is_within(domain, "acme.example", including_subdomains=including_subdomains)

    assert answer is within
