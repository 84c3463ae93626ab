"""Letters with a link that works once: the link is made, and its notice written, in one act."""

from __future__ import annotations

from datetime import timedelta

from portal.accounts import attempts, links
from portal.accounts.models import LinkPurpose, Person
from portal.audit import trail
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.notices.post import letterhead_of, post
from portal.outbox.accept import Accepted
from portal.white_labels.hostnames import is_reachable
from portal.white_labels.models import WhiteLabel

INVITED_WITHIN = timedelta(days=1)
INVITED_PER_ADDRESS = 3
INVITED_PER_PLACE = 100
"""Enough to bring a company in, too few to be a nuisance to the rest of the world."""


def send_invitation(person: Person, *, by: Person) -> Accepted:
    """Invite somebody who was just added, or again; earlier invitations stop working.

    Raises:
        Refusal: they have signed in before, their white label has no hostname yet that the link
            could lead to, or too many invitations were sent today.
    """
    if person.has_come_in:
        raise Refusal("already_in", _("This person has signed in before."))
    _check_reachable(person)
    _count_invitation(person)
    token = links.make(LinkPurpose.INVITATION, person=person)
    link = f"{letterhead_of(person).origin}/invitation/{token.reveal()}"
    days = links.VALID_FOR[LinkPurpose.INVITATION].days
    # Somebody of the platform who invites into a white label has no way of their own there.
    author = by if by.white_label_id == person.white_label_id else None
    trail.record(person.white_label_id, "person.invited", f"person:{person.id} {person.email}")
    return post("invitation", to=person, author=author, link=link, days=days, inviter=by.name)


def send_reset(person: Person) -> None:
    """A link for a new password; somebody who never had one gets the same."""
    token = links.make(LinkPurpose.RESET, person=person)
    link = f"{letterhead_of(person).origin}/reset/{token.reveal()}"
    minutes = int(links.VALID_FOR[LinkPurpose.RESET].total_seconds() // 60)
    post("reset", to=person, link=link, minutes=minutes)


def _check_reachable(person: Person) -> None:
    if person.white_label_id is None:
        return
    white_label = db.session.get_one(WhiteLabel, person.white_label_id)
    if not is_reachable(white_label):
        raise Refusal(
            "no_hostname",
            _(
                "%(name)s has no hostname that is served yet, so the link in an invitation would "
                "lead nowhere. Prove a hostname first.",
                name=white_label.name,
            ),
        )


def _count_invitation(person: Person) -> None:
    """Whoever may invite must not be able to fill somebody's mailbox."""
    # At all white labels together: it is one mailbox.
    address = attempts.account(None, person.email).replace("sign-in account", "invited")
    place = f"inviting white label {person.white_label_id or 0}"
    if attempts.how_often(address, INVITED_WITHIN) >= INVITED_PER_ADDRESS:
        raise Refusal(
            "invited_too_often",
            _("This address was invited three times within a day. Try again tomorrow."),
            field="email",
        )
    if attempts.how_often(place, INVITED_WITHIN) >= INVITED_PER_PLACE:
        raise Refusal(
            "too_many_invitations",
            _(
                "%(count)s people were invited within a day. Go on tomorrow.",
                count=INVITED_PER_PLACE,
            ),
        )
    attempts.count(address)
    attempts.count(place)
