"""Lists as CSV files: however long, in little memory, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile

from flask import Response, send_file

from portal.core import clock

BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""
IN_MEMORY = 1024 * 1024
"""Bytes; a longer file is written to disk."""
_formulas = re.compile(r'(^|;)([\s"]*[=+@＝＋－＠-])')
"""A semicolon begins a cell as well where the comma stands in numbers, as in German; and where
people write in wide letters, the wide signs count too. OWASP, "CSV Injection"."""

Cell = str | int | datetime | None


def csv_file(name: str, header: Sequence[object], rows: Iterable[Sequence[Cell]]) -> Response:
    """Answer with `<name>-<day>.csv`.

    The file is complete before its first byte leaves: a fault is still an error page, and a reader
    on a slow line keeps no database transaction open.
    """
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the answer closes it
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow([harmless(str(words)) for words in header])
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
    text.detach()
    file.seek(0)
    day = clock.now().date().isoformat()
    return send_file(
        file, mimetype="text/csv", as_attachment=True, download_name=f"{name}-{day}.csv"
    )


def harmless(cell: Cell) -> str:
    """The cell as text that no spreadsheet takes for a formula."""
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    text = "" if cell is None else str(cell)
    text = "".join(character if character.isprintable() else " " for character in text)
    return _formulas.sub(r"\1'\2", text)
