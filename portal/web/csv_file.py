"""Lists as CSV files: streamed row by row, and harmless to whoever opens them in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from flask import Response, stream_with_context

from portal.core import clock

BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")

Cell = str | int | datetime | None


def csv_file(name: str, header: Sequence[object], rows: Iterable[Sequence[Cell]]) -> Response:
    """Answer with `<name>-<day>.csv`; the rows are asked for while they are sent."""
    response = Response(stream_with_context(_lines(header, rows)), mimetype="text/csv")
    day = clock.now().date().isoformat()
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.csv"'
    return response


def harmless(cell: Cell) -> str:
    """The cell as text that no spreadsheet takes for a formula."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    text = "" if cell is None else str(cell)
    text = "".join(character if character.isprintable() else " " for character in text)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


def _lines(header: Sequence[object], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    writer = csv.writer(line := _Line())
    writer.writerow([harmless(str(words)) for words in header])
    yield BYTE_ORDER_MARK + line.take()
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        yield line.take()


class _Line:
    """What `csv` writes to, one row at a time."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> None:
        self._text += text

    def take(self) -> str:
        text, self._text = self._text, ""
        return text
