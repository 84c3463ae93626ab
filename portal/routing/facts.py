"""What the rule looks at, read from the database at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import can_be_id, db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.domains.models import Domain, DomainState
from portal.mail_templates.models import MailTemplate
from portal.routing.decide import DomainFacts, Facts, SenderFacts, ServerFacts, WhiteLabelFacts
from portal.senders.models import Sender, SenderDefault
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp_settings.models import ParkedSender, ServerHealth, SmtpServer
from portal.white_labels.models import MailMode, Platform, WhiteLabel


@dataclass(frozen=True, slots=True)
class Ask:
    """One message as routing sees it, before anything is looked up.

    `sender` is a sender's id, or an address. An address that is no sender's is a wish: it
    becomes From where that is allowed, else Reply-To.
    """

    white_label_id: int | None  # None: the portal's own mail
    app_id: int | None = None
    author_id: int | None = None
    agent_id: int | None = None
    sender: int | str | None = None
    template_id: int | None = None
    recipients: int = 1
    reply_to: tuple[Mailbox, ...] = ()


def gather(ask: Ask) -> Facts:
    """The facts of this moment.

    Raises:
        Refusal: a sender, app or agent that is not there for this white label.
    """
    white_label = _white_label(ask.white_label_id)
    app = _app(ask)
    owner_id = app.owner_id if app else ask.author_id
    owner = db.session.get(Person, owner_id) if owner_id else None
    servers = _servers(ask.white_label_id)
    chosen, wish = _wanted(ask, servers, owner_id)
    platform = db.session.get_one(Platform, 1)
    template = db.session.get(MailTemplate, ask.template_id) if ask.template_id else None

    return Facts(
        platform_name=platform.name,
        servers=tuple(servers),
        senders=_first_senders([server.id for server in servers]),
        white_label=white_label,
        app_name=app.name if app else "",
        is_of_an_app=app is not None,
        owner=owner_id,
        owner_name=owner.name if owner else "",
        chosen=chosen,
        wish=wish,
        template_server=template.preferred_server_id if template else None,
        agent_default=_agent_default(ask),
        refused_senders=_refused([server.id for server in servers]),
        recipients=ask.recipients,
        reply_to=ask.reply_to,
    )


def sender_facts(sender: Sender) -> SenderFacts:
    """A sender as the rule sees it."""
    reply_to = Mailbox(parse_address(sender.reply_to)) if sender.reply_to else None
    mailbox = Mailbox(parse_address(sender.email), sender.name)
    return SenderFacts(sender.id, sender.server_id, sender.white_label_id, mailbox, reply_to)


def _white_label(white_label_id: int | None) -> WhiteLabelFacts | None:
    if white_label_id is None:
        return None
    white_label = db.session.get_one(WhiteLabel, white_label_id)
    domains = db.session.scalars(
        select(Domain).where(
            Domain.white_label_id == white_label_id, Domain.state != DomainState.REVOKED
        )
    )
    return WhiteLabelFacts(
        id=white_label.id,
        name=white_label.name,
        is_suspended=white_label.is_suspended,
        uses_own_servers=white_label.mail_mode is MailMode.OWN,
        domains=tuple(
            DomainFacts(
                id=domain.id,
                name=domain.name,
                includes_subdomains=domain.includes_subdomains,
                is_verified=domain.state is DomainState.VERIFIED,
                is_lapsed=domain.state is DomainState.LAPSED,
            )
            for domain in domains
        ),
    )


def _app(ask: Ask) -> App | None:
    if ask.app_id is None:
        return None
    app = db.session.get(App, ask.app_id)
    if app is None or app.white_label_id != ask.white_label_id:
        raise Refusal("app_unknown", _("There is no such app."), field="app")
    return app


def _servers(white_label_id: int | None) -> list[ServerFacts]:
    platforms = SmtpServer.white_label_id.is_(None)
    mine = or_(platforms, SmtpServer.white_label_id == white_label_id)
    rows = db.session.execute(
        select(SmtpServer, ServerHealth.parked_at, Person.name)
        .join(ServerHealth, ServerHealth.server_id == SmtpServer.id, isouter=True)
        .join(Person, Person.id == SmtpServer.configured_by_id)
        .where(mine, SmtpServer.deleted_at.is_(None))
        .order_by(SmtpServer.id)
    )
    return [
        ServerFacts(
            id=server.id,
            name=server.name,
            white_label=server.white_label_id,
            configured_by=server.configured_by_id,
            configurer=configurer,
            version=server.version,
            is_enabled=server.is_enabled,
            is_validated=server.validated_at is not None,
            is_parked=parked_at is not None,
            weight=server.weight,
            max_recipients=server.max_recipients,
        )
        for server, parked_at, configurer in rows
    ]


def _first_senders(server_ids: Sequence[int]) -> tuple[SenderFacts, ...]:
    senders = db.session.scalars(
        select(Sender)
        .where(Sender.server_id.in_(server_ids), Sender.is_primary, Sender.deleted_at.is_(None))
        .order_by(Sender.id)
    )
    return tuple(sender_facts(sender) for sender in senders)


def _refused(server_ids: Sequence[int]) -> frozenset[tuple[int, str]]:
    rows = db.session.execute(
        select(ParkedSender.server_id, ParkedSender.from_email).where(
            ParkedSender.server_id.in_(server_ids)
        )
    )
    return frozenset((server_id, from_email) for server_id, from_email in rows)


def _agent_default(ask: Ask) -> SenderFacts | None:
    if ask.agent_id is None:
        return None
    agent = db.session.get(Person, ask.agent_id) if can_be_id(ask.agent_id) else None
    if agent is None or agent.is_removed or agent.white_label_id != ask.white_label_id:
        raise Refusal("agent_unknown", _("There is no such agent."), field="agent")
    sender = db.session.scalar(
        select(Sender)
        .join(SenderDefault, SenderDefault.sender_id == Sender.id)
        .where(SenderDefault.person_id == agent.id, Sender.deleted_at.is_(None))
    )
    return sender_facts(sender) if sender else None


def _wanted(
    ask: Ask, servers: Sequence[ServerFacts], owner: int | None
) -> tuple[SenderFacts | None, Mailbox | None]:
    """The sender that was chosen, or the address that is only wished for."""
    if ask.sender is None:
        return None, None
    mine = Sender.white_label_id == ask.white_label_id
    if ask.white_label_id is None:
        mine = Sender.white_label_id.is_(None)
    query = select(Sender).where(mine, Sender.deleted_at.is_(None)).order_by(Sender.id)

    if isinstance(ask.sender, int):
        its = query.where(Sender.id == ask.sender)
        sender = db.session.scalar(its) if can_be_id(ask.sender) else None
        if sender is None:
            raise Refusal("sender_unknown", _("There is no such sender."), field="sender")
        return sender_facts(sender), None

    address = parse_address(ask.sender)
    carrying = list(db.session.scalars(query.where(Sender.email == str(address))))
    if not carrying:
        return None, Mailbox(address)
    # The same address may stand on several servers: the owner's own one is meant first.
    own = {server.id for server in servers if server.configured_by == owner}
    best = min(carrying, key=lambda sender: (sender.server_id not in own, sender.id))
    return sender_facts(best), None
