"""The states of a delivery and the moves between them.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class State(StrEnum):
    SCHEDULED = "scheduled"  # waits for a time the sender chose
    QUEUED = "queued"  # may leave now
    DEFERRED = "deferred"  # the other side asked to come again later
    SENDING = "sending"  # a lane holds it
    SENT = "sent"  # the server took it; final
    FAILED = "failed"  # refused for good; final
    UNKNOWN = "unknown"  # handed over, but the answer was never learnt
    HELD = "held"  # a person decides
    SUPPRESSED = "suppressed"  # the recipient does not want mail; final
    CANCELLED = "cancelled"  # taken back before it was handed over; final
    SANDBOXED = "sandboxed"  # kept to look at, nothing left; final


class Category(StrEnum):
    TRANSACTIONAL = "transactional"  # somebody waits for it
    CAMPAIGN = "campaign"  # goes when no transactional mail of its tenant waits

    @property
    def priority(self) -> int:
        """0 leaves first."""
        return 0 if self is Category.TRANSACTIONAL else 1


class Reason(StrEnum):
    """Why a white label does not write to an address any more.

    Somebody who wants no campaigns still wants the receipt and the new password, so unsubscribing
    (and a list from elsewhere that nobody looked at) stops campaigns only. Where mail cannot
    arrive, or an admin said no by hand, nothing is sent.
    """

    UNSUBSCRIBED = "unsubscribed"  # by the link in a campaign's mail
    BOUNCED = "bounced"  # a server did not know it, and somebody agreed
    BY_HAND = "by_hand"  # an admin entered it
    IMPORTED = "imported"  # it came with a list from another program

    @property
    def stops_everything(self) -> bool:
        return self in (Reason.BOUNCED, Reason.BY_HAND)


WAITING: Collection[State] = (State.SCHEDULED, State.QUEUED, State.DEFERRED)
"""A lane may claim these when they are due."""

FINAL: Collection[State] = (
    State.SENT,
    State.FAILED,
    State.SUPPRESSED,
    State.CANCELLED,
    State.SANDBOXED,
)

MOVES: Mapping[State, Collection[State]] = {
    State.SCHEDULED: (State.SENDING, State.CANCELLED, State.HELD, State.SUPPRESSED),
    State.QUEUED: (State.SENDING, State.CANCELLED, State.HELD, State.SUPPRESSED),
    State.DEFERRED: (State.SENDING, State.CANCELLED, State.HELD, State.SUPPRESSED),
    State.SENDING: (
        State.SENT,
        State.DEFERRED,
        State.FAILED,
        State.QUEUED,
        State.UNKNOWN,
        State.HELD,
        State.CANCELLED,  # its campaign was, before it was begun
        State.SUPPRESSED,  # its reader said no meanwhile
    ),
    State.UNKNOWN: (State.QUEUED, State.HELD),
    State.HELD: (State.QUEUED, State.CANCELLED, State.SUPPRESSED),
    State.SENT: (),
    State.FAILED: (State.QUEUED,),  # sent again by hand
    State.SUPPRESSED: (),
    State.CANCELLED: (),
    State.SANDBOXED: (),
}
"""The moves that are decided. Beside them stands the one that is learnt: see `may_move`."""


def may_move(old: State, new: State) -> bool:
    """Whether a delivery may go from one state to the other.

    A late 250 counts, whatever was believed or decided meanwhile: the server has the message, so
    every state may become "sent" but those that nothing ever left, the sandbox's and the
    suppressed.
    """
    if new is State.SENT:
        return old not in (State.SENT, State.SANDBOXED, State.SUPPRESSED)
    return new in MOVES[old]


def summary(states: Collection[State]) -> State:
    """One word for a message with several deliveries: what still needs attention comes first."""
    order = (
        State.SENDING,
        State.QUEUED,
        State.SCHEDULED,
        State.DEFERRED,
        State.UNKNOWN,
        State.HELD,
        State.FAILED,
        State.SENT,
        State.SUPPRESSED,
        State.CANCELLED,
        State.SANDBOXED,
    )
    return next(state for state in order if state in states)
