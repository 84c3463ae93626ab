"""What a change of settings does to the mail: shown before it happens, then done as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from sqlalchemy import ColumnElement, func, select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import db
from portal.domains.models import Domain
from portal.mail_templates import templates
from portal.mail_templates.models import MailTemplate
from portal.outbox import held, wake
from portal.outbox.models import IS_WAITING, Delivery, Message
from portal.routing import explain
from portal.routing.decide import Decision, Facts, NoRoute, Route, decide
from portal.routing.facts import Ask, gather
from portal.senders import senders
from portal.senders.listing import senders_within
from portal.senders.models import Sender, SenderDefault
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import MailMode, WhiteLabel


@dataclass(frozen=True, slots=True)
class Turn:
    """One kind of an app's mail, and which way it leaves before and after a change."""

    template: MailTemplate | None  # None: mail without a template, or with one that prefers nothing
    before: Decision
    after: Decision
    before_words: str
    after_words: str

    @property
    def is_change(self) -> bool:
        return _way(self.before) != _way(self.after)


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """What another owner means for an app's mail."""

    turns: Sequence[Turn]
    waiting: int  # deliveries that are decided again before they leave
    held: int  # of these: their sender was chosen by hand, and its server is not the new owner's

    @property
    def changes(self) -> list[Turn]:
        return [turn for turn in self.turns if turn.is_change]


@dataclass(frozen=True, slots=True)
class Deleting:
    """What goes with a server."""

    templates: Sequence[MailTemplate]  # lose their preferred server
    people: Sequence[Person]  # lose their default sender
    senders: Sequence[Sender]
    waiting: int  # deliveries that find another way, or are held
    sandboxes: Sequence[WhiteLabel]  # have no server at all afterwards


@dataclass(frozen=True, slots=True)
class DeletingSender:
    """What goes with one address."""

    people: Sequence[Person]  # lose their default sender
    waiting: int  # deliveries that were to leave from it


@dataclass(frozen=True, slots=True)
class LosingDomain:
    """What a white label loses with a domain on the allow-list."""

    senders: Sequence[Sender]  # on the platform's servers; nothing leaves from them any more
    waiting: int  # deliveries that were to leave from it, and are decided again
    held: int  # deliveries that wait for its records, and stay held for a person


def of_owner_change(app: App, owner: Person) -> OwnerChange:
    """Which mail of the app leaves another way when this person owns it."""
    preferring = (
        template
        for template in templates.templates_of(app.white_label)
        if template.preferred_server_id is not None
    )
    turns = [_turn(app, owner, template) for template in (None, *preferring)]
    return OwnerChange(
        turns,
        waiting=_waiting(Message.app_id == app.id),
        held=_waiting((Message.app_id == app.id) & Message.is_explicit & _is_barred(owner)),
    )


def waiting_of(app: App) -> int:
    """Deliveries that this app handed over and that have not left yet."""
    return _waiting(Message.app_id == app.id)


def of_deleting(server: SmtpServer) -> Deleting:
    """What loses its server, and who loses the last one."""
    carried = db.session.scalars(
        select(Sender).where(Sender.server_id == server.id, Sender.deleted_at.is_(None))
    ).all()
    people = db.session.scalars(
        select(Person)
        .join(SenderDefault, SenderDefault.person_id == Person.id)
        .where(SenderDefault.sender_id.in_([sender.id for sender in carried]))
        .order_by(Person.name)
    ).all()
    preferring = db.session.scalars(
        select(MailTemplate)
        .where(MailTemplate.preferred_server_id == server.id, MailTemplate.archived_at.is_(None))
        .order_by(MailTemplate.slug)
    ).all()
    return Deleting(
        templates=preferring,
        people=people,
        senders=carried,
        waiting=_waiting(Delivery.server_id == server.id),
        sandboxes=_without_server_after(server),
    )


def of_deleting_sender(sender: Sender) -> DeletingSender:
    """Whose default it is, and what waits to leave from it."""
    return DeletingSender(
        people=senders.people_with_default(sender),
        waiting=_waiting(Message.sender_id == sender.id),
    )


def of_losing_domain(domain: Domain) -> LosingDomain:
    """Who sends from it, and what waits to leave from it or for its records."""
    white_label = db.session.get_one(WhiteLabel, domain.white_label_id)
    its_senders = senders_within(
        white_label, domain.name, including_subdomains=domain.includes_subdomains
    )
    return LosingDomain(
        senders=[sender for sender in its_senders if sender.server.is_platform],
        waiting=_waiting(Message.domain_id == domain.id),
        held=held.count_of(held.of_lapsed(domain)),
    )


def delete_server(server: SmtpServer) -> None:
    """Delete it with all that refers to it; waiting mail finds another way at once."""
    templates.forget_server(server)
    senders.delete_all_of(server)
    servers.delete(server)
    wake.tell(db.session.connection())


def _turn(app: App, owner: Person, template: MailTemplate | None) -> Turn:
    ask = Ask(
        white_label_id=app.white_label_id,
        app_id=app.id,
        template_id=template.id if template else None,
    )
    before = gather(ask)
    after = replace(before, owner=owner.id, owner_name=owner.name)
    return Turn(template, *_decided(before, after))


def _decided(before: Facts, after: Facts) -> tuple[Decision, Decision, str, str]:
    # The same draw for both, so that chance alone never looks like a change.
    ways = decide(before, Random(0)), decide(after, Random(0))  # noqa: S311
    return *ways, explain.answer(ways[0], before), explain.answer(ways[1], after)


def _way(decision: Decision) -> tuple[object, ...]:
    match decision:
        case Route():
            return decision.server, str(decision.from_.address)
        case NoRoute():
            return (decision.code,)
        case _:
            return (decision.reason,)


def _waiting(condition: ColumnElement[bool]) -> int:
    """How much of this waits. Without a tenant: SQLite would read all that it ever sent."""
    query = select(func.count()).select_from(Delivery).join(Message).where(condition, IS_WAITING)
    return db.session.scalar(query) or 0


def _is_barred(owner: Person) -> ColumnElement[bool]:
    """The owner rule, for rows: a custom server carries only what its configurer owns."""
    return Message.server_id.in_(
        select(SmtpServer.id).where(
            SmtpServer.white_label_id.is_not(None), SmtpServer.configured_by_id != owner.id
        )
    )


def _without_server_after(server: SmtpServer) -> list[WhiteLabel]:
    """White labels that could use this server and could use no other one."""
    left = select(SmtpServer.white_label_id).where(
        SmtpServer.deleted_at.is_(None),
        SmtpServer.is_enabled,
        SmtpServer.validated_at.is_not(None),
        SmtpServer.id != server.id,
    )
    owners = set(db.session.scalars(left))
    if None in owners:
        return []
    mine = select(WhiteLabel).order_by(WhiteLabel.name)
    if not server.is_platform:
        mine = mine.where(WhiteLabel.id == server.white_label_id)
    return [
        white_label
        for white_label in db.session.scalars(mine)
        if white_label.mail_mode is MailMode.PLATFORM or white_label.id not in owners
    ]
