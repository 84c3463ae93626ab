"""People: who there is, and what may be changed about them.

A tenant is named by its white label's id; None is the platform itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.orm import selectinload

from portal.accounts import links, passwords, sign_in
from portal.accounts.models import Passkey, Person, RecoveryCode, Role
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import each_word_in
from portal.core.secret import Secret
from portal.core.words import _
from portal.smtp import addresses

ROLES_IN_WHITE_LABEL = (Role.ADMIN, Role.AGENT)


def _of(white_label_id: int | None) -> ColumnElement[bool]:
    if white_label_id is None:
        return Person.white_label_id.is_(None)
    return Person.white_label_id == white_label_id


def _present(white_label_id: int | None) -> Select[Person]:
    return select(Person).where(_of(white_label_id), Person.removed_at.is_(None))


def everybody(white_label_id: int | None) -> Sequence[Person]:
    """All people of this tenant, by name."""
    return db.session.scalars(_present(white_label_id).order_by(Person.name, Person.id)).all()


def search(
    white_label_id: int | None,
    words: str = "",
    *,
    role: Role | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Person]:
    """One page of this tenant's people, the newest first; each word is in the name or address."""
    query = _present(white_label_id).options(selectinload(Person.passkeys))
    query = query.where(*each_word_in(words, Person.name, Person.email))
    if role is not None:
        query = query.where(Person.role == role)
    return page_of(query, Person.id, before=before, after=after, size=size)


def ids_of(white_label_id: int | None) -> frozenset[int]:
    """Everybody who is or was one of this tenant's people."""
    return frozenset(db.session.scalars(select(Person.id).where(_of(white_label_id))))


def with_role(white_label_id: int | None, role: Role) -> Sequence[Person]:
    """Those with this role, by name."""
    query = _present(white_label_id).where(Person.role == role)
    return db.session.scalars(query.order_by(Person.name, Person.id)).all()


def named(white_label_id: int | None, person_id: int) -> Person:
    """This person of this tenant.

    Raises:
        NotFound: there is none, or it belongs to somebody else.
    """
    person = db.session.scalar(_present(white_label_id).where(Person.id == person_id))
    if person is None:
        raise NotFound(_("person"))
    return person


def by_email(white_label_id: int | None, email: str) -> Person | None:
    """Who signs in with this address here. Anything may be given, as it was typed."""
    try:
        folded = addresses.parse_address(email.strip()).folded
    except addresses.AddressError:
        return None
    return db.session.scalar(_present(white_label_id).where(Person.email == folded))


def is_there_an_owner() -> bool:
    """Whether the platform has an owner; until then the setup link works."""
    return bool(with_role(None, Role.PLATFORM_OWNER))


def create(
    white_label_id: int | None,
    *,
    email: str,
    name: str,
    role: Role,
    password: Secret | None = None,
    language: str = "en",
) -> Person:
    """A new person; without a password an invitation lets them choose one.

    Somebody who was removed and is added again is the same person, with nothing of what let
    them in before.

    Raises:
        Refusal: the address is not one or is taken here, the name is missing, the role does
            not exist at this place, or the password is weak.
    """
    address = _address(email)
    name = _name(name)
    _check_role(white_label_id, role)
    if password is not None:
        passwords.check(password, known=(name, address))

    person = db.session.scalar(select(Person).where(_of(white_label_id), Person.email == address))
    if person is None:
        person = Person(white_label_id=white_label_id, email=address, created_at=clock.now())
        db.session.add(person)
    elif not person.is_removed:
        raise Refusal(
            "email_taken", _("Somebody with this address is already here."), field="email"
        )
    person.name, person.role, person.language = name, role, language
    person.removed_at = None
    person.password_hash = passwords.hashed(password) if password else None
    db.session.flush()
    _record(person, "person.created", {"role": role.value})
    return person


def rename(person: Person, *, name: str) -> None:
    """Another name, for pages and mails."""
    name = _name(name)
    before, person.name = person.name, name
    if name != before:
        _record(person, "person.renamed", {"name": [before, name]})


def prefer(person: Person, *, language: str, time_zone: str) -> None:
    """The language and the zone in which this person reads.

    Raises:
        Refusal: there is no such time zone.
    """
    if time_zone not in available_timezones():
        raise Refusal(
            "unknown_time_zone", _("There is no time zone of this name."), field="time_zone"
        )
    person.language, person.time_zone = language, time_zone


def local(person: Person, moment: datetime) -> datetime:
    """The moment as this person's clock shows it."""
    return moment.astimezone(ZoneInfo(person.time_zone))


def change_role(person: Person, *, role: Role) -> None:
    """Another role; every signed-in browser of the person ends.

    Raises:
        Refusal: the role does not exist at this place.
    """
    _check_role(person.white_label_id, role)
    if role is person.role:
        return
    before, person.role = person.role, role
    sign_in.end_all(person)
    _record(person, "person.role_changed", {"role": [before.value, role.value]})


def check_not_oneself(person: Person, *, by: Person) -> None:
    """Nobody changes their own role: the last admin would lock everybody out by a slip.

    Raises:
        Refusal: it is oneself.
    """
    if person.id == by.id:
        raise Refusal(
            "own_role", _("You cannot change your own role; another admin can."), field="role"
        )


def remove(person: Person, *, by: Person | None) -> None:
    """Take away everything that lets this person in. What they made stays, with their name on it.

    Raises:
        Refusal: nobody removes themselves, and the platform keeps at least one owner.
    """
    if by is not None and by.id == person.id:
        raise Refusal("removes_oneself", _("You cannot remove yourself; somebody else can."))
    if person.is_platform_owner and len(_owners_who_stay()) < 2:
        raise Refusal("last_owner", _("The platform needs at least one owner."))
    person.removed_at = clock.now()
    person.password_hash = None
    person.totp_sealed = None
    person.totp_last_step = None
    for kind in (Passkey, RecoveryCode):
        db.session.execute(delete(kind).where(kind.person_id == person.id))
    links.withdraw(person)
    sign_in.end_all(person)
    _record(person, "person.removed")


def set_password(
    person: Person, password: Secret, *, known: tuple[str, ...] = (), keep: int | None = None
) -> None:
    """A new password; every signed-in browser ends, but for the sign-in with the id `keep`.

    Raises:
        Refusal: the password is weak; the words belong to the field `password`.
    """
    passwords.check(password, known=(person.name, person.email, *known))
    person.password_hash = passwords.hashed(password)
    sign_in.end_all(person, keep=keep)
    _record(person, "person.password_changed", {"password": "changed"})


def keep_hash_current(person: Person, password: Secret) -> None:
    """Hash a password again that was just found right, where the stored hash has become weak."""
    if person.password_hash and passwords.needs_new_hash(person.password_hash):
        person.password_hash = passwords.hashed(password)


def _owners_who_stay() -> Sequence[Person]:
    """All of them until the caller commits: of two who remove each other the second waits."""
    query = _present(None).where(Person.role == Role.PLATFORM_OWNER).order_by(Person.id)
    return db.session.scalars(query.with_for_update(key_share=True)).all()


def _address(email: str) -> str:
    try:
        return addresses.parse_address(email.strip()).folded
    except addresses.AddressError as fault:
        raise Refusal(fault.code, fault.words, field="email") from fault


def _name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Refusal("name_missing", _("A name is needed."), field="name")
    if len(name) > 120:
        raise Refusal(
            "name_too_long", _("Use at most %(count)s characters.", count=120), field="name"
        )
    try:
        return addresses.check_name(name)
    except addresses.AddressError as fault:
        raise Refusal(fault.code, fault.words, field="name") from fault


def _check_role(white_label_id: int | None, role: Role) -> None:
    roles = ROLES_IN_WHITE_LABEL if white_label_id else (Role.PLATFORM_OWNER,)
    if role not in roles:
        raise Refusal("role_elsewhere", _("This role does not exist here."), field="role")


def _record(person: Person, action: str, changes: dict[str, object] | None = None) -> None:
    trail.record(person.white_label_id, action, f"person:{person.id} {person.email}", changes)
