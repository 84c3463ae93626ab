"""DNS records as a provider shows them and a person pastes them, read into type, name and value.

Understood, one record a line: lines of a zone file (``name 3600 IN TXT "value"``), and columns set
apart by tabs, bars, semicolons or spaces in the order type, name, value or name, type, value.
``{domain}`` stands for the domain. Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from portal.core.errors import Refusal
from portal.core.words import _
from portal.domains.records import MAX_RECORDS, Purpose, RecordType, Wanted, checked, unquoted

PLACEHOLDER = "{domain}"
EXAMPLE = "domain.example"
"""A template is tried with this domain before it is stored."""

_is_ttl = re.compile(r"[0-9]+[smhdw]?", re.IGNORECASE).fullmatch
_find_quoted = re.compile(r'"(?:[^"\\]|\\.)*"')


def read_records(text: str, domain: str) -> list[Wanted]:
    """Every record in the text, canonical; empty lines and comments (``;``, ``#``) are passed over.

    Raises:
        Refusal: a line that is no record, named by its number, or a record that cannot be.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    wanted = [(number, line) for number, line in lines if line and line[0] not in ";#"]
    if len(wanted) > MAX_RECORDS:
        raise _refusal("records_many", _("At most %(limit)s records.", limit=MAX_RECORDS))
    return checked(
        domain, [_record(number, line.replace(PLACEHOLDER, domain)) for number, line in wanted]
    )


def _record(number: int, line: str) -> Wanted:
    cells = list(_cells(line))
    upper = [cell.upper() for cell in cells]
    at = next((at for at, word in enumerate(upper[:4]) if word in list(RecordType)), None)
    if at is None:
        raise _malformed(number, _("it needs the type TXT or CNAME"))
    # Between the name and the type a zone file may have a lifetime and a class.
    between = upper[1:at]
    name, rest = (cells[1:2], cells[2:]) if at == 0 else (cells[:1], cells[at + 1 :])
    if not rest or any(word != "IN" and not _is_ttl(word) for word in between):
        raise _malformed(number, _("it needs a type, a name and a value"))
    kind = RecordType(upper[at])
    value = " ".join(rest)
    if kind is RecordType.CNAME and len(rest) > 1:
        raise _malformed(number, _("a CNAME leads to one name"))
    purpose = _purpose(kind, name[0], value)
    # DMARC is advice: mail is authenticated without it, and the domain's own policy may be above.
    return Wanted(purpose, kind, name[0], value, is_required=purpose is not Purpose.DMARC)


def _cells(line: str) -> Iterator[str]:
    """Columns by the separator that the line uses; spaces only where it uses no other.

    A value may contain any of them, so only what stands before it is cut.
    """
    bare = _find_quoted.sub("", line)
    for separator in ("\t", "|", ";"):
        columns = line.strip(separator).split(separator, 2)
        is_table = separator in bare and len(columns) == 3
        if is_table and any(column.strip().upper() in list(RecordType) for column in columns[:2]):
            yield from (column.strip() for column in columns)
            return
    yield from line.split()


def _purpose(kind: RecordType, name: str, value: str) -> Purpose:
    """What a record is for can be seen from its name and value."""
    labels = name.lower().split(".")
    if "_domainkey" in labels:
        return Purpose.DKIM
    if labels[0] == "_dmarc":
        return Purpose.DMARC
    if kind is RecordType.CNAME:
        return Purpose.RETURN_PATH
    is_spf = unquoted(value).lower().startswith("v=spf1")
    return Purpose.SPF if is_spf else Purpose.PROVIDER


def _malformed(number: int, why: str) -> Refusal:
    words = _("Line %(number)s is not a record: %(why)s.", number=number, why=why)
    return _refusal("record_malformed", words)


def _refusal(code: str, words: str) -> Refusal:
    return Refusal(code, words, field="records")
