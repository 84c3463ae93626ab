"""`/route`: where would this go, and why? The same rule, the same facts, nothing sent."""

from __future__ import annotations

from flask import Response, jsonify

from portal.api import schemas
from portal.api.door import bp, key, read
from portal.api.messages import agent_id, route_out, steps_out
from portal.outbox.accept import explain_only
from portal.outbox.submission import FromTemplate, OwnContent, Recipient, Submission, somebody


@bp.post("/route")
def route() -> Response:
    """Explain the route of a message without accepting it."""
    body = read(schemas.RouteIn)
    to = tuple(Recipient(mailbox) for mailbox in schemas.mailboxes(body.to, "to"))
    submission = Submission(
        white_label_id=key().app.white_label_id,
        app_id=key().app_id,
        agent_id=agent_id(body.agent),
        to=to or somebody(),
        cc=schemas.mailboxes(body.cc, "cc"),
        bcc=schemas.mailboxes(body.bcc, "bcc"),
        reply_to=schemas.mailboxes(body.reply_to, "reply_to"),
        sender=body.sender,
        content=FromTemplate(body.template) if body.template else OwnContent("", ""),
    )
    decision, facts = explain_only(submission)
    out = route_out(decision, facts)
    answer = schemas.RouteTraceOut(
        **out.model_dump(), trace=steps_out(decision.trace, facts.owner_name)
    )
    return jsonify(answer.model_dump(mode="json", by_alias=True))
