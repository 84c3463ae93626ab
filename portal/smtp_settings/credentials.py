"""The secret of a server: sealed to the one place it may be sent to, and never read by a page.

A password is kept for *this* server at *this* host, port, TLS mode and trust, under this user
name. Whoever changes one of them, by whatever way, cannot take the stored secret along.
"""

from __future__ import annotations

from portal.accounts.models import Person
from portal.core import clock, sealed, vault
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.vault import Binding, CannotOpen
from portal.core.words import _
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.modes import secret_field

BOUND = (
    "id",
    "white_label_id",
    "preset",  # it may settle the user name
    "host",
    "port",
    "tls",
    "min_tls",
    "ca_pem",
    "pin_sha256",
    "may_auth_in_clear",
    "auth",
    "username",
    "oauth_provider",
    "oauth_authority",  # where a client secret goes
    "oauth_tenant",
    "oauth_client_id",
)
"""The columns that say where a secret goes and how well it is protected on the way."""


class SecretLost(Refusal):
    """The stored secret does not open: what it was bound to was changed behind Livery's back."""

    def __init__(self, auth: AuthKind = AuthKind.BASIC) -> None:
        super().__init__(
            "secret_lost",
            _(
                "The stored password belongs to other settings than these and cannot be used. "
                "Enter it again."
            )
            if auth is not AuthKind.BEARER
            else _(
                "The stored client secret belongs to other settings than these and cannot be "
                "used. Enter it again."
            ),
            field=secret_field(auth),
        )


def binding_of(server: SmtpServer) -> Binding:
    """What the server's secret is sealed to; the row must have its id."""
    return ("smtp_server", "secret_sealed", *place_of(server))


def place_of(server: SmtpServer) -> Binding:
    """The one place that a secret of this server may be sent to."""
    if server.id is None:
        raise ValueError("a row without an id cannot be bound to")
    return tuple(_plain(getattr(server, column)) for column in BOUND)


def goes_elsewhere(server: SmtpServer, wanted: object) -> bool:
    """Whether a secret of this server, used with the `wanted` settings, would go anywhere else.

    `wanted` has the columns of `BOUND` but the row's own id and tenant, which never change.
    """
    return any(
        _plain(getattr(server, column)) != _plain(getattr(wanted, column)) for column in BOUND[2:]
    )


def keep_secret(server: SmtpServer, secret: Secret, *, by: Person) -> None:
    """Seal this secret to the server as it is now."""
    server.secret_sealed = vault.seal(secret, binding_of(server))
    server.secret_set_at = clock.now()
    server.secret_set_by_id = by.id


def forget_secret(server: SmtpServer) -> None:
    """The server has no secret any more."""
    server.secret_sealed = None
    server.secret_set_at = None
    server.secret_set_by_id = None


def secret_of(server: SmtpServer) -> Secret:
    """The secret in the clear, for the moment of signing in.

    Raises:
        SecretLost: there is none, or the settings are not those that it was entered for.
    """
    if server.secret_sealed is None:
        raise SecretLost(server.auth)
    try:
        return vault.unseal(server.secret_sealed, binding_of(server))
    except CannotOpen:
        raise SecretLost(server.auth) from None


def has_usable_secret(server: SmtpServer) -> bool:
    """Whether the stored secret opens, or none is needed."""
    if server.auth is AuthKind.NONE:
        return True
    try:
        secret_of(server)
    except SecretLost:
        return False
    return True


def _plain(value: object) -> str | int | None:
    """One text for one value, whether it was just assigned or came back from the store."""
    if value is None or isinstance(value, (str, int)):
        return value if type(value) in (int, type(None)) else str(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a binding")


sealed.register(SmtpServer.secret_sealed, binding_of)
