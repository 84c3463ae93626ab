"""Reading the trail: the newest entries first, found by who, what and whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select

from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import each_word_in

LATELY = 500
"""Entries of a chain."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; empty fields match everything."""

    action: str = ""  # "person.removed", or the part before the dot for all about people
    actor: str = ""  # each word is in the name that acted
    target: str = ""  # each word is in what it was done to


def entries(
    chain: int | None,
    wanted: Wanted,
    *,
    known: Collection[int] | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[AuditEntry]:
    """One page of this chain, or of all chains (None, for the Backoffice).

    Args:
        known: ids of the people whose names the asker may know. Others are not found by name;
            their entries are still there.
    """
    query = _matching(chain, wanted, known)
    return page_of(query, AuditEntry.id, before=before, after=after, size=size)


def all_entries(
    chain: int | None, wanted: Wanted, *, known: Collection[int] | None = None
) -> Iterator[AuditEntry]:
    """The same without pages, the newest first, a few hundred in memory at a time."""
    query = _matching(chain, wanted, known).order_by(AuditEntry.id.desc())
    yield from db.session.scalars(query.execution_options(yield_per=500))


def lately(
    chain: int, actions: Collection[str], *, target: str, since: datetime
) -> Sequence[AuditEntry]:
    """These acts since then on what begins so, the oldest first; among the newest entries only.

    For pages that ask again and again: however long the chain is, it costs the same.
    """
    newest = select(func.max(AuditEntry.number)).where(AuditEntry.chain == chain).scalar_subquery()
    query = select(AuditEntry).where(
        AuditEntry.chain == chain,
        AuditEntry.number > newest - LATELY,
        AuditEntry.at >= since,
        AuditEntry.action.in_(actions),
        AuditEntry.target.startswith(target, autoescape=True),
    )
    return db.session.scalars(query.order_by(AuditEntry.number)).all()


def _matching(
    chain: int | None, wanted: Wanted, known: Collection[int] | None
) -> Select[AuditEntry]:
    query = select(AuditEntry)
    if chain is not None:
        query = query.where(AuditEntry.chain == chain)
    if wanted.action:
        query = query.where(_is_about(wanted.action))
    if wanted.actor:
        query = query.where(*each_word_in(wanted.actor, AuditEntry.actor))
        if known is not None:
            query = query.where(AuditEntry.actor_id.is_(None) | AuditEntry.actor_id.in_(known))
    return query.where(*each_word_in(wanted.target, AuditEntry.target))


def _is_about(action: str) -> ColumnElement[bool]:
    if "." in action:
        return AuditEntry.action == action
    return AuditEntry.action.startswith(f"{action}.", autoescape=True)
