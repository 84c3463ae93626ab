"""Header fields as bytes want them: encoded words, quoted names, parameters, folded lines.

Pure. RFC 5322 (fields, folding), RFC 2047 (encoded words), RFC 2231 (parameters). Every function
gives whole fields or values in ASCII whose only line ends are CRLF followed by a space.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote

from portal.smtp.addresses import Mailbox

LINE = 76
"""Characters of a header line we aim at: what RFC 2047 2 allows beside an encoded word."""
LONGEST_LINE = 998
"""Characters of any line without its CRLF (RFC 5322 2.1.1)."""

_ENCODED_WORD = 75
# A phrase's encoded words are shorter so that the first fits beside any of our field names.
_ENCODED_WORD_IN_PHRASE = 62
_LONGEST_QUOTED = 60

_is_phrase_of_atoms = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
).fullmatch
_is_words = re.compile(r"[!-~]+(?: [!-~]+)*").fullmatch

# RFC 2047 5 (3): what may stand for itself in an encoded word inside a phrase; used everywhere.
_LITERAL_IN_Q = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = [chr(byte) if byte in _LITERAL_IN_Q else f"={byte:02X}" for byte in range(256)]
_Q[0x20] = "_"


def unstructured(name: str, text: str, *, keep_long_words: bool = False) -> str:
    """`Name: text` for a field of free text, such as Subject.

    ASCII text whose words fit on a line is folded at its spaces. Everything else is written as
    encoded words, whole, so that what the reader sees is to the character what was given: text
    that looks like an encoded word stays text.

    Args:
        keep_long_words: for fields that programs read: a long word stays as it is, on a long line.
    """
    if "=?" not in text and _is_words(text):
        words = text.split(" ")
        limit = LONGEST_LINE if keep_long_words else LINE
        if len(name) + 2 + len(words[0]) <= limit and max(map(len, words)) < limit:
            return fold(name, words)
    if not text:
        return f"{name}: "
    return fold(name, encoded_words(text, first=LINE - len(name) - 2))


def address_list(name: str, mailboxes: Sequence[Mailbox]) -> str:
    """`Name: Ada Admin <ada@acme.example>, …`, folded between mailboxes and between words."""
    last = len(mailboxes) - 1
    tokens: list[str] = []
    for position, mailbox in enumerate(mailboxes):
        tokens += mailbox_tokens(mailbox.name, str(mailbox.address))
        if position != last:
            tokens[-1] += ","
    return fold(name, tokens)


def mailbox_tokens(name: str, address: str) -> list[str]:
    """One mailbox as pieces that a line may be folded between.

    Spaces around the name and runs of them are not kept: no two readers agree on them.
    """
    name = " ".join(word for word in name.split(" ") if word)
    if not name:
        return [address]
    return [*_phrase(name), f"<{address}>"]


def _phrase(name: str) -> list[str]:
    if "=?" not in name and len(name) <= _LONGEST_QUOTED:
        if _is_phrase_of_atoms(name):
            return [name]
        if _is_words(name):
            return [quoted_string(name)]
    return encoded_words(name, first=_ENCODED_WORD_IN_PHRASE, rest=_ENCODED_WORD_IN_PHRASE)


def quoted_string(text: str) -> str:
    """Printable ASCII between quotation marks (RFC 5322 3.2.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def encoded_words(text: str, *, first: int, rest: int = _ENCODED_WORD) -> list[str]:
    """The text as UTF-8 encoded words, in the shorter of Q and B; no character is split.

    Args:
        first: characters that the first word may take, marks included; at least 25.
        rest: the same for those that follow.
    """
    raw = text.encode("utf-8")
    mark, cost = "q", sum(len(_Q[byte]) for byte in raw)
    if cost > (len(raw) + 2) // 3 * 4:
        mark = "b"

    words: list[str] = []
    chunk: list[bytes] = []
    size = 0
    room = _payload(first, mark)
    for character in text:
        piece = character.encode("utf-8")
        cost = len(piece) if mark == "b" else sum(len(_Q[byte]) for byte in piece)
        if size + cost > room:
            words.append(_encoded_word(b"".join(chunk), mark))
            chunk, size, room = [], 0, _payload(rest, mark)
        chunk.append(piece)
        size += cost
    words.append(_encoded_word(b"".join(chunk), mark))
    return words


def _payload(width: int, mark: str) -> int:
    """What fits between `=?utf-8?q?` and `?=`: characters for Q, octets before encoding for B."""
    characters = width - 12
    return characters if mark == "q" else characters // 4 * 3


def _encoded_word(raw: bytes, mark: str) -> str:
    payload = "".join(_Q[byte] for byte in raw) if mark == "q" else base64.b64encode(raw).decode()
    return f"=?utf-8?{mark}?{payload}?="


def parameter(name: str, value: str) -> list[str]:
    """A MIME parameter as `name="value"`, or in the numbered, percent-encoded form of RFC 2231."""
    if value.isascii() and len(value) <= _LONGEST_QUOTED and "=?" not in value:
        return [f"{name}={quoted_string(value)}"]

    # A piece must not end within a percent triplet; ours end between characters.
    pieces = [""]
    for character in value:
        encoded = quote(character, safe="")
        if len(pieces[-1]) + len(encoded) > _LONGEST_QUOTED - len(name):
            pieces.append("")
        pieces[-1] += encoded
    if len(pieces) == 1:
        return [f"{name}*=utf-8''{pieces[0]}"]
    pieces[0] = f"utf-8''{pieces[0]}"
    return [f"{name}*{number}*={piece}" for number, piece in enumerate(pieces)]


def fold(name: str, tokens: Iterable[str]) -> str:
    """`Name: token token …`; a new line begins where the next token would not fit.

    The first token always stands beside the name: a field whose first line is empty is legal but
    read differently by different programs.
    """
    lines: list[str] = []
    line = f"{name}:"
    for position, token in enumerate(tokens):
        if position and len(line) + 1 + len(token) > LINE:
            lines.append(line)
            line = ""
        line = f"{line} {token}"
    lines.append(line)
    return "\r\n".join(lines)


@lru_cache(maxsize=1024)
def date_value(moment: datetime) -> str:
    """The moment as RFC 5322 3.3 writes it, in UTC: equal moments give equal bytes.

    Raises:
        ValueError: the moment does not know its zone.
    """
    if moment.tzinfo is None:
        raise ValueError("Without its zone, a moment could be any of two dozen.")
    return format_datetime(moment.astimezone(UTC))
