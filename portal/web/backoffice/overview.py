"""The first page of the Backoffice: does the platform's mail leave, and what needs a hand."""

from __future__ import annotations

from flask import g, render_template

from portal.apps import apps
from portal.delivery import figures, status
from portal.delivery import log as deliveries
from portal.delivery.log import Search
from portal.desk import conversations, request_listing
from portal.outbox import as_sent
from portal.outbox.states import State
from portal.routing.ways import is_in_sandbox
from portal.web.backoffice.door import bp
from portal.white_labels import tenants

SHOWN = 5


@bp.get("/")
def overview() -> str:
    failed = deliveries.deliveries(None, Search(state=State.FAILED), size=SHOWN)
    return render_template(
        "backoffice/overview.html",
        standing=figures.standing(None),
        failed=failed.rows,
        is_in_sandbox=is_in_sandbox(None),
        has_white_labels=bool(tenants.all_white_labels()),
        has_apps=bool(apps.search_apps(None, size=1).rows),
        has_mail=figures.has_mail(None),
        checks=status.readiness().checks,
        subject_of=as_sent.subject_of,
        requests=request_listing.open_count(),
        conversations=conversations.waiting_count(g.person),
    )
