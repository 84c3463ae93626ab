"""The journal: what a lane did since it last told the database, for when it cannot tell any more.

One append-only file for each lane, beside the data. Before a message's final dot goes out the
lane writes that it will; when the answer is read, what it was. The file is mapped into memory: a
line survives the process as soon as it is copied there (the kernel has it), though not the machine;
nothing waits for the disk, nor for another thread, as a system call for each line would. Each line
is ended last, so that half a line is none; behind the last one the file is all zeros.

    take 17                         composing it: a message that kills its worker is found by this
    dot 17                          its final dot leaves now
    reply 17 250 2.0.0 Ok: queued   the answer
    drop 17                         it is not sent from here, for whatever reason

Settled in the database, the lines have done their work and the file begins anew; with what is
still in hand, and the one dot, if there is one, whose answer is awaited.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path

from portal.smtp.replies import Reply

SUFFIX = ".journal"
ROOM = 64 * 1024
"""Bytes of a new file; one that gets full is doubled."""

_END = ord("\n")


class Journal:
    """One lane's file, open for writing. What cannot be written is an OSError."""

    def __init__(self, folder: Path, lane_id: int) -> None:
        self.path = path_of(folder, lane_id)
        self._pages = _Pages(self.path)
        self._taken: set[int] = set()  # in hand, their dots not written
        self._awaited: int | None = None  # its dot left, and there is no answer yet

    def take(self, delivery_id: int) -> None:
        self._taken.add(delivery_id)
        self._pages.write(b"take %d" % delivery_id)

    def dot(self, delivery_id: int) -> None:
        self._pages.write(b"dot %d" % delivery_id)
        self._taken.discard(delivery_id)
        self._awaited = delivery_id

    def reply(self, delivery_id: int, reply: Reply) -> None:
        """The answer."""
        self._awaited = None
        self._pages.write(b"reply %d %s" % (delivery_id, str(reply).encode("ascii", "replace")))

    def drop(self, delivery_id: int) -> None:
        """It was taken, and will not be sent from here."""
        if delivery_id in self._taken:
            self._taken.discard(delivery_id)
            self._pages.write(b"drop %d" % delivery_id)

    def settled(self) -> None:
        """The database knows every answer that is in here.

        A dot that waits for its answer must be on record at every moment, so the file is not
        emptied and written again but replaced by one that has that line already.
        """
        beside = self.path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        try:
            pages = _Pages(beside)
            for delivery_id in sorted(self._taken):
                pages.write(b"take %d" % delivery_id)
            if self._awaited is not None:
                pages.write(b"dot %d" % self._awaited)
            beside.replace(self.path)
        except OSError:
            return  # the old file has more lines than are needed; they do no harm
        self._pages.close()
        self._pages = pages

    def remove(self) -> None:
        """Everything is settled, and the lane ends."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._pages.close()


class _Pages:
    """A file in memory, with room for more lines. Its blocks are allotted before they are used:
    a full disk is an error here and not a signal in the middle of a line."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._end = self._room = 0
        self._bytes: mmap | None = None
        try:
            self._make_room(ROOM)
        except OSError:
            self.close()
            raise

    def write(self, line: bytes) -> None:
        end = self._end + len(line)
        if end >= self._room:
            self._make_room(max(2 * self._room, end + 1))
        assert self._bytes is not None
        self._bytes[self._end : end] = line
        self._bytes[end] = _END
        self._end = end + 1

    def close(self) -> None:
        if self._bytes is not None:
            self._bytes.close()
        os.close(self._descriptor)

    def _make_room(self, room: int) -> None:
        os.posix_fallocate(self._descriptor, 0, room)
        larger = mmap(self._descriptor, room)
        if self._bytes is not None:
            self._bytes.close()
        self._bytes, self._room = larger, room


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
            case b"drop":
                taken.discard(delivery_id)
            case b"dot":
                dots.add(delivery_id)
            case b"reply":
                code, _space, words = rest.partition(b" ")
                replies[delivery_id] = Reply.read(int(code), [words])
            case _:
                pass  # of another version of this program
    return Recollection(frozenset(taken), frozenset(dots), replies)


def _lines(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    # What stands behind the last line end was being written when the end came. When the machine
    # fails, some pages may have come to the disk and others between them not: those are zeros.
    for line in data.split(b"\n")[:-1]:
        if b"\0" in line:
            continue
        verb, _space, rest = line.partition(b" ")
        number, _space, rest = rest.partition(b" ")
        if number.isdigit():
            yield verb, int(number), rest
