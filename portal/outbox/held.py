"""Held mail whose cause is over: let go all at once, however much it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.domains.models import Domain, DomainState
from portal.outbox import acts, tally, wake
from portal.outbox.accept import PATIENCE
from portal.outbox.balance import PAUSED, line_of
from portal.outbox.models import IS_NOTABLE, PLATFORM, Delivery, Message
from portal.outbox.states import State
from portal.routing.decide import Check
from portal.smtp.addresses import is_within
from portal.white_labels.models import WhiteLabel

AT_ONCE = 200
"""Messages that are routed one by one in one transaction; nobody else writes meanwhile."""
_HELD = line_of(State.HELD, None)


def because_of(tenant: int | InstrumentedAttribute[int], kind: str) -> ColumnElement[bool]:
    """Deliveries of this tenant that are held for this reason (`Delivery.kind`)."""
    return and_(
        IS_NOTABLE,
        Delivery.tenant == tenant,
        Delivery.state == State.HELD,
        Delivery.kind == kind,
    )


def because(kind: str) -> ColumnElement[bool]:
    """The same of every tenant. They are named, because the index begins with them."""
    everybody = union_all(select(literal(PLATFORM)), select(WhiteLabel.id))
    return and_(
        IS_NOTABLE,
        Delivery.tenant.in_(everybody),
        Delivery.state == State.HELD,
        Delivery.kind == kind,
    )


def let_go(which: ColumnElement[bool], *, at_once: int | None = None) -> int:
    """Put it back into the queue; how many deliveries that were.

    Its route is checked once more when its turn comes. What never had a way gets one now, at most
    `at_once` messages of that; what has none even now stays held, with the reason of now.

    Mail of a campaign goes on as after a pause, some of it at a time and at the campaign's pace:
    what became due in days does not leave within a minute.
    """
    released = _queue_again(which) + _route_first(which, at_once)
    wake.tell(db.session.connection())
    return released


def count_of(which: ColumnElement[bool]) -> int:
    """How many deliveries these are."""
    return db.session.scalar(select(func.count()).select_from(Delivery).where(which)) or 0


def of_lapsed(domain: Domain) -> ColumnElement[bool]:
    """What waits for this domain's records: mail that leaves from it or not at all."""
    from_it = Message.from_email.endswith(f"@{domain.name}", autoescape=True)
    if domain.includes_subdomains:
        from_it |= Message.from_email.endswith(f".{domain.name}", autoescape=True)
    for other in _not_verified_below(domain):
        its = Message.from_email.endswith(f"@{other.name}", autoescape=True)
        if other.includes_subdomains:
            its |= Message.from_email.endswith(f".{other.name}", autoescape=True)
        from_it &= ~its
    # Asked of each held delivery: as a list it would be all that the tenant ever sent from there.
    mine = exists().where(Message.id == Delivery.message_id, from_it)
    return because_of(domain.white_label_id, Check.DOMAIN_LAPSED) & mine


def _not_verified_below(domain: Domain) -> Sequence[Domain]:
    """Parts of it that stand on the list by themselves, and whose own records are awaited."""
    return db.session.scalars(
        select(Domain).where(
            Domain.white_label_id == domain.white_label_id,
            Domain.name.endswith(f".{domain.name}", autoescape=True),
            Domain.state.not_in((DomainState.VERIFIED, DomainState.REVOKED)),
        )
    ).all()


def recovered_domains() -> Sequence[Domain]:
    """Verified domains that held mail, which waits for a domain's records, is from."""
    waits = exists().where(because_of(Domain.white_label_id, Check.DOMAIN_LAPSED))
    query = select(Domain).where(Domain.state == DomainState.VERIFIED, waits)
    verified = db.session.scalars(query.order_by(Domain.id)).all()
    # A tenant may wait for one of many domains: to look for mail of each would take seconds.
    hosts = {
        tenant: _hosts_of_lapsed(tenant) for tenant in {one.white_label_id for one in verified}
    }
    return [
        domain
        for domain in verified
        if any(
            is_within(host, domain.name, including_subdomains=domain.includes_subdomains)
            for host in hosts[domain.white_label_id]
        )
    ]


def _hosts_of_lapsed(tenant: int) -> set[str]:
    """Where the mail is from that waits for a domain's records."""
    addresses = (
        select(Message.from_email)
        .join(Delivery, Delivery.message_id == Message.id)
        .where(because_of(tenant, Check.DOMAIN_LAPSED))
        .distinct()
    )
    return {address.rpartition("@")[2] for address in db.session.scalars(addresses)}


def _queue_again(which: ColumnElement[bool]) -> int:
    """What had a server when it was held: one statement."""
    now = clock.now()
    is_of_campaign = tally.ITS_CAMPAIGN.is_not(None)
    has_way = which & Delivery.server_id.is_not(None)
    late = now + PATIENCE
    messages = select(Delivery.message_id).where(has_way)
    db.session.execute(
        update(Message)
        .where(Message.id.in_(messages), Message.give_up_at < late)
        .values(give_up_at=late)
        .execution_options(synchronize_session=False)
    )
    moved = db.session.scalars(
        update(Delivery)
        .where(has_way)
        .values(
            state=case(
                (is_of_campaign, _stored(State.HELD)),
                (Delivery.due_at > now, _stored(State.SCHEDULED)),
                else_=_stored(State.QUEUED),
            ),
            kind=case((is_of_campaign, PAUSED), else_=null()),
            words=None,
            settled_at=case((is_of_campaign, Delivery.settled_at), else_=null()),
        )
        .returning(tally.ITS_CAMPAIGN)
        .execution_options(synchronize_session=False)
    ).all()
    tally.add_moved(db.session.connection(), moved, _HELD, by=-1)
    return len(moved)


def _route_first(which: ColumnElement[bool], at_once: int | None) -> int:
    """What was accepted while it could not leave never had a way: little, and one by one."""
    messages = db.session.scalars(
        select(Message)
        .where(Message.id.in_(select(Delivery.message_id).where(which)))
        .order_by(Message.id)
        .limit(at_once)
    )
    released = 0
    for message in messages.all():
        try:
            with db.session.begin_nested():
                released += _release(message, which)
        except Refusal as refusal:
            db.session.execute(
                update(Delivery)
                .where(Delivery.message_id == message.id, which)
                .values(kind=refusal.code, words=refusal.words)
                .execution_options(synchronize_session=False)
            )
    return released


def _release(message: Message, which: ColumnElement[bool]) -> int:
    if message.campaign_id is None:
        return acts.release(message)
    acts.route_anew(message)
    moved = db.session.execute(
        update(Delivery)
        .where(Delivery.message_id == message.id, which)
        .values(server_id=message.server_id, kind=PAUSED, words=None)
        .execution_options(synchronize_session=False)
    )
    count = int(getattr(moved, "rowcount", 0))
    tally.add_moved(db.session.connection(), [message.campaign_id] * count, _HELD, by=-1)
    return count


def _stored(state: State) -> BindParameter[State]:
    return literal(state, Delivery.state.type)
