"""From a stored server to what a session needs: the one way a secret leaves the vault."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.config import Config
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _
from portal.smtp.egress import EgressPolicy, Relay
from portal.smtp.target import Auth, Basic, Grant, Target, TlsVersion
from portal.smtp_settings.credentials import SecretLost, secret_of
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.presets import PRESETS
from portal.smtp_settings.values import ServerValues
from portal.white_labels import features
from portal.white_labels.features import Feature


def target_of(server: SmtpServer, *, helo: str, authority: str) -> Target:
    """The server as it is stored, its secret opened. `helo` is our own name (`our_name`).

    Args:
        authority: where this installation gets its access tokens (`Config.microsoft_authority`).

    Raises:
        SecretLost: the stored secret does not belong to these settings (park the server with
            kind ``credentials``; the words say what to do).
        Refusal: signing in by token is not switched on for it.
    """
    if server.auth is AuthKind.BEARER:
        check_enabled(server.white_label_id)
        # The operator chose another one since: the secret was not entered for that.
        if server.oauth_authority != authority:
            raise SecretLost(server.auth)
    secret = None if server.auth is AuthKind.NONE else secret_of(server)
    return target_from(server, secret, helo=helo, is_platform=server.is_platform)


def target_from(
    settings: SmtpServer | ServerValues, secret: Secret | None, *, helo: str, is_platform: bool
) -> Target:
    """Settings, stored or typed, and the secret that belongs to them."""
    return Target(
        host=settings.host,
        port=settings.port,
        tls=settings.tls,
        helo=helo,
        auth=_auth(settings, secret),
        min_tls=TlsVersion(settings.min_tls),
        ca_pem=settings.ca_pem,
        pin_sha256=settings.pin_sha256,
        is_platform=is_platform,
        may_auth_in_clear=settings.may_auth_in_clear,
        pipelining=settings.uses_pipelining,
    )


def check_enabled(white_label_id: int | None) -> None:
    """Whether servers may sign in by token in this place.

    Raises:
        Refusal: the platform's owner has not switched it on.
    """
    if not features.is_on(Feature.OAUTH_SMTP, white_label_id):
        raise Refusal(
            "bearer_not_enabled",
            _("Signing in by token (Bearer) is not switched on here."),
            field="auth",
        )


def policy_for(config: Config) -> EgressPolicy:
    """Where this installation may connect to; the same for every server and every caller.

    Whether the platform owner's wider choice of ports holds is said by `Target.is_platform`.
    """
    return EgressPolicy(
        tenant_ports=frozenset(config.tenant_ports),
        relays=tuple(Relay(allowed.network, allowed.port) for allowed in config.relay_allow),
    )


def our_name(config: Config) -> str:
    """The name this installation greets other servers with (RFC 5321 4.1.1.1)."""
    return urlsplit(config.platform_origin).hostname or "localhost"


def _auth(settings: SmtpServer | ServerValues, secret: Secret | None) -> Auth | None:
    if settings.auth is AuthKind.NONE or secret is None:
        return None
    if settings.auth is AuthKind.BEARER:
        return Grant(
            username=settings.username,
            provider=settings.oauth_provider or "",
            authority=settings.oauth_authority or "",
            tenant=settings.oauth_tenant or "",
            client_id=settings.oauth_client_id or "",
            client_secret=secret,
        )
    service = PRESETS.get(settings.preset)
    name = settings.username
    return Basic(service.username_for(name, secret) if service else name, secret)
