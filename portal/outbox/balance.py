"""The balance sheet of a campaign: everybody in the audience is in exactly one of its lines.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.outbox.states import State

PAUSED = "campaign_paused"
"""`Delivery.kind` of what is held only until its campaign goes on."""
NEVER_LEARNT = "unknown"
"""`Delivery.kind` of what is held because it may have arrived."""

LINES = ("sent", "failed", "unknown", "held", "suppressed", "cancelled", "sandboxed")
"""Where nothing happens by itself any more; all others wait."""


def line_of(state: State, kind: str | None) -> str | None:
    """The line that a delivery stands in; None while it waits."""
    match state:
        case State.HELD if kind == PAUSED:
            return None
        case State.HELD if kind == NEVER_LEARNT:
            return "unknown"
        case State.SCHEDULED | State.QUEUED | State.DEFERRED | State.SENDING:
            return None
        case _:
            return state.value


@dataclass(frozen=True, slots=True)
class Balance:
    """How a campaign stands. `total` is the audience as it was launched."""

    total: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0  # handed over, and nobody knows whether it was taken
    held: int = 0  # a person decides
    suppressed: int = 0
    cancelled: int = 0
    sandboxed: int = 0
    unsubscribed: int = 0  # of those sent to

    @property
    def final(self) -> int:
        """What does not wait any more."""
        return (
            self.sent
            + self.failed
            + self.unknown
            + self.held
            + self.suppressed
            + self.cancelled
            + self.sandboxed
        )

    @property
    def waiting(self) -> int:
        return self.total - self.final

    @property
    def adds_up(self) -> bool:
        """Whether nobody is counted twice or lost."""
        return self.waiting >= 0 and min(getattr(self, line) for line in LINES) >= 0

    @property
    def done(self) -> float:
        """From 0 to 1."""
        return self.final / self.total if self.total else 1.0
