"""From the server's greeting to being signed in, as a conversation without a line.

Pure. `shake_hands` is a generator: it yields what to say (or that TLS starts now) and is sent the
server's reply; its return value is what the server can do. Whoever drives it owns the socket.
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TypeAlias

from portal.smtp.capabilities import Capabilities
from portal.smtp.causes import Cause
from portal.smtp.replies import Kind, Reply, ServerFault, Stage, classify
from portal.smtp.sasl import Mechanism, choose, decode_challenge
from portal.smtp.target import Credentials, Grant, SessionFault, Target, Tls
from portal.smtp.transcript import REDACTED

LONGEST_COMMAND = 510
"""Bytes of a command line without its end (RFC 5321 4.5.3.1.4); longer first answers to AUTH go
into a line of their own (RFC 4954 4)."""

MOST_CHALLENGES = 4
"""No mechanism that we know takes more; a server that goes on asking is playing."""


@dataclass(frozen=True, slots=True)
class Say:
    """Write `line` (empty: only listen) and bring the reply. `shown` is for the transcript."""

    stage: Stage
    line: bytes
    shown: str


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin TLS. Whatever came after the last reply was not protected: there must be nothing."""


Asks: TypeAlias = Say | StartTls
Handshake: TypeAlias = Generator[Asks, Reply, Capabilities]


def shake_hands(target: Target) -> Handshake:
    """Greeting, EHLO, STARTTLS where asked for, EHLO again, AUTH.

    Raises:
        SessionFault: with the stage and the cause.
        ValueError: there is no token yet, only what one can be asked for with.
    """
    auth = target.auth
    if isinstance(auth, Grant):
        raise ValueError("a session needs the token")
    greeting = yield Say(Stage.GREETING, b"", "")
    if greeting.code != 220:
        raise SessionFault(_refusal(greeting, Stage.GREETING), Stage.GREETING)

    capabilities = yield from _introduce(target)
    if target.tls is Tls.STARTTLS:
        if not capabilities.starttls:
            raise _fault(Kind.SECURITY, Cause.STARTTLS_MISSING, Stage.STARTTLS)
        go_ahead = yield _say(Stage.STARTTLS, "STARTTLS")
        if go_ahead.code != 220:
            verdict = _refusal(go_ahead, Stage.STARTTLS)
            if verdict.kind is Kind.SECURITY:
                verdict = ServerFault(Kind.SECURITY, go_ahead, cause=Cause.STARTTLS_REFUSED)
            raise SessionFault(verdict, Stage.STARTTLS)
        yield StartTls()
        # What was said in clear may have been anybody's words (RFC 3207 4.2): ask again.
        capabilities = yield from _introduce(target)

    if auth is not None:
        yield from _sign_in(target, auth, capabilities)
    return capabilities


def _introduce(target: Target) -> Handshake:
    """EHLO, or HELO for a server that knows no EHLO where nothing is needed that EHLO brings."""
    reply = yield _say(Stage.EHLO, f"EHLO {target.helo}")
    if reply.code == 250:
        return Capabilities.read(reply)
    needs_extensions = target.tls is Tls.STARTTLS or target.auth is not None
    if reply.code in (500, 501, 502, 504) and not needs_extensions:
        reply = yield _say(Stage.EHLO, f"HELO {target.helo}")
        if reply.code == 250:
            return Capabilities()
    raise SessionFault(_refusal(reply, Stage.EHLO), Stage.EHLO)


def _sign_in(
    target: Target, auth: Credentials, capabilities: Capabilities
) -> Generator[Asks, Reply, None]:
    """One attempt with one mechanism: a second try of a bad password only helps to lock it out."""
    is_encrypted = target.tls is not Tls.NONE
    if not is_encrypted and not target.may_auth_in_clear:
        raise _fault(Kind.SECURITY, Cause.AUTH_IN_CLEAR, Stage.AUTH)
    if not capabilities.mechanisms:
        raise _fault(Kind.CREDENTIALS, Cause.AUTH_NOT_OFFERED, Stage.AUTH)
    mechanism = choose(auth, capabilities.mechanisms, is_encrypted=is_encrypted)
    if mechanism is None:
        raise _fault(Kind.CREDENTIALS, Cause.NO_COMMON_MECHANISM, Stage.AUTH)

    reply = yield from _exchange(mechanism)
    if reply.code == 235:
        return
    refusal = _refusal(reply, Stage.AUTH)
    if mechanism.explains and refusal.cause is Cause.CREDENTIALS_REFUSED:
        refusal = replace(refusal, cause=Cause.BEARER_REFUSED)
    raise SessionFault(refusal, Stage.AUTH)


def _exchange(mechanism: Mechanism) -> Generator[Asks, Reply, Reply]:
    """AUTH and the answers to each 334; the reply that ends it, with what a 334 complained of."""
    command = f"AUTH {mechanism.name}"
    first = None if mechanism.first is None else base64.b64encode(mechanism.first)
    if first is not None and len(command) + 1 + len(first) <= LONGEST_COMMAND:
        line, shown = command.encode() + b" " + first, f"{command} {REDACTED}"
        first = None
    else:
        line, shown = command.encode(), command

    reply = yield Say(Stage.AUTH, line + b"\r\n", shown)
    complaint = ""
    for _ in range(MOST_CHALLENGES):
        if reply.code != 334:
            break
        if first is not None:
            answer, first = first, None
        else:
            challenge = decode_challenge(reply.text)
            if mechanism.explains:
                complaint = challenge.decode("utf-8", "replace")
            answer = base64.b64encode(mechanism.answers(challenge))
        reply = yield Say(Stage.AUTH, answer + b"\r\n", REDACTED if answer else "")
    return replace(reply, lines=(*reply.lines, complaint)) if complaint else reply


def _say(stage: Stage, line: str) -> Say:
    return Say(stage, line.encode("ascii") + b"\r\n", line)


def _refusal(reply: Reply, stage: Stage) -> ServerFault:
    """What a refusal before any message means; there is no message that could be to blame."""
    verdict = classify(reply, stage)
    if isinstance(verdict, ServerFault):
        return verdict
    return ServerFault(Kind.PROTOCOL, reply, cause=Cause.OUT_OF_STEP)


def _fault(kind: Kind, cause: Cause, stage: Stage) -> SessionFault:
    return SessionFault(ServerFault(kind, cause=cause), stage)
