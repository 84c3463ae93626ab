"""The first page of a white label's portal: does mail leave, and what needs a hand."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, render_template

from portal.accounts.models import Role
from portal.apps import apps
from portal.delivery import figures
from portal.delivery import log as deliveries
from portal.delivery.log import Search
from portal.outbox import as_sent
from portal.outbox.states import State
from portal.routing.ways import is_in_sandbox
from portal.smtp_settings import servers
from portal.web.guard import for_agents
from portal.web.white_label.door import bp
from portal.white_labels.models import MailMode

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Begun:
    """What of the first steps is done."""

    has_server: bool
    has_app: bool
    has_key: bool
    has_mail: bool

    @property
    def is_done(self) -> bool:
        return self.has_server and self.has_app and self.has_key and self.has_mail


@bp.get("/overview")
@for_agents
def overview() -> str:
    if g.person.role is Role.AGENT:
        mine = deliveries.deliveries(g.white_label.id, Search(whose=g.person.id), size=SHOWN * 2)
        return render_template(
            "white_label/overview_of_agent.html", mine=mine.rows, subject_of=as_sent.subject_of
        )
    failed = deliveries.deliveries(g.white_label.id, Search(state=State.FAILED), size=SHOWN)
    return render_template(
        "white_label/overview.html",
        standing=figures.standing(g.white_label),
        failed=failed.rows,
        is_in_sandbox=is_in_sandbox(g.white_label.id),
        begun=_begun(),
        subject_of=as_sent.subject_of,
    )


def _begun() -> Begun:
    there = apps.apps_of(g.white_label)
    uses_platform = g.white_label.mail_mode is MailMode.PLATFORM
    return Begun(
        has_server=uses_platform or bool(servers.servers_of(g.white_label)),
        has_app=bool(there),
        has_key=any(app.working_keys for app in there),
        has_mail=figures.has_mail(g.white_label),
    )
