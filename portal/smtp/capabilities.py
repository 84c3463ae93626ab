"""What a server says it can do, from its answer to EHLO.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions that Livery makes use of; the rest is kept in `others` for the page."""

    pipelining: bool = False  # RFC 2920
    starttls: bool = False  # RFC 3207
    mechanisms: frozenset[str] = frozenset()  # RFC 4954
    size: int | None = None  # bytes of a message (RFC 1870); None: no limit named
    takes_size: bool = False  # MAIL may announce the size
    eight_bit: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    others: tuple[str, ...] = ()

    @classmethod
    def read(cls, reply: Reply) -> Capabilities:
        """From a 250 to EHLO; its first line is a greeting. Later lines win over earlier ones."""
        words: dict[str, list[str]] = {}
        for line in reply.lines[1:]:
            # "AUTH=LOGIN" is how servers older than RFC 2554 write it; some still say both.
            keyword, *values = line.upper().replace("AUTH=", "AUTH ", 1).split()[:64] or [""]
            words.setdefault(keyword, []).extend(values)

        size = next((int(v) for v in words.get("SIZE", []) if _is_size(v)), 0)
        return cls(
            pipelining="PIPELINING" in words,
            starttls="STARTTLS" in words,
            mechanisms=frozenset(words.get("AUTH", [])),
            size=size or None,  # 0 is the RFC's way to say: no fixed limit
            takes_size="SIZE" in words,
            eight_bit="8BITMIME" in words,
            smtputf8="SMTPUTF8" in words,
            others=tuple(word for word in words if word and word not in _KNOWN),
        )


_is_size = re.compile(r"[0-9]{1,20}").fullmatch  # RFC 1870 3
_KNOWN = ("PIPELINING", "STARTTLS", "AUTH", "SIZE", "8BITMIME", "SMTPUTF8")
