"""What stands on the desk: threads found, their messages page by page, and what is unread.

`white_label_id` names the tenant; None is the Backoffice, which sees all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, selectinload

from portal.accounts.models import Person
from portal.core.db import db, writing_aside
from portal.core.errors import NotFound
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import search_words
from portal.core.words import _
from portal.desk.models import About, DeskFile, DeskMessage, Side, Thread, Unread

MESSAGES = 30
"""Messages of a thread that a page shows."""
EXCERPT = 160
"""Characters of the newest message that a list shows."""


class Show(StrEnum):
    """Which threads a list shows."""

    OPEN = "open"  # not closed, or not read yet: what the menu counts is in the list behind it
    UNREAD = "unread"  # with something new to this reader
    WAITING = "waiting"  # open, and the other side spoke last
    CLOSED = "closed"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Search:
    words: str = ""
    show: Show = Show.OPEN
    about: About | None = None
    white_label_id: int | None = None  # for the Backoffice: of this one only


@dataclass(frozen=True, slots=True)
class Row:
    """A thread as a list shows it."""

    thread: Thread
    newest: DeskMessage | None
    files: int  # that came with the newest message
    is_unread: bool
    is_ours_to_answer: bool

    @property
    def excerpt(self) -> str:
        words = " ".join(self.newest.words.split()) if self.newest else ""
        return words if len(words) <= EXCERPT else f"{words[:EXCERPT].rstrip()}…"


def find(white_label_id: int | None, thread_id: int) -> Thread:
    """This thread.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    query = _threads(white_label_id).where(Thread.id == thread_id)
    thread = db.session.scalar(query.options(joinedload(Thread.white_label)))
    if thread is None:
        raise NotFound(_("conversation"))
    return thread


def search(
    white_label_id: int | None,
    asked: Search,
    *,
    reader: Person,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Row]:
    """One page of threads, the one with the newest message first.

    Each word that is searched for is in the subject, or in what somebody wrote, or the name of a
    file.
    """
    query = _asked(white_label_id, asked, reader).options(joinedload(Thread.white_label))
    page = page_of(query, Thread.newest_id, before=before, after=after, size=size)
    return Page(list(_rows(page.rows, reader)), page.older, page.newer)


def all_of(white_label_id: int | None, asked: Search, *, reader: Person) -> Iterator[Row]:
    """The same for a file: all that is found, the newest first."""
    before: int | None = None
    while True:
        page = search(white_label_id, asked, reader=reader, before=before, size=500)
        yield from page.rows
        if page.older is None:
            return
        before = page.older


def open_about(white_label_id: int, about: About) -> Thread | None:
    """The newest conversation about this that is not closed."""
    query = _threads(white_label_id).where(Thread.about == about, Thread.closed_at.is_(None))
    return db.session.scalar(query.order_by(Thread.id.desc()).limit(1))


def is_empty(white_label_id: int | None) -> bool:
    """Whether nobody has ever written."""
    return db.session.scalar(_threads(white_label_id).limit(1)) is None


def page_of_messages(thread: Thread, *, before: int | None = None) -> Page[DeskMessage]:
    """The newest messages, or those older than the id `before`; each page from old to new."""
    query = (
        select(DeskMessage)
        .where(DeskMessage.thread_id == thread.id)
        .options(joinedload(DeskMessage.author), selectinload(DeskMessage.files))
    )
    page = page_of(query, DeskMessage.id, before=before, size=MESSAGES)
    return Page(page.rows[::-1], page.older, page.newer)


def find_file(white_label_id: int | None, thread_id: int, file_id: int) -> DeskFile:
    """A file of this thread.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    query = (
        select(DeskFile)
        .join(DeskMessage, DeskMessage.id == DeskFile.message_id)
        .join(Thread, Thread.id == DeskMessage.thread_id)
        .where(_of(white_label_id), Thread.id == thread_id, DeskFile.id == file_id)
    )
    file = db.session.scalar(query)
    if file is None:
        raise NotFound(_("file"))
    return file


def unread_count(person: Person) -> int:
    """Threads with something new to this person. Asked by each page, so it reads one index."""
    query = select(func.count()).select_from(Unread).where(Unread.person_id == person.id)
    return db.session.scalar(query) or 0


def waiting_count(reader: Person) -> int:
    """Open threads in which the other side spoke last."""
    query = _asked(reader.white_label_id, Search(show=Show.WAITING), reader)
    return db.session.scalar(select(func.count()).select_from(query.subquery())) or 0


def first_unread(thread: Thread, person: Person) -> int | None:
    """The id of the first message that is new to this person."""
    unread = db.session.get(Unread, (person.id, thread.id))
    return unread.first_id if unread else None


def is_ours_to_answer(thread: Thread, reader: Person) -> bool:
    """Whether the other side spoke last and nobody has closed it."""
    return thread.newest_side is _other_side(reader) and not thread.is_closed


def mark_read(thread: Thread, person: Person) -> None:
    """The person looks at it now. In a short transaction of its own, because looking only reads.

    What is written in the same moment stays unread, and so does all of it where the store is too
    busy for a note.
    """
    seen = (
        delete(Unread)
        .where(Unread.person_id == person.id, Unread.thread_id == thread.id)
        .where(Unread.newest_id <= thread.newest_id)
    )
    try:
        with writing_aside() as connection:
            connection.execute(seen)
    except OperationalError:
        return


def _of(white_label_id: int | None) -> ColumnElement[bool]:
    if white_label_id is None:
        return Thread.white_label_id.is_not(None)
    return Thread.white_label_id == white_label_id


def _threads(white_label_id: int | None) -> Select[Thread]:
    return select(Thread).where(_of(white_label_id))


def _asked(white_label_id: int | None, asked: Search, reader: Person) -> Select[Thread]:
    query = _threads(white_label_id)
    for word in search_words(asked.words):
        query = query.where(_has(word))
    if asked.about is not None:
        query = query.where(Thread.about == asked.about)
    if asked.white_label_id is not None:
        query = query.where(Thread.white_label_id == asked.white_label_id)
    match asked.show:
        case Show.OPEN:
            query = query.where(Thread.closed_at.is_(None) | _is_unread_by(reader))
        case Show.CLOSED:
            query = query.where(Thread.closed_at.is_not(None))
        case Show.UNREAD:
            query = query.where(_is_unread_by(reader))
        case Show.WAITING:
            query = query.where(
                Thread.closed_at.is_(None), Thread.newest_side == _other_side(reader)
            )
        case Show.ALL:
            pass
    return query


def _is_unread_by(reader: Person) -> ColumnElement[bool]:
    return exists().where(Unread.person_id == reader.id, Unread.thread_id == Thread.id)


def _has(word: str) -> ColumnElement[bool]:
    said = exists().where(
        DeskMessage.thread_id == Thread.id, DeskMessage.text.icontains(word, autoescape=True)
    )
    added = exists().where(
        and_(
            DeskMessage.thread_id == Thread.id,
            DeskFile.message_id == DeskMessage.id,
            DeskFile.name.icontains(word, autoescape=True),
        )
    )
    return or_(Thread.subject.icontains(word, autoescape=True), said, added)


def _other_side(reader: Person) -> Side:
    return Side.WHITE_LABEL if reader.white_label_id is None else Side.BACKOFFICE


def _rows(threads: Sequence[Thread], reader: Person) -> Iterator[Row]:
    """With what each row needs of the messages, read for all rows at once."""
    newest = _newest(threads)
    unread = _unread(threads, reader)
    files = _files(newest)
    for thread in threads:
        message = newest.get(thread.newest_id)
        yield Row(
            thread,
            message,
            files.get(thread.newest_id, 0),
            is_unread=thread.id in unread,
            is_ours_to_answer=is_ours_to_answer(thread, reader),
        )


def _newest(threads: Sequence[Thread]) -> Mapping[int, DeskMessage]:
    ids = [thread.newest_id for thread in threads]
    query = select(DeskMessage).where(DeskMessage.id.in_(ids))
    found = db.session.scalars(query.options(joinedload(DeskMessage.author)))
    return {message.id: message for message in found}


def _files(newest: Mapping[int, DeskMessage]) -> Mapping[int, int]:
    query = select(DeskFile.message_id, func.count()).where(DeskFile.message_id.in_(newest))
    rows = db.session.execute(query.group_by(DeskFile.message_id))
    return {row[0]: row[1] for row in rows}


def _unread(threads: Sequence[Thread], reader: Person) -> frozenset[int]:
    ids = [thread.id for thread in threads]
    query = select(Unread.thread_id).where(Unread.person_id == reader.id, Unread.thread_id.in_(ids))
    return frozenset(db.session.scalars(query))
