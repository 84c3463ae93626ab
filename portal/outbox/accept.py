"""The only way into the outbox: decide the route, store the message, promise nothing before.

The caller commits. When that holds, the message is either on its way, waiting for its time,
held with a reason, or in the sandbox; it cannot be lost without a state that people can see.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Any

from sqlalchemy import insert

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates import templates
from portal.mail_templates.models import MailTemplate, TemplateText
from portal.outbox import composition, suppressions, unsubscribing, wake
from portal.outbox.letterhead import letterhead_of
from portal.outbox.models import PLATFORM, Attachment, Delivery, Message
from portal.outbox.states import Category, Reason, State
from portal.outbox.submission import FromTemplate, OwnContent, Recipient, Submission
from portal.routing import explain
from portal.routing.decide import Decision, Facts, NoRoute, Route, decide
from portal.routing.facts import Ask, gather
from portal.smtp.addresses import Address, Mailbox, parse_address
from portal.white_labels.models import WhiteLabel

SIMULATOR = 0
"""`server_id` of deliveries to the simulator's addresses: no server, the engine settles them."""
SIMULATOR_DOMAIN = "simulator.livery.example"
PATIENCE = timedelta(hours=72)
"""How long a delivery is tried after it was first due."""
FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was stored, and the decision with the facts it was made on."""

    message: Message
    decision: Decision
    facts: Facts


def accept(submission: Submission, *, random: Random | None = None) -> Accepted:
    """Store one message and its deliveries.

    Raises:
        Refusal: no recipients, unknown sender or template, content that cannot be written as
            mail, or no route where the choice was explicit. Nothing is stored then.
    """
    template, text = _template(submission)
    facts = gather(ask_for(submission, template))
    decision = decide(facts, random or SystemRandom())
    if isinstance(decision, NoRoute) and not decision.holds:
        field = "to" if decision.code == "too_many_recipients" else "sender"
        raise Refusal(decision.code, explain.refusal(decision.code, decision.step), field=field)

    now = clock.now()
    message = _message(submission, decision, facts, text, now)
    message.attachments = [
        Attachment(filename=file.filename, content_type=file.content_type, content=file.content)
        for file in submission.attachments
    ]
    if message.category is Category.CAMPAIGN and message.white_label_id is not None:
        unsubscribing.make_key(message.white_label_id)
    recipients = submission.deliveries()
    composition.check(message, text, submission.attachments, recipients)
    db.session.add(message)
    db.session.flush()
    _insert_deliveries(message, recipients, decision, now)
    wake.tell(db.session.connection())
    return Accepted(message, decision, facts)


def ask_for(submission: Submission, template: MailTemplate | None) -> Ask:
    """The question that routing answers for this message."""
    recipients = len(submission.deliveries())
    if not submission.to:
        raise Refusal("recipients_missing", _("Somebody must get this message."), field="to")
    return Ask(
        white_label_id=submission.white_label_id,
        app_id=submission.app_id,
        author_id=submission.author_id,
        agent_id=submission.agent_id,
        sender=submission.sender,
        template_id=template.id if template else None,
        recipients=1 if submission.is_individual else recipients,
        reply_to=submission.reply_to,
    )


def explain_only(submission: Submission, *, random: Random | None = None) -> tuple[Decision, Facts]:
    """The route this message would take now; nothing is stored."""
    template, _text = _template(submission)
    facts = gather(ask_for(submission, template))
    return decide(facts, random or SystemRandom()), facts


def new_public_id() -> str:
    """An id for a message that nobody can guess."""
    return f"msg_{secrets.token_hex(12)}"


def _template(submission: Submission) -> tuple[MailTemplate | None, TemplateText | None]:
    if isinstance(submission.content, OwnContent):
        return None, None
    white_label = (
        db.session.get(WhiteLabel, submission.white_label_id)
        if submission.white_label_id is not None
        else None
    )
    template = templates.find_by_slug(white_label, submission.content.slug)
    if template is None:
        raise Refusal("template_unknown", _("There is no such template."), field="template")
    version = templates.newest_version(template)
    return template, templates.text_in(version, submission.content.language)


def _message(
    submission: Submission,
    decision: Decision,
    facts: Facts,
    text: TemplateText | None,
    now: datetime,
) -> Message:
    own = None if isinstance(submission.content, FromTemplate) else submission.content
    due_at = _due_at(submission, now)
    message = Message(
        public_id=submission.public_id or new_public_id(),
        white_label_id=submission.white_label_id,
        app_id=submission.app_id,
        author_id=submission.author_id,
        agent_id=submission.agent_id,
        category=submission.category,
        is_test=submission.is_test,
        created_at=now,
        send_at=submission.send_at,
        give_up_at=due_at + PATIENCE,
        wanted_sender_id=submission.sender if isinstance(submission.sender, int) else None,
        wanted_from=submission.sender if isinstance(submission.sender, str) else None,
        reply_to=[_as_json(mailbox) for mailbox in submission.reply_to],
        to_header=None
        if submission.is_individual
        else [_as_json(recipient.mailbox) for recipient in submission.to],
        cc_header=[_as_json(mailbox) for mailbox in submission.cc],
        recipients=1 if submission.is_individual else len(submission.deliveries()),
        template_text_id=text.id if text else None,
        subject=own.subject if own else None,
        text=own.text if own else None,
        html=own.html if own else None,
        headers=dict(submission.headers),
        values=dict(submission.values),
        details=dict(submission.details),
        letterhead=_letterhead(submission.white_label_id, text),
    )
    apply(message, decision, facts)
    return message


def apply(message: Message, decision: Decision, facts: Facts) -> None:
    """Write a decision into the message, at accept and when it is decided again."""
    message.trace = explain.to_json(decision.trace)
    message.owner_id = facts.owner
    message.is_explicit = isinstance(decision, Route) and decision.is_explicit
    message.server_id = message.server_version = message.sender_id = message.domain_id = None
    message.route_reply_to = list(message.reply_to or [])
    if isinstance(decision, NoRoute):
        message.reason = decision.code
        from_ = _held_as(decision)
    else:
        message.reason = decision.reason
        from_ = decision.from_
    message.from_email, message.from_name = str(from_.address), from_.name
    if isinstance(decision, Route):
        message.server_id = decision.server
        message.server_version = decision.server_version
        message.sender_id = decision.sender
        message.domain_id = decision.domain
        message.route_reply_to = [_as_json(mailbox) for mailbox in decision.reply_to]


def _letterhead(white_label_id: int | None, text: TemplateText | None) -> dict[str, Any] | None:
    white_label = db.session.get(WhiteLabel, white_label_id) if white_label_id else None
    return letterhead_of(white_label, text, variables=composition.variables_of(text))


def _insert_deliveries(
    message: Message, recipients: Sequence[Recipient], decision: Decision, now: datetime
) -> None:
    due_at = message.send_at if message.send_at and message.send_at > now else now
    state, kind, words = _first_state(message, decision, due_at > now)
    unwanted = _suppressed(message, recipients)
    rows: list[dict[str, Any]] = []
    for position, recipient in enumerate(recipients, start=1):
        address = recipient.mailbox.address
        simulated = address.domain == SIMULATOR_DOMAIN
        waits = State.SCHEDULED if due_at > now else State.QUEUED
        first = (waits, None, None) if simulated else (state, kind, words)
        reason = unwanted.get(address.folded)
        if reason is not None:
            first = (State.SUPPRESSED, reason.value, None)
        rows.append(
            {
                "message_id": message.id,
                "position": position,
                "tenant": message.white_label_id or PLATFORM,
                "server_id": SIMULATOR if simulated else message.server_id,
                "priority": message.category.priority,
                "email": str(address),
                "name": recipient.mailbox.name,
                "values": dict(recipient.values) or None,
                "state": first[0],
                "due_at": due_at,
                "attempts": 0,
                "copies": 0,
                "losses": 0,
                "kind": first[1],
                "words": first[2],
                "settled_at": now if reason is not None else None,
            }
        )
    db.session.execute(insert(Delivery), rows)


def _suppressed(message: Message, recipients: Sequence[Recipient]) -> Mapping[str, Reason]:
    """Which of them get nothing, and why; what the portal itself writes reaches everybody."""
    is_notice = message.app_id is None and "notice" in message.details
    if message.white_label_id is None or is_notice:
        return {}
    addresses = [recipient.mailbox.address.folded for recipient in recipients]
    return suppressions.among(message.white_label_id, addresses, message.category)


def _first_state(
    message: Message, decision: Decision, is_later: bool
) -> tuple[State, str | None, str | None]:
    """The state that deliveries begin in, its kind, and words where it stops there."""
    if isinstance(decision, NoRoute):
        return State.HELD, decision.code, explain.refusal(decision.code, decision.step)
    if message.is_test:
        return State.SANDBOXED, "test_key", None
    if not isinstance(decision, Route):
        return State.SANDBOXED, "no_server", None
    return (State.SCHEDULED if is_later else State.QUEUED), None, None


def _due_at(submission: Submission, now: datetime) -> datetime:
    if submission.send_at is None or submission.send_at <= now:
        return now
    if submission.send_at > now + FARTHEST:
        raise Refusal("send_at_too_far", _("At most one year ahead."), field="send_at")
    return submission.send_at


def _held_as(decision: NoRoute) -> Mailbox:
    """The address a held message would have left from, as far as it is known."""
    if decision.step is not None and decision.step.sender:
        return Mailbox(parse_address(decision.step.sender))
    return Mailbox(Address("held", "held.invalid"))


def _as_json(mailbox: Mailbox) -> dict[str, str]:
    return {"email": str(mailbox.address), "name": mailbox.name}
