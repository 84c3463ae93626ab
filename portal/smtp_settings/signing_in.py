"""Opening a session, with the access token that it may need: the one door for tests and delivery.

A token that was kept may have been withdrawn in the meantime. So where the mail server refuses
one, another is asked for, once; a token that was just given and is refused is the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from portal.core.secret import Secret
from portal.smtp.causes import Cause
from portal.smtp.connection import open_session
from portal.smtp.egress import EgressPolicy, Resolver
from portal.smtp.replies import Stage
from portal.smtp.session import Session, Step
from portal.smtp.target import Bearer, Grant, SessionFault, Target, Timeouts
from portal.smtp.transcript import Scrubber, Speaker, Transcript
from portal.smtp_settings.oauth import Token, ask


class Tokens(Protocol):
    """Where access tokens come from."""

    def token(self, grant: Grant, *, refused: Secret | None = None) -> Token:
        """A good one; not `refused`, which the mail server did not take.

        Raises:
            SessionFault: at stage `token`.
        """


@dataclass(frozen=True, slots=True)
class NewTokens:
    """A new one each time: for a test, which shows that client and secret are right."""

    policy: EgressPolicy
    resolver: Resolver

    def token(self, grant: Grant, *, refused: Secret | None = None) -> Token:
        return ask(grant, policy=self.policy, resolver=self.resolver)


def sign_in(
    target: Target,
    tokens: Tokens,
    *,
    policy: EgressPolicy,
    resolver: Resolver,
    timeouts: Timeouts | None = None,
    on_step: Callable[[Step], None] | None = None,
    transcript: Transcript | None = None,
) -> Session:
    """As `open_session`; a grant becomes a token first, before anybody is connected to.

    Raises:
        SessionFault: with the stage and the cause; nothing is left open.
    """

    def open_with(ready: Target) -> Session:
        return open_session(
            ready,
            policy=policy,
            resolver=resolver,
            timeouts=timeouts,
            on_step=on_step,
            transcript=transcript,
        )

    grant = target.auth
    if not isinstance(grant, Grant):
        return open_with(target)
    started = time.monotonic()
    token = _asked(tokens, grant, transcript)
    if on_step is not None:
        passed = time.monotonic() - started
        on_step(Step(Stage.TOKEN, passed, address=urlsplit(grant.authority).hostname))
        on_step = _later(on_step, by=passed)
    try:
        return open_with(replace(target, auth=Bearer(grant.username, token.text)))
    except SessionFault as fault:
        if token.is_new or fault.verdict.cause is not Cause.BEARER_REFUSED:
            raise
    another = tokens.token(grant, refused=token.text)
    return open_with(replace(target, auth=Bearer(grant.username, another.text)))


def _later(on_step: Callable[[Step], None], *, by: float) -> Callable[[Step], None]:
    """What came first took its time as well."""
    return lambda step: on_step(replace(step, seconds=step.seconds + by))


def _asked(tokens: Tokens, grant: Grant, transcript: Transcript | None) -> Token:
    """The token, with the question and the answer in the transcript."""
    if transcript is None:
        return tokens.token(grant)
    transcript.scrub_with(Scrubber([grant.client_secret]))
    transcript.add(
        Speaker.NOTE,
        f"token for client {grant.client_id} of tenant {grant.tenant} from {grant.authority}",
    )
    try:
        token = tokens.token(grant)
    except SessionFault as fault:
        transcript.add(Speaker.NOTE, f"refused: {fault.verdict.reply or fault.cause}")
        raise
    transcript.add(Speaker.NOTE, f"given, good for {token.seconds:.0f} s")
    return token
