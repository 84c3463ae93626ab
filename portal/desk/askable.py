"""Whether a domain can be asked for: what nobody can have, what is somebody else's, what is there.

Each of these is said with words at the field, before anybody is called.
"""

from __future__ import annotations

from sqlalchemy import select

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.desk.request_models import DomainRequest
from portal.desk.request_states import LIVE
from portal.domains import allow_list, records
from portal.routing.ways import is_in_sandbox
from portal.senders.senders import senders_of
from portal.smtp.addresses import is_within, parse_address
from portal.white_labels import hostnames
from portal.white_labels.models import WhiteLabel
from portal.white_labels.public_suffixes import is_public_suffix


def can_be_asked() -> bool:
    """Whether the platform has a server of its own that a domain could be allowed at."""
    return not is_in_sandbox(None)


def canonical_name(name: str) -> str:
    canonical = records.canonical_name(name)
    if is_public_suffix(canonical):
        raise Refusal(
            "domain_public",
            _("Everybody can register names below %(name)s.", name=canonical),
            field="name",
        )
    return canonical


def check_free(white_label: WhiteLabel, name: str) -> None:
    """Whether it makes sense to ask: not for what is there, and not for what is somebody else's."""
    for domain in allow_list.domains_of(white_label):
        if is_within(name, domain.name, including_subdomains=domain.includes_subdomains):
            raise Refusal(
                "domain_allowed",
                _("%(name)s is among your domains already.", name=domain.name),
                field="name",
            )
    if live_request(white_label, name) is not None:
        raise asked_already()
    if is_platforms(name):
        raise Refusal(
            "domain_platform", _("The platform itself sends from this domain."), field="name"
        )
    hostname = hostnames.find_served(name)
    is_elsewhere = (
        hostname is not None
        and hostname.proven_at is not None
        and hostname.white_label_id != white_label.id
    )
    if is_elsewhere or allow_list.conflict_of(white_label, name) is not None:
        # Whose it is, or whether by right, is nobody's business here.
        raise Refusal(
            "domain_not_available",
            _("This domain is in use already. If it is yours, write to us at the desk."),
            field="name",
        )


def is_platforms(name: str) -> bool:
    """Whether the platform sends from this canonical domain, or from one below it."""
    own = (parse_address(sender.email).domain for sender in senders_of(None))
    return any(is_within(domain, name) for domain in own)


def live_request(white_label: WhiteLabel, name: str) -> DomainRequest | None:
    """The one that waits for an answer, or led to a domain on the list."""
    return db.session.scalar(
        select(DomainRequest).where(
            DomainRequest.white_label_id == white_label.id,
            DomainRequest.name == name,
            DomainRequest.state.in_(LIVE),
        )
    )


def asked_already() -> Refusal:
    return Refusal(
        "already_asked",
        _("This domain was asked for already and waits for its answer."),
        field="name",
    )
