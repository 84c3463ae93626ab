"""Checks of hostnames: is the proof in DNS? Planned and written here, asked by `checks.ask`.

A name is served when its proof is seen, suspended when it is missed for three days, and served
again when it is back. "Could not ask" does nothing, and a name that somebody vouches for stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.domains import records
from portal.domains.checks import Findings, Plan, facts_of, next_check, shown
from portal.domains.compare import Verdict
from portal.domains.records import RecordState
from portal.white_labels import hostnames
from portal.white_labels.hostnames import Change
from portal.white_labels.models import Hostname

WISHES_LAST = timedelta(days=30)
"""A name that nobody has proven by then is looked for only when somebody asks."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was written down; `change` is None where there is nothing to tell."""

    hostname: Hostname
    verdict: Verdict
    change: Change | None
    is_taken: bool = False  # the proof is there, but another white label is served at the name


def plan(hostname: Hostname) -> Plan:
    """What to ask for this hostname."""
    proof = records.hostname_proof(hostnames.proof_of(hostname))
    return Plan(hostname.id, hostname.name, (proof,))


def write(findings: Findings) -> Checked | None:
    """Note what was found. None: the name was removed meanwhile, or somebody has looked later."""
    query = select(Hostname).where(Hostname.id == findings.plan.subject_id).with_for_update()
    hostname = db.session.scalar(query.execution_options(populate_existing=True))
    if hostname is None:
        return None
    if hostname.checked_at is not None and hostname.checked_at > findings.asked_at:
        return None
    verdict = findings.verdicts[0]
    hostname.code, hostname.asked = verdict.diagnosis, findings.whom[:200]
    hostname.checked_at = findings.asked_at
    hostname.next_check_at = next_check(hostname.id)
    if verdict.state is RecordState.UNKNOWN:
        return Checked(hostname, verdict, None)

    hostname.found, hostname.facts = shown(verdict.found), facts_of(verdict)
    if verdict.state is not RecordState.FOUND:
        change = hostnames.was_missed(hostname, at=findings.asked_at)
        return Checked(hostname, verdict, change)
    try:
        return Checked(hostname, verdict, hostnames.was_seen(hostname))
    except Refusal:
        return Checked(hostname, verdict, None, is_taken=True)


def claim_due(limit: int) -> list[Plan]:
    """The hostnames whose hour has come; the caller commits, and nobody else gets them then."""
    query = select(Hostname).where(Hostname.next_check_at <= clock.now())
    query = query.order_by(Hostname.next_check_at).limit(limit).with_for_update(skip_locked=True)
    due = db.session.scalars(query).all()
    for hostname in due:
        is_forgotten = (
            hostname.proven_at is None and clock.now() - hostname.created_at > WISHES_LAST
        )
        hostname.next_check_at = None if is_forgotten else next_check(hostname.id)
    return [plan(hostname) for hostname in due]
