"""The access tokens that are kept: one for a server, for all lanes of all workers.

Acts inside the transactions of the delivery engine (hence a connection, not a session). A token
is sealed to everything that the client secret is sealed to, so it cannot be taken elsewhere.

1. A good token is there: use it.
2. It is missing, old, or the server just refused it: one takes the lease and asks for another.
3. The others wait. They get the token that the one brings, or the fault that it met.
4. Whoever holds the lease and dies loses it after `LEASE`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from portal.core import sealed, vault
from portal.core.secret import Secret
from portal.core.vault import Binding, CannotOpen
from portal.smtp.causes import Cause
from portal.smtp.replies import Kind, Reply, ServerFault, Stage
from portal.smtp.target import SessionFault
from portal.smtp_settings.credentials import place_of
from portal.smtp_settings.models import AccessToken, SmtpServer
from portal.smtp_settings.oauth import TAKES, Token

LEASE = timedelta(seconds=TAKES + 10)


def binding_of(server: SmtpServer) -> Binding:
    """What the server's access token is sealed to."""
    return ("access_token", "token_sealed", *place_of(server))


def look(
    connection: Connection,
    server_id: int,
    binding: Binding,
    *,
    since: datetime,
    refused: Secret | None,
    now: datetime,
) -> Token | SessionFault | None:
    """What is kept: a good token, or a fault that somebody met after `since`; None: neither.

    Args:
        refused: a token that the mail server did not take, although it is not old yet.
    """
    row = connection.execute(
        select(
            AccessToken.token_sealed,
            AccessToken.expires_at,
            AccessToken.fault,
            AccessToken.fault_at,
        ).where(_of(server_id))
    ).first()
    if row is None:
        return None
    if row.token_sealed is not None and row.expires_at is not None and row.expires_at > now:
        try:
            text = vault.unseal(row.token_sealed, binding)
        except CannotOpen:
            return None
        if refused is None or text != refused:
            return Token(text, (row.expires_at - now).total_seconds(), is_new=False)
    if row.fault is not None and row.fault_at is not None and row.fault_at > since:
        return _fault_from(row.fault)
    return None


def take_lease(connection: Connection, server_id: int, *, lease: str, now: datetime) -> bool:
    """The right to ask, for `LEASE`; taking it twice is taking it once."""
    is_there = connection.execute(select(AccessToken.id).where(_of(server_id))).first()
    if is_there is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(AccessToken).values(server_id=server_id))
        except IntegrityError:  # another one was faster
            pass
    taken = connection.execute(
        update(AccessToken)
        .where(
            _of(server_id),
            or_(
                AccessToken.lease.is_(None),
                AccessToken.lease == lease,
                AccessToken.leased_until <= now,
            ),
        )
        .values(lease=lease, leased_until=now + LEASE)
    )
    return taken.rowcount == 1


def give_back(connection: Connection, server_id: int, *, lease: str) -> None:
    """Without having asked."""
    connection.execute(
        update(AccessToken)
        .where(_of(server_id), AccessToken.lease == lease)
        .values(lease=None, leased_until=None)
    )


def keep(
    connection: Connection,
    server_id: int,
    binding: Binding,
    token: Token,
    *,
    lease: str,
    now: datetime,
) -> None:
    """For everybody, if the lease still holds: the secret may be another one by now."""
    connection.execute(
        update(AccessToken)
        .where(_of(server_id), AccessToken.lease == lease)
        .values(
            token_sealed=vault.seal(token.text, binding),
            expires_at=now + timedelta(seconds=token.seconds),
            lease=None,
            leased_until=None,
            fault=None,
            fault_at=None,
        )
    )


def keep_fault(
    connection: Connection, server_id: int, fault: SessionFault, *, lease: str, now: datetime
) -> None:
    """Those who wait get the same answer; whoever comes later asks again."""
    connection.execute(
        update(AccessToken)
        .where(_of(server_id), AccessToken.lease == lease)
        .values(
            token_sealed=None,
            expires_at=None,
            lease=None,
            leased_until=None,
            fault=_fault_as_json(fault),
            fault_at=now,
        )
    )


def forget(connection: Connection, server_id: int) -> None:
    """The secret or what it is bound to changes: what was given for it is not used any more."""
    connection.execute(delete(AccessToken).where(_of(server_id)))


def _fault_as_json(fault: SessionFault) -> dict[str, object]:
    verdict = fault.verdict
    return {
        "kind": verdict.kind,
        "cause": verdict.cause,
        "wait": verdict.wait,
        "code": verdict.reply.code if verdict.reply else None,
        "lines": list(verdict.reply.lines) if verdict.reply else [],
    }


def _fault_from(said: dict[str, object]) -> SessionFault:
    code, lines, wait = said["code"], said["lines"], said["wait"]
    reply = None
    if isinstance(code, int) and isinstance(lines, list):
        reply = Reply(code, None, tuple(map(str, lines)))
    verdict = ServerFault(
        Kind(str(said["kind"])),
        reply,
        wait if isinstance(wait, int) else None,
        Cause(str(said["cause"])),
    )
    return SessionFault(verdict, Stage.TOKEN)


def _of(server_id: int) -> ColumnElement[bool]:
    return AccessToken.server_id == server_id


sealed.register(AccessToken.token_sealed, lambda row: binding_of(row.server))
