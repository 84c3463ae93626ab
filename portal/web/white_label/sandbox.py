"""The sandbox mailbox: what was accepted and written, and did not leave, to be read like mail."""

from __future__ import annotations

from flask import Response, g, render_template, request
from flask_babel import gettext as _

from portal.core.errors import NotFound, Refusal
from portal.delivery import log as deliveries
from portal.delivery.log import Search
from portal.outbox import as_sent
from portal.outbox.as_sent import Letter
from portal.outbox.models import Delivery
from portal.outbox.states import State
from portal.routing.ways import is_in_sandbox
from portal.web.guard import for_agents
from portal.web.headers import policy
from portal.web.log_search import whose
from portal.web.white_label.door import bp

SIZE = 25


@bp.get("/sandbox")
@for_agents
def sandbox() -> Response:
    """The list, and beside it the mail that was chosen, at first the newest."""
    kept = deliveries.deliveries(
        g.white_label.id,
        Search(state=State.SANDBOXED, whose=whose()),
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
        size=SIZE,
    )
    shown = _chosen(request.args.get("read", type=int)) or next(iter(kept.rows), None)
    letter, fault = _letter(shown) if shown is not None else (None, "")
    response = Response(
        render_template(
            "white_label/sandbox.html",
            kept=kept,
            shown=shown,
            letter=letter,
            fault=fault,
            subject_of=as_sent.subject_of,
            is_in_sandbox=is_in_sandbox(g.white_label.id),
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


def _chosen(delivery_id: int | None) -> Delivery | None:
    """The one that the address names.

    Raises:
        NotFound: it is not kept in this sandbox.
    """
    if delivery_id is None:
        return None
    found = deliveries.delivery(g.white_label.id, delivery_id, whose=whose())
    if found.state is not State.SANDBOXED:
        raise NotFound(_("mail"))
    return found


def _letter(shown: Delivery) -> tuple[Letter | None, str]:
    """What its recipient would read, or why it cannot be shown."""
    if as_sent.is_for_the_recipient_only(shown.message):
        return None, _("This is the portal's own mail; only its recipient may read it.")
    try:
        return as_sent.letter_of(shown), ""
    except Refusal as refusal:
        return None, refusal.words
