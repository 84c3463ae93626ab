"""The hourly look at DNS: domains and hostnames whose hour has come, a few at a time.

1. Claim some that are due, and commit: no other machine looks at them.
2. Ask DNS in a few threads; none of them touches the database.
3. As each answer comes, write it down, tell people, and commit: one by one, so that what goes wrong
   with one of them stops none of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from flask import current_app

from portal.config import Config
from portal.core.db import db
from portal.core.logs import logger
from portal.desk import domain_changes
from portal.domains import checks, hostname_checks
from portal.domains.checks import Findings, Plan
from portal.domains.resolver import Dns, DnsResolver
from portal.notices import hostname_letters

AT_ONCE = 8
"""Questions under way: enough for a DNS that is slow, few enough to be no nuisance."""
CLAIM = 2 * AT_ONCE
LASTS = 30.0
"""Seconds after which no more are claimed; the next minute goes on."""

log = logger("jobs")


def look_at_domains() -> int:
    """Look at the domains that are due; how many there were."""
    return _look(checks.claim_due, _keep_domain)


def look_at_hostnames() -> int:
    """Look at the hostnames that are due; how many there were."""
    return _look(hostname_checks.claim_due, _keep_hostname)


def _look(claim: Callable[[int], Sequence[Plan]], keep: Callable[[Findings, bool], None]) -> int:
    config: Config = current_app.config["LIVERY"]
    dns = DnsResolver(config.dns_servers)
    until = time.monotonic() + LASTS
    looked = 0
    while time.monotonic() < until:
        plans = claim(CLAIM)
        db.session.commit()
        if not plans:
            break
        looked += len(plans)
        if not _ask_and_keep(plans, dns, keep):
            log.warning("dns does not answer", asked=dns.whom)
            break
    return looked


def _ask_and_keep(plans: Sequence[Plan], dns: Dns, keep: Callable[[Findings, bool], None]) -> bool:
    """Whether anything was answered at all: a resolver that is away is not waited for again."""
    has_answer = False
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="dns") as pool:
        asked = {pool.submit(checks.ask, plan, dns): plan for plan in plans}
        for answer in as_completed(asked):
            try:
                findings = answer.result()
                has_answer |= findings.has_answer
                _keep(findings, keep)
            except Exception:
                db.session.rollback()
                log.exception("dns check failed", name=asked[answer].domain)
    return has_answer


def _keep(findings: Findings, keep: Callable[[Findings, bool], None]) -> None:
    """What DNS says holds, also where nobody could be told of it."""
    try:
        keep(findings, True)
    except Exception:
        db.session.rollback()
        log.exception("nobody was told", name=findings.plan.domain)
        keep(findings, False)
    db.session.commit()


def _keep_domain(findings: Findings, tells: bool) -> None:
    domain_changes.keep(findings, tells=tells)


def _keep_hostname(findings: Findings, tells: bool) -> None:
    checked = hostname_checks.write(findings)
    if tells and checked is not None and checked.change is not None:
        hostname_letters.tell(checked.hostname, checked.change)
