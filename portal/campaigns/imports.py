"""Lists on their way into an audience.

1. `upload` keeps the file in pieces and looks how it is written.
2. `map_columns` says which column is what; `begin` starts the reading.
3. `read` (in the background) reads it row by row and stores the people *behind* what is visible in
   the audience. Each step is one transaction that leaves behind how far it came: a process that is
   killed loses at most its step, and whoever goes on begins there.
4. What is wrong with the list can be looked at; then `confirm` makes all of it visible with one
   change of one row, or `cancel` has it removed (`clear_away`, in the background).

So the dry run is the import itself, seen by nobody: its numbers are not an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO

from sqlalchemy import delete, func, insert, select

from portal.accounts.models import Person
from portal.audit import trail
from portal.campaigns import audiences, csv_reading
from portal.campaigns.csv_reading import Layout, Record
from portal.campaigns.mapping import Fault, Mapping, Member, read_row, suggest
from portal.campaigns.models import (
    Audience,
    AudienceImport,
    AudienceMember,
    ImportPiece,
    ImportState,
)
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.outbox import suppressions
from portal.outbox.states import Category

MEGABYTE = 1024 * 1024
LARGEST = 64 * MEGABYTE
MOST_ROWS = 200_000
PIECE = 256 * 1024
"""Bytes of a file in one row of the database."""
AT_ONCE = 1000
"""Rows of a list in one step."""
FIRST_FAULTS = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a list was read."""

    done: float  # 0 to 1, of its bytes
    rows: int
    ends_at: datetime | None  # at the speed so far


def upload(
    audience: Audience, file: BinaryIO, *, filename: str, by: Person | None
) -> AudienceImport:
    """Keep a file and see how it is written.

    Raises:
        Refusal: it is empty or too large, or another list is on its way into this audience.
    """
    lock(audience)
    audiences.refuse_while_open(audience)
    imported = AudienceImport(
        audience_id=audience.id,
        by_id=by.id if by else None,
        filename=(filename.strip() or "list.csv")[:200],
        state=ImportState.UPLOADED,
        created_at=clock.now(),
        size=0,
        encoding="",
        delimiter="",
        has_header=False,
        header=[],
        sample=[],
        mapping={},
        faults=[],
        columns={},
        languages={},
    )
    db.session.add(imported)
    db.session.flush()
    begins, is_utf8 = _keep(imported, file)
    layout = csv_reading.look(begins, csv_reading.guess_encoding(begins, is_utf8=is_utf8))
    imported.encoding, imported.delimiter = layout.encoding, layout.delimiter
    imported.has_header = layout.has_header
    imported.header = list(layout.header)
    imported.sample = [list(row) for row in layout.sample]
    imported.mapping = suggest(layout).to_json()
    db.session.flush()
    return imported


def paste(audience: Audience, text: str, *, by: Person | None) -> AudienceImport:
    """The same for pasted text: lines of CSV, or addresses as they stand in a mail program.

    Raises:
        Refusal: as `upload`.
    """
    tidy = csv_reading.tidy_pasted(text)
    return upload(audience, BytesIO(tidy.encode()), filename=_("Pasted text"), by=by)


def _keep(imported: AudienceImport, file: BinaryIO) -> tuple[bytes, bool]:
    """Store the pieces; the first bytes, and whether all of it is UTF-8."""
    begins, check = b"", csv_reading.Utf8Check()
    number = 0
    while piece := file.read(PIECE):
        imported.size += len(piece)
        if imported.size > LARGEST:
            raise Refusal(
                "file_too_large",
                _("A list has at most %(limit)s MB.", limit=LARGEST // MEGABYTE),
                field="file",
            )
        if len(begins) < csv_reading.LOOKED_AT:
            begins += piece
        check.feed(piece)
        number += 1
        db.session.execute(
            insert(ImportPiece).values(import_id=imported.id, number=number, content=piece)
        )
    check.feed(b"", is_last=True)
    if not begins.strip():
        raise Refusal("file_empty", _("There is nothing in this file."), field="file")
    return begins, check.is_utf8


def mapping_of(imported: AudienceImport) -> Mapping:
    """What its columns are, as was chosen, or at first as it seems."""
    return Mapping.from_json(imported.mapping)


def map_columns(imported: AudienceImport, mapping: Mapping) -> None:
    """Say what the columns are.

    Raises:
        Refusal: that cannot be, or it was read already.
    """
    lock(imported)
    if imported.state is not ImportState.UPLOADED:
        raise Refusal("import_begun", _("This list has been read already."))
    imported.mapping = mapping.checked(len(imported.header)).to_json()


def begin(imported: AudienceImport) -> None:
    """Let it be read; the caller asks for the work when this is committed.

    Raises:
        Refusal: it was read already.
    """
    lock(imported)
    if imported.state is not ImportState.UPLOADED:
        raise Refusal("import_begun", _("This list has been read already."))
    imported.state, imported.started_at = ImportState.CHECKING, clock.now()


def progress(imported: AudienceImport) -> Progress:
    """How far it is; a page may ask each second."""
    if imported.state is not ImportState.CHECKING:
        return Progress(
            0.0 if imported.state is ImportState.UPLOADED else 1.0, imported.rows_read, None
        )
    done = imported.bytes_read / imported.size if imported.size else 1.0
    ends_at = None
    if imported.started_at is not None and done > 0:
        passed = (clock.now() - imported.started_at).total_seconds()
        ends_at = clock.now() + timedelta(seconds=passed * (1 - done) / done)
    return Progress(min(done, 1.0), imported.rows_read, ends_at)


def faults_of(imported: AudienceImport) -> list[Fault]:
    """The first rows that cannot be taken; `AudienceImport.faulty` counts all of them."""
    return [Fault(**stored) for stored in imported.faults]


def confirm(imported: AudienceImport) -> None:
    """Its people are in the audience, all at once.

    Raises:
        Refusal: it was not read to its end, or is decided already.
    """
    audience = imported.audience  # its row comes first, as where somebody deletes it
    lock(audience)
    lock(imported)
    if imported.state is not ImportState.CHECKED:
        raise Refusal("import_not_checked", _("This list is not ready to be taken over."))
    newest = select(func.max(AudienceMember.id)).where(AudienceMember.audience_id == audience.id)
    audience.visible_to = db.session.scalar(newest) or audience.visible_to
    audience.size += imported.added
    audience.columns = _sum(audience.columns, imported.columns)
    audience.languages = _sum(audience.languages, imported.languages)
    imported.state, imported.ended_at = ImportState.DONE, clock.now()
    _forget_file(imported)
    trail.record(
        audience.white_label_id,
        "audience.imported",
        f"audience {audience.id} {audience.name}",
        {"file": imported.filename, "people": imported.added},
    )


def cancel(imported: AudienceImport) -> None:
    """It is not wanted; the caller asks for the work that removes its rows.

    Raises:
        Refusal: it is decided already.
    """
    lock(imported)
    if not imported.state.is_open:
        raise Refusal("import_decided", _("This list was decided on already."))
    imported.state, imported.ended_at = ImportState.CANCELLED, clock.now()
    _forget_file(imported)


def find(white_label_id: int, import_id: int) -> AudienceImport:
    """One list.

    Raises:
        NotFound: missing, of a deleted audience, or somebody else's.
    """
    found = db.session.scalar(
        select(AudienceImport)
        .join(AudienceImport.audience)
        .where(
            AudienceImport.id == import_id,
            Audience.white_label_id == white_label_id,
            Audience.deleted_at.is_(None),
        )
    )
    if found is None:
        raise NotFound(_("import"))
    return found


def open_of(audience: Audience) -> AudienceImport | None:
    """The list that is on its way, if there is one."""
    return next((one for one in latest_of(audience, most=1) if one.state.is_open), None)


def latest_of(audience: Audience, *, most: int = 10) -> Sequence[AudienceImport]:
    """The last lists, newest first."""
    query = select(AudienceImport).where(AudienceImport.audience_id == audience.id)
    return db.session.scalars(query.order_by(AudienceImport.id.desc()).limit(most)).all()


# In the background


def to_do() -> Sequence[int]:
    """Lists that have to be read or cleared away."""
    query = select(AudienceImport.id).where(
        (AudienceImport.state == ImportState.CHECKING)
        | (AudienceImport.state.in_((ImportState.CANCELLED, ImportState.FAILED)))
        & (AudienceImport.added > 0)
    )
    return db.session.scalars(query.order_by(AudienceImport.id)).all()


def work(import_id: int) -> Iterator[None]:
    """Read a list, or remove what was read of one that is not wanted.

    The caller commits after each step; one that ends early is taken up again.
    """
    imported = db.session.get(AudienceImport, import_id)
    if imported is None:
        return
    yield from _read(imported)
    if imported.state in (ImportState.CANCELLED, ImportState.FAILED):
        yield from _clear_away(imported)


def _read(imported: AudienceImport) -> Iterator[None]:
    layout = Layout(
        imported.encoding,
        imported.delimiter,
        imported.has_header,
        tuple(imported.header),
        (),
    )
    pieces = _Pieces(imported)
    rows = csv_reading.read(pieces, layout)
    seen = sum(1 for _row in islice(rows, imported.rows_read))
    while True:
        db.session.refresh(imported, with_for_update=True)
        if imported.state is not ImportState.CHECKING or imported.rows_read != seen:
            # Somebody cancelled it, or somebody else reads it.
            return
        batch = list(islice(rows, AT_ONCE))
        seen += len(batch)
        _take(imported, batch)
        imported.bytes_read = pieces.read
        if seen > MOST_ROWS:
            imported.state, imported.ended_at = ImportState.FAILED, clock.now()
            imported.words = _("A list has at most %(limit)s rows.", limit=MOST_ROWS)
            _forget_file(imported)
        elif len(batch) < AT_ONCE:
            imported.state = ImportState.CHECKED
        db.session.flush()
        yield


def _take(imported: AudienceImport, batch: Sequence[Record]) -> None:
    """One step: judge the rows, leave out who is there, store the others behind the visible."""
    audience = imported.audience
    mapping = mapping_of(imported)
    judged = [read_row(row.line, row.cells, mapping, imported.header) for row in batch]
    faults = [one for one in judged if isinstance(one, Fault)]
    people: dict[str, Member] = {}
    for one in judged:
        if isinstance(one, Member):
            people.setdefault(one.address.folded, one)
    twice = sum(isinstance(one, Member) for one in judged) - len(people)

    there = db.session.execute(
        select(AudienceMember.address, AudienceMember.id).where(
            AudienceMember.audience_id == audience.id, AudienceMember.address.in_(people)
        )
    )
    known = 0
    for address, member_id in there:
        is_old = member_id <= audience.visible_to
        known += is_old
        twice += not is_old
        del people[address]
    if people:
        rows = [_row(audience, person) for person in people.values()]
        db.session.connection().execute(insert(AudienceMember), rows)
    unwanted = suppressions.among(audience.white_label_id, list(people), Category.CAMPAIGN)

    imported.rows_read += len(batch)
    imported.added += len(people)
    imported.faulty += len(faults)
    imported.duplicates += twice
    imported.known += known
    imported.suppressed += len(unwanted)
    kept = FIRST_FAULTS - len(imported.faults)
    imported.faults = [*imported.faults, *(fault.to_json() for fault in faults[:kept])]
    columns, languages = dict(imported.columns), dict(imported.languages)
    for person in people.values():
        audiences.add(columns, person.values, 1)
        audiences.add(columns, ["name"] if person.name else [], 1)
        audiences.add(languages, [person.language], 1)
    imported.columns, imported.languages = columns, languages


def _row(audience: Audience, person: Member) -> dict[str, Any]:
    return {
        "audience_id": audience.id,
        "address": person.address.folded,
        "email": str(person.address),
        "name": person.name,
        "language": person.language,
        "values": dict(person.values) or None,
    }


def _clear_away(imported: AudienceImport) -> Iterator[None]:
    """Remove what was read of it. Nothing else can be behind the visible while it has rows."""
    db.session.refresh(imported.audience)
    yield from audiences.remove_rows(imported.audience_id, beyond=imported.audience.visible_to)
    imported.added = 0
    yield


class _Pieces:
    """The bytes of a file, one piece after the other."""

    def __init__(self, imported: AudienceImport) -> None:
        self._import_id = imported.id
        self.read = 0

    def __iter__(self) -> Iterator[bytes]:
        number = 1
        while True:
            content = db.session.scalar(
                select(ImportPiece.content).where(
                    ImportPiece.import_id == self._import_id, ImportPiece.number == number
                )
            )
            if content is None:
                return
            self.read += len(content)
            number += 1
            yield content


def _forget_file(imported: AudienceImport) -> None:
    db.session.execute(
        delete(ImportPiece).where(ImportPiece.import_id == imported.id),
        execution_options={"synchronize_session": False},
    )


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    counts = dict(first)
    for name, number in second.items():
        counts[name] = counts.get(name, 0) + number
    return counts
