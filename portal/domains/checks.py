"""Checks: is what a domain must show in DNS there? Planned, asked, and written down.

1. `plan` reads what is wanted, and the caller lets go of the database.
2. `ask` asks DNS: no transaction is open meanwhile, and it may run in any thread.
3. `write` notes what was found and moves the domain's state; the caller tells people and commits.

Records that are there make an allowed or lapsed domain verified at once. Records that are not there
make a verified one lapse after three days of looking in vain. "Could not ask" does neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.accounts import attempts
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.domains import allow_list, records, signing
from portal.domains.asking import PATIENCE, Asker, judge
from portal.domains.compare import Verdict
from portal.domains.models import Domain, DomainRecord, DomainState
from portal.domains.records import Purpose, RecordState, Wanted
from portal.domains.resolver import Dns
from portal.smtp.addresses import find_forbidden
from portal.white_labels.models import Hostname

EVERY = timedelta(minutes=55)
"""Between two checks, with up to five minutes more, so that domains do not march in step."""
AGAIN_AFTER = timedelta(seconds=10)
CHECKS_AN_HOUR = 60  # by hand, of all domains of a white label
MAX_FOUND = 6
MAX_FOUND_TEXT = 600


class Change(StrEnum):
    """What people are told."""

    VERIFIED = "verified"  # for the first time
    MISSING = "missing"  # a required record was missed for a day: still verified, as a warning
    LAPSED = "lapsed"
    RECOVERED = "recovered"  # verified again


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask DNS for, free of the database."""

    subject_id: int  # of the domain, or of a hostname; 0: it is not on the list yet
    domain: str
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What DNS said to a plan."""

    plan: Plan
    asked_at: datetime
    whom: str
    verdicts: tuple[Verdict, ...]  # one for each wanted record

    @property
    def has_answer(self) -> bool:
        """Whether DNS said anything at all."""
        return any(verdict.state is not RecordState.UNKNOWN for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was written down; `change` is None where there is nothing to tell."""

    domain: Domain
    change: Change | None


def plan(domain: Domain) -> Plan:
    """What to ask for this domain."""
    return Plan(domain.id, domain.name, tuple(record.wanted for record in domain.records))


def plan_ahead(name: str, specs: Sequence[Wanted]) -> Plan:
    """What to ask before anybody is told to publish these: what an SPF record is merged with.

    Raises:
        Refusal: a record is malformed, not of this domain, or excludes another one.
    """
    tidy = records.checked(name, specs)
    return Plan(0, name, tuple(one for one in tidy if one.purpose is Purpose.SPF))


def ask(plan: Plan, dns: Dns, *, patience: float = PATIENCE) -> Findings:
    """Ask for all records; takes `patience` seconds and one question more at most."""
    asked_at = clock.now()
    asker = Asker(dns, patience=patience)
    verdicts = tuple(judge(plan.domain, wanted, asker) for wanted in plan.wanted)
    return Findings(plan, asked_at, dns.whom, verdicts)


def write(findings: Findings) -> Checked | None:
    """Note what was found, and let the domain's state follow.

    None: there is nothing to note any more. The domain was taken from the list meanwhile, or
    somebody has looked later than this.
    """
    domain = find_for_update(findings.plan.subject_id)
    if domain is None or domain.state is DomainState.REVOKED or not domain.records:
        return None
    if domain.checked_at is not None and domain.checked_at > findings.asked_at:
        return None
    note(domain, findings)
    domain.checked_at = findings.asked_at
    domain.next_check_at = next_check(domain.id)
    signing.follow(domain)
    return Checked(domain, _follow(domain, findings.asked_at))


def note(domain: Domain, findings: Findings) -> None:
    """Note what was found for the records of this domain; its state is left to `write`."""
    verdicts = dict(zip(findings.plan.wanted, findings.verdicts, strict=True))
    for record in domain.records:
        verdict = verdicts.get(record.wanted)
        is_newer = record.checked_at is None or record.checked_at <= findings.asked_at
        if verdict is not None and is_newer:
            _note(record, verdict, findings)


def claim_due(limit: int) -> list[Plan]:
    """The domains whose hour has come; the caller commits, and nobody else gets them meanwhile."""
    query = (
        select(Domain)
        .where(Domain.next_check_at <= clock.now(), Domain.state != DomainState.REVOKED)
        .order_by(Domain.next_check_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .options(selectinload(Domain.records))
    )
    due = db.session.scalars(query).all()
    for domain in due:
        domain.next_check_at = next_check(domain.id)
    return [plan(domain) for domain in due]


def count_check(subject: Domain | Hostname) -> None:
    """Count one check by hand; the caller commits, then asks.

    Raises:
        Refusal: it was looked for a moment ago, or its white label asks too often.
    """
    if subject.checked_at is not None and clock.now() - subject.checked_at < AGAIN_AFTER:
        raise Refusal(
            "checked_just_now", _("DNS was asked a moment ago. Wait a few seconds, then ask again.")
        )
    count_question(subject.white_label_id)


def count_question(white_label_id: int) -> None:
    """Count one check of a domain or hostname by hand.

    Raises:
        Refusal: there were too many in the last hour.
    """
    subject = f"dns check tenant:{white_label_id}"
    if attempts.how_often(subject, timedelta(hours=1)) >= CHECKS_AN_HOUR:
        raise Refusal(
            "too_many_checks",
            _(
                "DNS was asked %(count)s times in an hour. It is asked by itself every hour, too.",
                count=CHECKS_AN_HOUR,
            ),
        )
    attempts.count(subject)


def find_for_update(domain_id: int) -> Domain | None:
    """The domain as it is now, kept as it is until the caller commits."""
    query = select(Domain).where(Domain.id == domain_id).with_for_update()
    return db.session.scalar(query.execution_options(populate_existing=True))


def shown(texts: Sequence[str]) -> list[str]:
    """What strangers publish, fit to be kept and shown: few, short, without invisible signs."""
    return [
        "".join("�" if find_forbidden(sign) else sign for sign in text[:MAX_FOUND_TEXT])
        + ("…" if len(text) > MAX_FOUND_TEXT else "")
        for text in texts[:MAX_FOUND]
    ]


def _note(record: DomainRecord, verdict: Verdict, findings: Findings) -> None:
    record.state, record.code = verdict.state, verdict.diagnosis
    record.asked, record.checked_at = findings.whom[:200], findings.asked_at
    if verdict.state is RecordState.UNKNOWN:
        if record.publish is None:
            record.publish = verdict.publish  # the record was read, if not all that it includes
        return  # what was found the last time still stands there, with its own advice
    record.found = shown(verdict.found)
    record.facts = facts_of(verdict)
    record.publish = verdict.publish
    if verdict.state is RecordState.FOUND:
        record.seen_at = findings.asked_at


def facts_of(verdict: Verdict) -> dict[str, object]:
    """What the words of a verdict need, fit to be kept and shown."""
    return {
        key: shown([str(one) for one in value]) if isinstance(value, list) else value
        for key, value in verdict.facts.items()
    }


def _follow(domain: Domain, at: datetime) -> Change | None:
    """Move the state to what the required records say."""
    states = [record.state for record in domain.records if record.is_required]
    if all(state is RecordState.FOUND for state in states):
        before = domain.state
        domain.was_seen()
        allow_list.verify(domain)
        if before is DomainState.VERIFIED:
            return None
        return Change.RECOVERED if before is DomainState.LAPSED else Change.VERIFIED

    is_missing = any(state in (RecordState.WRONG, RecordState.MISSING) for state in states)
    if domain.state is not DomainState.VERIFIED or not is_missing:
        return None
    days_before = domain.missing_days
    if domain.was_missed(at):
        allow_list.lapse(domain)
        return Change.LAPSED
    return Change.MISSING if (days_before, domain.missing_days) == (0, 1) else None


def next_check(subject_id: int) -> datetime:
    """When to look again at the domain or hostname with this id."""
    return clock.now() + EVERY + timedelta(seconds=subject_id * 97 % 300)
