"""An open session: messages through it, one after the other, and what became of each."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from portal.smtp.capabilities import Capabilities
from portal.smtp.handshake import Say
from portal.smtp.hosts import IpAddress
from portal.smtp.line import Line, line_fault
from portal.smtp.protocol import Job, NotSent, Outcome, Transactions, Unknown, Write, is_safe_path
from portal.smtp.replies import Reply, Sent, ServerFault, Stage, Verdict, classify
from portal.smtp.target import SessionFault, Target
from portal.smtp.tls import TlsFacts
from portal.smtp.transcript import Speaker
from portal.smtp.wire import WireFault


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that went well, for somebody who watches; each has the facts that belong to it."""

    stage: Stage
    seconds: float  # since the session began
    address: str | None = None  # resolve, connect; of a token: whose it is
    reply: Reply | None = None  # greeting, ehlo, starttls, auth
    tls: TlsFacts | None = None  # tls


class Session:
    """An open, signed-in connection."""

    def __init__(
        self,
        line: Line,
        target: Target,
        capabilities: Capabilities,
        address: IpAddress,
        tls: TlsFacts | None,
        on_step: Callable[[Step], None] | None,
        started: float,
    ) -> None:
        self.capabilities = capabilities
        self.address = address
        self.tls = tls
        self.messages = 0  # begun over this connection
        self.fault: ServerFault | None = None  # what ended it
        self.is_open = True
        self._line = line
        self._pipelining = target.pipelining
        self._on_step = on_step
        self._started = started

    def send_all(
        self,
        jobs: Iterable[Job],
        *,
        before_dot: Callable[[int], None],
        after_reply: Callable[[int, Reply], None],
    ) -> Iterator[Outcome]:
        """Send messages; every job taken from `jobs` gets exactly one outcome.

        `jobs` is consumed one ahead, while the server works, so it may compute but must not wait:
        a pause is made by ending it and calling again. When it ends, what was taken is finished
        and the session is free for the next call. If it raises, what was taken is finished all the
        same and the error travels on afterwards.

        `before_dot` is called right before the write with a message's final dot, `after_reply`
        as soon as the answer to that dot is read, before its outcome is given out. If one of them
        raises, the session is closed and the error travels on: `before_dot`'s message has not left.

        An outcome is given out before the next job is taken, and while the server works where it
        can be: that a message was taken is told once the next one's dot has left. Whoever stops
        iterating at any other outcome knows that all jobs without one were not sent (and the
        session is closed if one was begun).

        When the line breaks or the server is out of step, the outcomes say what became of each job,
        the session is closed, and `fault` says why.
        """
        if not self.is_open:
            raise ValueError("the session is closed")
        dialogue = Transactions(
            self.capabilities,
            pipelining=self._pipelining,
            clean=self._line.clean,
            heard=self._heard if self._is_watched else None,
        )
        supply = _Supply(jobs)
        taken: list[Outcome] = []  # given out while the server works on the next message
        try:
            while True:
                supply.feed(dialogue)
                write = dialogue.next_write()
                if write is not None:
                    if write.dots is not None:
                        try:
                            before_dot(write.dots)
                        except Exception:
                            yield from taken
                            raise
                        self.messages += 1
                    self._write(dialogue, write)
                    yield from taken
                    taken = []
                    supply.feed(dialogue)  # the caller composes while the server works
                    while (stage := dialogue.awaiting) is not None:
                        self._read(dialogue, stage)
                        outcomes = _tell(dialogue.settled(), after_reply)
                        if supply.waits(dialogue) and dialogue.sends_next and _are_taken(outcomes):
                            taken = outcomes
                        else:
                            yield from outcomes
                elif supply.is_empty or dialogue.fault is not None:
                    break
                yield from _tell(dialogue.settled(), after_reply)
        finally:
            self.fault = dialogue.fault
            if not dialogue.is_between_messages:
                self.close()
        if supply.error is not None:
            raise supply.error

    def probe_sender(self, mail_from: str) -> Verdict | None:
        """Ask whether the server sends for this address, and send nothing: None is a yes.

        Raises:
            SessionFault: the line broke; the session is closed.
        """
        if not is_safe_path(mail_from):
            raise ValueError("not an address")
        command = f"MAIL FROM:<{mail_from}>"
        try:
            reply = self._line.ask(Say(Stage.MAIL, command.encode("ascii") + b"\r\n", command))
            if reply.is_positive:
                self._line.ask(Say(Stage.RESET, b"RSET\r\n", "RSET"))
                return None
        except SessionFault as fault:
            self.fault = fault.verdict
            self.close()
            raise
        if reply.code == 421:
            self.close()
        verdict = classify(reply, Stage.MAIL, mail_from=mail_from)
        return replace(verdict, reply=reply.cleaned(self._line.clean))

    def idle_ok(self) -> bool:
        """Whether the session, unused for a while, can be used again.

        Nothing is asked; but whatever an idle server says (mostly 421) or a closed line ends it.
        """
        if self.is_open and self._line.wire.leftovers() != b"":
            self.close()
        return self.is_open

    def quit(self) -> None:
        """Say good-bye and close. A server that does not answer is left standing."""
        if self.is_open:
            with contextlib.suppress(SessionFault):
                self._line.ask(Say(Stage.QUIT, b"QUIT\r\n", "QUIT"))
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        self._line.wire.close()

    def _write(self, dialogue: Transactions, write: Write) -> None:
        """Send; if the line breaks, hear the server out: it may have said why."""
        line = self._line
        if line.transcript is not None:
            for text in shown(write):
                line.note(Speaker.US, text)
        size = len(write.data)
        until = time.monotonic() + line.timeouts.phase + size / line.timeouts.slowest
        try:
            line.wire.send(write.data, until=until)
        except WireFault as fault:
            dialogue.cut_short(write, fault.written)
            dialogue.receive(line.wire.leftovers() or b"")
            dialogue.lose(line_fault(fault.cause))

    def _read(self, dialogue: Transactions, stage: Stage) -> None:
        """The next reply, and whatever comes with it."""
        line = self._line
        until = time.monotonic() + line.timeouts.of(stage)
        due = dialogue.replies_due
        try:
            while dialogue.replies_due == due:
                dialogue.receive(line.wire.receive(until=until))
        except WireFault as fault:
            dialogue.lose(line_fault(fault.cause))

    @property
    def _is_watched(self) -> bool:
        return self._line.transcript is not None or self._on_step is not None

    def _heard(self, stage: Stage, reply: Reply) -> None:
        self._line.note_reply(reply)
        if self._on_step is not None and (reply.is_positive or reply.code == 354):
            self._on_step(Step(stage, time.monotonic() - self._started, reply=reply))


_BODY = Stage.BODY  # Python 3.11 is slow to find a member of an Enum


class _Supply:
    """The jobs of a caller, taken one at a time; an error of theirs waits until all is finished."""

    __slots__ = ("_jobs", "error", "is_empty")

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = iter(jobs)
        self.is_empty = False
        self.error: Exception | None = None

    def waits(self, dialogue: Transactions) -> bool:
        """Whether nothing would be taken now."""
        return self.is_empty or not dialogue.is_hungry

    def feed(self, dialogue: Transactions) -> None:
        if self.waits(dialogue):
            return
        try:
            dialogue.offer(next(self._jobs))
        except StopIteration:
            self.is_empty = True
        except Exception as error:  # noqa: BLE001 - raised again when nothing is in flight
            self.is_empty, self.error = True, error


def _tell(outcomes: list[Outcome], after_reply: Callable[[int, Reply], None]) -> list[Outcome]:
    """The outcomes, after telling of those that answer a final dot."""
    for outcome in outcomes:
        if outcome.stage is _BODY:
            verdict = outcome.verdict
            if not isinstance(verdict, Unknown | NotSent) and verdict.reply is not None:
                after_reply(outcome.id, verdict.reply)
    return outcomes


def _are_taken(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome.verdict, Sent) for outcome in outcomes)


def shown(write: Write) -> Iterator[str]:
    """A write as a transcript has it: commands in full, content as its size."""
    if write.dots is not None:
        yield f"({write.dot_at} bytes of message, ending with a dot)"
    for line in write.data[write.dot_at :].splitlines():
        yield line.decode("ascii", "replace")
