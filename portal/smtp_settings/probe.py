"""The live test: one real session, told stage by stage while it happens.

1. an access token, where one is needed   5. the line is protected
2. the name is resolved and judged        6. signed in
3. connected                              7. the sender is accepted
4. greeted                                8. the message is accepted, if there is one

The session runs in a thread of its own; whoever iterates gets each stage as soon as it is over,
and at the end a `Finding`. Nothing here knows the database: a `Target` goes in, so no transaction
needs to be open, and a password that was typed never meets a host that was stored, or the other
way round, because `portal.smtp_settings.servers.plan` is the only one to put them together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from typing import TypeAlias

from portal.core import clock
from portal.core.words import _
from portal.smtp.addresses import Address, Mailbox
from portal.smtp.advice import advise
from portal.smtp.causes import Cause
from portal.smtp.compose import Draft, Recipient, compile_message
from portal.smtp.egress import EgressPolicy, Resolver
from portal.smtp.protocol import Fate, Job, NotSent, Unknown
from portal.smtp.replies import Sent, ServerFault, Stage
from portal.smtp.session import Session, Step
from portal.smtp.target import Grant, SessionFault, Target, Timeouts, Tls
from portal.smtp.tls import TlsFacts
from portal.smtp.transcript import Transcript
from portal.smtp_settings.servers import Proof
from portal.smtp_settings.signing_in import NewTokens, sign_in

TIMEOUTS = Timeouts(connect=15, phase=20, after_dot=60)
"""Shorter than a delivery's: somebody is waiting."""


class StageState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage that is over. `words` tell what was learnt; `code` is stable, for programs."""

    stage: Stage
    state: StageState
    seconds: float  # since the test began
    words: str = ""
    code: str = ""
    meaning: str = ""  # of a failure
    what_to_do: str = ""

    @property
    def label(self) -> str:
        has_passed = self.state is StageState.PASSED
        return stage_label(self.stage) if has_passed else failure_label(self.stage, self.code)


@dataclass(frozen=True, slots=True)
class Finding:
    """How the test ended. `proof` is there if the server may carry mail now."""

    reports: tuple[StageReport, ...]
    transcript: str
    proof: Proof | None
    tls: TlsFacts | None

    @property
    def failure(self) -> StageReport | None:
        return next((one for one in self.reports if one.state is StageState.FAILED), None)

    @property
    def has_passed(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send in a test, composed and ready for the wire."""

    mail_from: str
    rcpt_to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """What to test: the way in, and optionally an address to send from and a message to send."""

    target: Target
    sender: Address | None = None
    letter: Letter | None = None
    preset: str = "generic"


def stages_of(attempt: Attempt) -> list[Stage]:
    """The stages that will be told, in order, for a page that shows what is still to come."""
    stages = [Stage.TOKEN] if isinstance(attempt.target.auth, Grant) else []
    stages += [Stage.RESOLVE, Stage.CONNECT]
    if attempt.target.tls is Tls.IMPLICIT:
        stages.append(Stage.TLS)
    stages.append(Stage.GREETING)
    if attempt.target.tls is Tls.STARTTLS:
        stages.append(Stage.TLS)
    if attempt.target.auth is not None:
        stages.append(Stage.AUTH)
    if attempt.sender is not None or attempt.letter is not None:
        stages.append(Stage.MAIL)
    if attempt.letter is not None:
        stages.append(Stage.BODY)
    return stages


def stage_label(stage: Stage) -> str:
    """The stage in a few words."""
    match stage:
        case Stage.TOKEN:
            return _("Access token received")
        case Stage.RESOLVE:
            return _("Name resolved")
        case Stage.CONNECT:
            return _("Connected")
        case Stage.GREETING | Stage.EHLO:
            return _("Greeted")
        case Stage.STARTTLS | Stage.TLS:
            return _("Protected by TLS")
        case Stage.AUTH:
            return _("Signed in")
        case Stage.MAIL:
            return _("Sender accepted")
        case Stage.RCPT:
            return _("Recipient accepted")
        case _:
            return _("Message accepted")


def failure_label(stage: Stage, code: str = "") -> str:
    """The same where it did not come about."""
    if code in (Cause.NOT_ALLOWED, Cause.BAD_HOST):
        return _("Host not usable")  # DNS was not even asked
    match stage:
        case Stage.TOKEN:
            return _("No access token")
        case Stage.RESOLVE:
            return _("Name not resolved")
        case Stage.CONNECT:
            return _("Not connected")
        case Stage.GREETING | Stage.EHLO:
            return _("Not greeted")
        case Stage.STARTTLS | Stage.TLS:
            return _("Not protected by TLS")
        case Stage.AUTH:
            return _("Not signed in")
        case Stage.MAIL:
            return _("Sender not accepted")
        case Stage.RCPT:
            return _("Recipient not accepted")
        case _:
            return _("Message not accepted")


def watch(
    attempt: Attempt,
    *,
    policy: EgressPolicy,
    resolver: Resolver,
    timeouts: Timeouts = TIMEOUTS,
) -> Iterator[StageReport | Finding]:
    """Run the test; each stage as it happens, and last of all the finding."""
    events: SimpleQueue[_Event] = SimpleQueue()
    run = _Run(attempt, policy, resolver, timeouts, events)
    threading.Thread(target=run.until_the_end, name="smtp test", daemon=True).start()

    told = stages_of(attempt)
    reports: list[StageReport] = []
    tls: TlsFacts | None = None
    while not isinstance(event := events.get(), _End):
        if isinstance(event, Step):
            tls = event.tls or tls
            if event.stage not in told or any(one.stage is event.stage for one in reports):
                continue  # EHLO, RCPT and DATA are no news when they go well
            report = StageReport(event.stage, StageState.PASSED, event.seconds, _learnt(event))
        else:
            report = _failed(event, attempt)
        reports.append(report)
        yield report
    if event.error is not None:
        raise event.error

    has_failed = any(one.state is StageState.FAILED for one in reports)
    yield Finding(
        reports=tuple(reports),
        transcript=str(run.transcript),
        proof=None if has_failed else Proof(attempt.target, clock.now()),
        tls=tls,
    )


def run_through(
    attempt: Attempt,
    *,
    policy: EgressPolicy,
    resolver: Resolver,
    timeouts: Timeouts = TIMEOUTS,
) -> Finding:
    """Run the test to its end: the check on saving, the doctor, a provisioning file."""
    finding = None
    for told in watch(attempt, policy=policy, resolver=resolver, timeouts=timeouts):
        if isinstance(told, Finding):
            finding = told
    if finding is None:
        raise AssertionError("a test ended without a finding")
    return finding


def letter(
    sender: Mailbox,
    to: Address,
    *,
    subject: str,
    text: str,
    html: str | None = None,
    seed: str,
) -> Letter:
    """Compose the message of a test.

    Raises:
        ComposeError: something in it cannot be sent; its `field` says what.
    """
    draft = Draft(
        sender=sender,
        subject=subject,
        text=text,
        html=html,
        headers=(("Auto-Submitted", "auto-generated"),),
        seed=seed,
    )
    recipient = Recipient(email=str(to), seed=seed, date=clock.now())
    return Letter(str(sender.address), str(to), compile_message(draft).render(recipient))


@dataclass(frozen=True, slots=True)
class _Fault:
    stage: Stage
    fate: Fate
    seconds: float


@dataclass(frozen=True, slots=True)
class _End:
    """Nothing more will be told. `error` is a fault of our own, to be raised where it is seen."""

    error: Exception | None = None


_Event: TypeAlias = Step | _Fault | _End


class _Run:
    """The session, in its thread. Words are for the reader's thread, which knows the language."""

    def __init__(
        self,
        attempt: Attempt,
        policy: EgressPolicy,
        resolver: Resolver,
        timeouts: Timeouts,
        events: SimpleQueue[_Event],
    ) -> None:
        self.transcript = Transcript()
        self._attempt = attempt
        self._policy = policy
        self._resolver = resolver
        self._timeouts = timeouts
        self._events = events
        self._started = time.monotonic()

    def until_the_end(self) -> None:
        try:
            self._run()
        except SessionFault as fault:
            self._tell(fault.stage, fault.verdict)
        except Exception as error:  # noqa: BLE001 - raised again in the reader's thread
            self._events.put(_End(error))
            return
        self._events.put(_End())

    def _run(self) -> None:
        session = sign_in(
            self._attempt.target,
            NewTokens(self._policy, self._resolver),
            policy=self._policy,
            resolver=self._resolver,
            timeouts=self._timeouts,
            on_step=self._events.put,
            transcript=self.transcript,
        )
        try:
            if self._attempt.letter is not None:
                self._send(session, self._attempt.letter)
            elif self._attempt.sender is not None:
                self._ask_for(session, self._attempt.sender)
        finally:
            session.quit()

    def _ask_for(self, session: Session, sender: Address) -> None:
        refusal = session.probe_sender(str(sender))
        if refusal is not None:
            self._tell(Stage.MAIL, refusal)
        else:
            self._events.put(Step(Stage.MAIL, time.monotonic() - self._started))

    def _send(self, session: Session, letter: Letter) -> None:
        job = Job(1, letter.mail_from, letter.rcpt_to, letter.data)
        outcomes = session.send_all(
            [job], before_dot=lambda _job: None, after_reply=lambda _job, _reply: None
        )
        for outcome in outcomes:
            if not isinstance(outcome.verdict, Sent):
                self._tell(outcome.stage, outcome.verdict)

    def _tell(self, stage: Stage, fate: Fate) -> None:
        self._events.put(_Fault(stage, fate, time.monotonic() - self._started))


def _learnt(step: Step) -> str:
    """What a stage that went well has shown."""
    if step.tls is not None:
        if step.tls.expires_at is None:
            return step.tls.version
        return _(
            "%(version)s; certificate of %(subject)s, valid until %(until)s",
            version=step.tls.version,
            subject=step.tls.subject,
            until=step.tls.expires_at.date().isoformat(),
        )
    return step.address or (str(step.reply) if step.reply else "")


def _failed(fault: _Fault, attempt: Attempt) -> StageReport:
    by_token = isinstance(attempt.target.auth, Grant)
    advice = advise(fault.stage, fault.fate, attempt.preset, by_token=by_token)
    verdict = fault.fate.why if isinstance(fault.fate, Unknown | NotSent) else fault.fate
    cause = verdict.cause if isinstance(verdict, ServerFault) else None
    code = "unknown" if isinstance(fault.fate, Unknown) else cause or verdict.kind
    return StageReport(
        stage=fault.stage,
        state=StageState.FAILED,
        seconds=fault.seconds,
        words=str(verdict.reply) if verdict.reply else "",
        code=str(code),
        meaning=advice.meaning,
        what_to_do=advice.what_to_do,
    )
