"""What tests of the server pages share: servers to talk to, and forms to fill in."""

from __future__ import annotations

from typing import Any

from portal.accounts.models import Person
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.certificates import Authority
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.visitor import Page, Visits

HOST = "127.0.0.1"
RIGHT = "correct horse"
"""The password that a `Script` takes, from the user ``livery``."""
OPEN: dict[str, Any] = {
    "host": HOST,
    "tls": "none",
    "auth": "none",
    "email": "news@acme.example",
    "name": "acme-own",
}
"""What has to be typed for a server that asks for nothing; its port is missing."""


def with_password(authority: Authority, **script: Any) -> Script:
    """A server behind TLS that asks for user and password."""
    nature = {"tls": "implicit", "certificate": authority.issue(HOST), "mechanisms": ("PLAIN",)}
    return Script(**{**nature, **script})


def signing_in(authority: Authority, server: FaultServer, **typed: Any) -> dict[str, Any]:
    """What has to be typed for such a server."""
    known = {"tls": "implicit", "auth": "basic", "username": "livery", "password": RIGHT}
    return {**OPEN, **known, "port": server.port, "ca_pem": authority.pem, **typed}


def make_signed_in(
    visit: Visits, person: Person, authority: Authority, server: FaultServer, **typed: Any
) -> Page:
    """The page of a new server that was saved through its form."""
    form = visit(person).get("/servers/new?preset=generic")
    page = form.submit("Save", **signing_in(authority, server, **typed))
    assert page.h1 == "acme-own", page.content
    return page


def the_server(white_label: WhiteLabel) -> SmtpServer:
    """Its only one."""
    (server,) = servers.servers_of(white_label)
    return server
