"""One strict grammar for addresses, mailboxes and domains: what passes is safe on the wire.

Pure. An `Address` is proof: it cannot be built from anything that is not canonical, so code that
holds one need not check again. The standard library's `parseaddr` is not used anywhere: it guesses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import idna

from portal.core.errors import Refusal
from portal.core.words import _

MAX_ADDRESS = 254
"""Octets of a whole address: a path of 256 less its angle brackets (RFC 5321 4.5.3.1.3)."""
MAX_LOCAL_PART = 64
"""Octets before the @ (RFC 5321 4.5.3.1.1)."""
MAX_DOMAIN = 253
"""Octets of a domain name in text form (RFC 1035 2.3.4)."""
MAX_NAME = 200
"""Characters of a display name; longer ones are pasted by mistake or on purpose."""

# RFC 5322 3.2.3 dot-atom. Quoted local parts are legal but no provider gives them out, and every
# parser between here and the mailbox disagrees about them.
_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A last label like these makes a resolver read the whole as an IPv4 address, in odd notations too.
_NUMBER = r"(?:[0-9]+|0x[0-9a-f]*)"
_CANONICAL_DOMAIN = rf"(?:{_LABEL}\.)+(?!{_NUMBER}\Z){_LABEL}"

_is_dot_atom = re.compile(_DOT_ATOM).fullmatch
_is_canonical_domain = re.compile(_CANONICAL_DOMAIN).fullmatch
_is_canonical_address = re.compile(rf"(?=.{{1,64}}@){_DOT_ATOM}@{_CANONICAL_DOMAIN}").fullmatch
_ends_in_number = re.compile(rf"(?:.*\.)?{_NUMBER}").fullmatch

# What must never reach a header: C0 and C1 controls with DEL (CR, LF and NUL among them), the two
# Unicode line ends, the characters with the property Bidi_Control, and lone surrogates.
_find_forbidden = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
).search

# What separates addresses in a header where a name stands without quotes (RFC 5322 3.2.3).
_find_special = re.compile(r'[()<>\[\]:;@\\,"]').search
_is_quoted_name = re.compile(r'"(?:[^"\\]|\\.)*"').fullmatch
_escaped = re.compile(r"\\(.)")


class AddressError(Refusal):
    """The text is not an address, mailbox, name or domain that mail can be sent with."""


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox: the local part as its owner writes it, the domain as lower-case A-labels."""

    local: str
    domain: str

    def __post_init__(self) -> None:
        if not is_canonical(f"{self.local}@{self.domain}"):
            raise AddressError("address_malformed", _("This is not a valid e-mail address."))

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def folded(self) -> str:
        """One text for all spellings that reach this mailbox in practice: to compare, not to send.

        RFC 5321 2.4 lets a host tell `Ada` from `ada`; hosts do not, and people do not type so.
        """
        return f"{self.local.lower()}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name that mail programs show beside it; the name may be empty."""

    address: Address
    name: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)


def parse_address(text: str) -> Address:
    """Read one bare address such as `ada@acme.example`; international domains become A-labels.

    Nothing is trimmed or repaired: a form that wants to forgive a space at the end strips it first.

    Raises:
        AddressError: with words that name what is wrong.
    """
    if not text:
        raise AddressError("address_missing", _("An e-mail address is needed."))
    if (forbidden := find_forbidden(text)) is not None:
        raise AddressError(
            "address_control_character",
            _("An e-mail address cannot contain %(character)s.", character=forbidden),
        )

    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("address_without_at", _("An e-mail address needs an @."))
    if local.startswith('"'):
        raise AddressError(
            "address_quoted", _("Quotation marks before the @ are not supported in an address.")
        )
    if not local.isascii():
        # It would need SMTPUTF8 (RFC 6531) on every server on the way, and one that lacks it
        # refuses the message only after it was accepted here.
        raise AddressError(
            "address_not_ascii",
            _("Letters such as é or ü are not supported before the @; after it they are."),
        )
    if not _is_dot_atom(local):
        raise AddressError(
            "address_malformed",
            _("The part before the @ is empty or has a space, a stray dot or a forbidden sign."),
        )
    if len(local) > MAX_LOCAL_PART:
        raise AddressError(
            "address_too_long",
            _("The part before the @ is longer than %(limit)s characters.", limit=MAX_LOCAL_PART),
        )
    if domain.endswith((".", "\u3002", "\uff0e", "\uff61")):
        raise AddressError("address_malformed", _("An e-mail address cannot end with a dot."))

    canonical = canonical_domain(domain)
    if len(local) + 1 + len(canonical) > MAX_ADDRESS:
        raise AddressError(
            "address_too_long",
            _("An e-mail address cannot be longer than %(limit)s characters.", limit=MAX_ADDRESS),
        )
    return Address(local, canonical)


def parse_mailbox(text: str) -> Mailbox:
    """Read `ada@acme.example`, `Ada Admin <ada@acme.example>` or `"Admin, Ada" <ada@acme.example>`.

    One mailbox, never a list. A name with signs that separate addresses in a header must stand in
    quotation marks; otherwise it would be a guess who is meant.

    Raises:
        AddressError: with words that name what is wrong.
    """
    if not text.endswith(">"):
        return Mailbox(parse_address(text))

    raw_name, bracket, raw_address = text[:-1].rpartition("<")
    if not bracket:
        raise AddressError("mailbox_malformed", _("A < is missing before the address."))

    name = raw_name.strip(" ")
    if _is_quoted_name(name):
        name = _escaped.sub(r"\1", name[1:-1])
    elif _find_special(name):
        raise AddressError(
            "mailbox_malformed",
            _('A name with commas, brackets, an @ or quotation marks must stand in "…".'),
        )
    return Mailbox(parse_address(raw_address), check_name(name))


def check_name(name: str) -> str:
    """Give the display name back if it may be written into a header.

    Raises:
        AddressError: it has a control character or is longer than `MAX_NAME` characters.
    """
    if (forbidden := find_forbidden(name)) is not None:
        raise AddressError(
            "name_control_character",
            _("A name cannot contain %(character)s.", character=forbidden),
        )
    if len(name) > MAX_NAME:
        raise AddressError(
            "name_too_long",
            _("A name cannot be longer than %(limit)s characters.", limit=MAX_NAME),
        )
    return name


def find_forbidden(text: str) -> str | None:
    """Describe the first character that must not stand in any header, or None if there is none."""
    found = _find_forbidden(text)
    if found is None:
        return None
    character = found.group()
    if character in "\r\n\u2028\u2029\x85":
        return _("a line break")
    if character == "\t":
        return _("a tab")
    return _("the invisible character U+%(code)s", code=f"{ord(character):04X}")


def is_canonical(text: str) -> bool:
    """Whether the text is exactly what `str(parse_address(…))` writes; quick, for hot paths."""
    return len(text) <= MAX_ADDRESS and _is_canonical_address(text) is not None


@lru_cache(maxsize=8192)
def canonical_domain(text: str) -> str:
    """The domain as lower-case A-labels, mapped by UTS 46; a dot at the very end is dropped.

    Any top-level domain passes, the special ones (`.test`, `.local`, `.localhost`, `.example`)
    too: a relay inside a company may well know them, and whether a name exists is DNS's to say.

    Raises:
        AddressError: empty, one label only, an IP address, too long, or not a host name.
    """
    if not text:
        raise AddressError("domain_missing", _("A domain is needed."))
    if text.startswith("["):
        raise AddressError("domain_is_ip", _("An IP address cannot stand in place of a domain."))
    try:
        domain = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError as error:
        raise _domain_error(error) from error
    domain = domain.removesuffix(".")
    if len(domain) > MAX_DOMAIN:
        raise AddressError(
            "domain_too_long",
            _("A domain cannot be longer than %(limit)s characters.", limit=MAX_DOMAIN),
        )
    if _ends_in_number(domain):
        raise AddressError("domain_is_ip", _("An IP address cannot stand in place of a domain."))
    if "." not in domain:
        # RFC 5321 2.3.5 wants fully qualified names; mail at a bare top-level domain is
        # discouraged (RFC 7085) and here it is nearly always a slip.
        raise AddressError(
            "domain_not_full", _("A domain needs at least one dot, as in acme.example.")
        )
    if not _is_canonical_domain(domain):
        raise AddressError("domain_malformed", _("This is not a valid domain name."))
    return domain


def is_within(domain: str, parent: str, *, including_subdomains: bool = True) -> bool:
    """Whether a canonical domain is the parent or a name below it, judged at a dot.

    `evilacme.example` is not within `acme.example`.
    """
    return domain == parent or (including_subdomains and domain.endswith(f".{parent}"))


def _domain_error(error: idna.IDNAError) -> AddressError:
    match error.code:
        case "empty_label" | "empty_domain":
            return AddressError("domain_malformed", _("The domain has a stray dot."))
        case "label_too_long" | "domain_too_long" | "input_too_long":
            return AddressError(
                "domain_too_long",
                _("The domain, or a part of it between two dots, is too long."),
            )
        case "hyphen_start_end" | "hyphen_3_4":
            return AddressError("domain_malformed", _("The domain has a hyphen where none may be."))
        case "uts46_std3" | "uts46_disallowed" | "disallowed_codepoint":
            return AddressError(
                "domain_malformed",
                _("The domain contains a space or another sign that no domain can have."),
            )
        case _:
            return AddressError("domain_malformed", _("This is not a valid domain name."))
