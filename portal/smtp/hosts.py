"""One spelling for every host: what is typed becomes a canonical name or address, or is refused.

Pure.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

import idna

from portal.core.errors import Refusal
from portal.core.words import _

IpAddress: TypeAlias = IPv4Address | IPv6Address

# What the C library would read as an IPv4 address, in any of its notations: 127.1, 0177.0.0.1,
# 0x7f000001, 2130706433. A name never ends in a label like these (WHATWG URL 3.5 has it the same).
_ends_in_number = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.IGNORECASE).fullmatch
_is_host_name = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
).fullmatch


class BadHost(Refusal):
    """The text names no host."""

    def __init__(self, words: str) -> None:
        super().__init__("bad_host", words, field="host")


def canonical_host(text: str) -> str:
    """A host as it is stored, compared, resolved and checked against certificates.

    Names become lower-case A-labels (UTS 46) without a dot at the end. Addresses are accepted in
    their one canonical notation only; IPv6 may stand in brackets and loses them. One label alone is
    fine: inside a company or a container network such names exist.

    Raises:
        BadHost: with words for the field.
    """
    if not text:
        raise BadHost(_("Which host?"))
    if "[" in text or "]" in text or ":" in text:
        return str(_ipv6(text))
    if text.isascii() and _ends_in_number(text.removesuffix(".")):
        return str(_ipv4(text))
    try:
        name = idna.encode(text, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
    except idna.IDNAError:
        raise BadHost(_("This is not a host name such as smtp.acme.example.")) from None
    # Full-width digits and the like turn into numbers only now; nobody types them in good faith.
    if _ends_in_number(name) or not _is_host_name(name):
        raise BadHost(_("This is not a host name such as smtp.acme.example."))
    return name


def as_address(host: str) -> IpAddress | None:
    """The address that a canonical host is, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _ipv4(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)  # four decimal parts, no leading zeros, nothing else
    except ValueError:
        raise BadHost(_("Write an IPv4 address as four numbers, such as 192.0.2.1.")) from None


def _ipv6(text: str) -> IPv6Address:
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = IPv6Address(inner)
    except ValueError:
        raise BadHost(_("This is not a host name and not an IPv6 address.")) from None
    if address.scope_id is not None:
        raise BadHost(_("An address with a zone (%%…) means something on one machine only."))
    return address
