"""Servers that sign in by access token, for tests of rooms: typed, saved, and their features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import db
from portal.core.secret import Secret
from portal.smtp_settings import servers
from portal.smtp_settings.credentials import keep_secret
from portal.smtp_settings.models import AuthKind, SmtpServer, TlsMode
from portal.smtp_settings.servers import Plan, Proof
from portal.smtp_settings.values import ServerValues
from portal.white_labels import features
from portal.white_labels.features import EVERYWHERE, Feature, Reach
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import kept, make_server
from tests.equipment.token_endpoint import CLIENT, MAILBOX, SECRET, TENANT
from tests.smtp_settings.forms import AUTHORITY, HELO, POLICY

BEARER = ServerValues(
    name="Acme at Microsoft",
    host="smtp.office365.com",
    port=587,
    tls=TlsMode.STARTTLS,
    auth=AuthKind.BEARER,
    username=MAILBOX,
    password=Secret(SECRET),
    oauth_provider="microsoft",
    oauth_tenant=TENANT,
    oauth_client_id=CLIENT,
)
BLANK_BEARER = replace(BEARER, password=None)


def enable(reach: Reach = EVERYWHERE) -> None:
    """Switch the feature on, without the rest that belongs to it."""
    features.set_reach(Feature.OAUTH_SMTP, reach, by=None)
    db.session.commit()


def plan_bearer(
    white_label: WhiteLabel | None,
    values: ServerValues = BEARER,
    server: SmtpServer | None = None,
    *,
    authority: str = AUTHORITY,
    **rights: Any,
) -> Plan:
    """As the form does it."""
    return servers.plan(
        white_label, values, policy=POLICY, helo=HELO, authority=authority, server=server, **rights
    )


def saved_bearer(
    by: Person, white_label: WhiteLabel | None, values: ServerValues = BEARER
) -> SmtpServer:
    """A server that has passed its test."""
    planned = plan_bearer(white_label, values, has_owner_rights=True)
    proof = Proof(planned.target, clock.now())
    server = servers.save(white_label, planned, by=by, proof=proof)
    db.session.commit()
    return server


def make_bearer_server(by: Person, *, port: int, authority: str, **facts: Any) -> SmtpServer:
    """One on loopback, without TLS, whose secret is sealed as the form would do it."""
    server = make_server(
        by,
        "microsoft",
        port=port,
        from_email=MAILBOX,
        username=MAILBOX,
        oauth_provider="microsoft",
        oauth_authority=authority,
        oauth_tenant=TENANT,
        oauth_client_id=CLIENT,
        **{"may_auth_in_clear": True, **facts},
    )
    server.auth = AuthKind.BEARER
    keep_secret(server, Secret(SECRET), by=by)
    return kept(server)
