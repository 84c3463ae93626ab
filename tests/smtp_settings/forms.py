"""What somebody types into the server form, ready to be changed by one field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import db
from portal.core.secret import Secret
from portal.smtp.egress import EgressPolicy, Relay
from portal.smtp_settings import servers
from portal.smtp_settings.models import AuthKind, SmtpServer, TlsMode
from portal.smtp_settings.servers import Plan, Proof
from portal.smtp_settings.values import ServerValues
from portal.white_labels.models import WhiteLabel

HELO = "livery.example"
AUTHORITY = "https://login.authority.example"
POLICY = EgressPolicy(refusal_takes=0)
LOOPBACK = EgressPolicy(relays=(Relay.read("127.0.0.0/8:*"),), refusal_takes=0)
PASSWORD = "acme's own password"

TYPED = ServerValues(
    name="Acme own",
    host="smtp.acme.example",
    port=587,
    tls=TlsMode.STARTTLS,
    auth=AuthKind.BASIC,
    username="acme",
    password=Secret(PASSWORD),
)
BLANK = replace(TYPED, password=None)


def plan(
    white_label: WhiteLabel | None,
    values: ServerValues = TYPED,
    server: SmtpServer | None = None,
    *,
    policy: EgressPolicy = POLICY,
    **rights: Any,
) -> Plan:
    """As the form does it."""
    return servers.plan(
        white_label, values, policy=policy, helo=HELO, authority=AUTHORITY, server=server, **rights
    )


def as_toml(value: object) -> str:
    """A setting's value as a provisioning file has it."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:
            return f'"""{value}"""'


def saved(by: Person, white_label: WhiteLabel | None, values: ServerValues = TYPED) -> SmtpServer:
    """A server that has passed its test, in the database."""
    planned = plan(white_label, values, policy=LOOPBACK, has_owner_rights=True)
    proof = Proof(planned.target, clock.now())
    server = servers.save(white_label, planned, by=by, proof=proof)
    db.session.commit()
    return server
