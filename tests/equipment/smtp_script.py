"""What a fault-injecting SMTP server can be told to do: acts, and the script that orders them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class Say:
    """A proper reply; every text is a line of it."""

    code: int
    texts: tuple[str, ...]

    def __init__(self, code: int, *texts: str) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "texts", texts or ("",))

    def wire(self) -> bytes:
        marks = ["-"] * (len(self.texts) - 1) + [" "]
        lines = [f"{self.code}{m}{t}" for m, t in zip(marks, self.texts, strict=True)]
        return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True)
class Raw:
    """Any bytes at all: half replies, mixed codes, garbage."""

    data: bytes


@dataclass(frozen=True)
class Drip:
    """Bytes one by one, `every` so many seconds."""

    data: bytes
    every: float = 0.05


@dataclass(frozen=True)
class Endless:
    """The same line until the other side has had enough."""

    line: bytes = b"250-and another thing\r\n"


@dataclass(frozen=True)
class Wait:
    """Nothing for a while; then what comes next."""

    seconds: float


@dataclass(frozen=True)
class Until:
    """Nothing until the test says so; then what comes next."""

    event: threading.Event


@dataclass(frozen=True)
class Silence:
    """Neither read nor write until the server is closed."""


@dataclass(frozen=True)
class Drop:
    """Hang up; with a reset, as a crashed machine would."""

    reset: bool = False


@dataclass(frozen=True)
class Take:
    """Put the message that was just received into the ledger."""


Act: TypeAlias = Say | Raw | Drip | Endless | Wait | Until | Silence | Drop | Take
Acts: TypeAlias = Act | Sequence[Act]


@dataclass(frozen=True)
class Command:
    """What an act answers."""

    phase: str
    number: int  # how often this phase was reached on this server, from 1
    connection: int  # from 1
    line: str  # the command; for a body, its first recipient


Play: TypeAlias = Acts | Callable[[Command], Acts | None]


def first(count: int, acts: Acts) -> Play:
    """These acts the first `count` times, then the usual."""
    return lambda command: acts if command.number <= count else None


def only(number: int, acts: Acts) -> Play:
    """These acts once, the `number`th time."""
    return lambda command: acts if command.number == number else None


def after(count: int, acts: Acts) -> Play:
    """The usual `count` times, then these acts."""
    return lambda command: acts if command.number > count else None


def when(text: str, acts: Acts) -> Play:
    """These acts whenever the command contains the text, as an address."""
    return lambda command: acts if text in command.line else None


@dataclass(frozen=True)
class Script:
    """The server's nature, and what it does at each phase; None is the usual."""

    tls: Literal["none", "starttls", "implicit"] = "none"
    certificate: Path | None = None  # PEM with key and chain
    newest_tls: ssl.TLSVersion | None = None
    inject: bytes = b""  # in the same packet as the 220 to STARTTLS
    pipelining: bool = True
    size: int | None = None
    features: tuple[str, ...] = ("8BITMIME", "ENHANCEDSTATUSCODES")
    mechanisms: tuple[str, ...] = ()  # PLAIN, LOGIN, CRAM-MD5, XOAUTH2
    offers_auth_in_clear: bool = False
    username: str = "livery"
    password: str = "correct horse"  # or the token
    complaint: str = '{"status":"401"}'  # in the 334 before a token's 535; empty: 535 at once
    echo: Literal["raw", "base64"] | None = None  # repeat the secret in the answer to AUTH
    max_connections: int | None = None  # more get 421
    rate_after: int | None = None  # messages; then every MAIL gets 454

    greeting: Play | None = None
    ehlo: Play | None = None
    starttls: Play | None = None
    auth: Play | None = None
    mail: Play | None = None
    rcpt: Play | None = None
    data: Play | None = None
    body: Play | None = None
    rset: Play | None = None
    quit: Play | None = None

    def playing(self, phase: str, play: Play) -> Script:
        """The same, but for one phase, named as a parametrised test names it."""
        change: dict[str, Any] = {phase: play}
        return replace(self, **change)


def listed(acts: Acts) -> Sequence[Act]:
    """One act or several, as several."""
    return acts if isinstance(acts, Sequence) else (acts,)
