"""What all pages about a domain share: words for its state and records, and a check on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import current_app, flash, g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.desk import domain_changes
from portal.desk.models import About, Thread
from portal.desk.request_listing import request_in_thread
from portal.desk.request_states import RequestState
from portal.domains import by_hand, checks
from portal.domains.checks import Change, Findings, Plan
from portal.domains.diagnosis import explain, headline, remark
from portal.domains.lookalikes import portrait
from portal.domains.models import Domain, DomainRecord
from portal.domains.records import Purpose, RecordState, RecordType, Wanted, zone_line
from portal.domains.resolver import DnsResolver
from portal.web.desk import LINKS, Link

STATES: Mapping[RequestState, tuple[Words, str]] = {
    RequestState.OPEN: (lazy("Waits for an answer"), "wait"),
    RequestState.APPROVED: (lazy("Records to publish"), "warn"),
    RequestState.VERIFIED: (lazy("Verified"), "good"),
    RequestState.LAPSED: (lazy("Lapsed"), "bad"),
    RequestState.REFUSED: (lazy("Refused"), "bad"),
    RequestState.WITHDRAWN: (lazy("Taken back"), "quiet"),
    RequestState.EXPIRED: (lazy("Not answered"), "quiet"),
    RequestState.REVOKED: (lazy("Approval taken back"), "bad"),
}
"""One or two words each, and how it looks."""

PURPOSES: Mapping[Purpose, tuple[Words, Words]] = {
    Purpose.OWNERSHIP: (
        lazy("Proof of ownership"),
        lazy("Shows that whoever asks decides about the domain."),
    ),
    Purpose.SPF: (lazy("SPF"), lazy("Names the servers that may send for the domain.")),
    Purpose.DKIM: (lazy("DKIM"), lazy("The key that receivers check the signature of mail with.")),
    Purpose.DMARC: (
        lazy("DMARC"),
        lazy("Tells receivers what to do with mail that fails SPF and DKIM."),
    ),
    Purpose.RETURN_PATH: (lazy("Return path"), lazy("Leads bounces to the mail provider.")),
    Purpose.PROVIDER: (lazy("Provider's own"), lazy("The mail provider wants to see it.")),
    Purpose.HOSTNAME: (lazy("Hostname"), lazy("Shows who decides about the hostname.")),
}

KINDS: Mapping[RecordState, str] = {
    RecordState.FOUND: "good",
    RecordState.WRONG: "bad",
    RecordState.MISSING: "warn",
    RecordState.UNKNOWN: "quiet",
}


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record as a page shows it."""

    row: DomainRecord
    title: Words
    purpose: Words
    headline: str
    kind: str
    advice: str
    remark: str

    @property
    def is_found(self) -> bool:
        return self.row.state is RecordState.FOUND

    @property
    def zone_line(self) -> str:
        return zone_line(self.row.wanted, self.row.to_publish)

    @property
    def is_text(self) -> bool:
        return self.row.type is RecordType.TXT


def records_of(domain: Domain) -> Sequence[RecordView]:
    """What the domain must show, in order: the same list as in the letter and the check."""
    return [
        RecordView(
            record,
            *PURPOSES[record.purpose],
            headline=headline(record),
            kind=KINDS[record.state],
            advice=explain(record),
            remark=remark(record),
        )
        for record in domain.records
    ]


def check_now(domain: Domain) -> None:
    """Ask DNS while somebody waits, tell what came of it, and commit."""
    try:
        by_hand.begin(domain)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
        return
    plan = checks.plan(domain)
    # The network may take its time, and nobody waits for the database meanwhile.
    db.session.commit()
    checked = domain_changes.keep(_ask(plan))
    by_hand.end(domain)
    db.session.commit()
    if checked is not None:
        words, category = _outcome(checked.domain, checked.change)
        flash(words, category)


def ask_ahead(name: str, specs: Sequence[Wanted]) -> Findings:
    """What DNS has where these are to be published, so that nobody is told of a second SPF record.

    What the request has read or changed so far is let go of: the caller writes after it.

    Raises:
        Refusal: a record cannot be.
    """
    plan = checks.plan_ahead(name, specs)
    db.session.rollback()
    return _ask(plan)


def shown(name: str) -> str:
    """A canonical domain as people write it."""
    return portrait(name).u_label


def _ask(plan: Plan) -> Findings:
    config: Config = current_app.config["LIVERY"]
    return checks.ask(plan, DnsResolver(config.dns_servers))


def _outcome(domain: Domain, change: Change | None) -> tuple[str, str]:
    required = [record for record in domain.records if record.is_required]
    found = sum(record.state is RecordState.FOUND for record in required)
    unknown = sum(record.state is RecordState.UNKNOWN for record in required)
    if change in (Change.VERIFIED, Change.RECOVERED):
        return _("%(domain)s is verified.", domain=shown(domain.name)), "message"
    if found == len(required):
        return _("All required records are there."), "message"
    words = ngettext(
        "%(num)s of %(count)s required records is there.",
        "%(num)s of %(count)s required records are there.",
        found,
        count=len(required),
    )
    if unknown:
        words += " " + _("DNS did not answer for all of them, so nothing is known of the rest.")
    return words, "error"


def _link_of(thread: Thread) -> Link | None:
    """From a conversation to the request that it is about."""
    found = request_in_thread(thread.id)
    if found is None:
        return None
    words = _("Request for %(domain)s", domain=shown(found.name))
    if g.site.is_platform:
        return words, url_for("backoffice.domain_request", request_id=found.id)
    if found.is_on_the_list:
        return words, url_for("white_label.domain", domain_id=found.domain_id)
    return words, url_for("white_label.own_domain_request", request_id=found.id)


LINKS[About.DOMAIN_REQUEST] = _link_of
