"""Looking messages up; the tenant comes first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, page_of
from portal.core.words import _
from portal.outbox.models import Delivery, Message
from portal.outbox.states import State


def message_of_app(white_label_id: int, app_id: int, public_id: str) -> Message:
    """One message of one app.

    Raises:
        NotFound: missing and foreign look the same.
    """
    message = db.session.scalar(
        select(Message)
        .where(
            Message.white_label_id == white_label_id,
            Message.app_id == app_id,
            Message.public_id == public_id,
        )
        .options(selectinload(Message.deliveries).selectinload(Delivery.tries))
    )
    if message is None:
        raise NotFound(_("message"))
    return message


def message_of_writer(white_label_id: int, person_id: int, public_id: str) -> Message | None:
    """What this person wrote under this id, if they did."""
    return db.session.scalar(
        select(Message).where(
            Message.white_label_id == white_label_id,
            Message.author_id == person_id,
            Message.public_id == public_id,
        )
    )


def messages_of_app(
    white_label_id: int,
    app_id: int,
    *,
    status: State | None = None,
    to: str | None = None,
    after: str | None = None,
    size: int = 50,
) -> Page[Message]:
    """The app's messages, newest first; `after` is the last id of the page before."""
    query = select(Message).where(
        Message.white_label_id == white_label_id, Message.app_id == app_id
    )
    if status is not None or to is not None:
        matching = select(Delivery.message_id).where(Delivery.tenant == white_label_id)
        if status is not None:
            matching = matching.where(Delivery.state == status)
        if to is not None:
            matching = matching.where(Delivery.email == to)
        query = query.where(Message.id.in_(matching))
    before = message_of_app(white_label_id, app_id, after).id if after else None
    query = query.options(selectinload(Message.deliveries))
    return page_of(query, Message.id, before=before, size=size)
