"""What follows when a check moves a domain: both sides are told, and mail that waited goes on."""

from __future__ import annotations

from sqlalchemy import select

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.desk import threads
from portal.desk.request_letters import tell_admins, tell_of_unasked, tell_owners
from portal.desk.request_listing import request_of
from portal.desk.request_models import DomainRequest
from portal.desk.request_states import RequestAct, after
from portal.domains import checks
from portal.domains.checks import Change, Checked, Findings
from portal.domains.lookalikes import both_spellings
from portal.domains.models import Domain
from portal.outbox import held

_ACTS = {
    Change.VERIFIED: RequestAct.SEE,
    Change.RECOVERED: RequestAct.SEE,
    Change.LAPSED: RequestAct.MISS,
}


def keep(findings: Findings, *, tells: bool = True) -> Checked | None:
    """Write down what DNS said, and tell what follows from it; None: nothing is to be noted.

    The request's row comes before its domain's, as where somebody withdraws it: else each of the
    two would hold the row that the other one waits for.
    """
    its = select(DomainRequest).where(DomainRequest.domain_id == findings.plan.subject_id)
    db.session.scalar(its.with_for_update().execution_options(populate_existing=True))
    checked = checks.write(findings)
    if tells and checked is not None and checked.change is not None:
        tell_change(checked.domain, checked.change)
    return checked


def tell_change(domain: Domain, change: Change) -> None:
    """Tell both sides by letter and in the thread, in the transaction that moved the domain."""
    if change in (Change.VERIFIED, Change.RECOVERED):
        held.let_go(held.of_lapsed(domain), at_once=held.AT_ONCE)
    request = request_of(domain)
    if request is None:
        tell_of_unasked(domain, change)
        return
    if change in _ACTS:
        _follow(request, change)
    threads.note(request.thread, text=_words(both_spellings(domain.name), change))
    tell_admins(request, change)
    if change is not Change.MISSING:
        tell_owners(request, change)  # a warning is for those who can publish the record


def release_recovered() -> int:
    """Let go of mail whose domain is verified again; how many deliveries that were.

    A recovered domain frees most of it at once. What was accepted while the records were away is
    routed one by one, so many messages at a time; this is called until none is left.
    """
    return sum(
        held.let_go(held.of_lapsed(domain), at_once=held.AT_ONCE)
        for domain in held.recovered_domains()
    )


def _follow(request: DomainRequest, change: Change) -> None:
    new = after(request.state, _ACTS[change])
    if not isinstance(new, Refusal):
        request.state, request.changed_at = new, clock.now()


def _words(domain: str, change: Change) -> str:
    match change:
        case Change.VERIFIED:
            return _("All required DNS records of %(domain)s were found.", domain=domain)
        case Change.MISSING:
            return _(
                "A required DNS record of %(domain)s has been missing for a day. After three days "
                "mail from this domain waits until it is back.",
                domain=domain,
            )
        case Change.LAPSED:
            return _(
                "A required DNS record of %(domain)s was missing for three days. Mail from this "
                "domain waits until it is back.",
                domain=domain,
            )
        case Change.RECOVERED:
            return _(
                "All required DNS records of %(domain)s are back. Mail that waited is on its way.",
                domain=domain,
            )
