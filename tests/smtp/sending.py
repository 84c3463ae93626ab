"""Jobs to send, and a diary of what a session told its caller about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from portal.smtp.protocol import Job, Outcome
from portal.smtp.replies import Reply, Stage
from portal.smtp.session import Session
from portal.smtp.target import Timeouts
from tests.smtp.conftest import PATIENT, QUICK

CONTENT = b"Subject: Hello\r\nMessage-ID: <1@acme.example>\r\n\r\nHello.\r\n"


def job(number: int = 1, *, to: str | None = None, data: bytes = CONTENT) -> Job:
    return Job(number, "news@acme.example", to or f"reader{number}@birch.example", data)


def jobs(count: int) -> list[Job]:
    return [job(number) for number in range(1, count + 1)]


def lose_patience(session: Session, timeouts: Timeouts = QUICK) -> None:
    """Wait for no answer any longer than this. To open it, it was given its time."""
    session._line.timeouts = timeouts


@dataclass(frozen=True, slots=True)
class ImpatientAt(Timeouts):
    """An answer at this stage must come soon; all others, on a busy machine, may take their time.

    How long a write may take say `phase` and `slowest`, as ever.
    """

    stage: Stage | None = None

    def of(self, stage: Stage) -> float:
        return (QUICK if stage is self.stage else PATIENT).of(stage)


class Diary:
    """Everything `send_all` told, in order; `at_dot` is called before each."""

    def __init__(self, at_dot: Callable[[int], None] = lambda number: None) -> None:
        self.entries: list[str] = []
        self.outcomes: list[Outcome] = []
        self._at_dot = at_dot

    def before_dot(self, number: int) -> None:
        self._at_dot(number)
        self.entries.append(f"dot {number}")

    def after_reply(self, number: int, reply: Reply) -> None:
        self.entries.append(f"reply {number} {reply.code}")

    def send(self, session: Session, sending: Iterable[Job]) -> list[Outcome]:
        for outcome in session.send_all(
            sending, before_dot=self.before_dot, after_reply=self.after_reply
        ):
            self.outcomes.append(outcome)
            self.entries.append(f"{type(outcome.verdict).__name__} {outcome.id}")
        return self.outcomes


def send(session: Session, sending: Iterable[Job]) -> list[Outcome]:
    """What became of each, where nobody cares for dots."""
    return Diary().send(session, sending)


def fates(outcomes: Iterable[Outcome]) -> dict[int, str]:
    """By job: the kind of verdict and where it fell."""
    return {o.id: f"{type(o.verdict).__name__} {o.stage}" for o in outcomes}
