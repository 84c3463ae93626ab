"""Letters with a link that works once: the link is made, and its notice written, in one act."""

from __future__ import annotations

from portal.accounts import links
from portal.accounts.models import LinkPurpose, Person
from portal.core.errors import Refusal
from portal.core.words import _
from portal.notices.post import letterhead_of, post


def send_invitation(person: Person, *, by: Person) -> None:
    """Invite somebody who was just added, or again; earlier invitations stop working.

    Raises:
        Refusal: they have a password already.
    """
    if person.password_hash is not None:
        raise Refusal("already_in", _("This person has signed in before."))
    token = links.make(LinkPurpose.INVITATION, person=person)
    link = f"{letterhead_of(person).origin}/invitation/{token.reveal()}"
    days = links.VALID_FOR[LinkPurpose.INVITATION].days
    post("invitation", to=person, author=by, link=link, days=days, inviter=by.name)


def send_reset(person: Person) -> None:
    """A link for a new password; somebody who never had one gets the same."""
    token = links.make(LinkPurpose.RESET, person=person)
    link = f"{letterhead_of(person).origin}/reset/{token.reveal()}"
    minutes = int(links.VALID_FOR[LinkPurpose.RESET].total_seconds() // 60)
    post("reset", to=person, link=link, minutes=minutes)
