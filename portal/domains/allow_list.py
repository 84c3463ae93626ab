"""The allow-list: which white label may send from which domain through the platform's servers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.domains.models import Domain, DomainState
from portal.smtp.addresses import AddressError, canonical_domain, is_within
from portal.white_labels.hostnames import is_public_suffix
from portal.white_labels.models import WhiteLabel


def allow(white_label: WhiteLabel, name: str, *, includes_subdomains: bool = False) -> Domain:
    """Put the domain on the list; it may be used once its DNS records are seen.

    Raises:
        Refusal: it is no domain, everybody may register below it, or it overlaps with one that
            another white label holds.
    """
    canonical = _canonical(name)
    if is_public_suffix(canonical):
        raise Refusal(
            "domain_public",
            _("Everybody can register names below %(name)s.", name=canonical),
            field="name",
        )
    held = _overlapping(canonical, includes_subdomains=includes_subdomains)
    for domain in held:
        if domain.white_label_id != white_label.id:
            raise Refusal(
                "domain_held",
                _("%(name)s is held by another white label.", name=domain.name),
                field="name",
            )
        if domain.name == canonical:
            raise Refusal("domain_allowed", _("This domain is on the list already."), field="name")
    domain = Domain(
        white_label_id=white_label.id,
        name=canonical,
        includes_subdomains=includes_subdomains,
        state=DomainState.ALLOWED,
        created_at=clock.now(),
    )
    db.session.add(domain)
    db.session.flush()
    trail.record(
        white_label.id, "domain.allowed", canonical, {"includes_subdomains": includes_subdomains}
    )
    return domain


def verify(domain: Domain) -> None:
    """The records are there: From may use it.

    Raises:
        Refusal: the approval was taken back.
    """
    if domain.state is DomainState.REVOKED:
        raise Refusal("domain_revoked", _("The approval of this domain was taken back."))
    if domain.state is not DomainState.VERIFIED:
        domain.state = DomainState.VERIFIED
        domain.verified_at = clock.now()
        trail.record(domain.white_label_id, "domain.verified", domain.name)


def lapse(domain: Domain) -> None:
    """The records are gone: new mail from it is held until they are back."""
    if domain.state is DomainState.VERIFIED:
        domain.state = DomainState.LAPSED
        trail.record(domain.white_label_id, "domain.lapsed", domain.name)


def revoke(domain: Domain) -> None:
    """Take the approval back; the name is free for whoever asks next."""
    if domain.state is not DomainState.REVOKED:
        domain.state = DomainState.REVOKED
        trail.record(domain.white_label_id, "domain.revoked", domain.name)


def domains_of(white_label: WhiteLabel) -> Sequence[Domain]:
    """Those on the list, by name."""
    query = select(Domain).where(
        Domain.white_label_id == white_label.id, Domain.state != DomainState.REVOKED
    )
    return db.session.scalars(query.order_by(Domain.name)).all()


def find_domain(white_label: WhiteLabel, domain_id: int) -> Domain:
    """This white label's domain with this id.

    Raises:
        NotFound: missing, or somebody else's.
    """
    query = select(Domain).where(Domain.white_label_id == white_label.id, Domain.id == domain_id)
    domain = db.session.scalar(query)
    if domain is None:
        raise NotFound("domain")
    return domain


def find_by_name(white_label: WhiteLabel, name: str) -> Domain | None:
    """This white label's domain of this name, as long as it is on the list."""
    query = select(Domain).where(
        Domain.white_label_id == white_label.id,
        Domain.name == _canonical(name),
        Domain.state != DomainState.REVOKED,
    )
    return db.session.scalar(query)


def may_send_from(white_label: WhiteLabel, domain: str) -> bool:
    """Whether this canonical domain is covered by a verified one of this white label."""
    return any(
        allowed.state is DomainState.VERIFIED
        and is_within(domain, allowed.name, including_subdomains=allowed.includes_subdomains)
        for allowed in domains_of(white_label)
    )


def _overlapping(canonical: str, *, includes_subdomains: bool) -> list[Domain]:
    """Everything on the list that this domain would cover or be covered by."""
    labels = canonical.split(".")
    itself_and_above = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    wanted: ColumnElement[bool] = Domain.name.in_(itself_and_above)
    if includes_subdomains:
        wanted |= Domain.name.endswith(f".{canonical}", autoescape=True)
    listed = db.session.scalars(select(Domain).where(wanted, Domain.state != DomainState.REVOKED))
    return [
        domain
        for domain in listed
        if domain.name == canonical
        or is_within(canonical, domain.name, including_subdomains=domain.includes_subdomains)
        or (includes_subdomains and is_within(domain.name, canonical))
    ]


def _canonical(name: str) -> str:
    try:
        return canonical_domain(name.strip())
    except AddressError as refusal:
        raise Refusal(refusal.code, refusal.words, field="name") from None
