"""From a row of a list to a person: which column is the address, and what is wrong with a row.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from portal.campaigns.csv_reading import LONGEST_CELL, NUL, Layout, fit_to_show, is_mailbox
from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.addresses import Address, AddressError, check_name, parse_address, parse_mailbox

LONGEST_VALUE = 2000
RESERVED = frozenset({"email", "name", "brand", "unsubscribe_url"})
"""Names that every template knows already."""

_ADDRESS_NAMES = {"email", "e-mail", "mail", "address", "email address", "e-mail address",
                  "e-mail-adresse", "emailadresse", "adresse"}  # fmt: skip
_NAME_NAMES = {"name", "full name", "fullname", "display name", "vollständiger name"}
_LANGUAGE_NAMES = {"language", "lang", "locale", "sprache"}

_is_variable = re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch
_not_in_variable = re.compile(r"[^a-z0-9]+")
_language = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}))?")
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the columns are, counted from 0; a column in none of these is left out."""

    address: int
    name: int | None = None
    language: int | None = None
    variables: Map[int, str] = field(default_factory=dict)  # column: the variable it becomes

    def checked(self, columns: int) -> Mapping:
        """Itself, if a file with so many columns can be read by it.

        Raises:
            Refusal: a column is not there or has two meanings, or a variable cannot be called so.
        """
        special = [at for at in (self.address, self.name, self.language) if at is not None]
        used = [*special, *self.variables]
        if len(set(used)) < len(used) or not all(0 <= at < columns for at in used):
            raise Refusal(
                "columns_not_fit", _("Each column can have one meaning."), field="mapping"
            )
        names = list(self.variables.values())
        for name in names:
            if not _is_variable(name) or name in RESERVED or names.count(name) > 1:
                raise Refusal(
                    "variable_not_fit",
                    _(
                        "A variable has small letters, digits and _, a letter first, and is there "
                        "once; %(name)s is not possible.",
                        name=name,
                    ),
                    field="mapping",
                )
        return self

    def to_json(self) -> dict[str, Any]:
        stored = asdict(self)
        stored["variables"] = {str(at): name for at, name in self.variables.items()}
        return stored

    @classmethod
    def from_json(cls, stored: Map[str, Any]) -> Mapping:
        variables = {int(at): name for at, name in stored["variables"].items()}
        return cls(stored["address"], stored["name"], stored["language"], variables)


@dataclass(frozen=True, slots=True)
class Member:
    """A row that can be written to."""

    address: Address
    name: str
    language: str
    values: Map[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot, and the cell that is why."""

    row: int  # the line of the file
    column: str
    cell: str
    kind: str  # address, name, language, value or columns

    @property
    def words(self) -> str:
        """What is wrong, in the reader's language."""
        try:
            match self.kind:
                case "address":
                    parse_mailbox(self.cell)
                case "name":
                    check_name(self.cell)
                case _:
                    pass
        except AddressError as error:
            return error.words
        return _FAULTS[self.kind]()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_FAULTS = {
    "address": lambda: _("This is not a valid e-mail address."),
    "name": lambda: _("This is not a valid name."),
    "language": lambda: _("A language is written like en, de or pt-BR."),
    "value": lambda: _("A value has at most %(limit)s characters.", limit=LONGEST_VALUE),
    "columns": lambda: _("This row has more columns than the list."),
}


def suggest(layout: Layout) -> Mapping:
    """What the columns seem to be, by their names and first rows."""
    names = [name.strip().lower() for name in layout.header]
    address = _first(names, _ADDRESS_NAMES)
    looks = next(
        (
            at
            for row in layout.sample
            for at, cell in enumerate(row[: len(names)])
            if is_mailbox(cell)
        ),
        0,
    )
    if address is None or not any(
        is_mailbox(row[address]) for row in layout.sample if address < len(row)
    ):
        address = looks
    name = _first(names, _NAME_NAMES)
    language = _first(names, _LANGUAGE_NAMES)
    name = None if name == address else name
    variables: dict[int, str] = {}
    for at, title in enumerate(names):
        if at not in (address, name, language) and layout.has_header:
            variables[at] = _variable(title, taken={*variables.values(), *RESERVED})
    return Mapping(address, name, language, variables)


def read_row(
    row: int, cells: Sequence[str], mapping: Mapping, header: Sequence[str]
) -> Member | Fault:
    """The person in this row, or the first thing that is wrong with it."""

    def cell(at: int | None) -> str:
        return cells[at].strip() if at is not None and at < len(cells) else ""

    def fault(at: int, text: str, kind: str) -> Fault:
        title = header[at] if at < len(header) else str(at + 1)
        return Fault(row, title, fit_to_show(text[:300]), kind)

    beyond = next((at for at, text in enumerate(cells[len(header) :]) if text.strip()), None)
    if beyond is not None:
        at = len(header) + beyond
        return fault(at, cells[at], "columns")
    written = cell(mapping.address)
    try:
        if written.endswith(">"):
            mailbox = parse_mailbox(written)
            address, name = mailbox.address, mailbox.name
        else:
            address, name = parse_address(written), ""
    except AddressError:
        return fault(mapping.address, written, "address")
    if mapping.name is not None:
        name = cell(mapping.name) or name
        try:
            check_name(name)
        except AddressError:
            return fault(mapping.name, name, "name")
    language = cell(mapping.language)
    if language:
        spelt = language_tag(language)
        if spelt is None:
            return fault(mapping.language or 0, language, "language")
        language = spelt
    values = {}
    for at, variable in mapping.variables.items():
        value = cell(at)
        if len(value) > LONGEST_VALUE or len(value) > LONGEST_CELL or NUL in value:
            return fault(at, value, "value")
        if value:
            values[variable] = value
    return Member(address, name, language, values)


def language_tag(text: str) -> str | None:
    """`DE`, `de_AT` or `zh-hans-cn` as it is written (RFC 5646 2.1.1); None: it is no language."""
    found = _language.fullmatch(text.strip())
    if found is None:
        return None
    language, script, region = found.groups()
    parts = (language.lower(), script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part)


def _first(names: Sequence[str], wanted: set[str]) -> int | None:
    return next((at for at, name in enumerate(names) if name in wanted), None)


def _variable(title: str, *, taken: set[str]) -> str:
    """A column's title as the name of a variable that is not taken."""
    name = _not_in_variable.sub("_", title.lower().translate(_SPELT)).strip("_")[:36]
    if not name or not name[0].isalpha():
        name = f"column_{name}".rstrip("_")
    number, found = 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
