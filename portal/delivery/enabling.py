"""Switching a feature on or off, with what that does to the servers that use it.

1. Before: which servers would be parked, and how much of their mail waits.
2. Those that may not go on are parked and their admins are told; mail waits and nothing is lost.
3. Those that may again are sent through again, with what waited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.delivery.consequences import Park
from portal.delivery.told import tell_parked
from portal.outbox import wake
from portal.outbox.models import IS_WAITING, Delivery
from portal.smtp.causes import Cause
from portal.smtp.replies import Kind, ServerFault, Stage
from portal.smtp_settings import health, servers
from portal.smtp_settings.models import SmtpServer
from portal.white_labels import features
from portal.white_labels.features import Feature, Reach


@dataclass(frozen=True, slots=True)
class Stopped:
    """A server that could not go on, and how many of its deliveries would wait."""

    server: SmtpServer
    waiting: int


def would_stop(feature: Feature, reach: Reach) -> Sequence[Stopped]:
    """Step 1: servers in use that the feature would be taken away from."""
    losing = [
        server
        for server in _users(feature)
        if server.is_enabled
        and not reach.includes(server.white_label_id)
        and server.health.parked_kind != Cause.SWITCHED_OFF
    ]
    waiting = _waiting([server.id for server in losing])
    return [Stopped(server, waiting.get(server.id, 0)) for server in losing]


def change(feature: Feature, reach: Reach, *, by: Person | None) -> Sequence[SmtpServer]:
    """Switch the feature on exactly there; the servers that were parked for it.

    Args:
        by: None is the operator.
    """
    if not features.set_reach(feature, reach, by=by):
        return []
    connection, parked = db.session.connection(), []
    for server in _users(feature):
        if reach.includes(server.white_label_id):
            if health.open_again(connection, server.id, cause=Cause.SWITCHED_OFF):
                _record(server, "server.unparked")
        elif health.shut(connection, server.id, cause=Cause.SWITCHED_OFF, now=clock.now()):
            parked.append(server)
            _record(server, "server.parked")
        db.session.expire(server.health)
    for server in parked:
        if server.is_enabled:
            tell_parked(server.id, _PARK)
    wake.tell(connection)
    return parked


_PARK = Park(
    Cause.SWITCHED_OFF,
    Cause.SWITCHED_OFF,
    Stage.AUTH,
    ServerFault(Kind.CREDENTIALS, cause=Cause.SWITCHED_OFF),
)


def _users(feature: Feature) -> Sequence[SmtpServer]:
    match feature:
        case Feature.OAUTH_SMTP:
            return servers.servers_by_token()


def _waiting(server_ids: Sequence[int]) -> dict[int, int]:
    if not server_ids:
        return {}
    query = (
        select(Delivery.server_id, func.count())
        .where(Delivery.server_id.in_(server_ids), IS_WAITING)
        .group_by(Delivery.server_id)
    )
    return {server_id: count for server_id, count in db.session.execute(query) if server_id}


def _record(server: SmtpServer, action: str) -> None:
    changes = {"why": Cause.SWITCHED_OFF.value}
    trail.record(server.white_label_id, action, f"server {server.id} {server.name}", changes)
