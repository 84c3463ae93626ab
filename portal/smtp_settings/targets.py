"""From a stored server to what a session needs: the one way a secret leaves the vault."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.config import Config
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _
from portal.smtp.egress import EgressPolicy, Relay
from portal.smtp.target import Auth, Basic, Target, TlsVersion
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.presets import PRESETS
from portal.smtp_settings.values import ServerValues


def target_of(server: SmtpServer, *, helo: str) -> Target:
    """The server as it is stored, its secret opened. `helo` is our own name (`our_name`).

    Raises:
        SecretLost: the stored secret does not belong to these settings (park the server with
            kind ``credentials``; the words say what to do).
        Refusal: signing in by token, which needs the token and not the client secret.
    """
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
    if settings.auth is AuthKind.BEARER:
        raise Refusal("bearer_not_enabled", _("Signing in by token is not enabled here."))
    if settings.auth is AuthKind.NONE or secret is None:
        return None
    service = PRESETS.get(settings.preset)
    name = settings.username
    return Basic(service.username_for(name, secret) if service else name, secret)
