"""Messages over one session: what to write next, and what the answers mean for each message.

Pure: no socket, no clock. Bytes go in, bytes and outcomes come out.

With PIPELINING (RFC 2920) the end of one message travels with the beginning of the next, so that a
message costs one round trip:

    write   <content of n> . MAIL RCPT DATA (n+1)
    read    250              250  250  354

Replies are matched in order. DATA ends a write, because whether content may follow is the server's
to say; so at any moment at most one final dot is unanswered, and if the line breaks then, that one
message alone is of unknown fate. Without PIPELINING each command waits for its answer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from portal.smtp.capabilities import Capabilities
from portal.smtp.causes import Cause
from portal.smtp.replies import (
    Failed,
    Kind,
    Reply,
    Sent,
    ServerFault,
    Stage,
    TryAgain,
    Verdict,
    classify,
)
from portal.smtp.reply_parser import RawReply, ReplyParser
from portal.smtp.transcript import Speaker, Transcript, tidy


class Job(NamedTuple):
    """One message to one recipient.

    `data` is what goes over the wire but for the final dot: every line ends with CRLF, and lines
    that begin with a dot have it doubled. `mail_from` is empty for a message that must not bounce.
    `is_vetted` says that `is_safe` was true of what `data` was composed from; otherwise it is asked
    of `data` itself, for 5 µs.
    """

    id: int
    mail_from: str
    rcpt_to: str
    data: bytes
    is_vetted: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The final dot was sent and no answer came: the server may have taken the message."""

    why: ServerFault


@dataclass(frozen=True, slots=True)
class NotSent:
    """The session ended before this message's final dot: the server cannot have it."""

    why: ServerFault


Fate: TypeAlias = Verdict | Unknown | NotSent

# They are asked for thirty times a message, and Python 3.11 is slow to find a member of an Enum.
_MAIL, _RCPT, _DATA = Stage.MAIL, Stage.RCPT, Stage.DATA
_BODY, _RESET = Stage.BODY, Stage.RESET


MOST_LINES = 40
"""Lines of a transcript that is kept with a message."""


class Outcome(NamedTuple):
    """What became of a job, and the stage that decided it.

    `transcript` is what was said about this message and no other, where it was not simply taken.
    """

    id: int
    verdict: Fate
    stage: Stage
    transcript: str = ""


class Write(NamedTuple):
    """Bytes to send at once. Up to `dot_at` they belong to the message `dots`, with its dot."""

    data: bytes
    dots: int | None = None
    dot_at: int = 0


class _Turn:
    """A job on its way through a transaction, with the replies that it got so far."""

    __slots__ = ("dot_sent", "is_refused", "job", "leave", "recipient", "sender")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.sender: RawReply | None = None  # that took it
        self.recipient: RawReply | None = None
        self.leave: RawReply | None = None  # to send content
        self.is_refused = False
        self.dot_sent = False


class Transactions:
    """The client's side of any number of messages, one after the other.

    Use: `offer` a job while `is_hungry`, take `next_write`, send it, `receive` what comes until
    `awaiting` is None, take the outcomes from `settled`; again, until there is nothing to write.
    When `fault` is set, or the line breaks (`lose`), everything not yet settled is settled and the
    connection has to be closed.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        *,
        pipelining: bool = True,
        clean: Callable[[str], str] = tidy,
        heard: Callable[[Stage, Reply], None] | None = None,
    ) -> None:
        """`clean` makes words fit to be shown; `heard` is told every reply, if somebody watches."""
        self._capabilities = capabilities
        self._pipelining = pipelining and capabilities.pipelining
        self._clean = clean
        self._heard = heard
        self._parser = ReplyParser()
        self._next: Job | None = None  # offered, not begun
        self._turn: _Turn | None = None  # begun, not settled
        self._step = _MAIL  # without pipelining: the command that the turn needs next
        self._needs_reset = False  # a refused message left a transaction open
        self._needs_lone_dot = False  # the server waits for content that it must not get
        self._awaited: deque[tuple[Stage, _Turn | None]] = deque()
        self._settled: list[Outcome] = []
        self.fault: ServerFault | None = None

    @property
    def is_hungry(self) -> bool:
        """Whether the next job may be offered."""
        return self._next is None and self.fault is None

    @property
    def awaiting(self) -> Stage | None:
        """The stage of the reply that must come next; None: it is our turn to write."""
        return self._awaited[0][0] if self._awaited and self.fault is None else None

    @property
    def sends_next(self) -> bool:
        """Whether the next write ends a message: its content was asked for, and nothing is awaited
        before it."""
        is_due = self._turn is not None and not self._awaited
        return is_due and (self._pipelining or self._step is _BODY)

    @property
    def replies_due(self) -> int:
        return len(self._awaited)

    @property
    def is_between_messages(self) -> bool:
        """Whether the session could be used by somebody else from here."""
        return (
            self.fault is None
            and self._turn is None
            and not self._awaited
            and not self._needs_reset
            and not self._needs_lone_dot
            and self._parser.is_empty
        )

    def offer(self, job: Job) -> None:
        """The next job. One that cannot be sent as it is settles at once and costs no command."""
        limit = self._capabilities.size
        if not is_safe_path(job.mail_from):
            self._settle(job, Failed(Kind.SENDER), _MAIL)
        elif not job.rcpt_to or not is_safe_path(job.rcpt_to):
            self._settle(job, Failed(Kind.ADDRESS), _RCPT)
        elif limit is not None and len(job.data) > limit:
            self._settle(job, Failed(Kind.CONTENT), _MAIL)
        elif not self._can_carry(job):
            self._settle(job, Failed(Kind.CONTENT), _BODY)
        else:
            self._next = job

    def next_write(self) -> Write | None:
        """What to send now. None: nothing, until another job is offered or a reply has come."""
        if self.fault is not None or self._awaited:
            return None
        if self._pipelining:
            return self._next_group()
        return self._next_command()

    def receive(self, data: bytes) -> None:
        """What the server sent, in pieces of any size. Outcomes are in `settled` afterwards."""
        if len(self._awaited) == 4 and self._heard is None and self._parser.is_empty:
            all_well = _find_all_well(data)
            if all_well is not None and self._go_on(all_well):
                return
        for raw in self._parser.feed(data):
            if self.fault is not None:
                return
            if not self._awaited:
                self._break(self._unsolicited(raw))
                return
            stage, turn = self._awaited.popleft()
            if self._heard is not None:
                self._heard(stage, Reply.read(*raw, self._clean))
            if turn is None or turn.is_refused:
                self._followed_up(raw, stage, turn)
            else:
                self._answered(raw, stage, turn)
        if self.fault is None:
            if self._parser.fault is not None:
                self._break(ServerFault(Kind.PROTOCOL, cause=self._parser.fault))
            elif not self._awaited and not self._parser.is_empty:
                self._break(ServerFault(Kind.PROTOCOL, cause=Cause.UNSOLICITED))

    def cut_short(self, write: Write, written: int) -> None:
        """The line broke within a write: at most `written` bytes can have reached the server.

        What it said before that may still be received; then `lose`.
        """
        if written < write.dot_at:
            for _stage, turn in self._awaited:
                if turn is not None and turn.job.id == write.dots:
                    turn.dot_sent = False

    def lose(self, fault: ServerFault) -> None:
        """The line broke."""
        self._break(fault)

    def settled(self) -> list[Outcome]:
        """The outcomes since the last call; every job offered has exactly one in the end."""
        outcomes, self._settled = self._settled, []
        return outcomes

    def _can_carry(self, job: Job) -> bool:
        is_whole = job.is_vetted or is_safe(job.data)
        return is_whole and (self._capabilities.eight_bit or job.data.isascii())

    # Writing

    def _next_group(self) -> Write | None:
        """The end of the message before and the beginning of the next, in one write."""
        data, dots, dot_at = b"", None, 0
        if self._turn is not None:  # its content was asked for
            turn, self._turn = self._turn, None
            turn.dot_sent = True
            data, dots = turn.job.data + b".\r\n", turn.job.id
            dot_at = len(data)
            self._awaited.append((_BODY, turn))
        elif self._needs_lone_dot:
            data = b".\r\n"
            self._awaited.append((_BODY, None))
        elif self._needs_reset:
            data = b"RSET\r\n"
            self._awaited.append((_RESET, None))
        self._needs_lone_dot = self._needs_reset = False

        if self._next is not None:
            job, self._next = self._next, None
            turn = _Turn(job)
            data += self._envelope(job)
            self._awaited.extend(((_MAIL, turn), (_RCPT, turn), (_DATA, turn)))
        return Write(data, dots, dot_at) if data else None

    def _next_command(self) -> Write | None:
        """One command, and its answer before the next."""
        if self._needs_reset:
            self._needs_reset = False
            self._awaited.append((_RESET, None))
            return Write(b"RSET\r\n")
        if self._turn is None:
            if self._next is None:
                return None
            self._turn, self._next, self._step = _Turn(self._next), None, _MAIL

        turn, step = self._turn, self._step
        self._awaited.append((step, turn))
        if step is _BODY:
            self._turn, turn.dot_sent = None, True
            data = turn.job.data + b".\r\n"
            return Write(data, turn.job.id, len(data))
        if step is _MAIL:
            self._step = _RCPT
            return Write(self._mail(turn.job))
        if step is _RCPT:
            self._step = _DATA
            return Write(_rcpt(turn.job))
        self._step = _BODY
        return Write(b"DATA\r\n")

    def _envelope(self, job: Job) -> bytes:
        return b"%bRCPT TO:<%b>\r\nDATA\r\n" % (self._mail(job), job.rcpt_to.encode("ascii"))

    def _mail(self, job: Job) -> bytes:
        size = b" SIZE=%d" % len(job.data) if self._capabilities.takes_size else b""
        body = b"" if job.data.isascii() else b" BODY=8BITMIME"
        return b"MAIL FROM:<%b>%b%b\r\n" % (job.mail_from.encode("ascii"), size, body)

    # Reading

    def _go_on(self, all_well: re.Match[bytes]) -> bool:
        """Nearly every answer, read in one look: this message was taken, the next is welcome.

        Nothing is decided here that `_answered` would not decide. False: something else is awaited.
        """
        stage, turn = self._awaited[0]
        if stage is not _BODY or turn is None or not turn.dot_sent:
            return False
        following = self._awaited[1][1]
        assert following is not None
        self._awaited.clear()
        code, words, *others = all_well.groups()
        sent = Sent(Reply.read(int(code), [words], self._clean))
        self._settled.append(Outcome(turn.job.id, sent, _BODY))
        following.sender = int(others[0]), others[1:2]
        following.recipient = int(others[2]), others[3:4]
        following.leave = 354, others[4:]
        self._turn = following
        return True

    def _answered(self, raw: RawReply, stage: Stage, turn: _Turn) -> None:
        """A reply that decides about a message."""
        code, lines = raw
        if stage is _BODY:
            if 200 <= code <= 299 and turn.dot_sent:
                sent = Sent(Reply.read(code, lines, self._clean))
                self._settled.append(Outcome(turn.job.id, sent, stage))
            elif code >= 400:
                self._refuse(raw, stage, turn)
            else:
                # Another answer's code: whether it took the message, nobody knows.
                self._awaited.appendleft((stage, turn))
                self._break(ServerFault(Kind.PROTOCOL, cause=Cause.OUT_OF_STEP))
        elif stage is _DATA and code == 354:
            turn.leave, self._turn = raw, turn
        elif stage is _MAIL and 200 <= code <= 299:
            turn.sender = raw
        elif stage is _RCPT and 200 <= code <= 299:
            turn.recipient = raw
        else:
            self._refuse(raw, stage, turn)

    def _refuse(self, raw: RawReply, stage: Stage, turn: _Turn) -> None:
        """Settle a message by a reply that is not the one hoped for."""
        code, lines = raw
        # Judged by the words as they came, told in words that are fit to be shown.
        reply = Reply.read(code, lines)
        verdict = classify(reply, stage, mail_from=turn.job.mail_from)
        verdict = replace(verdict, reply=reply.cleaned(self._clean))
        turn.is_refused = True
        self._settle(turn.job, verdict, stage, self._transcript(turn, stage, reply))
        if stage is not _BODY and not self._awaits(turn):
            self._turn, self._needs_reset = None, turn.sender is not None
        if code == 421 or code < 400:
            # The server is closing the connection (RFC 5321 3.8), or is out of step.
            self._break(_as_fault(verdict))

    def _followed_up(self, raw: RawReply, stage: Stage, turn: _Turn | None) -> None:
        """A reply to what was under way with a refused message, or to clearing up after it."""
        code = raw[0]
        if code == 421 or (stage is _RESET and not 200 <= code <= 299):
            self._break(self._unsolicited(raw))
        elif stage is _DATA and turn is not None:
            if code != 354:
                self._needs_reset = turn.sender is not None or turn.recipient is not None
            elif turn.recipient is None:
                self._needs_lone_dot = True  # RFC 2920 3.1
            else:
                # MAIL refused, RCPT taken, content asked for: a dot would send an empty message.
                self._break(ServerFault(Kind.PROTOCOL, cause=Cause.OUT_OF_STEP))
        elif stage is _RCPT and turn is not None:
            turn.recipient = raw if 200 <= code <= 299 else None

    def _awaits(self, turn: _Turn) -> bool:
        """Whether more replies about this message are on their way."""
        return bool(self._awaited) and self._awaited[0][1] is turn

    def _unsolicited(self, raw: RawReply) -> ServerFault:
        """What it means that the server speaks out of turn: a 421 is its good-bye."""
        code, lines = raw
        if code == 421:
            reply = Reply.read(code, lines)
            verdict = classify(reply, _RESET)
            return _as_fault(replace(verdict, reply=reply.cleaned(self._clean)))
        return ServerFault(Kind.PROTOCOL, cause=Cause.UNSOLICITED)

    # Ending

    def _settle(self, job: Job, fate: Fate, stage: Stage, transcript: str = "") -> None:
        self._settled.append(Outcome(job.id, fate, stage, transcript))

    def _break(self, fault: ServerFault) -> None:
        """Nothing more can be said here: settle what is open, each job once."""
        if self.fault is not None:
            return
        self.fault = fault
        open_turns = [turn for _stage, turn in self._awaited if turn is not None]
        stages = {id(turn): stage for stage, turn in reversed(self._awaited)}
        if self._turn is not None and self._turn not in open_turns:
            open_turns.append(self._turn)
        for turn in dict.fromkeys(open_turns):
            if turn.is_refused:
                continue
            stage = stages.get(id(turn), _DATA)
            if turn.dot_sent:
                transcript = self._transcript(turn, stage, fault.reply, fault.cause)
                self._settle(turn.job, Unknown(fault), stage, transcript)
            else:
                self._settle(turn.job, NotSent(fault), stage)
        if self._next is not None:
            self._settle(self._next, NotSent(fault), _MAIL)
        self._awaited.clear()
        self._turn = self._next = None

    def _transcript(
        self, turn: _Turn, stage: Stage, reply: Reply | None, cause: Cause | None = None
    ) -> str:
        """What was said about this message, to the reply or cause that decided at this stage.

        Made only now: until here there were references to replies. The content is told as a size.
        """
        job = turn.job
        said = (
            (_MAIL, self._mail(job), turn.sender),
            (_RCPT, _rcpt(job), turn.recipient),
            (_DATA, b"DATA\r\n", turn.leave),
        )
        written = Transcript(limit=MOST_LINES)
        written.scrub_with(self._clean)
        for step, command, raw in said:
            written.add(Speaker.US, command.decode("ascii").removesuffix("\r\n"))
            if step is stage or raw is None:
                break
            written.add_reply(Reply.read(*raw))
        if stage is _BODY:
            written.add(Speaker.US, f"({len(job.data)} bytes of message, ending with a dot)")
        if reply is not None:
            written.add_reply(reply)
        elif cause is not None:
            written.add(Speaker.NOTE, f"(ended here: {cause.replace('_', ' ')})")
        return str(written)


def _rcpt(job: Job) -> bytes:
    return b"RCPT TO:<%b>\r\n" % job.rcpt_to.encode("ascii")


# One line each for the final dot, MAIL, RCPT and DATA, as `ReplyParser` would take them.
_find_all_well = re.compile(
    rb"(2\d\d) ([^\r\n]{0,999})\r\n" * 3 + rb"354 ([^\r\n]{0,999})\r\n"
).fullmatch

_find_unsafe = re.compile(r"[^!-;=?-~]").search


def is_safe_path(path: str) -> bool:
    """Whether an address can stand between angle brackets without ending them.

    addresses.py is stricter; this only keeps commands apart from each other and their parameters.
    """
    return _find_unsafe(path) is None


def is_safe(data: bytes) -> bool:
    """Whether the content ends where we say it does: the last guard against smuggled messages.

    No bare CR or LF, a dot at the beginning of a line only if doubled, CRLF at the end. The
    composer sees to all of it; a fault there must not become somebody else's message here.
    """
    if not data.endswith(b"\r\n") or data.startswith((b".\r", b".\n")):
        return False
    ends = data.count(b"\r\n")
    if data.count(b"\n") != ends or data.count(b"\r") != ends:
        return False
    return b"\n." not in data or _lone_dot(data) is None


_lone_dot = re.compile(rb"\n\.(?!\.)").search


def _as_fault(verdict: Verdict) -> ServerFault:
    """The same for the session as a whole."""
    if isinstance(verdict, ServerFault):
        return verdict
    kind = verdict.kind if isinstance(verdict, TryAgain) else Kind.PROTOCOL
    return ServerFault(kind, verdict.reply)
