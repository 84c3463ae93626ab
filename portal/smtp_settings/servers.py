"""SMTP servers: planned, proven by a live session, saved, switched, copied, deleted.

Saving takes two steps, because no transaction may be open while we talk to a server: `plan`
reads and checks, the caller ends its transaction and runs the probe, `save` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.core.words import _
from portal.smtp.egress import EgressPolicy
from portal.smtp.target import Target
from portal.smtp_settings import health, tokens
from portal.smtp_settings.credentials import (
    BOUND,
    SecretLost,
    forget_secret,
    goes_elsewhere,
    has_usable_secret,
    keep_secret,
    secret_of,
)
from portal.smtp_settings.models import AuthKind, ServerHealth, SmtpServer
from portal.smtp_settings.modes import secret_field
from portal.smtp_settings.targets import check_enabled, target_from
from portal.smtp_settings.values import ServerValues, checked
from portal.white_labels.models import WhiteLabel

# What a session or a route does not depend on.
_FOR_PEOPLE = ("name", "description", "secret_expires_on")
_COLUMNS = tuple(field.name for field in fields(ServerValues) if field.name != "password")


@dataclass(frozen=True, slots=True)
class Plan:
    """Checked settings, and the session that has to pass before they carry mail."""

    values: ServerValues
    target: Target
    needs_session: bool  # False: nothing changed that a session could tell anything about
    server_id: int | None
    version: int | None  # of the server when it was planned


@dataclass(frozen=True, slots=True)
class Proof:
    """A session to exactly this target went well at this moment; or the operator vouches for it."""

    target: Target
    at: datetime


def plan(
    white_label: WhiteLabel | None,
    values: ServerValues,
    *,
    policy: EgressPolicy,
    helo: str,
    authority: str,
    server: SmtpServer | None = None,
    has_owner_rights: bool = False,
) -> Plan:
    """Check what was typed, for a test or for saving.

    A blank password means the stored one only where it would go to the very place it was entered
    for; otherwise it has to be typed again.

    Args:
        authority: where this installation gets its access tokens.
        server: the one that is edited; None makes a new one.
        has_owner_rights: the platform's owner or the operator is asking; they may lower the
            protection of one server.

    Raises:
        Refusal: at the field that is wrong.
        NotFound: the server is somebody else's.
    """
    if server is not None and (server.is_deleted or server.white_label_id != _id_of(white_label)):
        raise NotFound(_("SMTP server"))
    if values.auth is AuthKind.BEARER:
        check_enabled(_id_of(white_label))
    values = checked(values, policy=policy, authority=authority, is_platform=white_label is None)
    _check_expiry(values, server)
    _check_protection(values, server, has_owner_rights=has_owner_rights)
    _check_name(white_label, values.name, server)

    values = _without_known_password(values, server)
    secret = _secret_for(values, server)
    target = target_from(values, secret, helo=helo, is_platform=white_label is None)
    needs_session = (
        server is None
        or server.validated_at is None
        or values.password is not None
        or server.uses_pipelining is not values.uses_pipelining
        or goes_elsewhere(server, values)
    )
    return Plan(
        values,
        target,
        needs_session,
        server.id if server else None,
        server.version if server else None,
    )


def save(
    white_label: WhiteLabel | None,
    plan: Plan,
    *,
    by: Person,
    proof: Proof | None = None,
    server: SmtpServer | None = None,
    is_draft: bool = False,
) -> SmtpServer:
    """Write what was planned. A draft is kept switched off and unproven.

    Raises:
        Refusal: a session is needed and none to this target is proven, or somebody else saved
            the server in the meantime.
    """
    is_proven = proof is not None and proof.target == plan.target
    if plan.needs_session and not is_proven and not is_draft:
        raise Refusal("not_tested", _("These settings have not passed a live session yet."))
    if (server.id if server else None) != plan.server_id:
        raise ValueError("the plan was made for another server")
    if server is not None:
        lock(server)  # of two who save at once the second waits, and sees what the first has done
    if server is not None and server.version != plan.version:
        raise Refusal(
            "changed_meanwhile",
            _("Somebody else saved this server in the meantime. Look at it again."),
        )
    _check_name(white_label, plan.values.name, server)

    is_new = server is None
    if server is None:
        server = SmtpServer(
            white_label_id=_id_of(white_label), configured_by_id=by.id, created_at=clock.now()
        )
        server.health = ServerHealth()
    was_validated = server.validated_at is not None
    changes = _write(server, plan.values, by=by)
    if proof is not None and is_proven:
        server.validated_at = proof.at
    elif plan.needs_session:
        server.validated_at = None
    if is_draft and server.is_enabled is not False:
        server.is_enabled = False
        changes["is_enabled"] = "False"
    if was_validated is not (server.validated_at is not None):
        changes["validated"] = str(not was_validated)
    if not is_new and not changes:
        return server
    if is_new or changes.keys() - set(_FOR_PEOPLE):
        server.version = 1 if is_new else server.version + 1
    db.session.flush()
    if is_proven and not is_new and plan.needs_session:
        health.forget_faults(db.session.connection(), server.id)
    trail.record(
        server.white_label_id,
        "server.created" if is_new else "server.changed",
        _told(server),
        changes,
    )
    return server


def differences(server: SmtpServer, plan: Plan) -> list[str]:
    """Which settings saving the plan would change, by name; for somebody who wants to be told."""
    changed = [
        column for column in _COLUMNS if getattr(server, column) != getattr(plan.values, column)
    ]
    return [*changed, "password"] if plan.values.password is not None else changed


def mark_validated(server: SmtpServer, proof: Proof) -> None:
    """A session to the server, as it is stored, went well."""
    server.validated_at = proof.at


def switch(server: SmtpServer, *, on: bool) -> None:
    """Use it for new mail, or do not; waiting mail finds another way.

    Raises:
        Refusal: it cannot be switched on: it never passed a session, or its password is lost.
        NotFound: somebody has just deleted it.
    """
    lock(server)
    if server.is_deleted:
        raise NotFound(_("SMTP server"))
    if server.is_enabled is on:
        return
    if on and server.validated_at is None:
        raise Refusal("not_tested", _("Test this server first."))
    if on and not has_usable_secret(server):
        raise SecretLost(server.auth)
    if on and server.auth is AuthKind.BEARER:
        check_enabled(server.white_label_id)
    server.is_enabled = on
    server.version += 1
    trail.record(
        server.white_label_id,
        "server.switched_on" if on else "server.switched_off",
        _told(server),
    )


def copy(server: SmtpServer, *, name: str, by: Person) -> SmtpServer:
    """A second one with the same settings, switched off: secrets are never copied."""
    white_label_id = server.white_label_id
    values = {column: getattr(server, column) for column in _COLUMNS}
    tidy = name.strip()
    if not 0 < len(tidy) <= 60 or not tidy.isprintable():
        raise Refusal("name_not_fit", _("One line of at most 60 characters."), field="name")
    if _named(white_label_id, tidy) is not None:
        raise _name_taken()
    twin = SmtpServer(
        **{**values, "name": tidy, "secret_expires_on": None},
        white_label_id=white_label_id,
        configured_by_id=by.id,
        created_at=clock.now(),
        is_enabled=False,
    )
    twin.health = ServerHealth()
    db.session.add(twin)
    db.session.flush()
    trail.record(white_label_id, "server.copied", _told(twin), {"from": server.name})
    return twin


def delete(server: SmtpServer) -> None:
    """Nothing new leaves through it, its secret is gone at once; the log keeps its name.

    Templates and senders that refer to it are the caller's to set right
    (`portal.outbox.effects.delete_server` does all of it).
    """
    lock(server)
    if server.deleted_at is None:
        forget_secret(server)
        tokens.forget(db.session.connection(), server.id)
        server.deleted_at = clock.now()
        server.is_enabled = False
        server.version += 1
        trail.record(server.white_label_id, "server.deleted", _told(server), {"name": server.name})


def servers_of(white_label: WhiteLabel | None) -> Sequence[SmtpServer]:
    """The white label's servers, or the platform's own (None), by name."""
    return db.session.scalars(_living(_id_of(white_label)).order_by(SmtpServer.name)).all()


def all_servers() -> Sequence[SmtpServer]:
    """For the doctor and the Backoffice: every server there is."""
    query = select(SmtpServer).where(SmtpServer.deleted_at.is_(None))
    return db.session.scalars(query.order_by(SmtpServer.id)).all()


def servers_by_token() -> Sequence[SmtpServer]:
    """All that sign in by access token, of whomever."""
    query = select(SmtpServer).where(
        SmtpServer.deleted_at.is_(None), SmtpServer.auth == AuthKind.BEARER
    )
    return db.session.scalars(query.order_by(SmtpServer.white_label_id, SmtpServer.name)).all()


def find_server(white_label: WhiteLabel | None, server_id: int) -> SmtpServer:
    """The server with this id.

    Raises:
        NotFound: missing, deleted, or somebody else's.
    """
    query = _living(_id_of(white_label)).where(SmtpServer.id == server_id)
    server = db.session.scalar(query)
    if server is None:
        raise NotFound(_("SMTP server"))
    return server


def find_by_name(white_label: WhiteLabel | None, name: str) -> SmtpServer | None:
    """The server of this name."""
    return _named(_id_of(white_label), name)


def values_of(server: SmtpServer) -> ServerValues:
    """The settings as they are stored, to fill the form in with; never the password."""
    return ServerValues(**{column: getattr(server, column) for column in _COLUMNS})


def _without_known_password(values: ServerValues, server: SmtpServer | None) -> ServerValues:
    """Typing the stored password again, for the same place, changes nothing."""
    if values.password is None or server is None or goes_elsewhere(server, values):
        return values
    if server.auth is AuthKind.NONE or not has_usable_secret(server):
        return values
    return replace(values, password=None) if secret_of(server) == values.password else values


def _secret_for(values: ServerValues, server: SmtpServer | None) -> Secret | None:
    if values.auth is AuthKind.NONE:
        return None
    if values.password is not None:
        return values.password
    field = secret_field(values.auth)
    is_bearer = values.auth is AuthKind.BEARER
    if server is None or server.secret_sealed is None:
        words = _("The client secret is needed.") if is_bearer else _("The password is needed.")
        raise Refusal("password_missing", words, field=field)
    if goes_elsewhere(server, values):
        raise Refusal(
            "password_again",
            _(
                "The stored client secret belongs to the settings it was entered for. You changed "
                "where or how it or its access token would be sent, so enter it again."
            )
            if is_bearer
            else _(
                "The stored password belongs to the settings it was entered for. You changed "
                "where or how it would be sent, so enter it again."
            ),
            field=field,
        )
    return secret_of(server)


def _check_expiry(values: ServerValues, server: SmtpServer | None) -> None:
    """A date that is typed now lies ahead; one that was typed long ago may have passed."""
    expires_on = values.secret_expires_on
    is_new = server is None or server.secret_expires_on != expires_on
    has_new_secret = values.password is not None
    if expires_on is not None and (is_new or has_new_secret) and expires_on <= clock.now().date():
        raise Refusal(
            "secret_expired",
            _("This day has passed. When does the client secret expire?"),
            field="secret_expires_on",
        )


def _check_protection(
    values: ServerValues, server: SmtpServer | None, *, has_owner_rights: bool
) -> None:
    """Only the platform's owner lowers it, and for the one place that was looked at."""
    if has_owner_rights or not values.lowers_protection:
        return
    is_as_it_was = (
        server is not None
        and server.host == values.host
        and server.port == values.port
        and server.tls is values.tls
        and server.min_tls == values.min_tls
        and server.may_auth_in_clear is values.may_auth_in_clear
    )
    if not is_as_it_was:
        raise Refusal(
            "protection_lowered",
            _("Only the platform's owner can allow less protection than TLS 1.2."),
            field="min_tls" if not values.may_auth_in_clear else "may_auth_in_clear",
        )


def _write(server: SmtpServer, values: ServerValues, *, by: Person) -> dict[str, object]:
    """Put the settings into the row and its secret into the vault; tells what changed."""
    is_new = server.id is None
    keeps_secret = not is_new and values.password is None and not goes_elsewhere(server, values)
    changes: dict[str, object] = {}
    for column in _COLUMNS:
        value = getattr(values, column)
        if is_new or getattr(server, column) != value:
            setattr(server, column, value)
            if not is_new or column in ("name", "preset", "host", "port", "tls", "auth"):
                changes[column] = str(value)
    if is_new:
        db.session.add(server)
        db.session.flush()  # the secret is sealed to the row's id

    if "secret_expires_on" in changes or values.password is not None:
        server.secret_reminded = None
    if not is_new and (changes.keys() & set(BOUND) or values.password is not None):
        tokens.forget(db.session.connection(), server.id)
    if values.password is not None:
        keep_secret(server, values.password, by=by)
        changes["password"] = "changed"  # noqa: S105 - the word, not a secret
    elif not keeps_secret and server.secret_sealed is not None:
        forget_secret(server)
        changes["password"] = "removed"  # noqa: S105
    return changes


def _check_name(white_label: WhiteLabel | None, name: str, server: SmtpServer | None) -> None:
    taken = _named(_id_of(white_label), name)
    if taken is not None and taken is not server:
        raise _name_taken()


def _name_taken() -> Refusal:
    return Refusal("name_taken", _("There is a server of this name already."), field="name")


def _named(white_label_id: int | None, name: str) -> SmtpServer | None:
    return db.session.scalar(_living(white_label_id).where(SmtpServer.name == name))


def _living(white_label_id: int | None) -> Select[SmtpServer]:
    return select(SmtpServer).where(_owned_by(white_label_id), SmtpServer.deleted_at.is_(None))


def _owned_by(white_label_id: int | None) -> ColumnElement[bool]:
    if white_label_id is None:
        return SmtpServer.white_label_id.is_(None)
    return SmtpServer.white_label_id == white_label_id


def _id_of(white_label: WhiteLabel | None) -> int | None:
    return white_label.id if white_label else None


def _told(server: SmtpServer) -> str:
    return f"server {server.id} {server.name}"
