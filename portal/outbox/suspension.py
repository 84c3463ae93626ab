"""Suspending a white label and letting it go on: what that does to people, keys and mail.

While it is suspended its mail is held when its turn comes; nothing is lost. Going on puts what
was held for this reason back into the queue.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BindParameter, ColumnElement, case, func, literal, select, update

from portal.accounts import people, sign_in
from portal.apps.models import ApiKey, App
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.outbox import acts, wake
from portal.outbox.accept import PATIENCE
from portal.outbox.models import IS_WAITING, Delivery, Message
from portal.outbox.states import State
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel

SUSPENDED = "white_label_suspended"
"""`Delivery.kind` of what is held for this reason, as routing calls it."""


@dataclass(frozen=True, slots=True)
class SuspensionEffects:
    """Who and what stops."""

    people: int  # who can sign in now
    keys: int  # API keys that open now
    waiting: int  # mail that would have left


def effects_of_suspending(white_label: WhiteLabel) -> SuspensionEffects:
    """The numbers before it happens."""
    keys = (
        select(func.count())
        .select_from(ApiKey)
        .join(App)
        .where(
            App.white_label_id == white_label.id,
            App.deleted_at.is_(None),
            ApiKey.revoked_at.is_(None),
        )
    )
    waiting = select(func.count()).where(Delivery.tenant == white_label.id, IS_WAITING)
    return SuspensionEffects(
        people=len(people.everybody(white_label.id)),
        keys=db.session.scalar(keys) or 0,
        waiting=db.session.scalar(waiting) or 0,
    )


def held_by_suspension(white_label: WhiteLabel) -> int:
    """How much mail goes on its way when the white label does."""
    query = select(func.count()).where(_is_held_so(white_label))
    return db.session.scalar(query) or 0


def suspend(white_label: WhiteLabel) -> None:
    """Nobody signs in and no key opens; everybody is signed out, and mail is held at its turn."""
    tenants.suspend(white_label)
    sign_in.end_everybody(white_label.id)


def resume(white_label: WhiteLabel) -> int:
    """As before it was suspended; tells how much held mail is on its way again.

    Its route is checked once more when its turn comes. What has no way even now stays held, with
    the reason of now.
    """
    if not white_label.is_suspended:
        return 0
    tenants.resume(white_label)
    db.session.flush()
    released = _queue_again(white_label) + _route_first(white_label)
    wake.tell(db.session.connection())
    return released


def _queue_again(white_label: WhiteLabel) -> int:
    """What had a server when it was held: one statement, however much it is."""
    now = clock.now()
    has_way = _is_held_so(white_label) & Delivery.server_id.is_not(None)
    late = now + PATIENCE
    messages = select(Delivery.message_id).where(has_way)
    db.session.execute(
        update(Message)
        .where(Message.id.in_(messages), Message.give_up_at < late)
        .values(give_up_at=late)
        .execution_options(synchronize_session=False)
    )
    moved = db.session.execute(
        update(Delivery)
        .where(has_way)
        .values(
            state=case(
                (Delivery.due_at > now, _stored(State.SCHEDULED)), else_=_stored(State.QUEUED)
            ),
            kind=None,
            words=None,
            settled_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    return int(getattr(moved, "rowcount", 0))


def _route_first(white_label: WhiteLabel) -> int:
    """What was accepted while it was suspended never had a way: little, and one by one."""
    messages = db.session.scalars(
        select(Message).where(
            Message.id.in_(select(Delivery.message_id).where(_is_held_so(white_label)))
        )
    )
    released = 0
    for message in messages.all():
        try:
            with db.session.begin_nested():
                released += acts.release(message)
        except Refusal as refusal:
            db.session.execute(
                update(Delivery)
                .where(Delivery.message_id == message.id, _is_held_so(white_label))
                .values(kind=refusal.code, words=refusal.words)
                .execution_options(synchronize_session=False)
            )
    return released


def _stored(state: State) -> BindParameter[State]:
    return literal(state, Delivery.state.type)


def _is_held_so(white_label: WhiteLabel) -> ColumnElement[bool]:
    return (
        (Delivery.tenant == white_label.id)
        & (Delivery.state == State.HELD)
        & (Delivery.kind == SUSPENDED)
    )
