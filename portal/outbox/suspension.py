"""Suspending a white label and letting it go on: what that does to people, keys and mail.

While it is suspended its mail is held when its turn comes; nothing is lost. Going on puts what
was held for this reason back into the queue.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from portal.accounts import people, sign_in
from portal.apps.models import ApiKey, App
from portal.core.db import db
from portal.outbox import held
from portal.outbox.models import IS_WAITING, Delivery
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
    # The sum keeps the log's index out of it: SQLite would read all that was ever sent.
    waiting = select(func.count()).where(Delivery.tenant + 0 == white_label.id, IS_WAITING)
    return SuspensionEffects(
        people=len(people.everybody(white_label.id)),
        keys=db.session.scalar(keys) or 0,
        waiting=db.session.scalar(waiting) or 0,
    )


def held_by_suspension(white_label: WhiteLabel) -> int:
    """How much mail goes on its way when the white label does."""
    return held.count_of(_is_held_so(white_label))


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
    return held.let_go(_is_held_so(white_label))


def _is_held_so(white_label: WhiteLabel) -> ColumnElement[bool]:
    return held.because_of(white_label.id, SUSPENDED)
