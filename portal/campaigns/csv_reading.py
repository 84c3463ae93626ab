"""Lists as people have them: CSV in whatever encoding and with whatever separator, or pasted lines.

Pure. Everything is read as a stream: a piece of the file at a time, a record at a time.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.addresses import AddressError, parse_mailbox

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 64 * 1024
"""Bytes of a file that are enough to see how it is written."""
SAMPLE = 5
"""Rows shown while columns are chosen."""
LONGEST_CELL = 10_000
MOST_COLUMNS = 100
NUL = "\x00"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_separators = re.compile(r"[,;\n]")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written."""

    encoding: str
    delimiter: str
    has_header: bool
    header: tuple[str, ...]  # names of the columns; made up where there is no header
    sample: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the line of the file in which it ends, counted from 1."""

    line: int
    cells: Sequence[str]


def guess_encoding(begins: bytes, *, is_utf8: bool) -> str:
    """From a file's first bytes, and whether all of it can be read as UTF-8.

    Without a mark, UTF-16 shows by its many zero bytes; what is not UTF-8 either is Windows-1252,
    which contains Latin-1 as people write it.
    """
    for mark, encoding in _MARKS:
        if begins.startswith(mark):
            return encoding
    some = begins[:1024]
    if len(some) >= 4 and some.count(0) > len(some) // 4:
        return "utf-16-le" if some[1::2].count(0) > some[::2].count(0) else "utf-16-be"
    return "utf-8" if is_utf8 else "cp1252"


class Utf8Check:
    """Whether pieces of a file, one after the other, are UTF-8."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.is_utf8 = True

    def feed(self, piece: bytes, *, is_last: bool = False) -> None:
        try:
            if self.is_utf8:
                self._decoder.decode(piece, final=is_last)
        except UnicodeDecodeError:
            self.is_utf8 = False


def look(begins: bytes, encoding: str) -> Layout:
    """How the file is written, from its beginning.

    Raises:
        Refusal: there is nothing in it, or it is no text, as a spreadsheet's own file is none.
    """
    text = "".join(decoded([begins[:LOOKED_AT]], encoding, is_cut=True))
    delimiter = guess_delimiter(text)
    rows = [
        tuple(record.cells) for record in islice(records(_lines([text]), delimiter), SAMPLE + 2)
    ]
    if not rows:
        raise Refusal("file_empty", _("There is nothing in this file."), field="file")
    if any(NUL in cell for cell in rows[0]):
        raise Refusal("file_not_text", _("Could not be read"), field="file")
    has_header = not any(is_mailbox(cell) for cell in rows[0])
    width = len(rows[0]) if has_header else max(len(row) for row in rows)
    names = rows[0] if has_header else ()
    header = tuple(
        names[at].strip() if at < len(names) and names[at].strip() else f"{at + 1}"
        for at in range(min(width, MOST_COLUMNS))
    )
    sample = rows[1:] if has_header else rows
    shown = tuple(tuple(map(fit_to_show, row)) for row in sample[:SAMPLE])
    return Layout(encoding, delimiter, has_header, header, shown)


def guess_delimiter(text: str) -> str:
    """The separator that gives the first records the same number of columns, more than one."""
    best, most = ",", 1
    for delimiter in DELIMITERS:
        widths = [len(r.cells) for r in islice(records(_lines([text]), delimiter), 20)]
        # The last one may be cut off in the middle.
        widths = widths[:-1] if len(widths) > 2 else widths
        if widths and min(widths) == max(widths) and widths[0] > most:
            best, most = delimiter, widths[0]
    if most > 1:
        return best
    first = text.partition("\n")[0]
    return max(DELIMITERS, key=first.count) if any(map(first.count, DELIMITERS)) else ","


def decoded(pieces: Iterable[bytes], encoding: str, *, is_cut: bool = False) -> Iterator[str]:
    """The text of a file, piece by piece; what cannot be read becomes U+FFFD.

    `is_cut` says that the file goes on: a character cut in two at the end is left out.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in pieces:
        yield decoder.decode(piece)
    if not is_cut:
        yield decoder.decode(b"", final=True)


def read(pieces: Iterable[bytes], layout: Layout) -> Iterator[Record]:
    """The records of a file, without its header; empty ones are passed over."""
    found = records(_lines(decoded(pieces, layout.encoding)), layout.delimiter)
    if layout.has_header:
        next(found, None)
    yield from found


def records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The records in these lines; empty ones are passed over. Quoted cells may have line breaks."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # A cell beyond the reader's own limit: somewhere a quotation mark was not closed.
            yield Record(reader.line_num, ["\ufffd" * (LONGEST_CELL + 1)])
            continue
        if any(cell.strip() for cell in cells):
            yield Record(reader.line_num, cells)


def tidy_pasted(text: str) -> str:
    """Pasted text as lines: addresses in one line, separated as in a mail program, come apart."""
    lines = []
    for line in text.splitlines():
        pieces = [piece.strip() for piece in _separators.split(line) if piece.strip()]
        if len(pieces) > 1 and all(is_mailbox(piece) for piece in pieces):
            lines += pieces
        else:
            lines.append(line)
    return "\n".join(lines)


def fit_to_show(cell: str) -> str:
    """The cell as it can be kept for a page: PostgreSQL takes no NUL."""
    return cell.replace(NUL, "\ufffd")


def is_mailbox(cell: str) -> bool:
    """Whether mail could be sent to this cell."""
    if "@" not in cell:
        return False
    try:
        parse_mailbox(cell.strip())
    except AddressError:
        return False
    return True


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Lines with their ends; a line that is longer than any cell may be is cut in pieces."""
    rest = ""
    for text in texts:
        rest = (rest + text).replace("\r\n", "\n")
        # A lone CR at the end may be half of a CRLF.
        tail = "\r" if rest.endswith("\r") else ""
        *whole, rest = rest.removesuffix("\r").replace("\r", "\n").split("\n")
        rest += tail
        for line in whole:
            yield f"{line}\n"
        if len(rest) > MOST_COLUMNS * LONGEST_CELL:
            yield rest
            rest = ""
    if rest:
        yield rest.replace("\r", "\n")
