"""Exports do no harm to whoever opens them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from portal.web import csv_file
from portal.web.csv_file import harmless


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r\n=1", "'  =1"),
        ("\u202e=1", "' =1"),
        ("\u3000＝1", "' ＝1"),
        ("Kim;=1+1;", "Kim;'=1+1;"),
        ('Kim; "@SUM(A1)";-1', "Kim;' \"@SUM(A1)\";'-1"),
        ("Kim; a=1", "Kim; a=1"),
        ("plain", "plain"),
        ("a=1", "a=1"),
        (-5, "'-5"),
        (5, "5"),
        (None, ""),
        (datetime(2026, 5, 3, 12, tzinfo=UTC), "2026-05-03T12:00:00+00:00"),
    ],
)
def test_no_cell_is_taken_for_a_formula(cell: csv_file.Cell, text: str) -> None:
    assert harmless(cell) == text


def test_a_file_that_does_not_fit_in_memory_is_the_same_file(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "IN_MEMORY", 10)

    with app.test_request_context():
        answer = csv_file.csv_file("things", ["Name"], [["Zoë"], ['a "b", c']])
        answer.direct_passthrough = False
        body = answer.get_data()
        answer.close()

    assert body == '\ufeffName\r\nZoë\r\n"a ""b"", c"\r\n'.encode()
