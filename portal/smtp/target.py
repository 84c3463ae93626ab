"""Where to send and how to get in: everything a session needs to know before it begins.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from portal.core.secret import Secret
from portal.smtp.replies import ServerFault, Stage


class Tls(StrEnum):
    NONE = "none"  # in clear; no sign-in unless the platform owner allows it for this server
    STARTTLS = "starttls"  # upgrade, required
    IMPLICIT = "implicit"  # from the first byte


class TlsVersion(StrEnum):
    """The oldest version that is spoken with a server; below 1.2 only with a warning (RFC 8996)."""

    TLS_1_0 = "1.0"
    TLS_1_1 = "1.1"
    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"

    @property
    def is_deprecated(self) -> bool:
        return self in (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1)


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password."""

    username: str
    password: Secret

    def __post_init__(self) -> None:
        if "\0" in self.username or "\0" in self.password.reveal():
            raise ValueError("NUL separates the parts of AUTH PLAIN (RFC 4616)")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A mailbox and an OAuth access token for it."""

    username: str
    token: Secret

    def __post_init__(self) -> None:
        if "\x01" in self.username or "\x01" in self.token.reveal():
            raise ValueError("U+0001 separates the parts of XOAUTH2")


@dataclass(frozen=True, slots=True)
class Grant:
    """A mailbox, and what an access token for it is asked for with (RFC 6749 4.4).

    A session needs the token, a `Bearer`; `portal.smtp_settings.signing_in` gets it.
    """

    username: str
    provider: str
    authority: str  # origin of the provider's token service, the operator's constant
    tenant: str  # the directory at the provider
    client_id: str
    client_secret: Secret


Credentials: TypeAlias = Basic | Bearer
Auth: TypeAlias = Credentials | Grant


@dataclass(frozen=True, slots=True)
class Target:
    """One server and the way in. `host` is canonical (see hosts.py), `helo` is our own name."""

    host: str
    port: int
    tls: Tls
    helo: str
    auth: Auth | None = None
    min_tls: TlsVersion = TlsVersion.TLS_1_2
    ca_pem: str | None = None  # trust these authorities instead of the system's
    pin_sha256: str | None = None  # trust this one certificate: hex, of its DER form
    is_platform: bool = False  # configured by the platform's owner: any port
    may_auth_in_clear: bool = False
    pipelining: bool = True  # False: not even where it is offered

    def __post_init__(self) -> None:
        if not self.helo or not self.helo.isascii() or not self.helo.isprintable():
            raise ValueError("our own name must be plain ASCII")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds, each over a whole step however slowly it drips in (RFC 5321 4.5.3.2 for the dot)."""

    connect: float = 15.0  # name look-up and TCP, all addresses together
    phase: float = 45.0  # each answer before the final dot, and the handshake
    after_dot: float = 600.0
    quit: float = 5.0
    slowest: int = 32 * 1024  # bytes a second that a server must take of a large message

    def of(self, stage: Stage) -> float:
        if stage is _BODY:
            return self.after_dot
        if stage is _QUIT:
            return self.quit
        return self.phase


# Python 3.11 is slow to find a member of an Enum, and each answer is waited for so long.
_BODY, _QUIT = Stage.BODY, Stage.QUIT


class SessionFault(Exception):
    """No session, or no longer: at which stage and why. No message was touched."""

    def __init__(self, verdict: ServerFault, stage: Stage) -> None:
        super().__init__(f"{stage}: {verdict.cause or verdict.kind}")
        self.verdict = verdict
        self.stage = stage

    @property
    def cause(self) -> str:
        """A stable word for programs: the cause, or the kind where there is no finer one."""
        return self.verdict.cause or self.verdict.kind
