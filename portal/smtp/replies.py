"""What a server's answer means: a reply, the stage it came at, the verdict on message or server.

Pure. `RULES` is the specification and is read from top to bottom: the first line that fits decides.
Text decides only where vendors give no usable code; every such phrase has a test with the vendor's
own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeAlias

from portal.smtp.causes import Cause


class Stage(StrEnum):
    """How far a session or a message had come."""

    TOKEN = "token"  # noqa: S105 - an access token from the provider, where one signs in by it
    RESOLVE = "resolve"  # host name to addresses, and whether they may be used
    CONNECT = "connect"  # TCP
    GREETING = "greeting"  # the server's 220
    EHLO = "ehlo"  # what the server can do
    STARTTLS = "starttls"  # asking for TLS
    TLS = "tls"  # handshake, certificate, name
    AUTH = "auth"  # signing in
    MAIL = "mail"  # the sender of a message
    RCPT = "rcpt"  # its recipient
    DATA = "data"  # leave to send its content
    BODY = "body"  # the answer to its final dot: from here on it is theirs
    RESET = "reset"  # clearing up after a refused message
    QUIT = "quit"  # good-bye


class Kind(StrEnum):
    """What a verdict is about; the delivery engine acts on it, pages put it into words."""

    ACCEPTED = "accepted"  # the server has the message
    BUSY = "busy"  # not now, no reason that we know
    RATE = "rate"  # too fast for this server
    QUOTA = "quota"  # the allowance of a day or an hour is used up
    TOO_MANY_CONNECTIONS = "too_many_connections"  # fewer lanes, please
    GREYLIST = "greylist"  # come back later, on purpose
    MAILBOX = "mailbox"  # the recipient is known but takes no mail: full, or too big for it
    ADDRESS = "address"  # no such recipient: a candidate for suppression
    CONTENT = "content"  # the message itself: too big, malformed
    POLICY = "policy"  # refused by a rule: spam, reputation, permission
    RELAY_SETUP = "relay_setup"  # the server does not send to this recipient's domain for us
    SENDER = "sender"  # the server does not send for this From
    CREDENTIALS = "credentials"  # user name, password or token
    TEMPORARY_AUTH = "temporary_auth"  # signing in fails for now
    SECURITY = "security"  # TLS, certificate, or a guard of our own
    PROTOCOL = "protocol"  # out of step, malformed, endless
    UNREACHABLE = "unreachable"  # name, address, port, silence, a broken line
    REFUSED = "refused"  # the server takes no mail from us at all


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete answer; `lines` are the words without codes.

    Inside a session the words are as they came, so that they can be judged. Every reply that leaves
    it (in a verdict, a step, a transcript) has been `cleaned` and is fit to be shown and stored.

    `enhanced` (RFC 3463) is None when absent or of another class than `code`, because then one of
    the two is wrong and the plain code is what SMTP is built on.
    """

    code: int
    enhanced: str | None
    lines: tuple[str, ...]

    @classmethod
    def read(cls, code: int, raw: Iterable[bytes], clean: Callable[[str], str] = str) -> Reply:
        """Build it from the bytes after each line's code; `clean` makes text fit to be shown."""
        texts = [line.decode("utf-8", "replace") for line in raw]
        enhanced = None
        if (found := _enhanced(texts[0])) and int(found[1]) == code // 100:
            enhanced = found[0]
            texts = [text.removeprefix(enhanced).lstrip() for text in texts]
        return cls(code, enhanced, tuple([clean(text) for text in texts]))

    def cleaned(self, clean: Callable[[str], str]) -> Reply:
        """The same, fit to be shown."""
        return replace(self, lines=tuple([clean(line) for line in self.lines]))

    @property
    def text(self) -> str:
        """The words, on one line."""
        if len(self.lines) == 1:
            return self.lines[0]
        return " ".join(line for line in self.lines if line)

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code <= 299

    def __str__(self) -> str:
        words = f"{self.enhanced} {self.text}" if self.enhanced else self.text
        return f"{self.code} {words}".rstrip()


_enhanced = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?= |$)", re.ASCII).match


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the message: it is theirs now."""

    reply: Reply
    kind: Kind = Kind.ACCEPTED


@dataclass(frozen=True, slots=True)
class TryAgain:
    """This message not now. `wait` is the server's own wish in seconds, if it named one."""

    kind: Kind
    reply: Reply
    wait: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """This message never. Without a reply it was we who saw that it cannot be sent."""

    kind: Kind
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class ServerFault:
    """Server, settings or line are at fault; the message is untouched and no attempt is charged."""

    kind: Kind
    reply: Reply | None = None
    wait: int | None = None
    cause: Cause | None = None


Verdict: TypeAlias = Sent | TryAgain | Failed | ServerFault

SHORTEST_WAIT = 60
LONGEST_WAIT = 6 * 3600
"""Seconds: what a server may ask us to wait, whatever it says."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. A pattern that is None fits everything."""

    verdict: type[TryAgain] | type[Failed] | type[ServerFault]
    kind: Kind
    stages: frozenset[Stage] | None
    codes: str
    enhanced: str | None = None
    words: str | None = None

    def fits(self, reply: Reply, stage: Stage) -> bool:
        return (
            (self.stages is None or stage in self.stages)
            and any(fnmatchcase(str(reply.code), code) for code in self.codes.split())
            and (self.enhanced is None or self._fits_enhanced(reply.enhanced))
            and (self.words is None or re.search(self.words, reply.text, re.IGNORECASE) is not None)
        )

    def _fits_enhanced(self, given: str | None) -> bool:
        patterns = (self.enhanced or "").split()
        return given is not None and any(fnmatchcase(given, pattern) for pattern in patterns)


_ANY = None
_BEFORE_AUTH = frozenset({Stage.GREETING, Stage.EHLO, Stage.RESET})
_STARTTLS = frozenset({Stage.STARTTLS})
_AUTH = frozenset({Stage.AUTH})
_MAIL = frozenset({Stage.MAIL})
_RCPT = frozenset({Stage.RCPT})
_CONTENT = frozenset({Stage.DATA, Stage.BODY})
_MESSAGE = _MAIL | _RCPT | _CONTENT

# Both words, in any order and each looked for once: a long reply full of "daily" must not make
# `daily.*limit` begin anew at every one of them, while no other lane gets on.
_DAILY = r"\A(?=.*\bdaily\b)(?=.*(quota|limit))|submission ?quota|sending (quota|limit)"
_TOO_MANY = r"too many\b.{0,30}\b(connection|session)|concurrent (smtp )?(connection|session)|connection limit"  # noqa: E501
_RATE = r"\brate\b|throttl|too (fast|quick|many (messages|mails|e-?mails))|slow(ing)? down"
_GREYLISTED = r"gr[ea]y-? ?list"
_NOT_OUR_SENDER = (
    r"sender address rejected|not owned by|send ?as ?denied|send as this sender"
    r"|email address is not verified|sender.{0,40}not (verified|allowed|authori[sz]ed)"
)
_SIGN_IN_FIRST = r"authenticat|\bauth\b|log ?in|sign in"

RULES: tuple[Rule, ...] = (
    # Slow down, come later: before everything else, since vendors use any stage and many codes.
    # Gmail 550 5.4.5 "Daily user sending limit exceeded"; Microsoft 550 5.1.90 daily recipients.
    Rule(ServerFault, Kind.QUOTA, _ANY, "5??", "5.4.5 5.1.90 5.2.0", _DAILY),
    # A full or busy mailbox is the recipient's affair, however much its words sound like a rate.
    Rule(TryAgain, Kind.GREYLIST, _MESSAGE, "4??", "4.2.*", _GREYLISTED),
    Rule(TryAgain, Kind.BUSY, _RCPT | _CONTENT, "450 451 452", "4.2.*"),
    # SES 454 "Throttling failure: Daily message quota exceeded", and "Maximum sending rate …".
    Rule(ServerFault, Kind.QUOTA, _ANY, "4??", None, _DAILY),
    Rule(ServerFault, Kind.TOO_MANY_CONNECTIONS, _ANY, "4??", None, _TOO_MANY),
    Rule(ServerFault, Kind.CREDENTIALS, _AUTH, "432", "4.7.12"),  # RFC 4954: a new password
    Rule(ServerFault, Kind.TOO_MANY_CONNECTIONS, _ANY, "432"),  # Exchange: concurrent senders
    Rule(TryAgain, Kind.GREYLIST, _MESSAGE, "450 451 452", None, _GREYLISTED),
    Rule(ServerFault, Kind.RATE, _ANY, "421 450 451 452 454", None, _RATE),
    Rule(ServerFault, Kind.RATE, _ANY, "421", "4.7.*"),  # Gmail 421 4.7.28
    Rule(ServerFault, Kind.BUSY, _ANY, "421"),  # RFC 5321 3.8: it closes the connection
    # Signing in: 535 wrong, 534 too weak, 530 needed, 538 not in clear, 550 5.7.30 Basic is off.
    Rule(ServerFault, Kind.TEMPORARY_AUTH, _AUTH, "4??"),
    Rule(ServerFault, Kind.CREDENTIALS, _AUTH, "5??"),
    # TLS asked for and not given; a 454 there says "for now" (RFC 3207 4).
    Rule(ServerFault, Kind.BUSY, _STARTTLS, "4??"),
    Rule(ServerFault, Kind.SECURITY, _STARTTLS, "5??"),
    # Before any message.
    Rule(ServerFault, Kind.BUSY, _BEFORE_AUTH, "4??"),
    Rule(ServerFault, Kind.PROTOCOL, _BEFORE_AUTH, "500 501 502 503 504"),
    Rule(ServerFault, Kind.REFUSED, _BEFORE_AUTH, "5??"),
    # Asked of a message, meant for the session.
    Rule(ServerFault, Kind.SECURITY, _MESSAGE, "530", None, r"starttls"),
    Rule(ServerFault, Kind.CREDENTIALS, _MESSAGE, "530 534 535 538"),
    Rule(ServerFault, Kind.CREDENTIALS, _MESSAGE, "5??", "5.7.57"),  # Exchange: not signed in
    Rule(ServerFault, Kind.CREDENTIALS, _MESSAGE, "554", None, r"not authorized to perform"),  # SES
    Rule(ServerFault, Kind.CREDENTIALS, _MESSAGE, "503", None, _SIGN_IN_FIRST),
    # The sender. Postfix says so at RCPT, SES and Exchange after the dot.
    Rule(ServerFault, Kind.SENDER, _MESSAGE, "5??", "5.1.7 5.1.8 5.7.60 5.2.252"),
    Rule(ServerFault, Kind.SENDER, _MESSAGE, "55?", None, _NOT_OUR_SENDER),
    Rule(Failed, Kind.CONTENT, _MAIL, "552"),  # larger than SIZE allows (RFC 1870 6.1)
    Rule(ServerFault, Kind.PROTOCOL, _MESSAGE, "500 502 503 504 555"),
    Rule(ServerFault, Kind.SENDER, _MAIL, "5??"),
    # The recipient.
    Rule(TryAgain, Kind.BUSY, _MESSAGE, "4??"),
    Rule(Failed, Kind.MAILBOX, _RCPT | _CONTENT, "5??", "5.2.2"),
    Rule(Failed, Kind.CONTENT, _RCPT | _CONTENT, "5??", "5.2.3 5.3.4 5.6.*"),
    Rule(Failed, Kind.ADDRESS, _RCPT | _CONTENT, "5??", "5.1.* 5.2.1 5.4.1 5.4.4"),
    Rule(Failed, Kind.RELAY_SETUP, _RCPT, "5??", None, r"\brelay"),
    Rule(Failed, Kind.RELAY_SETUP, _RCPT, "5??", "5.7.1"),
    Rule(Failed, Kind.POLICY, _RCPT | _CONTENT, "5??", "5.7.* 5.3.* 5.5.*"),
    Rule(Failed, Kind.MAILBOX, _RCPT, "552"),
    Rule(Failed, Kind.ADDRESS, _RCPT, "501 550 551 553"),
    Rule(Failed, Kind.POLICY, _RCPT, "5??"),
    # The content.
    Rule(Failed, Kind.CONTENT, _CONTENT, "552"),
    Rule(Failed, Kind.POLICY, _CONTENT, "5??"),
)


def classify(reply: Reply, stage: Stage, *, mail_from: str = "") -> Verdict:
    """Say what a reply at a stage means.

    Args:
        mail_from: the message's envelope sender. Amazon SES lists the addresses it did not find
            verified; the sender is at fault only if it is one of them (in the SES sandbox it is
            often the recipient).
    """
    if stage is Stage.BODY and reply.is_positive:
        return Sent(reply)

    rule = next((rule for rule in RULES if rule.fits(reply, stage)), None)
    if rule is None:  # a 2xx or 3xx where it does not belong
        return ServerFault(Kind.PROTOCOL, reply, cause=Cause.OUT_OF_STEP)
    if rule.kind is Kind.SENDER and _blames_others(reply, mail_from):
        return Failed(Kind.POLICY, reply)
    if rule.verdict is Failed:
        return Failed(rule.kind, reply)
    if rule.verdict is TryAgain:
        return TryAgain(rule.kind, reply, asked_wait(reply.text))
    return ServerFault(rule.kind, reply, asked_wait(reply.text), _CAUSES.get(rule.kind))


# The words for a page, where the kind alone does not tell which stage to look at.
_CAUSES = {
    Kind.CREDENTIALS: Cause.CREDENTIALS_REFUSED,
    Kind.TEMPORARY_AUTH: Cause.SIGN_IN_FAILS_FOR_NOW,
    Kind.SENDER: Cause.SENDER_REFUSED,
    Kind.PROTOCOL: Cause.OUT_OF_STEP,
    Kind.REFUSED: Cause.REFUSED_US,
}

_identities = re.compile(r"identities failed the check in region \S+: (.+)", re.IGNORECASE).search


def _blames_others(reply: Reply, mail_from: str) -> bool:
    """Whether SES names the unverified addresses and ours is not among them."""
    named = _identities(reply.text)
    if named is None or not mail_from:
        return False
    sender, domain = mail_from.lower(), mail_from.lower().rpartition("@")[2]
    identities = [part.strip().strip(".").lower() for part in named[1].split(",")]
    return not any(
        identity in (domain, sender) or identity.endswith(f"<{sender}>") for identity in identities
    )


_SECONDS = {"s": 1, "m": 60, "h": 3600}
_wait = re.compile(
    r"\b(?:in|after|wait|for|retry|again)\D{0,20}?"
    r"(?:(\d{1,2}):(\d\d):(\d\d)|(\d{1,6})\s*(s|m|h)(?:ec(?:ond)?s?|in(?:ute)?s?|ours?|rs?)?)\b",
    re.IGNORECASE | re.ASCII,  # else a long s is an s, too
).search


def asked_wait(text: str) -> int | None:
    """Seconds that a server asks us to wait ("try again in 5 minutes"), clamped to 1 min – 6 h."""
    found = _wait(text)
    if found is None:
        return None
    if found[1]:
        asked = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    else:
        asked = int(found[4]) * _SECONDS[found[5].lower()]
    return min(max(asked, SHORTEST_WAIT), LONGEST_WAIT)
