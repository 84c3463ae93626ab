"""The journal: what a lane did since it last told the database, for when it cannot tell any more.

One append-only file for each lane, beside the data. Before a message's final dot goes out the
lane writes that it will; when the answer is read, what it was. Every line is one `write`, so it
survives the process (the kernel has it), though not the machine; nothing waits for the disk.

    take 17                         composing it: a message that kills its worker is found by this
    dot 17                          its final dot leaves now
    reply 17 250 2.0.0 Ok: queued   the answer

Settled in the database, the lines have done their work and the file begins anew; with what is
still in hand, and the one dot, if there is one, whose answer is awaited.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from portal.smtp.replies import Reply

SUFFIX = ".journal"


class Journal:
    """One lane's file, open for writing."""

    def __init__(self, folder: Path, lane_id: int) -> None:
        self.path = path_of(folder, lane_id)
        self._descriptor = _opened(self.path)
        self._taken: set[int] = set()  # in hand, their dots not written
        self._awaited: int | None = None  # its dot left, and there is no answer yet

    def take(self, delivery_id: int) -> None:
        self._taken.add(delivery_id)
        self._write(b"take %d\n" % delivery_id)

    def dot(self, delivery_id: int) -> None:
        self._write(b"dot %d\n" % delivery_id)
        self._taken.discard(delivery_id)
        self._awaited = delivery_id

    def reply(self, delivery_id: int, reply: Reply, *, taking: int | None = None) -> None:
        """The answer; and, in the same write, which message is composed next."""
        self._awaited = None
        line = b"reply %d %s\n" % (delivery_id, str(reply).encode("ascii", "replace"))
        if taking is not None:
            self._taken.add(taking)
            line += b"take %d\n" % taking
        self._write(line)

    def drop(self, delivery_id: int) -> None:
        """It was taken, and will not be sent from here."""
        self._taken.discard(delivery_id)

    def settled(self) -> None:
        """The database knows every answer that is in here.

        A dot that waits for its answer must be on record at every moment, so the file is not
        emptied and written again but replaced by one that has that line already.
        """
        lines = [b"take %d\n" % delivery_id for delivery_id in sorted(self._taken)]
        if self._awaited is not None:
            lines.append(b"dot %d\n" % self._awaited)
        if not lines:
            os.ftruncate(self._descriptor, 0)
            return
        beside = self.path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        before, self._descriptor = self._descriptor, _opened(beside)
        try:
            self._write(b"".join(lines))
            beside.replace(self.path)
        except OSError:
            # The old file has more lines than are needed; they do no harm.
            os.close(self._descriptor)
            self._descriptor = before
        else:
            os.close(before)

    def remove(self) -> None:
        """Everything is settled, and the lane ends."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        if os.write(self._descriptor, line) != len(line):
            # Part of a line is no line; whoever reads it later passes over it.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a journal tells."""

    taken: frozenset[int] = frozenset()
    dots: frozenset[int] = frozenset()
    replies: dict[int, Reply] = field(default_factory=dict)

    def killed_by(self) -> frozenset[int]:
        """Messages that were in hand, not yet handed over, when the end came."""
        return self.taken - self.dots


NOTHING = Recollection()


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def path_of(folder: Path, lane_id: int) -> Path:
    return folder / f"{lane_id}{SUFFIX}"


def recall(path: Path) -> Recollection:
    """Read a dead lane's journal; without a file there is nothing to tell.

    Raises:
        OSError: it is there and cannot be read: then nothing may be concluded from it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return NOTHING
    taken: set[int] = set()
    dots: set[int] = set()
    replies: dict[int, Reply] = {}
    for verb, delivery_id, rest in _lines(data):
        match verb:
            case b"take":
                taken.add(delivery_id)
                dots.discard(delivery_id)
                replies.pop(delivery_id, None)
            case b"dot":
                dots.add(delivery_id)
            case b"reply":
                code, _space, words = rest.partition(b" ")
                replies[delivery_id] = Reply.read(int(code), [words])
            case _:
                pass  # of another version of this program
    return Recollection(frozenset(taken), frozenset(dots), replies)


def _lines(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    # What stands behind the last line end was being written when the end came.
    for line in data.split(b"\n")[:-1]:
        verb, _space, rest = line.partition(b" ")
        number, _space, rest = rest.partition(b" ")
        if number.isdigit():
            yield verb, int(number), rest
