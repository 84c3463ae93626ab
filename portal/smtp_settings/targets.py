"""From a stored server to what a session needs: the one way a secret leaves the vault."""

from __future__ import annotations

from urllib.parse import urlsplit

from portal.config import Config
from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.target import Auth, Basic, Target, TlsVersion
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.presets import PRESETS


def target_of(server: SmtpServer, *, helo: str) -> Target:
    """The server as it is stored, its secret opened. `helo` is our own name (`our_name`).

    Raises:
        SecretLost: the stored secret does not belong to these settings (park the server with
            kind ``credentials``; the words say what to do).
        Refusal: signing in by token, which needs the token and not the client secret.
    """
    return Target(
        host=server.host,
        port=server.port,
        tls=server.tls,
        helo=helo,
        auth=_auth_of(server),
        min_tls=TlsVersion(server.min_tls),
        ca_pem=server.ca_pem,
        pin_sha256=server.pin_sha256,
        is_platform=server.is_platform,
        may_auth_in_clear=server.may_auth_in_clear,
        pipelining=server.uses_pipelining,
    )


def our_name(config: Config) -> str:
    """The name this installation greets other servers with (RFC 5321 4.1.1.1)."""
    return urlsplit(config.platform_origin).hostname or "localhost"


def _auth_of(server: SmtpServer) -> Auth | None:
    match server.auth:
        case AuthKind.NONE:
            return None
        case AuthKind.BASIC:
            secret = secret_of(server)
            known = PRESETS.get(server.preset)
            username = known.username_for(server.username, secret) if known else server.username
            return Basic(username, secret)
        case AuthKind.BEARER:
            raise Refusal("bearer_not_enabled", _("Signing in by token is not enabled here."))
