"""How a server stands at one moment, in one word: does mail leave through it, and if not, why.

It asks the database nothing: a row and its health are given. The stored secret is opened, to see
that it opens.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from portal.core.words import Said, Words, lazy
from portal.smtp.advice import Advice, advise
from portal.smtp.causes import Cause
from portal.smtp.replies import Kind, Reply, ServerFault, Stage
from portal.smtp_settings.credentials import has_usable_secret
from portal.smtp_settings.models import AuthKind, ServerHealth, SmtpServer


class Standing(StrEnum):
    WORKING = "working"  # new mail may leave through it
    RESTING = "resting"  # left alone for a short while after faults in a row
    PARKED = "parked"  # nothing leaves until it is mended
    LOCKED_OUT = "locked_out"  # its stored password does not belong to its settings
    UNTESTED = "untested"  # switched on, but no session has proven it
    DISABLED = "disabled"  # switched off by hand
    DRAFT = "draft"  # never switched on: it has not passed a session yet

    @property
    def words(self) -> Words:
        return _WORDS[self]


_WORDS = {
    Standing.WORKING: lazy("Working"),
    Standing.RESTING: lazy("Resting"),
    Standing.PARKED: lazy("Parked"),
    Standing.LOCKED_OUT: lazy("Needs its password"),
    Standing.UNTESTED: lazy("Not tested"),
    Standing.DISABLED: lazy("Disabled"),
    Standing.DRAFT: lazy("Draft"),
}


def standing_of(server: SmtpServer, *, now: datetime) -> Standing:
    """The one thing to know first; what a person has to mend comes before what passes by itself."""
    if not server.is_enabled:
        return Standing.DRAFT if server.validated_at is None else Standing.DISABLED
    if not has_usable_secret(server):
        return Standing.LOCKED_OUT
    if server.health.is_parked:
        return Standing.PARKED
    if server.validated_at is None:
        return Standing.UNTESTED
    if server.health.resting_until is not None and server.health.resting_until > now:
        return Standing.RESTING
    return Standing.WORKING


def advice_on_parking(server: SmtpServer) -> Advice | None:
    """What the reason for parking means and what to do; None where only the words tell."""
    words, kind = server.health.parked_words or "", server.health.parked_kind
    if words in list(Cause):
        return _advice_on(Cause(words), server)
    if kind not in list(Kind):
        return None
    code = words[:3]
    reply = Reply.read(int(code), [words[4:].encode()]) if code.isdecimal() else None
    advice = _advice_on(ServerFault(Kind(kind), reply), server)
    return Advice(words, advice.what_to_do) if isinstance(words, Said) else advice


def words_of_parking(health: ServerHealth) -> str:
    """What the server itself said, if it said anything."""
    return words_of_server(health.parked_words)


def reason_of_parking(server: SmtpServer) -> str:
    """Why nothing leaves through it, in one line: what the server said, else what it means."""
    said = words_of_parking(server.health)
    advice = None if said else advice_on_parking(server)
    return said or (advice.meaning if advice else server.health.parked_kind or "")


def words_of_server(words: str | None) -> str:
    """What of the words of a fault the server itself said; nothing where they are ours."""
    is_ours = isinstance(words, Said) or words in list(Cause) or words in list(Kind)
    return words if words and not is_ours else ""


def reason_of_fault(words: str | None, server: SmtpServer) -> str:
    """The words of a fault for a reader: where the server said nothing, what it means."""
    if words in list(Cause):
        return _advice_on(Cause(words), server).meaning
    if words in list(Kind):
        return _advice_on(ServerFault(Kind(words)), server).meaning
    return words or ""


def _advice_on(fault: ServerFault | Cause, server: SmtpServer) -> Advice:
    """What it means and what to do, where the stage that it happened at is not remembered."""
    stage = Stage.CONNECT if isinstance(fault, Cause) else Stage.MAIL
    return advise(stage, fault, server.preset, by_token=server.auth is AuthKind.BEARER)
