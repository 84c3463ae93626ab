"""Looking messages up; the tenant comes first."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import selectinload

from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, page_of
from portal.core.words import _
from portal.outbox.models import IS_NOTABLE, IS_SENDING, IS_WAITING, Delivery, Message
from portal.outbox.states import WAITING, State


def message_of_app(white_label_id: int, app_id: int, public_id: str) -> Message:
    """One message that an app handed over.

    Raises:
        NotFound: missing and foreign look the same.
    """
    message = db.session.scalar(
        select(Message)
        .where(_handed_over_by(white_label_id, app_id), Message.public_id == public_id)
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
    """What the app handed over, newest first; `after` is the last id of the page before."""
    query = select(Message).where(_handed_over_by(white_label_id, app_id))
    if status is not None or to is not None:
        query = query.where(_has_delivery(white_label_id, status, to))
    before = message_of_app(white_label_id, app_id, after).id if after else None
    query = query.options(selectinload(Message.deliveries))
    return page_of(query, Message.id, before=before, size=size)


def _handed_over_by(white_label_id: int, app_id: int) -> ColumnElement[bool]:
    """A campaign's mail is not: one message of it has as many deliveries as the campaign people,
    and its balance says what became of them."""
    return and_(
        Message.white_label_id == white_label_id,
        Message.app_id == app_id,
        Message.campaign_id.is_(None),
    )


def _has_delivery(tenant: int, status: State | None, to: str | None) -> ColumnElement[bool]:
    """Messages with a delivery like this.

    What is for one address, or waits, or did not simply leave is found in an index that has little
    else. To have been sent is what most were: the messages are asked for it, newest first.
    """
    if to is None and status is State.SENT:
        return exists().where(Delivery.message_id == Message.id, Delivery.state == status)
    found = select(Delivery.message_id)
    if status is not None:
        found = found.where(Delivery.state == status)
    if to is not None:
        found = found.where(Delivery.tenant == tenant, Delivery.email == to)
    elif status in WAITING:
        # ``+ 0`` keeps the log's index out of it, here and below.
        found = found.where(IS_WAITING, Delivery.tenant + 0 == tenant)
    elif status is State.SENDING:
        found = found.where(IS_SENDING, Delivery.tenant + 0 == tenant)
    else:
        found = found.where(IS_NOTABLE, Delivery.tenant == tenant)
    return Message.id.in_(found)
