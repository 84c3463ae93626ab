"""Somebody leaves, or sets nothing up any more: what they leave behind, and who must take it over.

An app without an owner would have no rule for its mail, so nobody leaves before their apps have
another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person, Role
from portal.apps.apps import apps_owned_by
from portal.apps.models import App
from portal.core.db import db, lock
from portal.core.errors import Refusal
from portal.core.words import _
from portal.senders import senders
from portal.senders.models import Sender
from portal.smtp_settings.models import SmtpServer


@dataclass(frozen=True, slots=True)
class Leaving:
    """What hangs on a person."""

    apps: Sequence[App]  # somebody else must own them first
    servers: Sequence[SmtpServer]  # they carry the mail of this person's apps and of no others
    default: Sender | None  # what their mail leaves as


def effects_of_leaving(person: Person) -> Leaving:
    """What removing the person, or making an admin an agent, would touch."""
    configured = select(SmtpServer).where(
        SmtpServer.configured_by_id == person.id,
        SmtpServer.white_label_id.is_not(None),
        SmtpServer.deleted_at.is_(None),
    )
    return Leaving(
        apps=apps_owned_by(person),
        servers=db.session.scalars(configured.order_by(SmtpServer.name)).all(),
        default=senders.default_of(person),
    )


def remove(person: Person, *, by: Person | None) -> None:
    """Take away everything that lets this person in; their default sender is free again.

    Raises:
        Refusal: they own apps; or see `portal.accounts.people.remove`.
    """
    _check_owns_nothing(person)
    people.remove(person, by=by)
    senders.forget_default(person)


def change_role(person: Person, *, role: Role, by: Person | None) -> None:
    """Another role within the same white label; `by` is None for the operator.

    Raises:
        Refusal: it is oneself, the role does not exist here, or somebody who owns apps would
            become an agent.
    """
    if role is person.role:
        return
    if by is not None:
        people.check_not_oneself(person, by=by)
    if role is Role.AGENT:
        _check_owns_nothing(person)
    people.change_role(person, role=role)


def _check_owns_nothing(person: Person) -> None:
    """Nor can anything be given to them until the caller commits."""
    lock(person)
    owned = apps_owned_by(person)
    if owned:
        names = ", ".join(app.name for app in owned)
        raise Refusal(
            "owns_apps",
            _(
                "%(person)s owns %(apps)s. Give each of these apps another owner first.",
                person=person.name,
                apps=names,
            ),
            field="role",
        )
