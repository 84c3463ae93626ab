"""The states of a delivery as people read them: one word each, and how it looks."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask

from portal.core.words import Words, lazy
from portal.outbox.states import State

STATES: Mapping[State, tuple[Words, str]] = {
    State.SCHEDULED: (lazy("Scheduled"), "wait"),
    State.QUEUED: (lazy("Queued"), "wait"),
    State.DEFERRED: (lazy("Deferred"), "warn"),
    State.SENDING: (lazy("Sending"), "wait"),
    State.SENT: (lazy("Delivered"), "good"),
    State.FAILED: (lazy("Failed"), "bad"),
    State.UNKNOWN: (lazy("Unknown"), "warn"),
    State.HELD: (lazy("Held"), "warn"),
    State.SUPPRESSED: (lazy("Suppressed"), "quiet"),
    State.CANCELLED: (lazy("Cancelled"), "quiet"),
    State.SANDBOXED: (lazy("Sandboxed"), "quiet"),
}


def open_states(app: Flask) -> None:
    """Give templates `STATES`."""
    app.jinja_env.globals["STATES"] = STATES
