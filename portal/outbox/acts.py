"""What people and apps may do to mail that is already in the outbox."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.outbox import wake
from portal.outbox.models import Delivery, Event, Message
from portal.outbox.states import WAITING, State


def cancel(message: Message) -> int:
    """Take back what has not been handed over; how many deliveries that were.

    What a lane holds right now cannot be taken back any more and goes on.

    Raises:
        Refusal: ``too_late`` when nothing is left to cancel.
    """
    taken = _move(message, (*WAITING, State.HELD), State.CANCELLED)
    if not taken:
        raise Refusal("too_late", _("Nothing of this message can be cancelled any more."))
    note(message, "cancelled", _("%(count)s deliveries were cancelled.", count=taken))
    return taken


def release(message: Message) -> int:
    """Let held deliveries go on their way again; how many that were.

    Raises:
        Refusal: ``not_held`` when nothing of the message is held.
    """
    released = _move(message, (State.HELD,), State.QUEUED)
    if not released:
        raise Refusal("not_held", _("Nothing of this message is held."))
    note(message, "released", _("%(count)s held deliveries were released.", count=released))
    wake.tell(db.session.connection())
    return released


def note(message: Message, kind: str, words: str) -> None:
    """Remember something that happened to a message."""
    db.session.add(Event(message_id=message.id, at=clock.now(), kind=kind, words=words))


def _move(message: Message, old: Collection[State], new: State) -> int:
    now = clock.now()
    moved = db.session.scalars(
        update(Delivery)
        .where(Delivery.message_id == message.id, Delivery.state.in_(old))
        .values(state=new, due_at=now, settled_at=None if new is State.QUEUED else now)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    count = len(moved.all())
    db.session.expire(message, ["deliveries"])
    return count
