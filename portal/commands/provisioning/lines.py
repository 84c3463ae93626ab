"""On which line of a TOML file each key stands, so that a fault can be pointed at.

`tomllib` checks the syntax but forgets the lines. This reads only what has them: table headers
and the keys in front of an equals sign; values are skipped, however many lines they take.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_header = re.compile(rf"\s*(\[\[|\[)\s*({_KEYS})\s*\]").match
_assignment = re.compile(rf"\s*({_KEYS})\s*=").match
_each_key = re.compile(_KEY).findall
_token = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|'
    r"'''.*?'''|"
    r'"(?:[^"\\\n]|\\.)*"|'
    r"'[^'\n]*'|"
    r"#[^\n]*|[\[\]{}]|\n",
    re.DOTALL,
).finditer


def lines_of(text: str) -> Mapping[Path, int]:
    """The line of every table and key; arrays of tables are counted from 0."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    at, line = 0, 1
    while at < len(text):
        begin = at  # of the statement: blank lines before it are no statements of their own
        if header := _header(text, at):
            begin = header.start(1)
            keys = _names(header[2])
            table = _with_numbers(keys[:-1], counts)
            if header[1] == "[[":
                number = counts[*table, keys[-1]] = counts.get((*table, keys[-1]), -1) + 1
                table = (*table, keys[-1], number)
            else:
                table = (*table, keys[-1])
            line_of_it = line + text.count("\n", at, header.start(2))
            found.setdefault(table, line_of_it)
        elif assignment := _assignment(text, at):
            begin = assignment.start(1)
            line_of_it = line + text.count("\n", at, assignment.start(1))
            found[(*table, *_names(assignment[1]))] = line_of_it
        end = _end_of_statement(text, begin)
        line += text.count("\n", at, end)
        at = end
    return found


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """The line of this key, or of the nearest thing around it; 1 for the file itself."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1


def _end_of_statement(text: str, at: int) -> int:
    """Behind the line break that ends the statement: not one inside a string or in brackets."""
    depth = 0
    for token in _token(text, at):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth <= 0:
                return token.end()
    return len(text)


def _names(keys: str) -> Path:
    return tuple(key.strip("\"'") for key in _each_key(keys))


def _with_numbers(keys: Path, counts: Mapping[Path, int]) -> Path:
    """Inside an array of tables a header means its latest element."""
    path: Path = ()
    for key in keys:
        path = (*path, key)
        if path in counts:
            path = (*path, counts[path])
    return path
