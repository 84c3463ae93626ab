"""Domain requests: asked for by a white label, answered by the platform, told to both.

What is allowed stands in `portal.domains`; here is the asking and the answering. Each act moves the
request by the table of `request_states`, writes into its thread, and writes the letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.accounts import attempts
from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.desk import threads
from portal.desk.acting import locked
from portal.desk.askable import asked_already, can_be_asked, canonical_name, check_free
from portal.desk.models import About, Thread
from portal.desk.request_letters import tell_admins, tell_of_revoked, tell_owners, tell_records
from portal.desk.request_listing import request_of
from portal.desk.request_models import DomainRequest
from portal.desk.request_states import RequestAct, RequestState, after
from portal.desk.wording import MOST_SUBJECT, MOST_TEXT
from portal.domains import allow_list, checks, records, signing
from portal.domains.checks import Findings
from portal.domains.diagnosis import remark
from portal.domains.lookalikes import both_spellings
from portal.domains.models import Domain, DomainState
from portal.domains.records import Purpose, Wanted
from portal.white_labels.models import WhiteLabel

NUDGE_AFTER = timedelta(days=3)
"""How long an owner is left in peace: after the request, and after each reminder."""
EXPIRES_AFTER = timedelta(days=30)
"""Unanswered for so long, with no reminder in between, nobody waits for it any more."""
ASKED_PER_DAY = 10
"""Requests of one white label; each of them writes to every platform owner."""
MOST_WORDS = 2000
DAY = timedelta(days=1)


def submit(white_label: WhiteLabel, *, name: str, author: Person, note: str = "") -> DomainRequest:
    """Ask every platform owner to let this white label send from its domain.

    Raises:
        Refusal: the platform has no server, it is no domain or one that nobody or somebody else
            can have, it was asked for already, or too often today.
    """
    if not can_be_asked():
        raise Refusal(
            "no_platform_server",
            _("The platform has no mail server of its own that could send from your domain."),
        )
    canonical = canonical_name(name)
    check_free(white_label, canonical)
    note = _words(note, field="note")
    _count(white_label)
    now = clock.now()
    try:
        with db.session.begin_nested():
            request = DomainRequest(
                white_label=white_label,
                name=canonical,
                author=author,
                thread=_open_thread(white_label, canonical, author, note),
                state=RequestState.OPEN,
                created_at=now,
                changed_at=now,
            )
            db.session.add(request)
            db.session.flush()
    except IntegrityError:
        raise asked_already() from None
    _record(request, "sent")
    tell_owners(request, "requested", words=note)
    return request


def nudge(request: DomainRequest, *, by: Person) -> None:
    """Remind the owners; once in three days.

    Raises:
        Refusal: it was answered, or it is too early.
    """
    _move(request, RequestAct.NUDGE)
    if clock.now() < may_nudge_at(request):
        raise Refusal(
            "nudged_recently",
            _("The owners were asked less than three days ago. Give them some time."),
        )
    request.nudged_at = clock.now()
    domain = both_spellings(request.name)
    words = _("We still need %(domain)s. Could you have a look?", domain=domain)
    threads.write(request.thread, author=by, text=words, mails=False)
    _record(request, "nudged")
    tell_owners(request, "nudged")


def may_nudge_at(request: DomainRequest) -> datetime:
    """From when on the owners can be reminded."""
    return (request.nudged_at or request.created_at) + NUDGE_AFTER


def approve(
    request: DomainRequest,
    *,
    by: Person,
    specs: Sequence[Wanted] = (),
    signs: bool = False,
    includes_subdomains: bool = False,
    note: str = "",
    findings: Findings | None = None,
) -> Domain:
    """Put the domain on the list, and tell its people which DNS records to publish.

    `signs` adds a key of our own. Advice on DMARC is added where the records say nothing of it.
    `findings` are what DNS has now: an SPF record that is there is told merged, never beside it.

    Raises:
        Refusal: it was decided already, somebody else holds the domain, a record cannot be, or
            nothing would vouch for its mail.
    """
    _move(request, RequestAct.APPROVE)
    note = _words(note, field="note")
    specs = records.checked(request.name, specs)
    _check_vouched(specs, signs=signs)
    domain = _allow(request, includes_subdomains=includes_subdomains)
    allow_list.set_records(domain, specs)
    if signs:
        signing.announce(domain)
    _advise(domain)
    if findings is not None:
        checks.note(domain, findings)
    request.domain = domain
    _decide(request, by, note)
    words = _("Approved. Please publish these DNS records:")
    threads.write(request.thread, author=by, text=_answer(words, domain, note), mails=False)
    tell_records(request, domain, "approved", note=note)
    return domain


def change_records(
    request: DomainRequest,
    *,
    by: Person,
    specs: Sequence[Wanted],
    note: str = "",
    findings: Findings | None = None,
) -> None:
    """Ask for other records, where the provider wants others; keys of our own stay as they are.

    A domain that is verified stays so while they are being published, for the days of grace. Of
    `findings` see `approve`.

    Raises:
        Refusal: it is not on the list, a record cannot be, or nothing would vouch for its mail.
    """
    domain = locked(request).domain
    if domain is None or not request.is_on_the_list:
        raise Refusal("not_on_the_list", _("This domain is not on the allow-list."))
    note = _words(note, field="note")
    own_keys = signing.records_of(domain)
    specs = records.checked(request.name, [*specs, *own_keys])
    _check_vouched(specs, signs=False)
    allow_list.set_records(domain, specs)
    _advise(domain)
    if findings is not None:
        checks.note(domain, findings)
    words = _("The DNS records have changed. Please publish these:")
    threads.write(request.thread, author=by, text=_answer(words, domain, note), mails=False)
    tell_records(request, domain, "changed", note=note)


def chosen_records(domain: Domain) -> list[Wanted]:
    """What an owner has chosen of the domain's records: not the proof, and not keys of our own."""
    own_keys = signing.records_of(domain)
    return [
        record.wanted
        for record in domain.records
        if record.purpose is not Purpose.OWNERSHIP and record.wanted not in own_keys
    ]


def refuse(request: DomainRequest, *, by: Person, reason: str) -> None:
    """Say no, and why; the same domain can be asked for again at once.

    Raises:
        Refusal: no reason is given, or it was decided already.
    """
    _move(request, RequestAct.REFUSE)
    reason = _reason(reason)
    _decide(request, by, reason)
    threads.write(request.thread, author=by, text=reason, mails=False)
    threads.close(request.thread, by=by)
    tell_admins(request, "refused", words=reason)


def withdraw(request: DomainRequest, *, by: Person) -> None:
    """Take it back: an open request needs no answer, an approved domain leaves the list.

    Raises:
        Refusal: it is over already.
    """
    was_open = request.is_open
    _move(request, RequestAct.WITHDRAW)
    words = _("We no longer need %(domain)s.", domain=both_spellings(request.name))
    threads.write(request.thread, author=by, text=words, mails=False)
    threads.close(request.thread, by=by)
    _leave_list(request)
    _record(request, "withdrawn")
    tell_owners(request, "withdrawn" if was_open else "removed")


def revoke(request: DomainRequest, *, by: Person, reason: str) -> None:
    """Take the approval back: new mail leaves from this domain no longer.

    Raises:
        Refusal: no reason is given, or it is not on the list.
    """
    _move(request, RequestAct.REVOKE)
    reason = _reason(reason)
    _leave_list(request)
    request.answer = reason
    threads.write(request.thread, author=by, text=reason, mails=False)
    _record(request, "revoked", {"reason": reason})
    tell_admins(request, "revoked", words=reason)


def take_back(domain: Domain, *, by: Person, reason: str) -> None:
    """Take the approval of a domain back, whether a request or an operator put it on the list.

    Raises:
        Refusal: no reason is given, or it is off the list already.
    """
    request = request_of(domain)
    if request is not None:
        revoke(request, by=by, reason=reason)
        return
    db.session.refresh(domain, with_for_update={"of": Domain})
    if domain.state is DomainState.REVOKED:
        raise _revoked()
    reason = _reason(reason)
    signing.stop(domain)
    allow_list.revoke(domain, reason=reason)
    tell_of_revoked(domain, words=reason)


def give_up(domain: Domain, *, by: Person) -> None:
    """The white label no longer wants its domain; what led to it is taken back.

    Raises:
        Refusal: it is off the list already.
    """
    request = request_of(domain)
    if request is not None:
        withdraw(request, by=by)
        return
    db.session.refresh(domain, with_for_update={"of": Domain})
    if domain.state is DomainState.REVOKED:
        raise _revoked()
    signing.stop(domain)
    allow_list.revoke(domain)


def expire_unanswered() -> int:
    """End what nobody answered for a month, and tell those who asked; how many that were."""
    since = clock.now() - EXPIRES_AFTER
    stale = select(DomainRequest).where(
        DomainRequest.state == RequestState.OPEN,
        DomainRequest.created_at < since,
        DomainRequest.nudged_at.is_(None) | (DomainRequest.nudged_at < since),
    )
    found = db.session.scalars(stale.with_for_update()).all()
    for request in found:
        _move(request, RequestAct.EXPIRE)
        threads.note(request.thread, text=_("Nobody answered within 30 days; the request is over."))
        threads.close(request.thread, by=None)
        _record(request, "expired")
        tell_admins(request, "expired")
    return len(found)


def _revoked() -> Refusal:
    return Refusal("revoked", _("The approval was taken back already."))


def _move(request: DomainRequest, act: RequestAct) -> None:
    """Of two who decide at once the second sees what the first has done."""
    new = after(locked(request).state, act)
    if isinstance(new, Refusal):
        raise new
    if new is not request.state:
        request.state, request.changed_at = new, clock.now()


def _allow(request: DomainRequest, *, includes_subdomains: bool) -> Domain:
    """Two white labels may ask for one domain; only one of them gets it."""
    try:
        with db.session.begin_nested():
            return allow_list.allow(
                request.white_label, request.name, includes_subdomains=includes_subdomains
            )
    except IntegrityError:
        raise Refusal(
            "domain_held", _("%(name)s is held by another white label.", name=request.name)
        ) from None


def _check_vouched(specs: Sequence[Wanted], *, signs: bool) -> None:
    if not signs and not any(one.purpose in (Purpose.SPF, Purpose.DKIM) for one in specs):
        raise Refusal(
            "nothing_vouches",
            _(
                "Receivers need an SPF or a DKIM record to trust mail from it: add the provider's "
                "records, or sign here."
            ),
            field="records",
        )


def _advise(domain: Domain) -> None:
    """Say something about DMARC where the records do not; nothing depends on it."""
    if not any(record.purpose is Purpose.DMARC for record in domain.records):
        allow_list.put_record(domain, records.dmarc_record(domain.name))


def _decide(request: DomainRequest, by: Person, answer: str) -> None:
    request.decided_by, request.decided_at, request.answer = by, clock.now(), answer
    _record(request, str(request.state), {"answer": answer} if answer else None)


def _leave_list(request: DomainRequest) -> None:
    if request.domain is not None:
        signing.stop(request.domain)
        allow_list.revoke(request.domain)


def _open_thread(white_label: WhiteLabel, name: str, author: Person, note: str) -> Thread:
    subject = _("Domain %(name)s", name=both_spellings(name))
    words = _(
        "We would like to send mail from %(domain)s through your servers. Please add the domain "
        "at your mail provider, and answer with the DNS records that we are to publish.",
        domain=both_spellings(name),
    )
    return threads.open_thread(
        white_label,
        subject=subject if len(subject) <= MOST_SUBJECT else f"{subject[:110]}…",
        about=About.DOMAIN_REQUEST,
        author=author,
        text=f"{words}\n\n{note}" if note else words,
        mails=False,
    )


def _answer(words: str, domain: Domain, note: str) -> str:
    """What the thread keeps: the records as lines of a zone file, and the note."""
    lines = []
    for record in domain.records:
        lines.append(records.zone_line(record.wanted, record.to_publish))
        if heed := remark(record):
            lines.append(f"; {heed}")
    text = "\n\n".join(part for part in (words, "\n".join(lines), note) if part)
    if len(text) > MOST_TEXT:
        return _("The DNS records to publish stand on the page of the domain.")
    return text


def _count(white_label: WhiteLabel) -> None:
    subject = f"domain requests of white label {white_label.id}"
    if attempts.how_often(subject, DAY) >= ASKED_PER_DAY:
        raise Refusal(
            "asked_too_often",
            _(
                "%(count)s domains were asked for within a day. Go on tomorrow.",
                count=ASKED_PER_DAY,
            ),
        )
    attempts.count(subject)


def _reason(reason: str) -> str:
    reason = _words(reason, field="reason")
    if not reason:
        raise Refusal("reason_missing", _("Say why; they read it."), field="reason")
    return reason


def _words(text: str, *, field: str) -> str:
    tidy = text.replace("\r\n", "\n").strip()
    if len(tidy) > MOST_WORDS:
        raise Refusal(
            "too_long", _("Use at most %(count)s characters.", count=MOST_WORDS), field=field
        )
    return tidy


def _record(request: DomainRequest, act: str, changes: dict[str, object] | None = None) -> None:
    trail.record(request.white_label_id, f"domain_request.{act}", request.name, changes)
