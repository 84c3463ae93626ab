"""`/messages`: hand mail over, see what became of it, take it back."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, request

from portal.accounts import people
from portal.api import schemas
from portal.api.door import answer_once, bp, key, read, refuse_test_key
from portal.api.problems import Problem
from portal.apps.models import KeyKind
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.outbox import acts, queries
from portal.outbox.accept import Accepted, accept
from portal.outbox.models import Delivery, Message
from portal.outbox.states import State, summary
from portal.routing import explain
from portal.routing.decide import Decision, Facts, NoRoute, Route, Sandbox, Step
from portal.smtp.addresses import Mailbox, parse_address

PAGE_SIZE = 50


@bp.post("/messages")
@answer_once(HTTPStatus.ACCEPTED)
def submit() -> Any:
    """Accept one message: stored, with its route, before the answer leaves."""
    return accepted_out(_accept(read(schemas.MessageIn)))


@bp.post("/messages/batch")
@answer_once(HTTPStatus.ACCEPTED)
def submit_batch() -> Any:
    """Accept up to 1,000 individual messages in one transaction; each has its own answer."""
    items: list[dict[str, Any]] = []
    for body in read(schemas.BatchIn).messages:
        try:
            items.append({"message": accepted_out(_accept(body)), "error": None})
        except Refusal as refusal:
            error = {"code": refusal.code, "message": refusal.words, "field": refusal.field or ""}
            items.append({"message": None, "error": error})
    return {"messages": items}


@bp.get("/messages/<public_id>")
def message(public_id: str) -> Response:
    """One message with its deliveries and their attempts."""
    row = queries.message_of_app(key().app.white_label_id, key().app_id, public_id)
    return jsonify(message_out(row))


@bp.get("/messages")
def messages() -> Response:
    """What the app handed over as messages, newest first; campaigns answer for themselves."""
    status, to = request.args.get("status"), request.args.get("to")
    if status is not None and status not in [state.value for state in State]:
        words = _("This is not a status: %(status)s.", status=status)
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed", words)
    page = queries.messages_of_app(
        key().app.white_label_id,
        key().app_id,
        status=State(status) if status else None,
        to=str(parse_address(to)) if to else None,
        after=request.args.get("after"),
        size=PAGE_SIZE,
    )
    last = page.rows[-1].public_id if page.older and page.rows else None
    return jsonify(messages=[message_out(row) for row in page.rows], next=last)


@bp.post("/messages/<public_id>/cancel")
def cancel(public_id: str) -> Response:
    """Take back what has not been handed over yet."""
    row = queries.message_of_app(key().app.white_label_id, key().app_id, public_id)
    if not row.is_test:
        refuse_test_key()
    count = acts.cancel(row)
    db.session.commit()
    states = [delivery.state for delivery in row.deliveries]
    return jsonify(id=row.public_id, cancelled=count, status=summary(states))


def agent_id(agent: int | str | None) -> int | None:
    """The agent an app names, by id or address; only people of the key's white label."""
    if agent is None:
        return None
    if isinstance(agent, int):
        return agent  # whether it is one of ours is routing's question
    person = people.by_email(key().app.white_label_id, str(parse_address(agent)))
    if person is None:
        raise Refusal("agent_unknown", _("There is no such agent."), field="agent")
    return person.id


def _accept(body: schemas.MessageIn) -> Accepted:
    return accept(
        schemas.submission(
            body,
            white_label_id=key().app.white_label_id,
            app_id=key().app_id,
            agent_id=agent_id(body.agent),
            is_test=key().kind is KeyKind.TEST,
        )
    )


def accepted_out(accepted: Accepted) -> dict[str, Any]:
    """The answer to a submission."""
    message = accepted.message
    deliveries = [
        schemas.AcceptedDeliveryOut(
            id=_delivery_id(message, delivery), to=delivery.email, status=delivery.state
        )
        for delivery in message.deliveries
    ]
    return schemas.AcceptedOut(
        id=message.public_id,
        status=summary([delivery.status for delivery in deliveries]),
        route=route_out(accepted.decision, accepted.facts),
        deliveries=deliveries,
    ).model_dump(mode="json", by_alias=True)


def route_out(decision: Decision, facts: Facts) -> schemas.RouteOut:
    """A decision as programs see it."""
    words = explain.answer(decision, facts)
    match decision:
        case Route():
            server = facts.server(decision.server)
            return schemas.RouteOut(
                server=server.name if server else None,
                from_=explain.mailbox_text(decision.from_),
                reply_to=[str(mailbox.address) for mailbox in decision.reply_to],
                reason=decision.reason,
                words=words,
            )
        case Sandbox():
            return schemas.RouteOut(reason=decision.reason, words=words)
        case NoRoute():
            return schemas.RouteOut(reason=decision.code, words=words)


def steps_out(trace: Sequence[Step], owner: str) -> list[schemas.StepOut]:
    """A trace as programs see it."""
    return [
        schemas.StepOut(
            candidate=line.candidate,
            server=line.server,
            sender=line.sender,
            code=line.code,
            words=line.words,
        )
        for line in explain.trace_words(trace, owner=owner)
    ]


def message_out(message: Message) -> dict[str, Any]:
    """A message as it stands."""
    trace = explain.from_json(message.trace)
    used = next((step for step in reversed(trace) if step.server == message.server_id), None)
    owner = message.owner.name if message.owner else ""
    return schemas.MessageOut(
        id=message.public_id,
        status=summary([delivery.state for delivery in message.deliveries]),
        category=message.category,
        is_test=message.is_test,
        created_at=message.created_at,
        send_at=message.send_at,
        subject=message.subject,
        template=message.template_text.version.template.slug if message.template_text else None,
        metadata=message.details,
        route=schemas.RouteTraceOut(
            server=used.server_name if used and message.server_id else None,
            from_=_from(message),
            reply_to=[box["email"] for box in message.route_reply_to],
            reason=message.reason,
            words=explain.reason_words(message.reason, owner),
            trace=steps_out(trace, owner),
        ),
        deliveries=[_delivery_out(message, delivery) for delivery in message.deliveries],
    ).model_dump(mode="json", by_alias=True)


def _from(message: Message) -> str | None:
    if message.server_id is None:
        return None
    mailbox = Mailbox(parse_address(message.from_email), message.from_name)
    return explain.mailbox_text(mailbox)


def _delivery_id(message: Message, delivery: Delivery) -> str:
    return f"{message.public_id}.{delivery.position}"


def _delivery_out(message: Message, delivery: Delivery) -> schemas.DeliveryOut:
    return schemas.DeliveryOut(
        id=_delivery_id(message, delivery),
        to=delivery.email,
        status=delivery.state,
        code=delivery.code,
        enhanced_code=delivery.enhanced,
        words=delivery.words,
        reason=delivery.kind,
        copies=delivery.copies,
        settled_at=delivery.settled_at,
        attempts=[
            schemas.AttemptOut(
                number=attempt.number,
                at=attempt.at,
                status=attempt.state,
                stage=attempt.stage,
                code=attempt.code,
                enhanced_code=attempt.enhanced,
                words=attempt.words,
            )
            for attempt in delivery.tries
        ],
    )
