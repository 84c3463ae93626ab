"""What a preset is: everything a service already settles, so that only credentials are typed.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.core.secret import Secret
from portal.core.words import Words
from portal.core.words import lazy as _
from portal.smtp_settings.modes import AuthKind, TlsMode
from portal.smtp_settings.presets.ports import Advice, Port, port_advice, suggested_tls

MAILBOX_WARNING = (
    _(
        "A mailbox service is made for people who write to people. It may stop your mail once a "
        "certain amount has gone out."
    ),
    _(
        "For an app's mail take a service that was built for it, such as Mailgun or Mailjet: its "
        "sending limits are far higher or absent, it reports what was delivered, and it has "
        "settings for your own mail domain and for deliverability."
    ),
)


class Fitness(StrEnum):
    TRANSACTIONAL = "transactional"  # built for mail that programs send
    MAILBOX = "mailbox"  # built for people who write to people
    UNKNOWN = "unknown"  # the server was typed by hand; nobody told us


@dataclass(frozen=True, slots=True)
class Limits:
    """What the vendor's own page states; None where it states nothing.

    Only these are applied. What depends on the customer's plan or reputation, or is known from
    others than the vendor, is advice in words.
    """

    source: str = ""  # the page that states them
    max_recipients: int | None = None  # of one message: To, Cc and Bcc together
    max_bytes: int | None = None  # of one message as it is sent, attachments encoded
    max_per_connection: int | None = None  # messages before the connection is renewed
    per_second: int | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None  # of any 24 hours


@dataclass(frozen=True, slots=True)
class Host:
    """A server of the service; `label` tells it from its siblings where there are several."""

    name: str
    label: str | Words = ""
    limits: Limits | None = None  # where this host's differ from the service's


@dataclass(frozen=True, slots=True)
class UsernameField:
    """How the service wants the user name; not asked for where the answer is known."""

    label: Words
    hint: Words | None = None
    fixed: str | None = None  # the same word for every customer
    is_the_password: bool = False  # one token serves as both: one field

    @property
    def is_asked(self) -> bool:
        return self.fixed is None and not self.is_the_password


@dataclass(frozen=True, slots=True)
class PasswordField:
    """What the service calls its password, and where to find it."""

    label: Words
    hint: Words | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A service type. In `hosts`, `ports` and `auths` the first is the default."""

    key: str
    label: str | Words
    fitness: Fitness
    hosts: tuple[Host, ...]  # none: the host is typed by hand
    ports: tuple[Port, ...]
    username: UsernameField
    password: PasswordField
    docs_url: str | None
    auths: tuple[AuthKind, ...] = (AuthKind.BASIC,)
    limits: Limits = Limits()
    hints: tuple[Words, ...] = ()
    takes_any_region: bool = False  # a region that is not listed may be typed as well
    # Header fields that it writes anew, so that a signature of ours cannot cover them.
    rewrites: frozenset[str] = frozenset()

    @property
    def host(self) -> str:
        """The host to fill in; empty where it is typed by hand."""
        return self.hosts[0].name if self.hosts else ""

    @property
    def port(self) -> int:
        return self.ports[0].number

    @property
    def tls(self) -> TlsMode:
        return self.ports[0].tls

    @property
    def auth(self) -> AuthKind:
        return self.auths[0]

    @property
    def is_typed_by_hand(self) -> bool:
        """Host, port and TLS mode are the customer's to fill in."""
        return not self.hosts

    @property
    def warning(self) -> tuple[Words, ...]:
        """What to say before such a service carries an app's mail; it never forbids."""
        return MAILBOX_WARNING if self.fitness is Fitness.MAILBOX else ()

    def limits_of(self, host: str) -> Limits:
        """The limits to fill in for this host of the service."""
        for known in self.hosts:
            if known.name == host and known.limits is not None:
                return known.limits
        return self.limits

    def tls_on(self, port: int) -> TlsMode:
        """The mode this service speaks on the port, or what is usual there."""
        for known in self.ports:
            if known.number == port:
                return known.tls
        return suggested_tls(port)

    def advice_on(self, port: int, tls: TlsMode) -> list[Advice]:
        """What to say about this port and mode; what the service documents is no mismatch."""
        return port_advice(port, tls, documented=self.ports)

    def username_for(self, typed: str, password: Secret) -> str:
        """The user name to sign in with, asked for at the moment of signing in.

        Do not store or show the answer: where one token serves as both, it is the password.
        """
        if self.username.fixed is not None:
            return self.username.fixed
        if self.username.is_the_password:
            return password.reveal()
        return typed
