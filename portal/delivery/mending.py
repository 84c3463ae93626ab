"""A person tried a server by hand and it went well: what waited for that goes on its way."""

from __future__ import annotations

from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.delivery import settling
from portal.outbox import held, wake
from portal.outbox.models import Delivery
from portal.routing.decide import Check
from portal.smtp_settings import health, servers
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.servers import Proof


def mended(server: SmtpServer, proof: Proof, *, from_email: str | None = None) -> bool:
    """End its parking and its rest, and that of the sender address which was tried with it.

    Args:
        proof: of a session to the server as it is stored.

    Returns:
        Whether it was parked.
    """
    servers.mark_validated(server, proof)
    db.session.flush()
    connection = db.session.connection()
    was_parked = health.unpark(connection, server.id)
    health.end_rest(connection, server.id)
    if from_email is not None:
        settling.accept_sender(connection, server.id, from_email, now=clock.now())
        # What came while nobody else could carry it has no server yet.
        held.let_go(
            held.because(Check.SENDER_REFUSED)
            & Delivery.server_id.is_(None)
            & settling.leaves_from(from_email),
            at_once=held.AT_ONCE,
        )
    if was_parked:
        trail.record(server.white_label_id, "server.unparked", f"server {server.id} {server.name}")
    wake.tell(connection)
    return was_parked
