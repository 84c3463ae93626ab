"""The delivery log: every recipient of every message, newest first, and what became of each.

A tenant is named by its white label's id; None is the Backoffice, which sees all of them and the
platform's own mail. `Search.whose` narrows it to what one person wrote or what was written in their
name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, TextClause, func, or_, select
from sqlalchemy.orm import contains_eager, defer, joinedload, selectinload

from portal.apps.models import App
from portal.campaigns.models import Campaign
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import SIZE, Page, page_of
from portal.core.words import _
from portal.outbox.models import IS_NOTABLE, IS_WAITING, PLATFORM, Delivery, Message
from portal.outbox.states import WAITING, State
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel

AT_ONCE = 1000
"""Rows that an export holds in memory."""
INTERLEAVED = 1000
"""Deliveries that may have been written out of order by transactions at the same moment."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None is anything."""

    email: str | None = None
    message: str | None = None  # its public id
    app_id: int | None = None
    campaign: Campaign | None = None
    state: State | None = None
    server_id: int | None = None
    code: int | None = None
    since: datetime | None = None
    until: datetime | None = None  # not included
    whose: int | None = None  # a person's id

    @property
    def is_open(self) -> bool:
        """Whether nothing was asked for, but whose mail it is."""
        asked = (
            self.email, self.message, self.app_id, self.campaign, self.state,
            self.server_id, self.code, self.since, self.until,
        )  # fmt: skip
        return all(one is None for one in asked)


def deliveries(
    white_label_id: int | None,
    search: Search,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Delivery]:
    """One page of what is found, newest first, with message, app and server loaded."""
    query = _found(white_label_id, search)
    return page_of(query, Delivery.id, before=before, after=after, size=size)


def all_deliveries(white_label_id: int | None, search: Search) -> Iterator[Delivery]:
    """Everything that is found, read piece by piece; the session forgets what nobody holds."""
    query, before = _found(white_label_id, search), None
    while True:
        page = page_of(query, Delivery.id, before=before, size=AT_ONCE)
        yield from page.rows
        if page.older is None:
            return
        before = page.older


def delivery(white_label_id: int | None, delivery_id: int, *, whose: int | None) -> Delivery:
    """One delivery with its tries and its message's events.

    Raises:
        NotFound: missing, another white label's, or not of this person's own mail.
    """
    query = _seen_by(white_label_id, Search(whose=whose)).where(Delivery.id == delivery_id)
    found = db.session.scalar(
        query.options(
            contains_eager(Delivery.message).options(
                selectinload(Message.events), selectinload(Message.attachments)
            ),
            selectinload(Delivery.tries),
        )
    )
    if found is None:
        raise NotFound(_("delivery"))
    return found


def others_of(delivery: Delivery, *, most: int) -> Sequence[Delivery]:
    """The first other recipients of the same message; those of a campaign have nothing to do with
    each other."""
    if delivery.message.campaign_id is not None:
        return []
    query = select(Delivery).where(
        Delivery.message_id == delivery.message_id, Delivery.id != delivery.id
    )
    return db.session.scalars(query.order_by(Delivery.position).limit(most)).all()


def apps_in(white_label_id: int) -> Sequence[App]:
    """Its apps to choose from, deleted ones too: their mail is still there."""
    return _apps(App.white_label_id == white_label_id)


def apps_in_any(*, of: int | None, chosen: int | None) -> Sequence[App]:
    """The same in the Backoffice alone: of one white label, and the chosen one, whosever it is.

    All there are would be too many to choose from.
    """
    return _apps(or_(App.white_label_id == of, App.id == chosen))


def servers_in(white_label_id: int) -> Sequence[SmtpServer]:
    """The servers to choose from, deleted ones too; the platform's carry everybody's mail."""
    return _servers(SmtpServer.white_label_id == white_label_id)


def servers_in_any(*, of: int | None, chosen: int | None) -> Sequence[SmtpServer]:
    """The same in the Backoffice alone, and the chosen one, whosever it is."""
    return _servers(or_(SmtpServer.white_label_id == of, SmtpServer.id == chosen))


def _apps(which: ColumnElement[bool]) -> Sequence[App]:
    query = select(App).where(which).order_by(App.name, App.id)
    return db.session.scalars(query).all()


def _servers(which: ColumnElement[bool]) -> Sequence[SmtpServer]:
    query = select(SmtpServer).where(or_(SmtpServer.white_label_id.is_(None), which))
    return db.session.scalars(query.order_by(SmtpServer.name, SmtpServer.id)).all()


def _found(white_label_id: int | None, search: Search) -> Select[Delivery]:
    return (
        _seen_by(white_label_id, search)
        .where(*_conditions(white_label_id, search))
        .options(
            contains_eager(Delivery.message).options(
                # What a page of the log does not show may be megabytes.
                *(defer(column) for column in (Message.text, Message.html, Message.trace)),
                joinedload(Message.app),
                joinedload(Message.white_label),
                joinedload(Message.template_text),
            ),
            joinedload(Delivery.server),
        )
    )


def _seen_by(white_label_id: int | None, search: Search) -> Select[Delivery]:
    query = select(Delivery).join(Delivery.message)
    if white_label_id is not None:
        query = query.where(Delivery.tenant == white_label_id)
    if search.whose is not None:
        query = query.where(
            or_(Message.author_id == search.whose, Message.agent_id == search.whose)
        )
    return query


def _conditions(
    white_label_id: int | None, search: Search
) -> Iterator[ColumnElement[bool] | TextClause]:
    if search.email is not None:
        spellings = {search.email, search.email.lower()}
        yield Delivery.email.in_(spellings)
        if white_label_id is None:
            # The index begins with the tenant: name them all.
            yield Delivery.tenant.in_([PLATFORM, *db.session.scalars(select(WhiteLabel.id))])
    if search.message is not None:
        yield Message.public_id == search.message
    if search.app_id is not None:
        yield Message.app_id == search.app_id
    if search.campaign is not None:
        yield Message.campaign_id == search.campaign.id
        # Its deliveries were stored within these ids, nearly side by side. Where a state is asked
        # for, its own small index is the shorter way: the sum keeps the store from the other one.
        number = Delivery.id if search.state is None else Delivery.id + 0
        yield number >= (search.campaign.first_delivery_id or 0)
        yield number <= (search.campaign.last_delivery_id or 0)
    if search.server_id is not None:
        yield Delivery.server_id == search.server_id
    if search.code is not None:
        yield Delivery.code == search.code
    if search.state is not None:
        yield Delivery.state == search.state
        # Said once more so that the store sees which small index holds these.
        if search.state in WAITING:
            yield IS_WAITING
        if search.state not in (State.QUEUED, State.SENDING, State.SENT):
            yield IS_NOTABLE
    yield from _in_time(search)


def _in_time(search: Search) -> Iterator[ColumnElement[bool]]:
    """Ids grow with time, so a span of time is a span of ids: no index on times is needed."""
    if search.since is not None:
        yield Message.created_at >= search.since
        yield Delivery.id >= (_first_since(search.since) or 0)
    if search.until is not None:
        yield Message.created_at < search.until
        end = _first_since(search.until)
        if end is not None:
            yield Delivery.id < end + INTERLEAVED


def _first_since(moment: datetime) -> int | None:
    """The first delivery of messages accepted since then, by halving; None: there is none."""
    low, high = 1, db.session.scalar(select(func.max(Message.id))) or 0
    while low <= high:
        middle = (low + high) // 2
        found, created_at = db.session.execute(
            select(Message.id, Message.created_at)
            .where(Message.id >= middle)
            .order_by(Message.id)
            .limit(1)
        ).one()
        if created_at < moment:
            low = found + 1
        else:
            high = middle - 1
    nearby = (
        select(Delivery.id)
        .where(Delivery.message_id >= low)
        .order_by(Delivery.message_id, Delivery.position)
        .limit(INTERLEAVED)
    )
    first: int | None = db.session.scalar(select(func.min(nearby.subquery().c.id)))
    return first
