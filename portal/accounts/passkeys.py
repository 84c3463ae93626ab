"""Passkeys (WebAuthn Level 3): something that a device keeps, opened by its owner.

A passkey is made for one host and works there only. User verification is always asked for, so
that a passkey alone is two factors: the device, and the finger, face or PIN that opens it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from portal.accounts import attempts
from portal.accounts.models import Passkey, Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _

if TYPE_CHECKING:
    from portal.accounts.ceremonies import Ceremony, Question

CHALLENGE_FOR = timedelta(minutes=5)


def of_person(person: Person) -> Sequence[Passkey]:
    """The person's passkeys, oldest first."""
    query = select(Passkey).where(Passkey.person_id == person.id)
    return db.session.scalars(query.order_by(Passkey.id)).all()


def ask_to_register(person: Person, *, host: str, place: str) -> Question:
    """Ask the browser for a new passkey; `place` is the name that its owner sees."""
    known = [passkey.credential_id for passkey in of_person(person)]
    return _ceremony(host).ask_for_new(person, place=place, known=known)


def register(
    person: Person, *, answer: str, challenge: str, host: str, origin: str, name: str
) -> Passkey:
    """Keep the passkey that the browser made.

    Raises:
        Refusal: the answer does not belong to the question, or to this host.
    """
    _use_up(challenge)
    made = _ceremony(host).made(answer, challenge=challenge, origin=origin)
    if made is None:
        raise _not_accepted()
    passkey = Passkey(
        person_id=person.id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=name.strip()[:60] or _("Passkey"),
        host=host,
        created_at=clock.now(),
    )
    db.session.add(passkey)
    db.session.flush()
    trail.record(
        person.white_label_id, "person.passkey_added", _target(person), {"name": passkey.name}
    )
    return passkey


def ask_to_sign_in(*, host: str) -> Question:
    """Ask the browser for any passkey of this host; its owner chooses which."""
    return _ceremony(host).ask_for_any()


def sign_in(
    white_label_id: int | None, *, answer: str, challenge: str, host: str, origin: str
) -> Person:
    """Whose passkey answered, if it is somebody of this tenant.

    Raises:
        Refusal: unknown, of another tenant or host, or the answer does not belong to the question.
    """
    _use_up(challenge)
    ceremony = _ceremony(host)
    credential_id = ceremony.key_in(answer)
    if credential_id is None:
        raise _not_accepted()
    passkey = db.session.scalar(
        select(Passkey)
        .join(Passkey.person)
        .where(
            Person.white_label_id.is_(None)
            if white_label_id is None
            else Person.white_label_id == white_label_id,
            Person.removed_at.is_(None),
            Passkey.credential_id == credential_id,
            Passkey.host == host,
        )
    )
    if passkey is None:
        raise _not_accepted()
    count = ceremony.count_in(
        answer,
        challenge=challenge,
        origin=origin,
        public_key=passkey.public_key,
        count=passkey.sign_count,
    )
    if count is None:
        raise _not_accepted()
    passkey.sign_count = count
    passkey.used_at = clock.now()
    return passkey.person


def remove(person: Person, passkey_id: int) -> None:
    """Let this passkey in no more.

    Raises:
        NotFound: it is not the person's.
    """
    passkey = db.session.scalar(
        select(Passkey).where(Passkey.person_id == person.id, Passkey.id == passkey_id)
    )
    if passkey is None:
        raise NotFound(_("passkey"))
    db.session.delete(passkey)
    trail.record(
        person.white_label_id, "person.passkey_removed", _target(person), {"name": passkey.name}
    )


def _ceremony(host: str) -> Ceremony:
    """What asks browsers and reads their answers; most processes never load it."""
    from portal.accounts.ceremonies import Ceremony  # noqa: PLC0415 - its library is 6 MB

    return Ceremony(host)


def _use_up(challenge: str) -> None:
    """A challenge is answered once: it travels in a cookie, which somebody might play again."""
    subject = "passkey challenge:" + hashlib.sha256(challenge.encode()).hexdigest()[:40]
    if not challenge or attempts.how_often(subject, CHALLENGE_FOR):
        raise _not_accepted()
    attempts.count(subject)


def _not_accepted() -> Refusal:
    return Refusal("passkey_not_accepted", _("This passkey is not known here, or came too late."))


def _target(person: Person) -> str:
    return f"person:{person.id} {person.email}"
