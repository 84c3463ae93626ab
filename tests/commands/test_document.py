"""A provisioning file is read strictly, and every fault is told with its line and key."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.commands.provisioning.document import BadDocument, read
from portal.commands.provisioning.lines import line_of, lines_of
from tests.commands.documents import WHOLE, line_number, with_line


def test_the_whole_file_is_read() -> None:
    source = read(WHOLE)

    assert source.document.white_labels[0].servers[0].port == 2526
    assert source.document.white_labels[0].templates[0].versions[1].language == "de"


_SUBJECT = "white_labels.0.templates.0.versions.0.subject"


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("port = 587", "prot = 587", "platform.servers.0.prot", "no such key (did you mean port?)"),
        ("port = 587", 'port = "587"', "platform.servers.0.port", "a whole number"),
        ("port = 587", "port = 587.0", "platform.servers.0.port", "a whole number"),
        ("port = 587", "port = true", "platform.servers.0.port", "a whole number"),
        ('tls = "starttls"', 'tls = "ssl"', "platform.servers.0.tls", "'none', 'starttls' or"),
        ("validate = false", 'validate = "no"', "platform.servers.0.validate", "true or false"),
        ('role = "admin"', 'role = "boss"', "white_labels.0.people.0.role", "'platform_owner',"),
        ('slug = "acme"', 'slgu = "acme"', "white_labels.0.slgu", "did you mean slug?"),
        ('slug = "acme"', 'slug = ""', "white_labels.0.slug", "must not be empty"),
        ("weight = 1", "weight = -1", "white_labels.0.servers.0.weight", "greater than or equal"),
        (
            'hostnames = ["acme.localhost"]',
            'hostnames = "acme.localhost"',
            "white_labels.0.hostnames",
            "must be a list",
        ),
        (
            'language = "de"',
            "language = 3",
            "white_labels.0.templates.0.versions.1.language",
            "text",
        ),
    ],
)
def test_a_typo_is_told_with_its_line_and_key(old: str, new: str, key: str, words: str) -> None:
    text = with_line(old, new)

    with pytest.raises(BadDocument) as bad:
        read(text)

    told = {fault.key: fault for fault in bad.value.faults}
    assert words in told[key].words
    assert told[key].line == line_number(text, new)


def test_a_missing_key_is_told_where_its_table_begins() -> None:
    text = WHOLE.replace('name = "Shop"\n', "")

    with pytest.raises(BadDocument) as bad:
        read(text)

    assert str(bad.value) == (
        f"line {line_number(text, '[[white_labels.apps]]')}: white_labels.0.apps.0.name: "
        "this key is needed"
    )


def test_all_faults_are_told_at_once_in_order() -> None:
    text = with_line("port = 587", "prot = 587").replace("weight = 1", 'weight = "1"')

    with pytest.raises(BadDocument) as bad:
        read(text)

    assert [fault.key for fault in bad.value.faults] == [
        "platform.servers.0.prot",
        "white_labels.0.servers.0.weight",
    ]


def test_what_is_no_toml_is_told_with_its_line() -> None:
    with pytest.raises(BadDocument) as bad:
        read('[platform]\nname = "Northwind\n')

    assert "line 2" in str(bad.value)


def test_lines_survive_strings_lists_comments_and_blank_lines() -> None:
    text = '''# a = 1
a = """
[not.a.table]
b = 2
"""  # [nor.this]
c = [
  "x",  # ] = [
  "]",
]
d = 'it''s'
"e f".g = { h = 1, i = [ 2, 3 ] }
[j]
[[j.k]]
l = 1


[[j.k]]

l = 1
  [j.k.m]
  n = "#"
'''
    tomllib.loads(text.replace("'it''s'", "'its'"))

    lines = lines_of(text.replace("'it''s'", "'its'"))

    assert lines == {
        ("a",): 2,
        ("c",): 6,
        ("d",): 10,
        ("e f", "g"): 11,
        ("j",): 12,
        ("j", "k", 0): 13,
        ("j", "k", 0, "l"): 14,
        ("j", "k", 1): 17,
        ("j", "k", 1, "l"): 19,
        ("j", "k", 1, "m"): 20,
        ("j", "k", 1, "m", "n"): 21,
    }
    assert line_of(("e f", "g", "h"), lines) == 11
    assert line_of(("nowhere",), lines) == 1


@given(st.text())
def test_finding_lines_never_fails_whatever_the_file_is(text: str) -> None:
    lines = lines_of(text)

    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
