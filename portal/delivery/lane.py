"""A lane: one thread with one connection to one server.

1. Take the right to a connection (a row, so that all workers keep to the server's limit).
2. Open the session. A dead or slow server costs this lane's time and nobody's mail: nothing is
   claimed yet.
3. Claim a batch (about half a second's worth), commit.
4. Send it. Before each final dot: the journal. After each answer: the journal. No transaction.
5. Before the batch runs out: settle what is answered and claim the next in one transaction, then
   cut the journal. At that moment no dot is unanswered.
6. Nothing due: keep the connection a few seconds, then say good-bye.
7. Whatever ends the lane: settle, give back what was not begun, remove journal and row.

If the thread breaks off in between, the journal tells the rest (see `recovery`).
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock, Thread

from sqlalchemy.engine import Connection

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.core.words import lazy
from portal.delivery import (
    contents,
    limits,
    mails,
    outcomes,
    register,
    reroute,
    servers,
    settling,
    simulator,
)
from portal.delivery.consequences import (
    FewerLanes,
    Park,
    RefuseSender,
    Rest,
    consequence,
)
from portal.delivery.journal import Journal
from portal.delivery.mails import Mail, Written
from portal.delivery.memory import Memory
from portal.delivery.settling import Result, Trouble
from portal.delivery.works import Errand, Load, Works
from portal.outbox import claims
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.states import State
from portal.smtp.connection import open_session
from portal.smtp.protocol import Job, Outcome
from portal.smtp.replies import Reply, Sent, ServerFault
from portal.smtp.session import Session
from portal.smtp.target import SessionFault, Target
from portal.smtp_settings import health
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.targets import target_of

LARGEST_BATCH = 500
SMALLEST_BATCH = 4
FIRST_BATCH = 8
SECONDS_A_BATCH = 0.5
SHORT_WAIT = 0.02
"""Seconds that the pipeline may be held up for the sake of a rate; a longer pause drains it."""

CANNOT_COMPOSE = lazy("This mail cannot be written any more; somebody should look at it.")
TOO_LARGE = lazy("The mail is larger than this server takes.")


class Abandoned(Exception):
    """The worker has given this lane up and settles what it had; it must not send anything more."""


class Lane(Thread):
    """See the module."""

    def __init__(self, works: Works, server_id: int, errand: Errand, memory: Memory) -> None:
        super().__init__(name=f"lane-{server_id}-{errand}", daemon=True)
        self.works = works
        self.server_id = server_id
        self.errand = errand
        self.memory = memory
        self.lane_id: int | None = None
        self.call = Event()  # there is something to do
        self.is_idle = False
        self.is_clean = False  # ended, and everything is settled
        self._guard = Lock()
        self._is_abandoned = False

        self._journal: Journal | None = None
        self._session: Session | None = None
        self._condition: servers.Condition | None = None
        self._supply: deque[Load] = deque()  # claimed, not begun
        self._begun: dict[int, Load] = {}  # given to the session, not answered
        self._results: list[Result] = []
        self._troubles: list[Trouble] = []
        self._back: list[int] = []  # claimed, and not to be sent by this lane
        self._refused_senders: dict[str, str] = {}
        self._announced: int | None = None
        self._is_ending = False
        self._wait = 0.0
        self._next_at = 0.0  # monotonic: the server's rate allows the next message
        self._turned_at = 0.0
        self._done_since = 0
        self._batch = 1 if errand is Errand.PROBE else FIRST_BATCH

    # The life of a lane

    def run(self) -> None:
        try:
            self._work()
        except Abandoned:
            pass
        except Exception:  # noqa: BLE001 - whatever it is, the journal is read and the mail kept
            logger("delivery").exception("lane_broke", server=self.server_id, lane=self.lane_id)
        finally:
            if self._session is not None:
                self._session.close()
            if self._journal is not None and not self.is_clean:
                self._journal.close()
            self.works.ended.set()

    def abandon(self) -> None:
        """From another thread: no dot leaves this lane any more, its mail can be settled."""
        with self._guard:
            self._is_abandoned = True

    def _work(self) -> None:
        if not self._take_place():
            self.is_clean = True
            return
        try:
            match self.errand:
                case Errand.SEND | Errand.PROBE:
                    self._deliver()
                case Errand.SIMULATE | Errand.REROUTE:
                    while self._turn_over(may_claim=True):
                        self._settle_without_session()
        finally:
            if not self._is_abandoned:
                self._leave()

    def _take_place(self) -> bool:
        """Step 1."""
        works, server_id = self.works, self.server_id

        def work(connection: Connection) -> tuple[int | None, servers.Condition | None]:
            condition = servers.condition(connection, server_id)
            most = self.memory.most_lanes(condition.max_connections) if condition else 1
            lane_id = register.open_lane(
                connection, works.worker_id, server_id, most=most, now=works.moments.now()
            )
            return lane_id, condition

        self.lane_id, self._condition = works.store.write(work)
        if self.lane_id is None:
            self.memory.not_before = time.monotonic() + 1.0
            return False
        self._journal = Journal(works.folder, self.lane_id)
        return True

    def _deliver(self) -> None:
        """Steps 2 to 6."""
        while not self._is_ending and (session := self._open()) is not None:
            self._session = session
            most = self._condition.max_per_connection if self._condition else None
            while session.is_open and not self._is_ending:
                if not self._supply and not self._turn_over(may_claim=True):
                    if not self._linger(session):
                        self._is_ending = True
                    continue
                self._send(session)
                if most is not None and session.messages >= most:
                    break
            if self.errand is Errand.PROBE and not self._troubles:
                self._mend()
            session.quit()

    def _leave(self) -> None:
        """Step 7."""
        self._back += [load.row.id for load in (*self._begun.values(), *self._supply)]
        self._begun.clear()
        self._supply.clear()
        self._turn_over(may_claim=False)
        assert self.lane_id is not None
        lane_id = self.lane_id
        self.works.store.write(lambda connection: register.close_lane(connection, lane_id))
        assert self._journal is not None
        self._journal.remove()
        self.is_clean = True

    # Step 2

    def _open(self) -> Session | None:
        """A session, or None and the reason noted."""
        works = self.works
        try:
            target = self._target()
            return open_session(
                target, policy=works.policy, resolver=works.resolver, timeouts=works.timeouts
            )
        except SessionFault as fault:
            self._note_trouble(fault.verdict)
        except Refusal as refusal:
            # The stored secret does not open, or this way of signing in is not there.
            self._add_trouble(Trouble(Park("credentials", refusal.words)))
        self._is_ending = True
        return None

    def _target(self) -> Target:
        with self.works.context():
            server = db.session.get(SmtpServer, self.server_id)
            assert server is not None
            target = target_of(server, helo=self.works.helo)
            db.session.rollback()
        if self._condition is not None and self._condition.is_out_of_step:
            return replace(target, pipelining=False)
        return target

    # Steps 3 and 5

    def _turn_over(self, *, may_claim: bool) -> bool:
        """Settle what is answered and claim more; whether there is anything in hand now."""
        works, lane_id = self.works, self.lane_id
        assert lane_id is not None
        results, self._results = self._results, []
        troubles, self._troubles = self._troubles, []
        back, self._back = self._back, []
        wanted = self._wanted(may_claim)
        mine = {*self._begun, *(load.row.id for load in self._supply)}
        runs = 0

        def work(connection: Connection) -> tuple[list[Park], list[Claimed], dict[int, Mail]]:
            nonlocal runs
            runs += 1
            now = works.moments.now()
            news = settling.write(
                connection,
                lane_id=lane_id,
                server_id=self.server_id,
                results=results,
                troubles=troubles,
                now=now,
            )
            claims.give_back(connection, lane_id, back)
            rows: list[Claimed] = []
            if runs > 1:
                # The commit before may have held without our knowing: what it claimed is ours.
                rows = [row for row in claims.held_by(connection, lane_id) if row.id not in mine]
            if not rows:
                rows = self._claim(connection, wanted, unused=len(back), now=now)
            found = mails.load(connection, {row.message_id for row in rows}) if rows else {}
            self._compile(connection, found)
            return news, rows, found

        news, rows, found = works.store.write(work)
        for park in news:
            works.news.put((self.server_id, park))
        assert self._journal is not None
        self._journal.settled()
        self._measure(len(results))
        stale = self._sort_in(rows, found)
        if stale:
            reroute.again(works, lane_id, self.server_id, stale)
        return bool(self._supply)

    def _wanted(self, may_claim: bool) -> int:
        """How many to claim."""
        if not may_claim or self._is_ending or self.works.stop.is_set():
            return 0
        wanted = self._batch
        if self._condition is not None and self._condition.max_per_connection is not None:
            used = self._session.messages if self._session is not None else 0
            wanted = min(wanted, self._condition.max_per_connection - used - len(self._begun))
        return max(0, wanted)

    def _claim(
        self, connection: Connection, wanted: int, *, unused: int, now: datetime
    ) -> list[Claimed]:
        """As much as is due, wanted, and allowed."""
        assert self.lane_id is not None
        self._wait = 0.0
        if self.errand is Errand.SIMULATE:
            return self._claim_rows(connection, wanted, now)
        condition = servers.condition(connection, self.server_id)
        if condition is not None:
            limits.take(connection, self.server_id, condition.limits, -unused, now=now)
        if self.errand is Errand.REROUTE:
            return self._claim_rows(connection, wanted, now)
        self._condition = condition
        if condition is None or not self._may_go_on(condition, now):
            self._is_ending = True
            return []
        if not wanted:
            return []
        room = limits.look(connection, self.server_id, condition.limits, now=now)
        self._wait = room.wait
        if not room.messages:
            return []
        rows = self._claim_rows(connection, min(wanted, room.messages), now)
        limits.take(connection, self.server_id, condition.limits, len(rows), now=now)
        return rows

    def _may_go_on(self, condition: servers.Condition, now: datetime) -> bool:
        if self.errand is Errand.PROBE:
            return not condition.is_gone and not condition.is_fenced
        return condition.may_send(now)

    def _claim_rows(self, connection: Connection, wanted: int, now: datetime) -> list[Claimed]:
        if not wanted:
            return []
        assert self.lane_id is not None
        rows = claims.claim(
            connection,
            lane_id=self.lane_id,
            server_id=self.server_id,
            now=now,
            limit=wanted,
            after=self.memory.last_tenant,
        )
        if rows:
            self.memory.last_tenant = list(dict.fromkeys(row.tenant for row in rows))[-1]
        return rows

    def _compile(self, connection: Connection, found: dict[int, Mail]) -> None:
        """Put what is not compiled yet on the shelf."""
        shelf = self.works.shelf
        new = [mail for mail in found.values() if mail.is_current and shelf.get(mail) is None]
        if new:
            written = contents.write(connection, new)
            for mail in new:
                if isinstance(content := written.get(mail.id), Written):
                    shelf.put(mail, content)

    def _sort_in(self, rows: list[Claimed], found: dict[int, Mail]) -> list[Load]:
        """Put what was claimed into the supply; what has to be routed again comes back."""
        stale = []
        for row in rows:
            load = Load(row, found[row.message_id])
            is_ours = load.mail.is_current and load.mail.server_id == self.server_id
            if is_ours or self.errand is Errand.SIMULATE:
                self._supply.append(load)
            else:
                stale.append(load)
        return stale

    def _measure(self, done: int) -> None:
        """Let the batch follow the speed."""
        present = time.monotonic()
        seconds, self._turned_at = present - self._turned_at, present
        if done and seconds < 60 and self.errand is not Errand.PROBE:
            speed = done / max(seconds, 0.001)
            self.memory.speed = speed
            most = min(LARGEST_BATCH, 4 * self._batch)
            self._batch = max(SMALLEST_BATCH, min(most, int(speed * SECONDS_A_BATCH)))

    # Step 4

    def _send(self, session: Session) -> None:
        for outcome in session.send_all(
            self._jobs(), before_dot=self._before_dot, after_reply=self._after_reply
        ):
            self._note(outcome)
            if not self._supply and self._goes_on():
                self._turn_over(may_claim=True)
        if session.fault is not None:
            self._note_trouble(session.fault)
            self._is_ending = True
        self._keep_pace()

    def _jobs(self) -> Iterator[Job]:
        """Compose one message after the other, while the server is busy with the one before."""
        while self._supply and self._goes_on() and self._is_time():
            load = self._supply[0]
            if self._announced != load.row.id:
                assert self._journal is not None
                self._journal.take(load.row.id)
            self._announced = None
            data = self._compose(load)
            self._supply.popleft()
            if data is not None:
                self._begun[load.row.id] = load
                yield Job(load.row.id, load.mail.mail_from, load.row.email, data)

    def _goes_on(self) -> bool:
        """Whether the run may take another message."""
        if self.errand is Errand.PROBE and (self._begun or self._results):
            return False
        return not (self._is_ending or self._troubles or self.works.stop.is_set())

    def _is_time(self) -> bool:
        """Keep to the rate within the batch. A long pause ends the run, so that no dot waits."""
        assert self._condition is not None
        rate = next((limit.most for limit in self._condition.limits if limit.window == "second"), 0)
        if not rate:
            return True
        pause = self._next_at - time.monotonic()
        if pause > SHORT_WAIT:
            return False
        if pause > 0:
            time.sleep(pause)
        self._next_at = max(self._next_at, time.monotonic() - SHORT_WAIT) + 1 / rate
        return True

    def _keep_pace(self) -> None:
        """Between two runs: wait until the rate allows the next."""
        if self._supply and not self._is_ending:
            pause = self._next_at - time.monotonic()
            if pause > 0:
                self.works.stop.wait(pause)

    def _compose(self, load: Load) -> bytes | None:
        """The bytes; None, and the delivery settled, where there are none to send."""
        words = self._refused_senders.get(load.mail.mail_from)
        if words is not None:
            self._settle_unsent(load, State.HELD, "sender_refused", words)
            return None
        written = self.works.shelf.get(load.mail)
        try:
            if written is None:
                written = self._read_again(load.mail)
            data = written.compiled.render(load.mail.recipient(load.row, written.values))
        except Refusal as refusal:
            self._settle_unsent(load, State.FAILED, "content", refusal.words)
            return None
        except Exception:  # noqa: BLE001 - one message must not stop the others
            logger("delivery").exception("cannot_compose", delivery=load.row.id)
            self._settle_unsent(load, State.HELD, "cannot_compose", str(CANNOT_COMPOSE))
            return None
        assert self._condition is not None
        if self._condition.max_bytes is not None and len(data) > self._condition.max_bytes:
            self._settle_unsent(load, State.FAILED, "content", str(TOO_LARGE))
            return None
        return data

    def _read_again(self, mail: Mail) -> Written:
        """It could not be compiled with the others, or has left the shelf since."""
        written = self.works.store.read(lambda connection: contents.write(connection, [mail]))
        content = written[mail.id]
        if isinstance(content, Refusal):
            raise content
        self.works.shelf.put(mail, content)
        return content

    def _before_dot(self, delivery_id: int) -> None:
        assert self._journal is not None
        with self._guard:
            if self._is_abandoned or not self.works.is_leased():
                raise Abandoned
            self._journal.dot(delivery_id)

    def _after_reply(self, delivery_id: int, reply: Reply) -> None:
        assert self._journal is not None
        following = self._supply[0].row.id if self._supply else None
        try:
            self._journal.reply(delivery_id, reply, taking=following)
            self._announced = following
        except OSError as fault:
            # The answer is in memory and will be settled; but nothing more leaves from here.
            logger("delivery").error("journal_cannot_be_written", fault=str(fault))
            self._is_ending = True

    def _note(self, outcome: Outcome) -> None:
        """One answer: what becomes of the delivery, and what of the server."""
        load = self._begun.pop(outcome.id)
        settlement = outcomes.settlement(
            load.row,
            outcome.verdict,
            outcome.stage,
            terms=load.mail.terms,
            now=self.works.moments.now(),
            random=_dice,
        )
        if settlement is None:
            self._back.append(outcome.id)
        else:
            self._results.append(Result(settlement, load.row.tenant))
        if isinstance(outcome.verdict, ServerFault):
            self._note_trouble(outcome.verdict, load.mail.mail_from)
        elif isinstance(outcome.verdict, Sent):
            self.memory.is_proven = True
            return
        with self.memory.lock:
            park = self.memory.streak.note(outcome.verdict, load.row.email.rpartition("@")[2])
        if park is not None:
            self._add_trouble(Trouble(park))

    def _note_trouble(self, fault: ServerFault, mail_from: str = "") -> None:
        found = consequence(fault)
        if isinstance(found, RefuseSender):
            self._refused_senders[mail_from] = found.words
        self._add_trouble(Trouble(found, mail_from, self.memory.speed))

    def _add_trouble(self, trouble: Trouble) -> None:
        """Once each; what the session says at its end was often said by a message before."""
        if any(type(t.consequence) is type(trouble.consequence) for t in self._troubles):
            return
        self._troubles.append(trouble)
        if isinstance(trouble.consequence, FewerLanes):
            self.memory.fewer_lanes(self._lanes_now())
        if isinstance(trouble.consequence, (Park, Rest, FewerLanes)):
            self._is_ending = True

    def _lanes_now(self) -> int:
        lanes = self.works.store.read(lambda c: register.lanes_of(c, self.works.worker_id))
        return sum(server_id == self.server_id for _lane, server_id in lanes)

    def _settle_unsent(self, load: Load, state: State, kind: str, words: str) -> None:
        self._results.append(
            Result(
                Settlement(
                    load.row.id,
                    state,
                    attempts=load.row.attempts,
                    copies=load.row.copies,
                    losses=load.row.losses,
                    words=words,
                    stage="compose",
                    kind=kind,
                ),
                load.row.tenant,
            )
        )

    # Step 6

    def _linger(self, session: Session) -> bool:
        """Wait for more on the open connection; whether it is still good to use."""
        if self.works.stop.is_set() or self._is_ending or self.errand is Errand.PROBE:
            return False
        if self._wait > self.works.idle:
            self.memory.not_before = time.monotonic() + self._wait
            return False
        self.is_idle = True
        was_called = self.call.wait(self._wait or self.works.idle)
        self.is_idle = False
        self.call.clear()
        return (was_called or self._wait > 0) and session.idle_ok()

    # Other errands

    def _mend(self) -> None:
        """A probe went well: everything that waits may flow again."""
        self.works.store.write(lambda connection: health.unpark(connection, self.server_id))

    def _settle_without_session(self) -> None:
        """The simulator's own answers."""
        while self._supply:
            load = self._supply.popleft()
            verdict, stage = simulator.answer(load.row.email)
            self._begun[load.row.id] = load
            self._note(Outcome(load.row.id, verdict, stage))


_dice = random.SystemRandom()
