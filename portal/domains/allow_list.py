"""The allow-list: which white label may send from which domain through the platform's servers."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, select, text

from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.domains import records
from portal.domains.lookalikes import Held
from portal.domains.models import Domain, DomainRecord, DomainState, new_token
from portal.domains.records import Purpose, Wanted
from portal.smtp.addresses import is_within
from portal.white_labels.models import Hostname, WhiteLabel
from portal.white_labels.platform import the_platform
from portal.white_labels.public_suffixes import is_public_suffix

_PROOF = Purpose.OWNERSHIP


def allow(
    white_label: WhiteLabel,
    name: str,
    *,
    includes_subdomains: bool = False,
    proof_token: str | None = None,
) -> Domain:
    """Put the domain on the list; it may be used once its DNS records are seen.

    Args:
        proof_token: what the proof of ownership contains, if it was promised before; never one
            that was used for another approval.

    Raises:
        Refusal: it is no domain, everybody may register below it, or it overlaps with one that
            another white label holds.
    """
    canonical = records.canonical_name(name)
    if is_public_suffix(canonical):
        raise Refusal(
            "domain_public",
            _("Everybody can register names below %(name)s.", name=canonical),
            field="name",
        )
    _take_turns()
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
        proof_token=proof_token or new_token(),
        created_at=clock.now(),
    )
    db.session.add(domain)
    db.session.flush()
    trail.record(
        white_label.id, "domain.allowed", canonical, {"includes_subdomains": includes_subdomains}
    )
    return domain


def set_records(domain: Domain, specs: Sequence[Wanted]) -> None:
    """These records, after the proof of ownership, are what the domain must show from now on.

    What was found for a record that stays is kept. The checks begin at once; a verified domain
    stays so while the new records are being published, for the days of grace.

    Raises:
        Refusal: a record is malformed, not of this domain, or excludes another one.
    """
    specs = records.checked(domain.name, specs)
    wanted = [records.ownership(domain.name, domain.proof_token), *specs]
    kept = {record.wanted: record for record in domain.records}
    domain.records = [kept.get(one) or _row(one) for one in wanted]
    _number(domain)
    trail.record(
        domain.white_label_id,
        "domain.records_set",
        domain.name,
        {"records": [f"{one.type} {one.name}" for one in wanted]},
    )


def put_record(domain: Domain, wanted: Wanted) -> DomainRecord:
    """Add this record to what the domain must show; one that is on the list already stays.

    Raises:
        Refusal: as of `set_records`.
    """
    others = [record.wanted for record in domain.records if record.purpose is not _PROOF]
    if not any(one == wanted for one in others):
        set_records(domain, [*others, wanted])
    tidy = records.checked(domain.name, [wanted])[0]
    return next(record for record in domain.records if record.wanted == tidy)


def drop_record(domain: Domain, wanted: Wanted) -> None:
    """Take it from the list, if it is there; the proof of ownership stays whatever is asked."""
    left = [one.wanted for one in domain.records if one.purpose is not _PROOF]
    if wanted in left:
        left.remove(wanted)
        set_records(domain, left)


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


def revoke(domain: Domain, *, reason: str = "") -> None:
    """Take the approval back; the name is free for whoever asks next."""
    if domain.state is not DomainState.REVOKED:
        domain.state = DomainState.REVOKED
        domain.next_check_at = None
        why = {"reason": reason} if reason else None
        trail.record(domain.white_label_id, "domain.revoked", domain.name, why)


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
        raise NotFound(_("domain"))
    return domain


def find_by_name(white_label: WhiteLabel, name: str) -> Domain | None:
    """This white label's domain of this name, as long as it is on the list."""
    query = select(Domain).where(
        Domain.white_label_id == white_label.id,
        Domain.name == records.canonical_name(name),
        Domain.state != DomainState.REVOKED,
    )
    return db.session.scalar(query)


def held_by_others(white_label: WhiteLabel) -> list[Held]:
    """For the platform owner: what a new domain of this white label might be mistaken for."""
    domains = select(Domain.name, WhiteLabel.name).join(
        WhiteLabel, WhiteLabel.id == Domain.white_label_id
    )
    domains = domains.where(
        Domain.white_label_id != white_label.id, Domain.state != DomainState.REVOKED
    )
    hostnames = select(Hostname.name, WhiteLabel.name).join(Hostname.white_label)
    hostnames = hostnames.where(Hostname.white_label_id != white_label.id)
    held = [Held(name, owner, "domain") for name, owner in db.session.execute(domains)]
    held += [Held(name, owner, "hostname") for name, owner in db.session.execute(hostnames)]
    platform = the_platform()
    own = urlsplit(platform.origin).hostname
    return [Held(own, platform.name, "hostname"), *held] if own else held


def conflict_of(
    white_label: WhiteLabel, name: str, *, includes_subdomains: bool = False
) -> Domain | None:
    """For the platform owner: the domain of another white label that stands in the way.

    Raises:
        Refusal: it is no domain.
    """
    held = _overlapping(records.canonical_name(name), includes_subdomains=includes_subdomains)
    return next((one for one in held if one.white_label_id != white_label.id), None)


def may_send_from(white_label: WhiteLabel, domain: str) -> bool:
    """Whether this canonical domain is covered by a verified one of this white label."""
    return any(
        allowed.state is DomainState.VERIFIED
        and is_within(domain, allowed.name, including_subdomains=allowed.includes_subdomains)
        for allowed in domains_of(white_label)
    )


def _take_turns() -> None:
    """One domain at a time comes on the list: no constraint knows what overlaps. SQLite has one
    writer anyway."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SELECT pg_advisory_xact_lock(7066)"))


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


def _row(wanted: Wanted) -> DomainRecord:
    return DomainRecord(
        purpose=wanted.purpose,
        type=wanted.type,
        name=wanted.name,
        value=wanted.value,
        is_required=wanted.is_required,
    )


def _number(domain: Domain) -> None:
    """Write the order down, and let the next check come at once."""
    for position, record in enumerate(domain.records):
        record.position = position
    if domain.state is not DomainState.REVOKED:
        domain.next_check_at = clock.now()
    db.session.flush()
