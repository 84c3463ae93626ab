"""What people and apps may do to mail that is already in the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, select, update

from portal.apps.models import App
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _, kept
from portal.outbox import again, tally, wake
from portal.outbox.accept import PATIENCE, SIMULATOR, apply
from portal.outbox.balance import NEVER_LEARNT as NEVER_LEARNT
from portal.outbox.balance import PAUSED, line_of
from portal.outbox.models import IS_NOTABLE, IS_WAITING, Delivery, Event, Message
from portal.outbox.states import WAITING, State
from portal.routing import explain
from portal.routing.decide import NoRoute, Route


def cancel(message: Message, *, only: Delivery | None = None) -> int:
    """Take back what has not been handed over; how many deliveries that were.

    What a lane holds right now cannot be taken back any more and goes on; what may have arrived
    stays as it is.

    Raises:
        Refusal: ``too_late`` when nothing is left to cancel.
    """
    taken = _move(
        _of(message, only) & _may_be_taken_back(), State.CANCELLED, campaigns=[message.campaign_id]
    )
    if not taken:
        raise Refusal("too_late", _("Nothing of this message can be cancelled any more."))
    words = _("%(count)s deliveries were cancelled.", count=taken)
    if taken == 1:
        words = _("One delivery was cancelled.")
    if only is not None:
        words = _("The delivery to %(email)s was cancelled.", email=only.email)
    _told(message, "cancelled", words)
    return taken


def cancel_all_of(app: App) -> int:
    """Take back everything of an app that has not been handed over; how many that were."""
    its_own = exists().where(Message.id == Delivery.message_id, Message.app_id == app.id)
    waiting, paused, held = (
        _cancelled(part & its_own) for part in _stopped_or_waiting(app.white_label_id)
    )
    connection = db.session.connection()
    # All of their campaigns at once, so that they are locked in the order of `add_moved`.
    tally.add_moved(connection, [*waiting, *paused, *held], line_of(State.CANCELLED, None))
    tally.add_moved(connection, held, line_of(State.HELD, None), by=-1)
    taken = len(waiting) + len(paused) + len(held)
    if taken:
        words = {"deliveries": taken}
        trail.record(app.white_label_id, "app.mail_cancelled", f"app {app.id} {app.name}", words)
    return taken


def release(message: Message, *, only: Delivery | None = None) -> int:
    """Let held deliveries go on their way, by the route of now; how many that were.

    Those that may have arrived already stay: sending them again is an act of its own.

    Raises:
        Refusal: ``not_held`` when nothing is held; else why there is still no route.
    """
    held = _of(message, only) & (Delivery.state == State.HELD) & ~_may_have_arrived()
    if not db.session.scalar(select(exists().where(held))):
        raise Refusal("not_held", _("Nothing of this message is held."))
    route_anew(message)
    released = _move(held, State.QUEUED, message=message)
    words = _("%(count)s held deliveries were released.", count=released)
    if released == 1:
        words = _("One held delivery was released.")
    if only is not None:
        words = _("The held delivery to %(email)s was released.", email=only.email)
    _told(message, "released", words)
    wake.tell(db.session.connection())
    return released


def send_again(delivery: Delivery) -> None:
    """Try once more what failed or was never learnt. The latter is one more copy, and marked so.

    Raises:
        Refusal: ``not_over`` while it is on its way, or after it was sent; else why there is no
            route.
    """
    message = delivery.message
    may_have_arrived = _may_have_arrived()
    ended = _of(message, delivery) & ((Delivery.state == State.FAILED) | may_have_arrived)
    if not db.session.scalar(select(exists().where(ended))):
        raise Refusal(
            "not_over", _("Only mail that failed or whose fate is unknown is sent again.")
        )
    route_anew(message)
    _move(ended, State.QUEUED, message=message)
    _told(message, "sent_again", _("Sent again to %(email)s by hand.", email=delivery.email))
    wake.tell(db.session.connection())


def may_have_arrived(delivery: Delivery) -> bool:
    """Whether one more copy might be the second one its recipient gets."""
    return delivery.state is State.UNKNOWN or (
        delivery.state is State.HELD and delivery.kind == NEVER_LEARNT
    )


def may_cancel(delivery: Delivery) -> bool:
    return delivery.state in (*WAITING, State.HELD) and not may_have_arrived(delivery)


def may_release(delivery: Delivery) -> bool:
    return delivery.state is State.HELD and not may_have_arrived(delivery)


def may_send_again(delivery: Delivery) -> bool:
    return delivery.state is State.FAILED or may_have_arrived(delivery)


def note(message: Message, kind: str, words: str) -> None:
    """Remember something that happened to a message."""
    db.session.add(Event(message_id=message.id, at=clock.now(), kind=kind, words=words))


def _told(message: Message, kind: str, words: str) -> None:
    note(message, kind, words)
    target = f"message {message.public_id}"
    trail.record(message.white_label_id, f"message.{kind}", target, {"words": kept(words)})


def route_anew(message: Message) -> None:
    """The facts may be others than when it was stopped; without a way it stays where it is."""
    decision, facts = again.decide_again(message)
    if not isinstance(decision, Route):
        code = decision.code if isinstance(decision, NoRoute) else "no_server"
        raise Refusal(code, explain.answer(decision, facts))
    before = message.server_id
    apply(message, decision, facts)
    if before is not None and before != message.server_id:
        db.session.execute(
            update(Delivery)
            .where(_of(message, None), IS_WAITING, Delivery.server_id == before)
            .values(server_id=message.server_id)
            .execution_options(synchronize_session=False)
        )
    message.give_up_at = max(message.give_up_at, clock.now() + PATIENCE)
    db.session.flush()


def _of(message: Message, only: Delivery | None) -> ColumnElement[bool]:
    if only is None:
        return Delivery.message_id == message.id
    if only.message_id != message.id:
        raise NotFound(_("delivery"))
    return Delivery.id == only.id


def _stopped_or_waiting(tenant: int) -> Sequence[ColumnElement[bool]]:
    """What may be taken back: what waits, what a paused campaign holds, and what is held else.

    Each is found in an index of its own. ``+ 0`` keeps the log's out of it, by which all that was
    ever sent would be read.
    """
    is_paused = Delivery.kind.is_not_distinct_from(PAUSED)
    is_held = and_(IS_NOTABLE, Delivery.tenant == tenant, Delivery.state == State.HELD)
    return (
        and_(IS_WAITING, Delivery.tenant + 0 == tenant),
        and_(is_held, is_paused),
        and_(is_held, ~is_paused, ~_may_have_arrived()),
    )


def _cancelled(wanted: ColumnElement[bool]) -> Sequence[int | None]:
    """Cancel these; the campaign of each."""
    cancelled = db.session.scalars(
        update(Delivery)
        .where(wanted)
        .values(state=State.CANCELLED, settled_at=clock.now())
        .returning(tally.ITS_CAMPAIGN)
        .execution_options(synchronize_session=False)
    ).all()
    db.session.expire_all()
    return cancelled


def _may_be_taken_back() -> ColumnElement[bool]:
    return Delivery.state.in_((*WAITING, State.HELD)) & ~_may_have_arrived()


def _may_have_arrived() -> ColumnElement[bool]:
    is_held_so = (Delivery.state == State.HELD) & Delivery.kind.is_not_distinct_from(NEVER_LEARNT)
    return (Delivery.state == State.UNKNOWN) | is_held_so


def _move(
    wanted: ColumnElement[bool],
    new: State,
    *,
    message: Message | None = None,
    campaigns: Sequence[int | None] = (),
) -> int:
    """Move these deliveries; with a message, onto its way, to leave at its time."""
    now = clock.now()
    values: dict[str, object] = {"state": new, "settled_at": now}
    if message is not None:
        values = _on_its_way(message, now)
        campaigns = [message.campaign_id]
    moved = db.session.scalars(
        update(Delivery)
        .where(wanted)
        .values(values)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    count = len(moved.all())
    tally.count_anew(db.session.connection(), campaigns)
    db.session.expire_all()
    return count


def _on_its_way(message: Message, now: datetime) -> dict[str, object]:
    is_later = message.send_at is not None and message.send_at > now
    return {
        "state": State.SCHEDULED if is_later else State.QUEUED,
        "due_at": message.send_at if is_later else now,
        "settled_at": None,
        "server_id": case((Delivery.server_id == SIMULATOR, SIMULATOR), else_=message.server_id),
        "attempts": 0,
        "copies": case((_may_have_arrived(), Delivery.copies + 1), else_=Delivery.copies),
        "losses": 0,
        "kind": None,
        "words": None,
        "code": None,
        "enhanced": None,
        "stage": None,
    }
