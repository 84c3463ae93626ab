"""The states of a domain request and the acts that move it: one table, nothing beside it.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from portal.core.errors import Refusal
from portal.core.words import Words, lazy


class RequestState(StrEnum):
    OPEN = "open"  # waits for an answer of the platform
    APPROVED = "approved"  # on the allow-list; its records are not seen yet
    VERIFIED = "verified"  # the records are there: mail may leave from it
    LAPSED = "lapsed"  # the records are gone: its mail waits
    REFUSED = "refused"  # the platform said no; it may be asked for again at once
    WITHDRAWN = "withdrawn"  # the white label took it back, before or after the answer
    EXPIRED = "expired"  # nobody answered in time
    REVOKED = "revoked"  # the platform took its approval back


class RequestAct(StrEnum):
    NUDGE = "nudge"  # the white label asks for the answer again
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    SEE = "see"  # a check found all required records
    MISS = "miss"  # checks missed one of them for too long
    REVOKE = "revoke"


ON_THE_LIST: Collection[RequestState] = (
    RequestState.APPROVED,
    RequestState.VERIFIED,
    RequestState.LAPSED,
)
"""There is a domain on the allow-list for these."""

LIVE: Collection[RequestState] = (RequestState.OPEN, *ON_THE_LIST)
"""A white label has at most one of these for a domain."""

MOVES: Mapping[RequestState, Mapping[RequestAct, RequestState]] = {
    RequestState.OPEN: {
        RequestAct.NUDGE: RequestState.OPEN,
        RequestAct.APPROVE: RequestState.APPROVED,
        RequestAct.REFUSE: RequestState.REFUSED,
        RequestAct.WITHDRAW: RequestState.WITHDRAWN,
        RequestAct.EXPIRE: RequestState.EXPIRED,
    },
    RequestState.APPROVED: {
        RequestAct.SEE: RequestState.VERIFIED,
        # An operator may have vouched for it meanwhile, on the command line.
        RequestAct.MISS: RequestState.LAPSED,
        RequestAct.WITHDRAW: RequestState.WITHDRAWN,
        RequestAct.REVOKE: RequestState.REVOKED,
    },
    RequestState.VERIFIED: {
        RequestAct.MISS: RequestState.LAPSED,
        RequestAct.WITHDRAW: RequestState.WITHDRAWN,
        RequestAct.REVOKE: RequestState.REVOKED,
    },
    RequestState.LAPSED: {
        RequestAct.SEE: RequestState.VERIFIED,
        RequestAct.WITHDRAW: RequestState.WITHDRAWN,
        RequestAct.REVOKE: RequestState.REVOKED,
    },
    RequestState.REFUSED: {},
    RequestState.WITHDRAWN: {},
    RequestState.EXPIRED: {},
    RequestState.REVOKED: {},
}

WHY_NOT: Mapping[RequestState, tuple[str, Words]] = {
    RequestState.OPEN: ("not_decided", lazy("This request was not answered yet.")),
    RequestState.APPROVED: ("already_decided", lazy("This request was approved already.")),
    RequestState.VERIFIED: ("already_decided", lazy("This request was approved already.")),
    RequestState.LAPSED: ("already_decided", lazy("This request was approved already.")),
    RequestState.REFUSED: ("already_decided", lazy("This request was refused already.")),
    RequestState.WITHDRAWN: ("withdrawn", lazy("This request was taken back.")),
    RequestState.EXPIRED: ("expired", lazy("This request is over: nobody answered it in time.")),
    RequestState.REVOKED: ("revoked", lazy("The approval was taken back already.")),
}


def after(state: RequestState, act: RequestAct) -> RequestState | Refusal:
    """What the act makes of a request in this state, or why it cannot be done."""
    new = MOVES[state].get(act)
    if new is None:
        code, words = WHY_NOT[state]
        return Refusal(code, str(words))
    return new
