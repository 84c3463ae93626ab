"""Reminders that a client secret will expire: 30, 7 and 1 days before, each of them once.

1. Look which servers have come to such a day.
2. Take the reminder: one statement, so that of several who look at the same time one writes.
3. Write to every admin, in the same transaction: either all of it happens or nothing.
"""

from __future__ import annotations

from portal.accounts import people
from portal.accounts.models import Role
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.notices.post import post
from portal.notices.server_link import link_to
from portal.smtp_settings import expiry
from portal.smtp_settings.expiry import Expiring


def remind() -> int:
    """Write what is due; how many servers it was about. The caller commits."""
    reminded = 0
    for one in expiry.to_be_reminded(today=clock.now().date()):
        try:
            with db.session.begin_nested():
                if expiry.take_reminder(one):
                    _write(one)
                    reminded += 1
        except Refusal as refusal:
            # The reminder is not taken then: it is tried again, and the banner stands meanwhile.
            logger("notices").warning("not_reminded", server=one.server.id, code=refusal.code)
    return reminded


def _write(one: Expiring) -> None:
    server = one.server
    role = Role.PLATFORM_OWNER if server.is_platform else Role.ADMIN
    for admin in people.with_role(server.white_label_id, role):
        post(
            "secret_expires",
            to=admin,
            server=server.name,
            days=one.days,
            on=one.on.isoformat(),
            link=link_to(server, admin, below="/edit"),
        )
