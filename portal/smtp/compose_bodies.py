"""Bodies as lines on the wire: 7bit or quoted-printable, dot-stuffed, with room left for values.

Pure. RFC 2045 6.7 (quoted-printable), RFC 5321 4.5.2 (dots). A body with holes is laid out once:
the literal parts of its lines are encoded with soft line breaks placed so that a value of usual
length fits into its line as it is. Only a value that does not fit, or has a line break, makes its
line be encoded anew.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from portal.smtp.segments import Merge, Segments

_QP_LINE = 75
"""Characters of a quoted-printable line beside its soft line break (RFC 2045 6.7 (5))."""
_ROOM = 50
"""Characters that every hole has at least on its line."""
_LONGEST_7BIT = 78

_find_line_break = re.compile(r"\r\n?|\n")
# "=_" is what our boundaries begin with: it cannot occur in quoted-printable or base64, so text
# with it is not left as it is (RFC 2045 6.7 recommends this). Spaces at the end of a line do not
# survive every gateway.
_is_7bit = re.compile(r"(?:[\t -~]*[!-~])?").fullmatch


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a value within a laid-out line."""

    merge: Merge
    room: int
    """Characters of encoded value that fit."""
    is_edge: bool
    """At the start or the end of its line, where a dot or a space needs care."""
    may_vanish: bool
    """On a line that may vanish."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text that has holes: as it was written, and as it is laid out for the wire."""

    written: tuple[str | Merge, ...]
    laid_out: tuple[str | Hole, ...]
    is_last: bool
    """The text ends here, without a line break."""
    may_vanish: bool
    """The text ended with the line before, if all values here are empty."""


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded body: wire text as it is, and lines with holes, in order."""

    encoding: str
    blocks: tuple[str | Line, ...]


def literal_body(text: str) -> Body:
    """A body that is the same for everybody."""
    lines = _find_line_break.split(text)
    if "=_" not in text and all(len(line) <= _LONGEST_7BIT and _is_7bit(line) for line in lines):
        if not lines[-1]:
            lines.pop()
        return Body("7bit", (stuff_dots("\r\n".join([*lines, ""]) or "\r\n"),))
    return Body("quoted-printable", (quoted_printable(text),))


@lru_cache(maxsize=64)
def body_with_holes(segments: Segments) -> Body:
    """Lay out a body: whole lines without a hole are encoded here and now.

    Remembered, because many messages with one recipient each may come from one template.
    """
    blocks: list[str | Line] = []
    plain: list[str] = []
    lines = list(_lines(segments.parts))
    for number, line in enumerate(lines, start=1):
        if all(isinstance(part, str) for part in line):
            plain.append("".join(part for part in line if isinstance(part, str)))
            continue
        if plain:
            blocks.append(quoted_printable("\n".join([*plain, ""])))
            plain = []
        is_last = number == len(lines)
        may_vanish = is_last and number > 1 and not any(isinstance(p, str) and p for p in line)
        laid_out = tuple(_lay_out(line, may_vanish=may_vanish))
        blocks.append(Line(tuple(line), laid_out, is_last, may_vanish))
    if plain and plain != [""]:
        blocks.append(quoted_printable("\n".join(plain)))
    return Body("quoted-printable", tuple(blocks))


def quoted_printable(text: str) -> str:
    """The text as quoted-printable lines, each ended by CRLF, dots stuffed."""
    lines = _find_line_break.sub("\r\n", text)
    if not lines.endswith("\r\n"):
        # The C encoder takes its own line ends from the first it meets.
        lines += "\r\n"
    return stuff_dots(b2a_qp(lines.encode("utf-8"), istext=True).decode("ascii"))


def stuff_dots(lines: str) -> str:
    """Double each dot that begins a line (RFC 5321 4.5.2)."""
    stuffed = lines.replace("\r\n.", "\r\n..")
    return f".{stuffed}" if stuffed.startswith(".") else stuffed


def quoted_value(value: str) -> str | None:
    """A value for a hole, whatever its place in the line, or None if it breaks the line."""
    if "\n" in value or "\r" in value:
        return None
    quoted = b2a_qp(value.encode("utf-8"), istext=True).decode("ascii")
    if quoted.startswith("."):
        quoted = f"=2E{quoted[1:]}"
    return None if "\n" in quoted else quoted


def line_for(line: Line, value_of: Callable[[Merge], str]) -> str:
    """One line with its values, whatever they are: laid out as planned, or encoded anew."""
    written = [part if isinstance(part, str) else value_of(part) for part in line.written]
    if line.may_vanish and not any(written):
        return ""
    wire: list[str] = []
    for part in line.laid_out:
        if isinstance(part, str):
            wire.append(part)
            continue
        quoted = quoted_value(value_of(part.merge))
        if quoted is None or len(quoted) > part.room:
            return quoted_printable("".join(written if line.is_last else [*written, "\n"]))
        wire.append(quoted)
    return "".join(wire)


def _lines(parts: Sequence[str | Merge]) -> Iterator[list[str | Merge]]:
    """Cut literals and holes into lines; the line breaks of literals are gone."""
    line: list[str | Merge] = []
    for part in parts:
        if not isinstance(part, str):
            line.append(part)
            continue
        first, *others = _find_line_break.split(part)
        line.append(first)
        for other in others:
            yield line
            line = [other]
    yield line


def _lay_out(line: Sequence[str | Merge], *, may_vanish: bool) -> Iterator[str | Hole]:
    """Place literals, holes and soft line breaks; at most one hole stands in a physical line."""
    pieces: list[str | Merge] = []
    for part in line:
        if isinstance(part, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += part
        elif part:
            pieces.append(part)
    last = len(pieces) - 1
    wire: list[str] = []
    column = 0
    taken = False  # whether the present physical line has its hole
    dot_matters = True  # whether a dot written now could begin a physical line

    def flush() -> Iterator[str]:
        if wire:
            yield "".join(wire)
            wire.clear()

    for position, part in enumerate(pieces):
        if not isinstance(part, str):
            if taken or column > _QP_LINE - _ROOM:
                wire.append("=\r\n")
                column, taken, dot_matters = 0, False, True
            following = pieces[position + 1] if position < last else ""
            suffix = _encoded_width(following) if isinstance(following, str) else 0
            is_short = column + suffix <= _QP_LINE - _ROOM
            yield from flush()
            yield Hole(
                merge=part,
                room=_QP_LINE - column - (suffix if is_short else 0),
                is_edge=column == 0 or position == last,
                may_vanish=may_vanish,
            )
            taken = True
            if following and not is_short:
                wire.append("=\r\n")
                column, taken, dot_matters = 0, False, True
            continue

        ends_line = position == last or (position == last - 1)
        for index, character in enumerate(part):
            at_end = ends_line and index == len(part) - 1
            encoded = _quoted(character)
            if (character == "." and dot_matters) or (character in " \t" and at_end):
                encoded = f"={ord(character):02X}"
            if column + len(encoded) > _QP_LINE:
                wire.append("=\r\n")
                column, taken = 0, False
                if character == ".":
                    encoded = "=2E"
            wire.append(encoded)
            column += len(encoded)
            dot_matters = False
    wire.append("\r\n")
    yield from flush()


def _quoted(character: str) -> str:
    if (" " <= character <= "~" and character != "=") or character == "\t":
        return character
    return "".join(f"={octet:02X}" for octet in character.encode("utf-8"))


def _encoded_width(text: str) -> int:
    """Columns that the text takes at most; a dot at its start or a space at its end costs more."""
    return 4 + sum(len(_quoted(character)) for character in text)
