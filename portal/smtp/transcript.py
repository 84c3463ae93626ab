"""A session in writing, fit to be shown: nothing secret, nothing invisible, nothing endless.

Pure.
"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from portal.core.secret import Secret
from portal.smtp.replies import Reply

LONGEST_LINE = 512
"""Bytes of one line that are kept (UTF-8)."""

REDACTED = "<redacted>"

# C0, C1, line and paragraph separators, bidi controls, zero-width characters, lone surrogates.
_invisible = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)


def tidy(text: str) -> str:
    """The text without control and bidi characters, cut at 512 bytes."""
    if len(text) <= LONGEST_LINE and text.isascii() and text.isprintable():
        return text
    visible = _invisible.sub("", text)
    return visible.encode()[:LONGEST_LINE].decode("utf-8", "ignore")


class Scrubber:
    """Takes one live secret out of whatever a server says, in every form it may be echoed in."""

    __slots__ = ("_find", "_folded")

    def __init__(self, secrets: Iterable[Secret]) -> None:
        forms = sorted({f for secret in secrets for f in _forms(secret.reveal())}, key=len)
        forms.reverse()  # the longest first, so that no tail of it stays behind
        self._folded = tuple(form.casefold() for form in forms)
        self._find = re.compile("|".join(map(re.escape, forms)) or "(?!)", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """The text, tidy and without the secret. First tidied: an echo may be laced with NULs."""
        # Scrubbed before it is cut, or half a secret could stay at the edge.
        visible = text if text.isprintable() else _invisible.sub("", text)
        folded = visible.casefold()
        for form in self._folded:
            if form in folded:
                visible = self._find.sub(REDACTED, visible)
                break
        return tidy(visible)


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is, in base64 at any offset, in hex, quoted for URLs and for HTML."""
    if not secret:
        return
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield raw.hex()
    yield urllib.parse.quote(secret, safe="", errors="replace")
    yield urllib.parse.quote_plus(secret, errors="replace")
    yield secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Inside other text (\0user\0password) base64 begins at one of three offsets. Only the
    # characters that depend on nothing but the secret are looked for.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).rstrip(b"=").decode()
        if offset == 0:
            yield encoded
        first = (offset * 8 + 5) // 6
        last = (offset + len(raw)) * 8 // 6
        core = encoded[first:last]
        if len(core) >= 4:
            yield core
            yield core.replace("+", "-").replace("/", "_")


class Speaker(StrEnum):
    US = "us"
    SERVER = "server"
    NOTE = "note"  # what happened, said by neither


@dataclass(frozen=True, slots=True)
class Line:
    who: Speaker
    text: str


class Transcript:
    """The lines of one session, at most `limit`; what comes later is counted, not kept."""

    def __init__(self, *, limit: int = 200) -> None:
        self._lines: list[Line] = []
        self._limit = limit
        self._clean: Callable[[str], str] = tidy
        self.left_out = 0

    def scrub_with(self, clean: Callable[[str], str]) -> None:
        """From now on everything passes through this; the connection sets it before it speaks."""
        self._clean = clean

    def add(self, who: Speaker, text: str) -> None:
        if len(self._lines) >= self._limit:
            self.left_out += 1
        else:
            self._lines.append(Line(who, self._clean(text)))

    def add_reply(self, reply: Reply) -> None:
        """What the server said, as it looked on the wire."""
        words = f"{reply.enhanced} " if reply.enhanced else ""
        *before, last = reply.lines
        for line in before:
            self.add(Speaker.SERVER, f"{reply.code}-{words}{line}")
        self.add(Speaker.SERVER, f"{reply.code} {words}{last}")

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(self._lines)

    def __str__(self) -> str:
        marks = {Speaker.US: "C: ", Speaker.SERVER: "S: ", Speaker.NOTE: "   "}
        return "\n".join(f"{marks[line.who]}{line.text}" for line in self._lines)
