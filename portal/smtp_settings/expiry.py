"""Client secrets that will expire: which, when, and who is to be reminded, each time once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, or_, select, update

from portal.core.db import db
from portal.smtp_settings.models import AuthKind, SmtpServer

REMINDERS = (30, 7, 1)
"""Days before."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """A server whose client secret has `days` left; none or fewer: mail leaves no more."""

    server: SmtpServer
    on: date
    days: int


def expiring(white_label_id: int | None, *, today: date) -> Sequence[Expiring]:
    """What a page has to say to the admins of a white label, or of the platform (None)."""
    own = (
        SmtpServer.white_label_id.is_(None)
        if white_label_id is None
        else SmtpServer.white_label_id == white_label_id
    )
    return _found(_in_use(today).where(own), today)


def to_be_reminded(*, today: date) -> Sequence[Expiring]:
    """Of whomever: a day to remind of has come, and nobody has been reminded of it."""
    found = _found(_in_use(today).where(SmtpServer.secret_expires_on >= today), today)
    return [one for one in found if _is_news(one.server.secret_reminded, one.days)]


def take_reminder(one: Expiring) -> bool:
    """The right to remind; of several who want to, one gets it."""
    reminder = _reminder_for(one.days)
    taken = db.session.execute(
        update(SmtpServer)
        .where(
            SmtpServer.id == one.server.id,
            SmtpServer.secret_expires_on == one.on,
            or_(SmtpServer.secret_reminded.is_(None), SmtpServer.secret_reminded > reminder),
        )
        .values(secret_reminded=reminder)
        .returning(SmtpServer.id)
    )
    return taken.first() is not None


def _is_news(reminded: int | None, days: int) -> bool:
    return reminded is None or reminded > _reminder_for(days)


def _reminder_for(days: int) -> int:
    """The latest of the days to remind of that has come."""
    return min(reminder for reminder in REMINDERS if days <= reminder)


def _in_use(today: date) -> Select[SmtpServer]:
    is_soon: ColumnElement[bool] = SmtpServer.secret_expires_on <= today + timedelta(
        days=max(REMINDERS)
    )
    return (
        select(SmtpServer)
        .where(
            SmtpServer.auth == AuthKind.BEARER,
            SmtpServer.is_enabled,
            SmtpServer.deleted_at.is_(None),
            SmtpServer.secret_sealed.is_not(None),
            is_soon,
        )
        .order_by(SmtpServer.secret_expires_on, SmtpServer.id)
    )


def _found(query: Select[SmtpServer], today: date) -> list[Expiring]:
    return [
        Expiring(server, server.secret_expires_on, (server.secret_expires_on - today).days)
        for server in db.session.scalars(query)
        if server.secret_expires_on is not None
    ]
