"""Which domain a white label most likely wants: what it sends from, and is reached at."""

from __future__ import annotations

from collections.abc import Iterator

from portal.accounts.models import Person
from portal.core.errors import Refusal
from portal.desk.askable import check_free
from portal.senders.senders import senders_of
from portal.smtp.addresses import is_within, parse_address
from portal.white_labels.hostnames import hostnames_of
from portal.white_labels.models import WhiteLabel
from portal.white_labels.public_suffixes import is_public_suffix, registered_domain

MOST = 8


def proposals_for(white_label: WhiteLabel, person: Person) -> list[str]:
    """Canonical domains that can be asked for, the likeliest first.

    The domains of its senders come first, because mail leaves from there already; then those of
    its hostnames, without what stands before the registered name; then the person's own address.
    """
    found: list[str] = []
    for domain in _candidates(white_label, person):
        if domain not in found and _can_be_asked(white_label, domain):
            found.append(domain)
    return found[:MOST]


def _candidates(white_label: WhiteLabel, person: Person) -> Iterator[str]:
    for sender in senders_of(white_label):
        yield parse_address(sender.email).domain
    for hostname in hostnames_of(white_label):
        if hostname.proven_at is not None:
            yield registered_domain(hostname.name)
    yield parse_address(person.email).domain


def _can_be_asked(white_label: WhiteLabel, domain: str) -> bool:
    # Below localhost is this machine and never in DNS (RFC 6761 6.3): a portal to try things out.
    if is_public_suffix(domain) or is_within(domain, "localhost"):
        return False
    try:
        check_free(white_label, domain)
    except Refusal:
        return False
    return True
