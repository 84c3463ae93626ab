"""Questions and answers over a wire, one at a time: what a session consists of between messages."""

from __future__ import annotations

import time
from collections.abc import Callable

from portal.smtp.causes import Cause
from portal.smtp.handshake import Say
from portal.smtp.replies import Kind, Reply, ServerFault
from portal.smtp.reply_parser import ReplyParser
from portal.smtp.target import SessionFault, Timeouts
from portal.smtp.transcript import Speaker, Transcript
from portal.smtp.wire import Wire, WireFault


class Line:
    """A wire, its time limits, and what was said on it, written down on request."""

    def __init__(
        self,
        wire: Wire,
        timeouts: Timeouts,
        clean: Callable[[str], str],
        transcript: Transcript | None,
    ) -> None:
        self.wire = wire
        self.timeouts = timeouts
        self.clean = clean
        self.transcript = transcript
        self._parser = ReplyParser()

    def ask(self, say: Say) -> Reply:
        """Say it and wait for exactly one reply.

        Raises:
            SessionFault: no reply, no proper one, or more than one.
        """
        until = time.monotonic() + self.timeouts.of(say.stage)
        try:
            if say.line:
                self.note(Speaker.US, say.shown)
                self.wire.send(say.line, until=until)
            replies = self._parser.feed(self.wire.receive(until=until))
            while not replies and self._parser.fault is None:
                replies = self._parser.feed(self.wire.receive(until=until))
        except WireFault as fault:
            raise SessionFault(line_fault(fault.cause), say.stage) from None
        if not replies:
            cause = self._parser.fault or Cause.MALFORMED
            raise SessionFault(ServerFault(Kind.PROTOCOL, cause=cause), say.stage)
        reply = Reply.read(*replies[0])
        self.note_reply(reply)
        if len(replies) > 1 or not self._parser.is_empty:
            raise SessionFault(ServerFault(Kind.PROTOCOL, cause=Cause.UNSOLICITED), say.stage)
        return reply

    def note(self, who: Speaker, text: str) -> None:
        if self.transcript is not None:
            self.transcript.add(who, text)

    def note_reply(self, reply: Reply) -> None:
        if self.transcript is not None:
            self.transcript.add_reply(reply)


def line_fault(cause: Cause) -> ServerFault:
    return ServerFault(Kind.UNREACHABLE, cause=cause)
