"""Links for whoever keeps a domain's DNS: the records, without an account, and nothing else.

The token opens the link once: the first browser in which somebody presses the button may look at
the records until the link ends, and no other. Mail scanners open links, but press no buttons.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from portal.accounts import tokens
from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.core.words import _
from portal.desk.request_models import RecordLink
from portal.domains.models import Domain, DomainState

VALID_FOR = timedelta(days=14)


def make(domain: Domain, *, by: Person) -> Secret:
    """The token of a new link, shown once. The one before it stops working.

    Raises:
        Refusal: the domain is no longer on the list.
    """
    lock(domain)  # a link that is made at this moment is one before, too
    if domain.state is DomainState.REVOKED:
        raise Refusal("domain_revoked", _("The approval of this domain was taken back."))
    _end_all(domain)
    token = tokens.make()
    now = clock.now()
    db.session.add(
        RecordLink(
            white_label_id=domain.white_label_id,
            domain_id=domain.id,
            token_hash=tokens.digest(token),
            made_by_id=by.id,
            created_at=now,
            expires_at=now + VALID_FOR,
        )
    )
    db.session.flush()
    trail.record(domain.white_label_id, "record_link.made", domain.name)
    return token


def withdraw(domain: Domain) -> None:
    """Whoever has the link sees nothing any more."""
    if _end_all(domain):
        trail.record(domain.white_label_id, "record_link.withdrawn", domain.name)


def present(domain: Domain) -> RecordLink | None:
    """The link that works now, opened or not."""
    link = db.session.scalar(
        select(RecordLink)
        .where(RecordLink.domain_id == domain.id, RecordLink.ended_at.is_(None))
        .options(joinedload(RecordLink.made_by))
        .order_by(RecordLink.id.desc())
        .limit(1)
    )
    return link if link is not None and link.expires_at > clock.now() else None


def find(white_label_id: int, token: Secret) -> RecordLink:
    """The link with this token, if it still works.

    Raises:
        NotFound: it never did, is too old, was withdrawn, or is another white label's.
    """
    link = db.session.scalar(
        select(RecordLink)
        .where(
            RecordLink.white_label_id == white_label_id,
            RecordLink.token_hash == tokens.digest(token),
            RecordLink.ended_at.is_(None),
            RecordLink.expires_at > clock.now(),
        )
        .options(joinedload(RecordLink.domain))
    )
    if link is None or link.domain.state is DomainState.REVOKED:
        raise NotFound(_("link"))
    return link


def open_once(link: RecordLink) -> Secret:
    """Use the token up: what this browser keeps to come back with.

    Raises:
        Refusal: it was opened already, in another browser perhaps.
    """
    reader = tokens.make()
    taken = db.session.scalar(
        update(RecordLink)
        .where(RecordLink.id == link.id, RecordLink.reader_hash.is_(None))
        .values(reader_hash=tokens.digest(reader), opened_at=clock.now())
        .returning(RecordLink.id)
    )
    if taken is None:
        raise Refusal("link_used", _("This link was already used."))
    trail.record(link.white_label_id, "record_link.opened", link.domain.name)
    return reader


def may_read(link: RecordLink, reader: Secret) -> bool:
    """Whether this is the browser in which it was opened."""
    return link.reader_hash is not None and link.reader_hash == tokens.digest(reader)


def _end_all(domain: Domain) -> bool:
    """Whether there was one to end."""
    ended = db.session.scalars(
        update(RecordLink)
        .where(RecordLink.domain_id == domain.id, RecordLink.ended_at.is_(None))
        .values(ended_at=clock.now())
        .returning(RecordLink.id)
        .execution_options(synchronize_session=False)
    )
    return bool(ended.all())
