"""Senders: which address and name a server carries, and whose default each one is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy import delete as delete_rows

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.domains.allow_list import may_send_from
from portal.senders.models import Sender, SenderDefault
from portal.smtp.addresses import AddressError, check_name, parse_address
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel


@dataclass(frozen=True, slots=True)
class SenderValues:
    """What somebody types; addresses as text."""

    email: str
    name: str = ""
    reply_to: str | None = None

    def checked(self) -> SenderValues:
        """Canonical, or refused at the field that is wrong."""
        return SenderValues(
            _at("email", self.email),
            _name(self.name),
            _at("reply_to", self.reply_to) if self.reply_to else None,
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """Somebody's default was another sender before: worth a notice."""

    person: Person
    before: Sender
    after: Sender

    @property
    def words(self) -> str:
        return _(
            "%(person)s wrote from %(before)s until now and writes from %(after)s from now on.",
            person=self.person.name,
            before=self.before.email,
            after=self.after.email,
        )


def create(
    white_label: WhiteLabel | None,
    server: SmtpServer,
    values: SenderValues,
    *,
    is_primary: bool = False,
) -> Sender:
    """One more address on this server. The platform's own senders have no white label.

    Raises:
        NotFound: the server is somebody else's.
        Refusal: an address is malformed, or the platform's servers may not send from it.
    """
    values = values.checked()
    _check_server(white_label, server, values)
    if is_primary and server.white_label_id != (white_label.id if white_label else None):
        raise ValueError("the address in a server's form is its owner's own")
    if is_primary:
        _demote_primary(white_label, server)
    sender = Sender(
        white_label_id=white_label.id if white_label else None,
        server=server,
        email=values.email,
        name=values.name,
        reply_to=values.reply_to,
        is_primary=is_primary,
        created_at=clock.now(),
    )
    db.session.add(sender)
    db.session.flush()
    trail.record(sender.white_label_id, "sender.created", _told(sender), {"email": sender.email})
    return sender


def change(sender: Sender, values: SenderValues) -> dict[str, str]:
    """Change what is different; tells each change as field → new value.

    What was accepted under the old address and waits is decided again before it leaves.
    """
    values = values.checked()
    _check_server(_white_label_of(sender), sender.server, values)
    changes = {
        field: getattr(values, field) or ""
        for field in ("email", "name", "reply_to")
        if getattr(sender, field) != getattr(values, field)
    }
    if not changes:
        return {}
    if "email" in changes or "name" in changes:
        _count_change(sender.server)
    sender.email, sender.name, sender.reply_to = values.email, values.name, values.reply_to
    trail.record(sender.white_label_id, "sender.changed", _told(sender), changes)
    return changes


def set_primary(server: SmtpServer, values: SenderValues) -> Sender:
    """The sender in the server's own form: made with the server, changed with it."""
    primary = primary_of(server)
    if primary is not None:
        change(primary, values)
        return primary
    white_label = _white_label(server.white_label_id)
    return create(white_label, server, values, is_primary=True)


def delete(sender: Sender) -> None:
    """Nobody can choose it any more.

    Raises:
        Refusal: it is the address in the server's own form; a server needs one.
    """
    if sender.is_primary and sender.server.deleted_at is None:
        raise Refusal(
            "sender_is_primary",
            _("A server needs one address to send from; delete the server, or change the address."),
        )
    _delete(sender)


def delete_all_of(server: SmtpServer) -> None:
    """Every address on a server that is being deleted, whoever's it is."""
    for sender in db.session.scalars(_living().where(Sender.server_id == server.id)):
        _delete(sender)


def set_default_for(sender: Sender, persons: Iterable[Person]) -> list[Moved]:
    """Make it the default of exactly these people; tells whose default was another one before.

    Raises:
        Refusal: somebody is not of the sender's white label.
    """
    lock(sender)
    wanted = {person.id: person for person in persons}
    for person in wanted.values():
        if person.white_label_id != sender.white_label_id or person.is_removed:
            raise Refusal("no_such_person", _("There is no such person here."), field="default_for")
    before = {
        default.person_id: default
        for default in db.session.scalars(
            select(SenderDefault).where(
                SenderDefault.person_id.in_(wanted) | (SenderDefault.sender_id == sender.id)
            )
        )
    }
    moved, changed = [], []
    for person_id, default in before.items():
        if person_id not in wanted:
            db.session.delete(default)
            changed.append(default.person.email)
        elif default.sender_id != sender.id:
            moved.append(Moved(default.person, default.sender, sender))
            default.sender = sender
    for person_id, person in wanted.items():
        if person_id not in before:
            db.session.add(SenderDefault(person=person, sender=sender))
            changed.append(person.email)
    if moved or changed:
        trail.record(
            sender.white_label_id,
            "sender.defaults_changed",
            _told(sender),
            {"people": sorted(person.email for person in wanted.values())},
        )
    db.session.flush()
    return moved


def choose_default(person: Person, sender: Sender | None) -> Moved | None:
    """What this person's mail leaves as; None: whatever fits it. The same fact as "default for".

    Raises:
        Refusal: the sender is of another white label.
    """
    before = default_of(person)
    # Whoever chooses the same one at this moment waits, so that nobody's choice is lost.
    if before is not None and sender is None:
        lock(before)
        others = [one for one in people_with_default(before) if one.id != person.id]
        set_default_for(before, others)
    if sender is None:
        return None
    lock(sender)
    moved = set_default_for(sender, [*people_with_default(sender), person])
    return next(iter(moved), None)


def forget_default(person: Person) -> None:
    """Their mail leaves as whatever fits it, as if nobody had ever chosen."""
    db.session.execute(delete_rows(SenderDefault).where(SenderDefault.person_id == person.id))


def senders_of(white_label: WhiteLabel | None) -> Sequence[Sender]:
    """Everything this white label (or the platform itself) can send as, by address."""
    query = _living().where(_owned_by(white_label))
    return db.session.scalars(query.order_by(Sender.email, Sender.id)).all()


def find_sender(white_label: WhiteLabel | None, sender_id: int) -> Sender:
    """The sender with this id.

    Raises:
        NotFound: missing, deleted, or somebody else's.
    """
    query = _living().where(_owned_by(white_label), Sender.id == sender_id)
    sender = db.session.scalar(query)
    if sender is None:
        raise NotFound(_("sender"))
    return sender


def find_by_email(
    white_label: WhiteLabel | None, email: str, *, server: SmtpServer | None = None
) -> Sender | None:
    """The sender with this canonical address; the oldest one where several servers carry it."""
    query = _living().where(_owned_by(white_label), Sender.email == email)
    if server is not None:
        query = query.where(Sender.server_id == server.id)
    return db.session.scalar(query.order_by(Sender.id).limit(1))


def primary_of(server: SmtpServer) -> Sender | None:
    """The address in the server's own form."""
    query = _living().where(
        Sender.server_id == server.id,
        Sender.is_primary,
        _owned_by_id(server.white_label_id),
    )
    return db.session.scalar(query.order_by(Sender.id).limit(1))


def default_of(person: Person) -> Sender | None:
    """What this person's mail leaves as, if somebody said so."""
    return db.session.scalar(
        _living().join(SenderDefault).where(SenderDefault.person_id == person.id)
    )


def people_with_default(sender: Sender) -> Sequence[Person]:
    """Whose default it is, by address."""
    query = select(Person).join(SenderDefault, SenderDefault.person_id == Person.id)
    return db.session.scalars(
        query.where(SenderDefault.sender_id == sender.id).order_by(Person.email)
    ).all()


def _check_server(white_label: WhiteLabel | None, server: SmtpServer, values: SenderValues) -> None:
    if server.deleted_at is not None:
        raise NotFound(_("SMTP server"))
    if not server.is_platform:
        if white_label is None or server.white_label_id != white_label.id:
            raise NotFound(_("SMTP server"))
        return
    if white_label is None:
        return
    domain = parse_address(values.email).domain
    if not may_send_from(white_label, domain):
        raise Refusal(
            "domain_not_verified",
            _(
                "The platform's servers send only from your verified domains, and %(domain)s is "
                "not one of them.",
                domain=domain,
            ),
            field="email",
        )


def _demote_primary(white_label: WhiteLabel | None, server: SmtpServer) -> None:
    db.session.execute(
        update(Sender)
        .where(Sender.server_id == server.id, _owned_by(white_label))
        .values(is_primary=False)
    )


def _delete(sender: Sender) -> None:
    _count_change(sender.server)
    db.session.execute(delete_rows(SenderDefault).where(SenderDefault.sender_id == sender.id))
    sender.deleted_at = clock.now()
    trail.record(sender.white_label_id, "sender.deleted", _told(sender), {"email": sender.email})


def _count_change(server: SmtpServer) -> None:
    """In the store, where nobody counts over what somebody else has counted; and before the sender
    is changed, for whoever saves the server writes in this order."""
    its = update(SmtpServer).where(SmtpServer.id == server.id)
    db.session.execute(
        its.values(version=SmtpServer.version + 1), execution_options={"synchronize_session": False}
    )
    db.session.refresh(server, ["version"])


def _living() -> Select[Sender]:
    return select(Sender).where(Sender.deleted_at.is_(None))


def _owned_by(white_label: WhiteLabel | None) -> ColumnElement[bool]:
    return _owned_by_id(white_label.id if white_label else None)


def _owned_by_id(white_label_id: int | None) -> ColumnElement[bool]:
    if white_label_id is None:
        return Sender.white_label_id.is_(None)
    return Sender.white_label_id == white_label_id


def _white_label_of(sender: Sender) -> WhiteLabel | None:
    return _white_label(sender.white_label_id)


def _white_label(white_label_id: int | None) -> WhiteLabel | None:
    return db.session.get(WhiteLabel, white_label_id) if white_label_id is not None else None


def _at(field: str, text: str) -> str:
    try:
        return str(parse_address(text.strip()))
    except AddressError as refusal:
        raise Refusal(refusal.code, refusal.words, field=field) from None


def _name(text: str) -> str:
    tidy = text.strip()
    try:
        check_name(tidy)
    except AddressError as refusal:
        raise Refusal(refusal.code, refusal.words, field="sender_name") from None
    if len(tidy) > 120:
        raise Refusal(
            "name_too_long",
            _("A name cannot be longer than %(limit)s characters.", limit=120),
            field="sender_name",
        )
    return tidy


def _told(sender: Sender) -> str:
    return f"sender {sender.id} {sender.email}"
