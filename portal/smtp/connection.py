"""How a session with an SMTP server begins: the only place that opens an SMTP socket.

Everything passes through `open_session`: the test of a form, the check on saving, delivery and
health probes. A session belongs to one thread.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from portal.smtp.capabilities import Capabilities
from portal.smtp.causes import Cause
from portal.smtp.egress import EgressPolicy, Resolver, find_way
from portal.smtp.handshake import Say, StartTls, shake_hands
from portal.smtp.hosts import IpAddress
from portal.smtp.line import Line, line_fault
from portal.smtp.replies import Kind, Reply, ServerFault, Stage
from portal.smtp.sasl import secrets_of
from portal.smtp.session import Session, Step
from portal.smtp.target import SessionFault, Target, Timeouts, Tls
from portal.smtp.tls import BadCaBundle, TlsFacts, cause_of, check_pin, context_for, facts_of
from portal.smtp.transcript import Scrubber, Speaker, Transcript
from portal.smtp.wire import Wire

MOST_ADDRESSES = 4
"""Of a host that are tried, so that each gets a fair part of the time."""

_IMPLICIT_TLS_PORTS = (465, 2465)


def open_session(
    target: Target,
    *,
    policy: EgressPolicy,
    resolver: Resolver,
    timeouts: Timeouts | None = None,
    on_step: Callable[[Step], None] | None = None,
    transcript: Transcript | None = None,
) -> Session:
    """Resolve, judge, connect, greet, secure, sign in.

    Raises:
        SessionFault: with the stage and the cause; nothing is left open.
    """
    opening = _Opening(target, timeouts or Timeouts(), on_step, transcript)
    return opening.run(policy, resolver)


class _Opening:
    """One attempt to get a session."""

    def __init__(
        self,
        target: Target,
        timeouts: Timeouts,
        on_step: Callable[[Step], None] | None,
        transcript: Transcript | None,
    ) -> None:
        self._target = target
        self._timeouts = timeouts
        self._on_step = on_step
        self._transcript = transcript
        self._clean = Scrubber(secrets_of(target.auth))
        self._tls: TlsFacts | None = None
        self._started = time.monotonic()
        if transcript is not None:
            transcript.scrub_with(self._clean)

    def run(self, policy: EgressPolicy, resolver: Resolver) -> Session:
        target, until = self._target, self._started + self._timeouts.connect
        addresses = find_way(
            target.host,
            target.port,
            policy=policy,
            resolver=resolver,
            is_platform=target.is_platform,
            timeout=self._timeouts.connect,
        )
        self._tell(Stage.RESOLVE, address=", ".join(map(str, addresses)))
        wire, address = self._connect(addresses[:MOST_ADDRESSES], until)
        line = Line(wire, self._timeouts, self._clean, self._transcript)
        try:
            self._tell(Stage.CONNECT, address=str(address))
            capabilities = self._shake_hands(line)
        except SessionFault as fault:
            wire.close()
            raise SessionFault(self._fit_to_show(fault.verdict), fault.stage) from None
        except BaseException:
            wire.close()
            raise
        return Session(line, target, capabilities, address, self._tls, self._on_step, self._started)

    def _connect(self, addresses: list[IpAddress], until: float) -> tuple[Wire, IpAddress]:
        """To the first address that answers; it is one of those that were judged."""
        causes = [Cause.CONNECT_TIMEOUT]
        for tries_left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            seconds = (until - time.monotonic()) / tries_left
            if seconds <= 0:
                break
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            try:
                connecting = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                if error.errno != errno.EAFNOSUPPORT:
                    raise
                causes.append(Cause.NO_ROUTE)
                continue
            try:
                connecting.settimeout(seconds)
                # Before it connects: an option of a connection that was reset at once is an error.
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connecting.connect((str(address), self._target.port))
            except OSError as error:
                connecting.close()
                causes.append(_connect_cause(error))
            else:
                return Wire(connecting), address
        # Who hangs up is there; a refusal tells more than a silence, and a network we lack least.
        telling = (Cause.CLOSED, Cause.CONNECTION_REFUSED, Cause.CONNECT_TIMEOUT, Cause.NO_ROUTE)
        cause = min(causes[1:] or causes, key=telling.index)
        raise SessionFault(line_fault(cause), Stage.CONNECT)

    def _shake_hands(self, line: Line) -> Capabilities:
        """Drive the conversation of handshake.py over the line."""
        if self._target.tls is Tls.IMPLICIT:
            self._secure(line)
        conversation = shake_hands(self._target)
        try:
            ask = next(conversation)
            while True:
                if isinstance(ask, StartTls):
                    if line.wire.leftovers():
                        raise _security(Cause.STARTTLS_INJECTED, Stage.STARTTLS)
                    self._secure(line)
                    ask = next(conversation)
                else:
                    ask = conversation.send(self._ask(line, ask))
        except StopIteration as finished:
            capabilities: Capabilities = finished.value
            return capabilities

    def _ask(self, line: Line, say: Say) -> Reply:
        """Ask, with a finer cause where the stage tells more than the fault."""
        try:
            reply = line.ask(say)
            if reply.is_positive:
                self._tell(say.stage, reply=reply)
            return reply
        except SessionFault as fault:
            cause = fault.verdict.cause
            if say.stage is Stage.STARTTLS and cause is Cause.UNSOLICITED:
                raise _security(Cause.STARTTLS_INJECTED, Stage.STARTTLS) from None
            speaks_tls = cause is Cause.MALFORMED or (
                cause is Cause.TIMEOUT and self._target.port in _IMPLICIT_TLS_PORTS
            )
            if say.stage is Stage.GREETING and self._target.tls is not Tls.IMPLICIT and speaks_tls:
                raise _security(Cause.TLS_EXPECTED, Stage.GREETING) from None
            raise

    def _secure(self, line: Line) -> None:
        """TLS from here on, or a fault that says why not."""
        target = self._target
        try:
            context = context_for(
                target.min_tls, target.ca_pem, is_pinned=target.pin_sha256 is not None
            )
        except BadCaBundle:
            raise _security(Cause.BAD_CA_BUNDLE, Stage.TLS) from None
        try:
            until = time.monotonic() + self._timeouts.phase
            secured = line.wire.secure(context, target.host, until=until)
        except OSError as error:
            cause = cause_of(error)
            if cause in (Cause.TIMEOUT, Cause.CLOSED):
                raise SessionFault(line_fault(cause), Stage.TLS) from None
            raise _security(cause, Stage.TLS) from None
        if target.pin_sha256 is not None and not check_pin(secured, target.pin_sha256):
            raise _security(Cause.PIN_MISMATCH, Stage.TLS)
        self._tls = facts_of(secured)
        line.note(Speaker.NOTE, f"{self._tls.version}, {self._tls.subject}")
        self._tell(Stage.TLS)

    def _tell(
        self, stage: Stage, *, address: str | None = None, reply: Reply | None = None
    ) -> None:
        if self._on_step is not None:
            shown = None if reply is None else reply.cleaned(self._clean)
            tls = self._tls if stage is Stage.TLS else None
            passed = time.monotonic() - self._started
            self._on_step(Step(stage, passed, address, shown, tls))

    def _fit_to_show(self, verdict: ServerFault) -> ServerFault:
        if verdict.reply is None:
            return verdict
        return replace(verdict, reply=verdict.reply.cleaned(self._clean))


def _connect_cause(error: OSError) -> Cause:
    if isinstance(error, ConnectionRefusedError):
        return Cause.CONNECTION_REFUSED
    if isinstance(error, TimeoutError):
        return Cause.CONNECT_TIMEOUT
    if isinstance(error, ConnectionError):
        return Cause.CLOSED  # it answered, and hung up before we had looked
    return Cause.NO_ROUTE


def _security(cause: Cause, stage: Stage) -> SessionFault:
    return SessionFault(ServerFault(Kind.SECURITY, cause=cause), stage)
