"""What the state of a delivery means and what to do about it, in plain words.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from portal.core.words import Words, lazy
from portal.outbox.states import State
from portal.smtp.advice import Advice, advise
from portal.smtp.protocol import Unknown
from portal.smtp.replies import Failed, Kind, Reply, ServerFault, Stage, TryAgain

_OUR_OWN: Mapping[str, tuple[Words, Words]] = {
    "expired": (
        lazy("It was tried for three days, and the other side never took it."),
        lazy("Ask the recipient for another address, or send it again when the cause is mended."),
    ),
    "poison": (
        lazy("Two delivery processes ended while they had this message in hand."),
        lazy("Look at the message and at the system's log before you release it."),
    ),
    "test_key": (
        lazy("A test key accepts and shows everything and sends nothing."),
        lazy("Use a live key when mail should leave."),
    ),
    "no_server": (
        lazy("No SMTP server was there for this mail."),
        lazy("Set up a server, then send the message again."),
    ),
    "sender_refused": (
        lazy("The server does not send for this From address."),
        lazy("Allow the address at the mail service, or change the sender, then release it."),
    ),
}
_HELD = lazy("Mend the cause, then release it here. Until then it waits; nothing is lost.")


def meaning_of(
    state: State,
    *,
    kind: str | None,
    stage: str | None,
    code: int | None,
    enhanced: str | None,
    words: str | None,
    preset: str | None = None,
    by_token: bool = False,
) -> Advice | None:
    """Words for what is stored of a delivery or of one try; None where nothing is wrong.

    Args:
        words: the server's own, or why we hold it.
        preset: of the server, whose own peculiarities explain it best.
        by_token: the server is signed in to by access token.
    """
    if kind is None or state in (State.SENT, State.CANCELLED):
        return None
    if kind == "unknown":
        return advise(Stage.BODY, Unknown(ServerFault(Kind.UNREACHABLE)), preset)
    if kind in _OUR_OWN:
        meaning, what_to_do = _OUR_OWN[kind]
        return Advice(str(meaning), str(what_to_do))
    if kind not in list(Kind):
        return Advice(words or "", str(_HELD)) if state is State.HELD else None

    reply = Reply(code, enhanced, tuple((words or "").splitlines())) if code else None
    at = Stage(stage) if stage in list(Stage) else Stage.MAIL
    if state is State.FAILED:
        return advise(at, Failed(Kind(kind), reply), preset)
    if state is State.DEFERRED and reply is not None:
        return advise(at, TryAgain(Kind(kind), reply), preset)
    return advise(at, ServerFault(Kind(kind), reply), preset, by_token=by_token)
