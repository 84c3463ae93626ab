"""Signed-in browsers: begun, found again, confirmed and ended.

The cookie carries a random token; the row carries its hash, the host and the person. Whoever
ends the row ends the session, wherever the cookie is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from portal.accounts import tokens
from portal.accounts.models import Person, SignIn
from portal.audit import trail
from portal.core import clock
from portal.core.db import db, forget_rows, writing_aside
from portal.core.errors import NotFound
from portal.core.secret import Secret
from portal.core.words import _

IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
CONFIRMED_FOR = timedelta(minutes=15)
"""How long after a password or a second factor the delicate things need no other one."""
SEEN_EVERY = timedelta(minutes=1)


def start(person: Person, *, host: str, address: str, browser: str) -> tuple[SignIn, Secret]:
    """A new signed-in browser and the token for its cookie; nothing else ever shows the token."""
    token = tokens.make()
    now = clock.now()
    sign_in = SignIn(
        token_hash=tokens.digest(token),
        person_id=person.id,
        host=host,
        created_at=now,
        seen_at=now,
        confirmed_at=now,
        address=address[:64],
        browser=browser[:200],
    )
    db.session.add(sign_in)
    db.session.flush()
    trail.record(person.white_label_id, "person.signed_in", f"person:{person.id} {person.email}")
    return sign_in, token


def find(token: Secret, *, host: str) -> SignIn | None:
    """The live sign-in of this token at this host, with its person."""
    sign_in = db.session.scalar(
        select(SignIn)
        .where(SignIn.token_hash == tokens.digest(token))
        .options(joinedload(SignIn.person))
    )
    if sign_in is None or sign_in.host != host or not is_live(sign_in):
        return None
    return sign_in


def is_live(sign_in: SignIn) -> bool:
    """Whether this browser is still let in."""
    now = clock.now()
    return (
        sign_in.ended_at is None
        and not sign_in.person.is_removed
        and now - sign_in.seen_at < IDLE
        and now - sign_in.created_at < ABSOLUTE
    )


def of_person(person: Person) -> Sequence[SignIn]:
    """The person's live sign-ins, the one seen last first."""
    now = clock.now()
    query = select(SignIn).where(
        SignIn.person_id == person.id,
        SignIn.ended_at.is_(None),
        SignIn.seen_at > now - IDLE,
        SignIn.created_at > now - ABSOLUTE,
    )
    return db.session.scalars(query.order_by(SignIn.seen_at.desc())).all()


def last_seen(people: Iterable[Person]) -> Mapping[int, datetime]:
    """When a browser of each of these people was last here, by the person's id.

    Sign-ins that ended long ago are forgotten, so somebody who was here in spring may be missing.
    """
    ids = [person.id for person in people]
    query = select(SignIn.person_id, func.max(SignIn.seen_at)).where(SignIn.person_id.in_(ids))
    return dict(db.session.execute(query.group_by(SignIn.person_id)).all())


def touch(sign_in: SignIn) -> None:
    """Note that the browser was here, once a minute, in a short transaction of its own.

    A page that only reads must not wait for a busy store, so that a note which cannot be
    written at once is not written.
    """
    now = clock.now()
    if now - sign_in.seen_at < SEEN_EVERY:
        return
    try:
        with writing_aside() as connection:
            connection.execute(update(SignIn).where(SignIn.id == sign_in.id).values(seen_at=now))
    except OperationalError:
        return


def confirm(sign_in: SignIn) -> None:
    """The person has just proved a factor again."""
    sign_in.confirmed_at = clock.now()


def is_confirmed(sign_in: SignIn) -> bool:
    """Whether a factor was proved within the last quarter of an hour."""
    return clock.now() - sign_in.confirmed_at < CONFIRMED_FOR


def end(sign_in: SignIn) -> None:
    """This browser is let in no more."""
    if sign_in.ended_at is None:
        sign_in.ended_at = clock.now()


def end_one(person: Person, sign_in_id: int) -> None:
    """End one of the person's own browsers.

    Raises:
        NotFound: it is not the person's.
    """
    sign_in = db.session.scalar(
        select(SignIn).where(SignIn.person_id == person.id, SignIn.id == sign_in_id)
    )
    if sign_in is None:
        raise NotFound(_("signed-in browser"))
    end(sign_in)


def end_all(person: Person, *, keep: int | None = None) -> None:
    """End every browser of the person, but for the sign-in with the id `keep`."""
    query = update(SignIn).where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))
    if keep is not None:
        query = query.where(SignIn.id != keep)
    db.session.execute(query.values(ended_at=clock.now()))


def end_everybody(white_label_id: int) -> None:
    """End every browser of everybody in this white label."""
    query = update(SignIn).where(
        SignIn.ended_at.is_(None),
        SignIn.person_id.in_(select(Person.id).where(Person.white_label_id == white_label_id)),
    )
    # Said about the rows, not about those that happen to be loaded.
    db.session.execute(
        query.values(ended_at=clock.now()), execution_options={"synchronize_session": False}
    )


def end_at_host(host: str) -> None:
    """End every browser that signed in at this host: whoever gets the name gets their cookies."""
    query = update(SignIn).where(SignIn.ended_at.is_(None), SignIn.host == host)
    db.session.execute(
        query.values(ended_at=clock.now()), execution_options={"synchronize_session": False}
    )


def forget_before(moment: datetime) -> int:
    """Forget sign-ins that ended, or could not be used any more, before this moment."""
    return forget_rows(SignIn, (SignIn.ended_at < moment) | (SignIn.created_at < moment - ABSOLUTE))
