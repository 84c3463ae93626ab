"""The list of wanted records: names and values as people copy them, and what cannot stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import Refusal
from portal.domains import records
from portal.domains.records import Purpose, RecordType, Wanted

DOMAIN = "acme.example"
KEY = "v=DKIM1; k=rsa; p=" + "QUJD" * 100


def txt(name: str, value: str, purpose: Purpose = Purpose.PROVIDER) -> Wanted:
    return Wanted(purpose, RecordType.TXT, name, value)


def cname(name: str, value: str) -> Wanted:
    return Wanted(Purpose.RETURN_PATH, RecordType.CNAME, name, value)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("", "acme.example"),
        ("@", "acme.example"),
        ("acme.example", "acme.example"),
        ("acme.example.", "acme.example"),
        ("bounce", "bounce.acme.example"),
        ("Bounce.ACME.example.", "bounce.acme.example"),
        (" s1._domainkey ", "s1._domainkey.acme.example"),
        ("s1._domainkey.acme.example", "s1._domainkey.acme.example"),
    ],
)
def test_a_name_is_what_somebody_means_by_it(typed: str, name: str) -> None:
    assert records.absolute_name(DOMAIN, typed) == name


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("birch.example.", "record_foreign"),
        ("evilacme.example.", "record_foreign"),
        ("a b", "record_name"),
        ("*", "record_name"),
        ("a..b", "record_name"),
        ("-a", "record_name"),
        ("a" * 64, "record_name"),
        ("a." * 121, "record_foreign"),
        (".".join(["abcdefgh"] * 30), "record_name"),
        ("ä", "record_name"),
    ],
)
def test_a_name_that_cannot_be_published_is_refused(typed: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        records.absolute_name(DOMAIN, typed)

    assert (refused.value.code, refused.value.field) == (code, "records")


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("plain", "plain"),
        (' "quoted" ', "quoted"),
        ('"two " "strings"', "two strings"),
        ('"one"\n"two"', "onetwo"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"v=DKIM1\; p=QUJD"', "v=DKIM1; p=QUJD"),
        ('"', '"'),
    ],
)
def test_a_text_is_what_stands_between_the_quotation_marks(typed: str, value: str) -> None:
    assert records.checked(DOMAIN, [txt("@", typed)])[0].value == value


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("Mail.Provider.Example.", "mail.provider.example"),
        ("s1.domainkey.u1.wl.provider.example", "s1.domainkey.u1.wl.provider.example"),
        ("a._domainkey.provider.example.", "a._domainkey.provider.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_target_becomes_canonical(typed: str, target: str) -> None:
    assert records.checked(DOMAIN, [cname("bounce", typed)])[0].value == target


@pytest.mark.parametrize(
    ("specs", "code"),
    [
        ([txt("@", "")], "record_value"),
        ([txt("@", "x" * 4097)], "record_value"),
        ([txt("@", "a\r\nb")], "record_value"),
        ([txt("@", "naïve")], "record_value"),
        ([txt("@", "a"), txt("acme.example.", '"a"')], "record_twice"),
        ([cname("@", "b.example")], "alias_at_top"),
        ([cname("m", "b.example"), txt("m", "a")], "record_beside_alias"),
        ([cname("m", "b.example"), cname("m", "c.example")], "record_beside_alias"),
        ([cname("m", "192.0.2.1")], "record_target"),
        ([cname("m", "localhost")], "record_target"),
        ([cname("m", "a_b.c_d")], "record_target"),
        ([cname("m", "a b_.example")], "record_target"),
        ([txt("@", "v=spf1 foo -all", Purpose.SPF)], "spf_malformed"),
        ([txt("@", "include:b.example", Purpose.SPF)], "spf_malformed"),
        (
            [txt("@", "v=spf1 -all", Purpose.SPF), txt("@", "v=spf1 a -all", Purpose.SPF)],
            "spf_twice",
        ),
        ([txt("s1._domainkey", "v=DKIM1; k=rsa", Purpose.DKIM)], "dkim_malformed"),
        ([txt("s1._domainkey", "v=DKIM1; p=", Purpose.DKIM)], "dkim_malformed"),
        ([txt(f"n{at}", "a") for at in range(21)], "records_many"),
    ],
)
def test_a_list_that_cannot_stand_is_refused(specs: list[Wanted], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        records.checked(DOMAIN, specs)

    assert (refused.value.code, refused.value.field) == (code, "records")


def test_the_order_and_whether_it_is_required_stay() -> None:
    specs = [
        records.return_path(DOMAIN, "bounce", "mx.provider.example"),
        records.dmarc_record(DOMAIN),
        records.spf_record(DOMAIN, "spf.provider.example"),
        records.dkim_key(DOMAIN, "s1", KEY),
        records.dkim_alias(DOMAIN, "s2", "s2.provider.example"),
    ]

    assert records.checked(DOMAIN, specs) == specs
    assert [one.is_required for one in specs] == [True, False, True, True, True]


@pytest.mark.accepts("SS-06")
def test_what_is_advised_is_as_the_specifications_write_it() -> None:
    spf_record = records.spf_record(DOMAIN, "a.example", "b.example")
    dmarc = records.dmarc_record(DOMAIN)

    assert spf_record.value == "v=spf1 include:a.example include:b.example ~all"
    assert (dmarc.name, dmarc.value) == (
        "_dmarc.acme.example",
        "v=DMARC1; p=none; rua=mailto:postmaster@acme.example",
    )


def test_the_proof_of_ownership_is_good_for_one_token_only() -> None:
    one, other = records.ownership(DOMAIN, "aa"), records.ownership(DOMAIN, "bb")

    assert one.name == other.name == "_livery-challenge.acme.example"
    assert one.value == "livery-challenge=aa"
    assert one.value != other.value


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=700))
def test_a_line_of_a_zone_file_holds_the_whole_text(text: str) -> None:
    line = records.zone_line(txt("acme.example", text))

    strings = line.removeprefix("acme.example. TXT ")
    assert records.unquoted(strings) == text
    assert strings.count('" "') >= (len(text) - 1) // 255


def test_a_line_of_an_alias_ends_in_a_dot() -> None:
    line = records.zone_line(records.return_path(DOMAIN, "bounce", "mx.provider.example"))

    assert line == "bounce.acme.example. CNAME mx.provider.example."
