"""Access tokens for lanes: asked for by one of them, used by all, on every machine.

1. Look whether a good one is kept.
2. If not, take the lease and ask the provider, with no transaction open; keep the answer.
3. If somebody else has the lease, wait for the answer that they get.
"""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from enum import Enum

from sqlalchemy.engine import Connection

from portal.core.secret import Secret
from portal.core.vault import Binding
from portal.delivery.works import Works
from portal.smtp.causes import Cause
from portal.smtp.replies import Kind, ServerFault, Stage
from portal.smtp.target import Grant, SessionFault
from portal.smtp_settings import tokens
from portal.smtp_settings.oauth import Token, ask

LOOKS_EVERY = 0.1
"""Seconds between two looks for what another lane is asking for."""


class Stopping(Exception):
    """The worker ends, so nobody waits for a token any more; the server is not to blame."""


class Turn(Enum):
    OURS = "ours"  # to ask
    ANOTHERS = "another's"  # who is asking


class SharedTokens:
    """For one session of one lane."""

    def __init__(self, works: Works, server_id: int, binding: Binding) -> None:
        self._works = works
        self._server_id = server_id
        self._binding = binding
        self._lease = secrets.token_hex(8)

    def token(self, grant: Grant, *, refused: Secret | None = None) -> Token:
        """As `portal.smtp_settings.signing_in.Tokens` has it.

        Raises:
            Stopping: while waiting for another lane.
        """
        works = self._works
        since = works.moments.now()
        give_up_at = time.monotonic() + 2 * tokens.LEASE.total_seconds()
        while True:
            # 1
            found: Token | SessionFault | Turn | None = works.store.read(
                lambda connection: self._look(connection, since, refused)
            )
            # 2
            if found is None:
                found = works.store.write(lambda connection: self._turn(connection, since, refused))
            if isinstance(found, Token):
                return found
            if isinstance(found, SessionFault):
                raise found
            if found is Turn.OURS:
                return self._ask(grant)
            # 3
            if works.stop.wait(LOOKS_EVERY):
                raise Stopping
            if time.monotonic() > give_up_at:
                raise SessionFault(
                    ServerFault(Kind.UNREACHABLE, cause=Cause.PROVIDER_AWAY), Stage.TOKEN
                )

    def _look(
        self, connection: Connection, since: datetime, refused: Secret | None
    ) -> Token | SessionFault | None:
        now = self._works.moments.now()
        return tokens.look(
            connection, self._server_id, self._binding, since=since, refused=refused, now=now
        )

    def _turn(
        self, connection: Connection, since: datetime, refused: Secret | None
    ) -> Token | SessionFault | Turn:
        """Whether it is ours to ask; or what somebody has kept in just this moment."""
        now = self._works.moments.now()
        if not tokens.take_lease(connection, self._server_id, lease=self._lease, now=now):
            return Turn.ANOTHERS
        found = self._look(connection, since, refused)
        if found is None:
            return Turn.OURS
        tokens.give_back(connection, self._server_id, lease=self._lease)
        return found

    def _ask(self, grant: Grant) -> Token:
        """The question of step 2."""
        works, server_id, lease = self._works, self._server_id, self._lease
        asked_at = works.moments.now()
        try:
            token = ask(grant, policy=works.policy, resolver=works.resolver)
        except SessionFault as fault:
            met = fault
            works.store.write(
                lambda connection: tokens.keep_fault(
                    connection, server_id, met, lease=lease, now=works.moments.now()
                )
            )
            raise
        works.store.write(
            lambda connection: tokens.keep(
                connection, server_id, self._binding, token, lease=lease, now=asked_at
            )
        )
        return token
