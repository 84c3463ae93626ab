"""How a connection is protected and how one signs in: the two choices every SMTP server makes.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from enum import StrEnum

from portal.smtp.target import Tls as TlsMode

__all__ = ["AuthKind", "TlsMode", "secret_field"]


class AuthKind(StrEnum):
    NONE = "none"
    BASIC = "basic"  # user name and password
    BEARER = "bearer"  # OAuth access token


def secret_field(auth: AuthKind) -> str:
    """The field in which this kind of secret is typed."""
    return "client_secret" if auth is AuthKind.BEARER else "password"
