"""How a connection is protected and how one signs in: the two choices every SMTP server makes.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from enum import StrEnum


class TlsMode(StrEnum):
    NONE = "none"  # in clear, no sign-in unless the platform owner allows it
    STARTTLS = "starttls"  # upgrade, required
    IMPLICIT = "implicit"  # TLS from the first byte


class AuthKind(StrEnum):
    NONE = "none"
    BASIC = "basic"  # user name and password
    BEARER = "bearer"  # OAuth access token
