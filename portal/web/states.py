"""The states of a delivery as people read them: one word each, and how it looks."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask

from portal.core.words import Words, lazy
from portal.outbox.states import State
from portal.smtp.replies import Stage
from portal.smtp_settings.standing import reason_of_fault, reason_of_parking, words_of_server

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

STAGES: Mapping[str, Words] = {
    Stage.TOKEN: lazy("while asking for an access token"),
    Stage.RESOLVE: lazy("while looking its name up"),
    Stage.CONNECT: lazy("while connecting"),
    Stage.GREETING: lazy("at the greeting"),
    Stage.EHLO: lazy("at the greeting"),
    Stage.STARTTLS: lazy("while turning TLS on"),
    Stage.TLS: lazy("while turning TLS on"),
    Stage.AUTH: lazy("while signing in"),
    Stage.MAIL: lazy("at the sender"),
    Stage.RCPT: lazy("at the recipient"),
    Stage.DATA: lazy("before the content"),
    Stage.BODY: lazy("after the content"),
}
"""How far a try had come, as the end of a line."""


def open_states(app: Flask) -> None:
    """Give templates `STATES`, `STAGES` and what a server's faults were."""
    app.jinja_env.globals |= {"STATES": STATES, "STAGES": STAGES}
    app.jinja_env.filters |= {
        "reason_of_fault": reason_of_fault,
        "reason_of_parking": reason_of_parking,
        "words_of_server": words_of_server,
    }
