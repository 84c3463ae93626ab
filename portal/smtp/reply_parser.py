"""Bytes in, replies out, however they are cut into pieces; and never more than fits a small page.

Pure.
"""

from __future__ import annotations

from portal.smtp.causes import Cause

LONGEST_REPLY = 32 * 1024
MOST_LINES = 100
"""Bytes and lines of one reply. Plain EHLO answers take 20 lines; nobody honest needs more."""

RawReply = tuple[int, list[bytes]]
"""The code, and each line's bytes after it."""

# A lookup both checks and converts. First digits as SMTP has them (RFC 5321 4.2.1).
_CODES = {b"%d" % code: code for code in range(200, 600)}
_MARKS = (b" ", b"-", b"")


class ReplyParser:
    """Collects lines into replies. Once `fault` is set nothing more comes out."""

    __slots__ = ("_code", "_lines", "_rest", "_size", "fault")

    def __init__(self) -> None:
        self._rest = b""  # an unfinished line
        self._code = b""  # of the unfinished reply
        self._lines: list[bytes] = []
        self._size = 0
        self.fault: Cause | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come that is not yet part of a reply given out."""
        return not self._rest and not self._lines

    def feed(self, data: bytes) -> list[RawReply]:
        """The replies that are complete with these bytes; those before a fault still count."""
        if self.fault is not None:
            return []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        replies: list[RawReply] = []
        for line in lines:
            taken = self._take(line.rstrip(b"\r"))
            if isinstance(taken, tuple):
                replies.append(taken)
            elif taken is not None:
                self.fault = taken
                return replies
        if self._size + len(self._rest) > LONGEST_REPLY:
            self.fault = Cause.TOO_LONG
        elif self._rest and self._rest[0] not in b"2345":
            self.fault = Cause.MALFORMED  # what is no SMTP may never send a line's end
        return replies

    def _take(self, line: bytes) -> RawReply | Cause | None:
        """One line: the reply it completes, None while there is more to come, or what is wrong."""
        digits, mark = line[:3], line[3:4]
        code = _CODES.get(digits)
        if code is not None and mark == b" " and not self._lines and len(line) < LONGEST_REPLY:
            return code, [line[4:]]  # nearly every reply is one line

        if code is None or mark not in _MARKS or (self._lines and digits != self._code):
            return Cause.MALFORMED
        self._lines.append(line[4:])
        self._size += len(line)
        if self._size > LONGEST_REPLY or len(self._lines) > MOST_LINES:
            return Cause.TOO_LONG
        if mark == b"-":
            self._code = digits
            return None
        complete = (code, self._lines)
        self._lines, self._size = [], 0
        return complete
