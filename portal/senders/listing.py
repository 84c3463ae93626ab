"""Senders as a page shows them: whose default each one is, and which a server refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.paging import Page, page_of
from portal.core.search import each_word_in
from portal.senders.models import Sender, SenderDefault
from portal.smtp.addresses import is_within, parse_address
from portal.smtp_settings.models import ParkedSender, SmtpServer
from portal.white_labels.models import WhiteLabel


@dataclass(frozen=True, slots=True)
class SenderRow:
    """One line of a list."""

    sender: Sender
    people: Sequence[Person]  # whose default it is
    refused: ParkedSender | None  # the server does not send for this address


def page_of_senders(
    white_label: WhiteLabel,
    *,
    search: str = "",
    before: int | None = None,
    after: int | None = None,
) -> Page[SenderRow]:
    """The white label's senders, newest first; each word is in an address or a name."""
    query = (
        select(Sender)
        .where(Sender.white_label_id == white_label.id, Sender.deleted_at.is_(None))
        .options(joinedload(Sender.server))
    )
    query = query.where(*each_word_in(search, Sender.email, Sender.name))
    page = page_of(query, Sender.id, before=before, after=after)
    return Page(_rows(page.rows), page.older, page.newer)


def all_senders(white_label: WhiteLabel) -> Sequence[SenderRow]:
    """The same for a file: every one, by address."""
    query = (
        select(Sender)
        .where(Sender.white_label_id == white_label.id, Sender.deleted_at.is_(None))
        .options(joinedload(Sender.server))
    )
    return _rows(db.session.scalars(query.order_by(Sender.email, Sender.id)).all())


def senders_on(server: SmtpServer, *, of: WhiteLabel | None) -> Sequence[SenderRow]:
    """The senders of this white label (or the platform's own) that the server carries."""
    mine = Sender.white_label_id.is_(None) if of is None else Sender.white_label_id == of.id
    query = select(Sender).where(mine, Sender.server_id == server.id, Sender.deleted_at.is_(None))
    return _rows(db.session.scalars(query.order_by(Sender.is_primary.desc(), Sender.email)).all())


def senders_within(
    white_label: WhiteLabel, domain: str, *, including_subdomains: bool = False
) -> Sequence[Sender]:
    """The white label's senders with an address at this canonical domain, on whatever server."""
    query = (
        select(Sender)
        .where(Sender.white_label_id == white_label.id, Sender.deleted_at.is_(None))
        .options(joinedload(Sender.server))
        .order_by(Sender.email, Sender.id)
    )
    return [
        sender
        for sender in db.session.scalars(query)
        if is_within(
            parse_address(sender.email).domain, domain, including_subdomains=including_subdomains
        )
    ]


def row_of(sender: Sender) -> SenderRow:
    """The same for one sender."""
    return _rows([sender])[0]


def defaults_of(white_label: WhiteLabel) -> Mapping[int, Sender]:
    """The default sender of everybody who has one, by the person's id."""
    rows = db.session.execute(
        select(SenderDefault.person_id, Sender)
        .join(Sender, Sender.id == SenderDefault.sender_id)
        .where(Sender.white_label_id == white_label.id, Sender.deleted_at.is_(None))
    )
    return dict(iter(rows))


def _rows(senders: Sequence[Sender]) -> list[SenderRow]:
    people: dict[int, list[Person]] = {}
    chosen = db.session.execute(
        select(SenderDefault.sender_id, Person)
        .join(Person, Person.id == SenderDefault.person_id)
        .where(SenderDefault.sender_id.in_([sender.id for sender in senders]))
        .order_by(Person.name)
    )
    for sender_id, person in chosen:
        people.setdefault(sender_id, []).append(person)
    pairs = [(sender.server_id, sender.email) for sender in senders]
    refusals = db.session.scalars(
        select(ParkedSender).where(
            tuple_(ParkedSender.server_id, ParkedSender.from_email).in_(pairs)
        )
    )
    refused = {(refusal.server_id, refusal.from_email): refusal for refusal in refusals}
    return [
        SenderRow(sender, people.get(sender.id, ()), refused.get((sender.server_id, sender.email)))
        for sender in senders
    ]
