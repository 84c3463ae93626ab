"""Threads: opened, written in, closed. Everything said is told to the other side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy import text as sql

from portal.accounts import attempts
from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _, kept
from portal.desk import telling
from portal.desk.attachments import Attached
from portal.desk.models import About, DeskFile, DeskMessage, Side, Thread
from portal.desk.wording import clean_subject, clean_text
from portal.white_labels.models import WhiteLabel

MOST_FILES = 5
DAY = timedelta(days=1)
WRITTEN_PER_HOUR = 60
"""Messages of one person: more than anybody types, few enough to be read."""
LOOKED_INTO_PER_HOUR = 60
"""Files of one person, the refused ones too: each of them may take a second of a core."""
OPENED_PER_DAY = 20
"""Threads of one white label; each of them calls every platform owner."""
FILES_PER_DAY = 100 * 1024 * 1024
"""Bytes of one white label's threads, from both sides."""


def open_thread(
    white_label: WhiteLabel,
    *,
    subject: str,
    text: str,
    author: Person | None,
    about: About = About.GENERAL,
    files: Sequence[Attached] = (),
    once: str | None = None,
    mails: bool = True,
) -> Thread:
    """Begin a conversation; without an author the portal itself begins it.

    `once` is the token of a form: the same one with the same words again gives the thread that is
    there. With `mails` false nobody gets a mail, because the caller writes a letter of its own.

    Raises:
        Refusal: at `subject`, `text` or `files`, or too many were opened today.
        NotFound: the author is somebody else's.
    """
    subject, text = clean_subject(subject), clean_text(text, has_files=bool(files))
    _take_turns(author)
    said = _said_with(author, once)
    if said is not None and _is_same(said, text, files) and said.thread.subject == subject:
        return said.thread
    once = None if said else once
    if author is not None and author.white_label_id is not None:
        _count_opened(white_label)
    now = clock.now()
    thread = Thread(
        white_label_id=white_label.id,
        about=about,
        subject=subject,
        opened_at=now,
        opened_by_id=author.id if author else None,
        newest_at=now,
        messages=0,
    )
    db.session.add(thread)
    db.session.flush()
    _say(thread, author, text, files, once, mails=mails)
    trail.record(white_label.id, "thread.opened", _told(thread))
    return thread


def write(
    thread: Thread,
    *,
    author: Person,
    text: str,
    files: Sequence[Attached] = (),
    once: str | None = None,
    mails: bool = True,
) -> DeskMessage:
    """Say something more; a closed thread is open again. The words are kept as plain text.

    Raises:
        Refusal: at `text` or `files`, or too much was written lately.
        NotFound: the author is somebody else's.
    """
    text = clean_text(text, has_files=bool(files))
    _take_turns(author)
    said = _said_with(author, once)
    if said is not None and _is_same(said, text, files) and said.thread_id == thread.id:
        return said
    once = None if said else once
    # Of two who write at once the second waits, so that the row tells of the newest message.
    db.session.refresh(thread, with_for_update={"of": Thread})
    message = _say(thread, author, text, files, once, mails=mails)
    reopen(thread)
    return message


def note(thread: Thread, *, text: str) -> DeskMessage:
    """The portal itself tells both sides what happened, on the page only.

    Whoever calls it writes the letter that belongs to it.
    """
    db.session.refresh(thread, with_for_update={"of": Thread})
    return _say(thread, None, kept(text), (), None, mails=False)


def close(thread: Thread, *, by: Person | None) -> None:
    """Nothing is left to say; whoever writes again opens it again."""
    if not thread.is_closed:
        thread.closed_at, thread.closed_by_id = clock.now(), by.id if by else None
        trail.record(thread.white_label_id, "thread.closed", _told(thread))


def reopen(thread: Thread) -> None:
    """As before it was closed."""
    if thread.is_closed:
        thread.closed_at = thread.closed_by_id = None
        trail.record(thread.white_label_id, "thread.reopened", _told(thread))


def side_of(person: Person | None) -> Side:
    """For whom this person speaks."""
    if person is None:
        return Side.PORTAL
    return Side.BACKOFFICE if person.white_label_id is None else Side.WHITE_LABEL


def count_files(author: Person, number: int) -> None:
    """Count files before anybody looks into them; the caller commits first.

    Raises:
        Refusal: at `files`: this person has sent too many within the hour.
    """
    _take_turns(author)
    subject = f"desk files of person {author.id}"
    if attempts.how_often(subject, timedelta(hours=1)) + number > LOOKED_INTO_PER_HOUR:
        raise Refusal(
            "too_many_files_an_hour",
            _("At most %(count)s files an hour. Go on later.", count=LOOKED_INTO_PER_HOUR),
            field="files",
        )
    for _file in range(number):
        attempts.count(subject)


def too_many_files() -> Refusal:
    """What is said to somebody who adds more than `MOST_FILES`."""
    return Refusal(
        "too_many_files",
        _("At most %(count)s files go with one message.", count=MOST_FILES),
        field="files",
    )


def _say(
    thread: Thread,
    author: Person | None,
    text: str,
    files: Sequence[Attached],
    once: str | None,
    *,
    mails: bool,
) -> DeskMessage:
    """One message into a thread whose row is ours; the words are clean already."""
    if author is not None:
        _check_belongs(thread, author)
    _check_files(thread, files)
    if author is not None:
        _count_written(author)
    side = side_of(author)
    message = DeskMessage(
        thread_id=thread.id,
        side=side,
        author_id=author.id if author else None,
        at=clock.now(),
        text=text,
        once=once or None,
    )
    message.files = [
        DeskFile(
            name=file.name,
            kind=file.kind,
            size=len(file.content),
            width=file.width,
            height=file.height,
            content=file.content,
            preview=file.preview,
        )
        for file in files
    ]
    db.session.add(message)
    db.session.flush()
    thread.messages += 1
    thread.newest_id, thread.newest_at = message.id, message.at
    if side is not Side.PORTAL:
        thread.newest_side = side
    telling.tell(thread, message, author=author, mails=mails)
    return message


def _take_turns(author: Person | None) -> None:
    """One form of one person at a time: a double click is two requests at once."""
    if author is not None and db.engine.dialect.name == "postgresql":
        db.session.execute(sql("SELECT pg_advisory_xact_lock(7064, :id)"), {"id": author.id})


def _said_with(author: Person | None, once: str | None) -> DeskMessage | None:
    """What was said with this form's token."""
    if author is None or not once:
        return None
    query = select(DeskMessage).where(DeskMessage.author_id == author.id, DeskMessage.once == once)
    return db.session.scalar(query)


def _is_same(said: DeskMessage, text: str, files: Sequence[Attached]) -> bool:
    """Whether a form came twice; with other words in it somebody went back and wrote anew."""
    kept = [(file.name, file.size) for file in said.files]
    return said.text == text and kept == [(file.name, len(file.content)) for file in files]


def _check_belongs(thread: Thread, author: Person) -> None:
    """Only its own white label's people and the platform's owners speak in a thread."""
    if author.white_label_id not in (None, thread.white_label_id):
        raise NotFound(_("conversation"))


def _check_files(thread: Thread, files: Sequence[Attached]) -> None:
    if not files:
        return
    if len(files) > MOST_FILES:
        raise too_many_files()
    kept = (
        select(func.coalesce(func.sum(DeskFile.size), 0))
        .join(DeskMessage, DeskMessage.id == DeskFile.message_id)
        .join(Thread, Thread.id == DeskMessage.thread_id)
        .where(Thread.white_label_id == thread.white_label_id, DeskMessage.at > clock.now() - DAY)
    )
    size = sum(len(file.content) for file in files)
    if int(db.session.scalar(kept) or 0) + size > FILES_PER_DAY:
        raise Refusal(
            "too_many_bytes",
            _(
                "More than %(count)s MB were added within a day. Write without files, or go on "
                "tomorrow.",
                count=FILES_PER_DAY >> 20,
            ),
            field="files",
        )


def _count_written(author: Person) -> None:
    subject = f"written on the desk by person {author.id}"
    if attempts.how_often(subject, timedelta(hours=1)) >= WRITTEN_PER_HOUR:
        raise Refusal(
            "written_too_often",
            _(
                "You wrote %(count)s messages within an hour. Wait a little.",
                count=WRITTEN_PER_HOUR,
            ),
        )
    attempts.count(subject)


def _count_opened(white_label: WhiteLabel) -> None:
    subject = f"opened on the desk by white label {white_label.id}"
    if attempts.how_often(subject, DAY) >= OPENED_PER_DAY:
        raise Refusal(
            "opened_too_often",
            _(
                "%(count)s conversations were begun within a day. Go on in one of them.",
                count=OPENED_PER_DAY,
            ),
        )
    attempts.count(subject)


def _told(thread: Thread) -> str:
    return f"thread {thread.id} {thread.subject}"
