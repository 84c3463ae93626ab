"""What an answer means for the server and its sender, apart from the message it was given to.

Pure: no database, no clock, no network.

    refused, timeout, DNS, 421, 4xx before MAIL      rest: longer each time, the breaker
    TLS or certificate fault, our own guard          park
    wrong user name, password, token                 park at the first one
    5xx at MAIL                                      park this server for this From address
    too fast                                         half as fast
    too many connections                             a lane less
    quota of a day or an hour                        park until it may be over
    out of step                                      rest, and no pipelining any more
    "no relaying" for three domains in a row         park: the server's own set-up
    content refused twenty times in a row,
      for several domains                            park: somebody should look at the mail
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from portal.core.words import Words, lazy
from portal.smtp.causes import Cause
from portal.smtp.protocol import Fate
from portal.smtp.replies import Failed, Kind, Sent, ServerFault, Stage


@dataclass(frozen=True, slots=True)
class Rest:
    """Leave it alone for a while; `wait` is the server's own wish in seconds."""

    words: str
    wait: int | None = None
    is_out_of_step: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """Send nothing until somebody mends it or a probe passes."""

    kind: str
    words: str
    stage: Stage
    fate: ServerFault | Failed  # what to make of it, for whoever has to mend it
    wait: int | None = None  # seconds until the first probe, if the server named them


@dataclass(frozen=True, slots=True)
class RefuseSender:
    """This server does not send for this From address."""

    words: str


@dataclass(frozen=True, slots=True)
class SlowDown:
    """Halve the rate."""

    words: str


@dataclass(frozen=True, slots=True)
class FewerLanes:
    """One connection less."""

    words: str


Consequence: TypeAlias = Rest | Park | RefuseSender | SlowDown | FewerLanes

RELAY_DOMAINS = 3
"""Recipients' domains in a row that the server will not relay to: it is not them, it is us."""
CONTENT_REFUSALS = 20
CONTENT_DOMAINS = 3


def consequence(fault: ServerFault, stage: Stage) -> Consequence:
    """What a server's fault leads to."""
    words = words_of(fault)
    match fault.kind:
        case Kind.CREDENTIALS | Kind.SECURITY:
            return Park(fault.kind, words, stage, fault)
        case Kind.QUOTA:
            return Park(fault.kind, words, stage, fault, fault.wait)
        case Kind.SENDER:
            return RefuseSender(words)
        case Kind.RATE:
            return SlowDown(words)
        case Kind.TOO_MANY_CONNECTIONS:
            return FewerLanes(words)
        case Kind.PROTOCOL:
            return Rest(words, is_out_of_step=fault.cause in _OUT_OF_STEP)
        case _:
            return Rest(words, fault.wait)


_OUT_OF_STEP = (Cause.OUT_OF_STEP, Cause.UNSOLICITED)


def words_of(fault: ServerFault) -> str:
    """The server's own words, or the name of the cause where it said nothing."""
    return str(fault.reply) if fault.reply else str(fault.cause or fault.kind)


@dataclass(slots=True)
class Streak:
    """Refusals of one server in a row that are not about one recipient. One for all its lanes."""

    relay_domains: set[str] = field(default_factory=set)
    content_domains: set[str] = field(default_factory=set)
    content: int = 0

    @property
    def has_begun(self) -> bool:
        return bool(self.content or self.relay_domains)

    def note(self, fate: Fate, stage: Stage, domain: str) -> Park | None:
        """Count one more answer; `domain` is the recipient's."""
        match fate:
            case Sent():
                self.begin_again()
            case Failed(Kind.RELAY_SETUP, reply):
                self.relay_domains.add(domain)
                if len(self.relay_domains) >= RELAY_DOMAINS:
                    self.begin_again()
                    return Park(Kind.RELAY_SETUP, str(reply or _NO_RELAY), stage, fate)
            case Failed(Kind.CONTENT | Kind.POLICY, reply) if reply is not None:
                self.content += 1
                self.content_domains.add(domain)
                if (
                    self.content >= CONTENT_REFUSALS
                    and len(self.content_domains) >= CONTENT_DOMAINS
                ):
                    self.begin_again()
                    return Park(Kind.CONTENT, str(reply), stage, fate)
            case _:
                pass
        return None

    def begin_again(self) -> None:
        """The server took a message, or was parked for what it refused."""
        self.relay_domains.clear()
        self.content_domains.clear()
        self.content = 0


_NO_RELAY: Words = lazy("It does not relay for us.")
