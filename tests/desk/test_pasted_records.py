"""Records as providers show them: read whatever the layout, refused with the line where not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import Refusal
from portal.desk.pasted_records import read_records
from portal.domains.records import Purpose, RecordType, Wanted

DOMAIN = "acme.example"
KEY = Wanted(
    Purpose.DKIM,
    RecordType.CNAME,
    "s1._domainkey.acme.example",
    "s1.domainkey.u7.provider.example",
)


@pytest.mark.parametrize(
    "line",
    [
        "CNAME s1._domainkey s1.domainkey.u7.provider.example",
        "cname\ts1._domainkey\ts1.domainkey.u7.provider.example.",
        "s1._domainkey.acme.example. 3600 IN CNAME s1.domainkey.u7.provider.example.",
        "s1._domainkey 1h CNAME s1.domainkey.u7.provider.example",
        "s1._domainkey | CNAME | s1.domainkey.u7.provider.example",
        "CNAME ; S1._domainkey.{domain} ; s1.domainkey.u7.provider.example",
        "| s1._domainkey.acme.example | CNAME | s1.domainkey.u7.provider.example |",
    ],
)
def test_a_record_is_the_same_in_every_layout(line: str) -> None:
    assert read_records(line, DOMAIN) == [KEY]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("TXT @ v=spf1 include:spf.p.example ~all", "v=spf1 include:spf.p.example ~all"),
        ('@ 300 IN TXT "v=DKIM1; k=rsa; " "p=MIIB"', "v=DKIM1; k=rsa; p=MIIB"),
        ("TXT @ v=DKIM1; k=rsa; p=MIIB", "v=DKIM1; k=rsa; p=MIIB"),
        ("TXT | @ | a | b", "a | b"),
    ],
)
def test_a_text_is_one_value_however_it_is_split_or_quoted(line: str, value: str) -> None:
    assert [record.value for record in read_records(line, DOMAIN)] == [value]


@pytest.mark.parametrize(
    ("line", "purpose"),
    [
        ("TXT @ v=spf1 include:spf.p.example ~all", Purpose.SPF),
        ("TXT mail v=SPF1 include:spf.p.example ~all", Purpose.SPF),
        ("TXT k1._domainkey v=DKIM1; p=MIIB", Purpose.DKIM),
        ("CNAME k1._domainkey k1.p.example", Purpose.DKIM),
        ("TXT _dmarc v=DMARC1; p=none", Purpose.DMARC),
        ("CNAME bounces u7.p.example", Purpose.RETURN_PATH),
        ("TXT @ p-verification=123", Purpose.PROVIDER),
    ],
)
def test_what_a_record_is_for_is_seen_from_the_record(line: str, purpose: Purpose) -> None:
    assert [record.purpose for record in read_records(line, DOMAIN)] == [purpose]


def test_dmarc_is_advice_and_all_else_is_required() -> None:
    text = "TXT _dmarc v=DMARC1; p=none\nTXT @ v=spf1 -all\nCNAME a b.example\nTXT @ token"

    required = {record.purpose: record.is_required for record in read_records(text, DOMAIN)}

    assert required == {
        Purpose.DMARC: False,
        Purpose.SPF: True,
        Purpose.RETURN_PATH: True,
        Purpose.PROVIDER: True,
    }


def test_empty_lines_and_comments_are_passed_over() -> None:
    text = "\n; from the provider\n# DKIM\nCNAME a b.example\n\n"

    assert [record.name for record in read_records(text, DOMAIN)] == ["a.acme.example"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("MX @ 10 mail.example", 1),
        ("CNAME a b.example\nCNAME only-a-name", 2),
        ("TXT @", 1),
        ("TXT", 1),
        ("@ TXT", 1),
        ("CNAME a not a name", 1),
        ("a junk CNAME b.example", 1),
        ("hello", 1),
    ],
)
def test_a_line_that_is_no_record_is_named(text: str, number: int) -> None:
    with pytest.raises(Refusal) as refused:
        read_records(text, DOMAIN)

    assert refused.value.field == "records"
    assert f"Line {number} " in refused.value.words


@pytest.mark.parametrize(
    "text",
    [
        "CNAME a b.example\n" * 21,
        "TXT a.birch.example. value",
        "TXT a..b value",
        "CNAME @ b.example",
        "TXT a bad\x07value",
        "TXT @ v=spf1 -all\nTXT @ v=spf1 ~all",
    ],
)
def test_records_that_cannot_be_are_refused_at_their_field(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_records(text, DOMAIN)

    assert refused.value.field == "records"


def test_the_domain_is_filled_in_where_a_template_leaves_room_for_it() -> None:
    line = "TXT _dmarc.{domain} v=DMARC1; p=none; rua=mailto:dmarc@{domain}"

    (record,) = read_records(line, DOMAIN)

    assert record.name == "_dmarc.acme.example"
    assert record.value == "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"


@given(st.text(max_size=200))
def test_any_text_is_records_or_a_refusal(text: str) -> None:
    try:
        records = read_records(text, DOMAIN)
    except Refusal:
        return

    assert all(record.name.endswith(DOMAIN) and record.value for record in records)
