"""Domain requests found: one, a page of them, and all the names that a white label has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import joinedload

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import search_words
from portal.core.words import _
from portal.desk.request_models import DomainRequest
from portal.desk.request_states import ON_THE_LIST, RequestState
from portal.domains import allow_list
from portal.domains.lookalikes import portrait
from portal.domains.models import Domain, DomainState
from portal.white_labels.models import WhiteLabel


class Show(StrEnum):
    """Which requests a list of the Backoffice shows."""

    OPEN = "open"  # to be answered
    LISTED = "listed"  # their domain is on the allow-list
    OVER = "over"  # refused, taken back, expired, revoked
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One name as a white label's list shows it: on the allow-list, asked for, or over."""

    name: str
    state: RequestState
    domain: Domain | None
    request: DomainRequest | None

    @property
    def shown(self) -> str:
        """As people write it."""
        return portrait(self.name).u_label


def find_request(white_label: WhiteLabel | None, request_id: int) -> DomainRequest:
    """This request; without a white label, for the Backoffice.

    Raises:
        NotFound: missing, or somebody else's.
    """
    query = _requests(white_label).where(DomainRequest.id == request_id)
    request = db.session.scalar(query)
    if request is None:
        raise NotFound(_("request"))
    return request


def request_of(domain: Domain) -> DomainRequest | None:
    """What led to this domain; None where an operator put it on the list."""
    return db.session.scalar(
        select(DomainRequest)
        .where(DomainRequest.domain_id == domain.id)
        .options(joinedload(DomainRequest.thread), joinedload(DomainRequest.author))
    )


def request_in_thread(thread_id: int) -> DomainRequest | None:
    """What a conversation is about."""
    return db.session.scalar(select(DomainRequest).where(DomainRequest.thread_id == thread_id))


def open_count(_person: Person | None = None) -> int:
    """How many wait for an answer; each page of the Backoffice asks, so it reads one index."""
    query = select(func.count()).where(DomainRequest.state == RequestState.OPEN)
    return db.session.scalar(query) or 0


def page_of_requests(
    show: Show,
    *,
    words: str = "",
    white_label_id: int | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[DomainRequest]:
    """For the Backoffice: one page, the newest first; each word is in a domain or a white label."""
    query = _shown(show, words, white_label_id)
    return page_of(query, DomainRequest.id, before=before, after=after, size=size)


def all_requests(
    show: Show, *, words: str = "", white_label_id: int | None = None
) -> Iterator[DomainRequest]:
    """The same for a file: all that is found."""
    before: int | None = None
    while True:
        page = page_of_requests(
            show, words=words, white_label_id=white_label_id, before=before, size=500
        )
        yield from page.rows
        if page.older is None:
            return
        before = page.older


def rivals_of(request: DomainRequest) -> Sequence[DomainRequest]:
    """Open requests of other white labels for the same domain."""
    return db.session.scalars(
        _requests(None).where(
            DomainRequest.name == request.name,
            DomainRequest.state == RequestState.OPEN,
            DomainRequest.white_label_id != request.white_label_id,
        )
    ).all()


def earlier_of(request: DomainRequest) -> Sequence[DomainRequest]:
    """What the same white label asked for this domain before, the newest first."""
    return db.session.scalars(
        _requests(request.white_label)
        .where(DomainRequest.name == request.name, DomainRequest.id < request.id)
        .order_by(DomainRequest.id.desc())
        .limit(10)
    ).all()


def rows_of(white_label: WhiteLabel) -> list[DomainRow]:
    """Every name that this white label sends from, asked for or asked for in vain, by name.

    Of several requests for one name the newest counts.
    """
    rows = {
        domain.name: DomainRow(domain.name, state_of(domain), domain, None)
        for domain in allow_list.domains_of(white_label)
    }
    newest = (
        select(func.max(DomainRequest.id))
        .where(DomainRequest.white_label_id == white_label.id)
        .group_by(DomainRequest.name)
    )
    for request in db.session.scalars(_requests(white_label).where(DomainRequest.id.in_(newest))):
        if request.name not in rows:
            rows[request.name] = DomainRow(request.name, request.state, None, request)
    return sorted(rows.values(), key=lambda row: row.name)


def listed_of(white_label: WhiteLabel) -> list[DomainRow]:
    """What is on its allow-list, by name, with the request that led to it where there is one."""
    requests = {
        request.domain_id: request
        for request in db.session.scalars(
            _requests(white_label).where(DomainRequest.state.in_(ON_THE_LIST))
        )
    }
    return [
        DomainRow(domain.name, state_of(domain), domain, requests.get(domain.id))
        for domain in allow_list.domains_of(white_label)
    ]


def state_of(domain: Domain) -> RequestState:
    """The state of a domain in the words of a request."""
    return _AS_REQUEST[domain.state]


_AS_REQUEST = {
    DomainState.ALLOWED: RequestState.APPROVED,
    DomainState.VERIFIED: RequestState.VERIFIED,
    DomainState.LAPSED: RequestState.LAPSED,
    DomainState.REVOKED: RequestState.REVOKED,
}


def _shown(show: Show, words: str, white_label_id: int | None) -> Select[DomainRequest]:
    query = _requests(None)
    if (condition := _condition(show)) is not None:
        query = query.where(condition)
    for word in search_words(words):
        query = query.where(
            DomainRequest.name.icontains(word, autoescape=True)
            | DomainRequest.white_label.has(WhiteLabel.name.icontains(word, autoescape=True))
        )
    if white_label_id is not None:
        query = query.where(DomainRequest.white_label_id == white_label_id)
    return query


def _condition(show: Show) -> ColumnElement[bool] | None:
    match show:
        case Show.OPEN:
            return DomainRequest.state == RequestState.OPEN
        case Show.LISTED:
            return DomainRequest.state.in_(ON_THE_LIST)
        case Show.OVER:
            over = set(RequestState) - {RequestState.OPEN, *ON_THE_LIST}
            return DomainRequest.state.in_(sorted(over))
        case Show.ALL:
            return None


def _requests(white_label: WhiteLabel | None) -> Select[DomainRequest]:
    query = select(DomainRequest).options(
        joinedload(DomainRequest.white_label),
        joinedload(DomainRequest.author),
        joinedload(DomainRequest.decided_by),
        joinedload(DomainRequest.domain),
        joinedload(DomainRequest.thread),
    )
    if white_label is not None:
        query = query.where(DomainRequest.white_label_id == white_label.id)
    return query
