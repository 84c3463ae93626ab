"""Telling the other side of a thread that something was written: unread rows, and mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete

from portal.accounts import people
from portal.accounts.models import Person, Role
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.desk.models import DeskMessage, Side, Thread, Unread
from portal.notices.post import letterhead_of, post
from portal.white_labels.hostnames import is_reachable
from portal.white_labels.models import WhiteLabel

FREE_MAILS = 5
"""Unread messages of one thread that are mailed one by one to the same person …"""
PAUSE = timedelta(hours=1)
"""… and how long it is quiet between two mails about further ones, until the thread is read."""


def tell(thread: Thread, message: DeskMessage, *, author: Person | None, mails: bool) -> None:
    """Note for everybody on the other side that there is something new, and mail it to them.

    The author's own side is not told: colleagues see it in the thread. What the portal itself
    says is new to both sides.
    """
    sides = [side for side in (Side.BACKOFFICE, Side.WHITE_LABEL) if side is not message.side]
    for side in sides:
        for person in everybody_on(side, thread.white_label_id):
            unread = _note_unread(person, thread, message)
            if mails and _may_mail(unread):
                _mail(person, thread, message, author, unread)
    if author is not None:
        _has_read(author, thread)


def everybody_on(side: Side, white_label_id: int) -> Sequence[Person]:
    """Who speaks for this side: the platform's owners, or the white label's admins."""
    match side:
        case Side.BACKOFFICE:
            return people.with_role(None, Role.PLATFORM_OWNER)
        case Side.WHITE_LABEL:
            return people.with_role(white_label_id, Role.ADMIN)
        case Side.PORTAL:
            return ()


def path_to(thread: Thread, reader: Person) -> str:
    """Its page, in the portal of whoever reads it; the link leads to what is new."""
    face = "/backoffice" if reader.white_label_id is None else ""
    return f"{face}/desk/{thread.id}#new"


def _note_unread(person: Person, thread: Thread, message: DeskMessage) -> Unread:
    unread = db.session.get(Unread, (person.id, thread.id), with_for_update=True)
    if unread is None:
        unread = Unread(person_id=person.id, thread_id=thread.id, first_id=message.id, mails=0)
        db.session.add(unread)
    unread.newest_id = message.id
    db.session.flush()
    return unread


def _has_read(author: Person, thread: Thread) -> None:
    """Whoever answers has seen what they answer to."""
    db.session.execute(
        delete(Unread).where(Unread.person_id == author.id, Unread.thread_id == thread.id)
    )


def _may_mail(unread: Unread) -> bool:
    """Each message is mailed; but who leaves several unread is called less and less often."""
    if unread.mails < FREE_MAILS or unread.mailed_at is None:
        return True
    return clock.now() - unread.mailed_at >= PAUSE


def _mail(
    person: Person,
    thread: Thread,
    message: DeskMessage,
    author: Person | None,
    unread: Unread,
) -> None:
    white_label = db.session.get_one(WhiteLabel, thread.white_label_id)
    if person.white_label_id is not None and not is_reachable(white_label):
        return  # the link would lead nowhere
    try:
        post(
            "desk_message",
            to=person,
            subject=thread.subject,
            writer=author.name if author else None,
            white_label=white_label.name if person.white_label_id is None else None,
            text=message.text,
            files=[file.name for file in message.files],
            is_last=unread.mails + 1 >= FREE_MAILS,
            link=letterhead_of(person).origin + path_to(thread, person),
        )
    except Refusal as refusal:
        # It stands on the page in any case, with a count in the menu.
        logger("desk").warning("a message was not mailed", person=person.id, why=refusal.code)
        return
    unread.mails, unread.mailed_at = unread.mails + 1, clock.now()
    db.session.flush()
