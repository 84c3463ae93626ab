"""One spelling for every host, and none for what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp.hosts import BadHost, as_address, canonical_host


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("smtp.acme.example", "smtp.acme.example"),
        ("SMTP.Acme.Example", "smtp.acme.example"),
        ("smtp.acme.example.", "smtp.acme.example"),
        ("post.müller.example", "post.xn--mller-kva.example"),
        ("smtp。acme。example", "smtp.acme.example"),
        ("ＳＭＴＰ.acme.example", "smtp.acme.example"),
        ("mailpit", "mailpit"),
        ("localhost", "localhost"),
        ("1und1.example", "1und1.example"),
        ("3com.example", "3com.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8::0:1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:127.0.0.1", "::ffff:7f00:1"),
    ],
)
def test_a_host_has_one_spelling(typed: str, canonical: str) -> None:
    assert as_plain(canonical_host(typed)) == as_plain(canonical)


def as_plain(host: str) -> str:
    return str(as_address(host) or host)


@pytest.mark.parametrize(
    "typed",
    [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "1.2.3.4.5",
        "256.1.1.1",
        "smtp.acme.0x1",
        "smtp.acme.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "fe80::1%eth0",
        "[::1",
        "::1]",
        "[smtp.acme.example]",
        "smtp.acme.example:25",
        "https://smtp.acme.example",
        "ada@acme.example",
        "smtp acme.example",
        " smtp.acme.example",
        "smtp.acme.example\n",
        "smtp.acme.example\r\nRCPT",
        "smtp..acme.example",
        ".smtp.acme.example",
        "smtp_1.acme.example",
        "-smtp.acme.example",
        "smtp.acme.example/",
        "x" * 64 + ".example",
        ".".join(["x" * 60] * 5),
        "",
        ".",
        "\u202esmtp.acme.example",
        "sm\x00tp.acme.example",
    ],
)
def test_what_only_looks_like_a_host_is_refused(typed: str) -> None:
    with pytest.raises(BadHost) as refusal:
        canonical_host(typed)

    assert refusal.value.field == "host"
    assert refusal.value.words


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-fx.:\[\]]{1,20}", fullmatch=True))
def test_a_canonical_host_is_its_own_canonical_host(typed: str) -> None:
    try:
        canonical = canonical_host(typed)
    except BadHost:
        return

    assert canonical_host(canonical) == canonical
    assert canonical.isascii()
