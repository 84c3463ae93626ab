"""Links that work once: an invitation, a new password, the first owner of an installation."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from portal.accounts import tokens
from portal.accounts.models import LinkPurpose, OneTimeLink, Person
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _

VALID_FOR = {
    LinkPurpose.INVITATION: timedelta(days=7),
    LinkPurpose.RESET: timedelta(hours=1),
    LinkPurpose.SETUP: timedelta(hours=24),
}


def make(purpose: LinkPurpose, *, person: Person | None = None) -> Secret:
    """The token of a new link. Older ones for the same purpose and person stop working."""
    if person is not None:
        lock(person)  # one that is made at this moment is an older one
    now = clock.now()
    whose = OneTimeLink.person_id == person.id if person else OneTimeLink.person_id.is_(None)
    db.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.purpose == purpose, whose, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    token = tokens.make()
    db.session.add(
        OneTimeLink(
            purpose=purpose,
            token_hash=tokens.digest(token),
            person_id=person.id if person else None,
            created_at=now,
            expires_at=now + VALID_FOR[purpose],
        )
    )
    db.session.flush()
    return token


def find(
    token: Secret, purpose: LinkPurpose, *, white_label_id: int | None = None
) -> OneTimeLink | None:
    """The link, if it is of this tenant and still works. Looking does not use it up.

    Mail scanners open every link they see; only what a person sends back counts.
    """
    link = db.session.scalar(
        select(OneTimeLink)
        .where(OneTimeLink.token_hash == tokens.digest(token), OneTimeLink.purpose == purpose)
        .options(joinedload(OneTimeLink.person))
    )
    if link is None or link.used_at is not None or link.expires_at <= clock.now():
        return None
    if link.person is not None and (
        link.person.is_removed or link.person.white_label_id != white_label_id
    ):
        return None
    return link


def withdraw_all(white_label_id: int) -> None:
    """No link that was sent to somebody of this white label works any more."""
    whose = select(Person.id).where(Person.white_label_id == white_label_id)
    db.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.person_id.in_(whose), OneTimeLink.used_at.is_(None))
        .values(used_at=clock.now()),
        execution_options={"synchronize_session": False},
    )


def withdraw(person: Person) -> None:
    """No link that was sent to this person works any more."""
    db.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.person_id == person.id, OneTimeLink.used_at.is_(None))
        .values(used_at=clock.now()),
        execution_options={"synchronize_session": False},
    )


def use(link: OneTimeLink) -> None:
    """Use the link up; of two who try at the same moment one is refused.

    Raises:
        Refusal: somebody was faster.
    """
    taken = db.session.scalar(
        update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(OneTimeLink.id)
    )
    if taken is None:
        raise Refusal("link_used", _("This link was already used."))
