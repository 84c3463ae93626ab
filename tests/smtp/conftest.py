"""What the tests of the wire share: a door to a server on loopback, and jobs to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from portal.core.secret import Secret
from portal.smtp.connection import open_session
from portal.smtp.egress import EgressPolicy, Relay
from portal.smtp.session import Session
from portal.smtp.target import Basic, SessionFault, Target, Timeouts, Tls
from tests.equipment.resolver import InMemoryResolver
from tests.equipment.smtp_server import SmtpServer

HOST = "smtp.acme.example"
LOOPBACK = EgressPolicy(relays=(Relay.read("127.0.0.0/8:*"),), refusal_takes=0)
"""What the operator of a demo allows; nothing else on this machine may be connected to."""
QUICK = Timeouts(connect=20, phase=1, after_dot=1, quit=1)
"""For tests in which a server does not answer."""
PATIENT = Timeouts(connect=20, phase=20, after_dot=20, quit=5)
"""For all others: a busy machine must not turn into a time-out."""
PLAIN = Target(HOST, 0, Tls.NONE, "livery.example")
PASSWORD = Secret("correct horse")
SIGNED_IN = replace(PLAIN, auth=Basic("livery", PASSWORD), may_auth_in_clear=True)

Connect = Callable[..., Session]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open a session with a server on loopback; it is closed when the test ends."""
    sessions = []

    def to(
        server: SmtpServer | int,
        target: Target = PLAIN,
        *,
        timeouts: Timeouts = PATIENT,
        **more: Any,
    ) -> Session:
        port = server if isinstance(server, int) else server.port
        session = open_session(
            replace(target, port=port),
            policy=LOOPBACK,
            resolver=InMemoryResolver({target.host: ["127.0.0.1"]}),
            timeouts=timeouts,
            **more,
        )
        sessions.append(session)
        return session

    yield to
    for session in sessions:
        session.close()


def failure(
    connect: Connect, server: SmtpServer | int, target: Target = PLAIN, **more: object
) -> SessionFault:
    """Why no session could be opened."""
    with pytest.raises(SessionFault) as raised:
        connect(server, target, **more)
    return raised.value
