"""A lane: one thread with one connection to one server.

1. Take the right to a connection: a row, so that all workers together keep to the server's limit.
2. Open the session. A dead or slow server costs this lane's time and nobody's mail: nothing is
   claimed yet.
3. Claim a batch (about half a second's worth) and commit.
4. Send it. Before each final dot: the journal. After each answer: the journal. No transaction.
5. When the batch runs out, settle what is answered and claim the next in one transaction, while
   the server works on the last message; then begin the journal anew.
6. Nothing due: keep the connection a few seconds, then say good-bye.
7. Whatever ends the lane: settle, give back what was not begun, remove journal and row.

If the thread breaks off in between, the journal tells the rest (see `recovery`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Lock, Thread

from sqlalchemy.engine import Connection

from portal.core.db import db, reading
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.delivery import register, servers, simulator
from portal.delivery.consequences import Park
from portal.delivery.hand import Hand
from portal.delivery.journal import Journal
from portal.delivery.memory import Memory
from portal.delivery.tokens import SharedTokens, Stopping
from portal.delivery.works import Errand, Works
from portal.smtp.causes import Cause
from portal.smtp.protocol import Job, Outcome
from portal.smtp.replies import Kind, Reply, ServerFault, Stage
from portal.smtp.session import Session
from portal.smtp.target import SessionFault, Target
from portal.smtp_settings import health
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.signing_in import sign_in
from portal.smtp_settings.targets import target_of
from portal.smtp_settings.tokens import binding_of

SHORT_WAIT = 0.02
"""Seconds that the pipeline may be held up for the sake of a rate; a longer pause drains it."""
AFTER_A_BREAK = 5.0
"""Seconds without a new lane to a server whose lane broke for a reason that nobody foresaw."""


class Abandoned(Exception):
    """The worker has given this lane up and settles what it had; it must not send anything more."""


class Lane:
    """See the module. `run` is the thread; all else is called by the worker."""

    def __init__(self, works: Works, server_id: int, errand: Errand, memory: Memory) -> None:
        self.server_id = server_id
        self.lane_id: int | None = None
        self.call = Event()  # there is something to do
        self.is_idle = False
        self.is_clean = False  # ended, and nothing is left to settle
        self.is_given_up = False  # on purpose: what it has in hand is not to blame
        self.thread = Thread(target=self.run, name=f"lane to {server_id}", daemon=True)

        self._works = works
        self._errand = errand
        self._memory = memory
        self._guard = Lock()
        self._is_abandoned = False
        self._is_dismissed = False
        self._session: Session | None = None

    def run(self) -> None:
        """Steps 1 to 7."""
        try:
            self._run()
        except Abandoned:
            self.is_given_up = True
            logger("delivery").warning("lane_abandoned", lane=self.lane_id)
        except Exception:  # noqa: BLE001 - whatever it was, the worker settles what is left
            logger("delivery").exception("lane_broke", server=self.server_id, lane=self.lane_id)
            self._memory.not_before = time.monotonic() + AFTER_A_BREAK
        finally:
            if self._session is not None:
                self._session.close()
            self._works.ended.set()

    def dismiss(self) -> None:
        """From another thread: there are too many; finish what is claimed and end."""
        self._is_dismissed = True
        self.call.set()

    def abandon(self) -> None:
        """From another thread: no dot leaves this lane any more, so its mail can be settled."""
        with self._guard:
            self._is_abandoned = self.is_given_up = True

    @property
    def is_at_rest(self) -> bool:
        """Whether it changes nothing more before it is called. Asked by the one who calls."""
        # In this order: a lane that hears the call is first no longer idle, then forgets the call.
        is_waiting = not self.call.is_set() and self.is_idle
        return is_waiting or self.is_clean or not self.thread.is_alive()

    def _run(self) -> None:
        place = self._take_place()
        if place is None:
            self._memory.not_before = time.monotonic() + 1.0
            self.is_clean = True
            return
        self.lane_id, condition = place
        hand = Hand(self._works, self.server_id, self.lane_id, self._errand, self._memory)
        hand.condition = condition
        journal = Journal(self._works.folder, self.lane_id)
        try:
            if self._errand in (Errand.SEND, Errand.PROBE):
                self._deliver(hand, journal)
            elif self._errand is Errand.SIMULATE:
                while self._turn_over(hand, journal):
                    _simulate(hand)
            else:
                # Should the server be back meanwhile, its mail goes back as well.
                self._find_work(hand, journal)
            self._leave(hand, journal, self.lane_id)
        finally:
            journal.close()

    def _take_place(self) -> tuple[int, servers.Condition | None] | None:
        """Step 1. None: the server has as many connections as it takes."""
        works, server_id = self._works, self.server_id
        earlier: list[int] = []  # of a run whose commit may have held without our knowing

        def work(connection: Connection) -> tuple[int, servers.Condition | None] | None:
            for doubtful in earlier:
                register.close_lane(connection, doubtful)
            condition = servers.condition(connection, server_id)
            most = condition.max_connections if condition is not None else 1
            lane_id = register.open_lane(
                connection,
                works.worker_id,
                server_id,
                most=self._memory.most_lanes(most),
                now=works.moments.now(),
            )
            if lane_id is None:
                return None
            earlier.append(lane_id)
            return lane_id, condition

        return works.store.write(work)

    def _leave(self, hand: Hand, journal: Journal, lane_id: int) -> None:
        """Step 7."""
        hand.give_all_back()
        self._turn_over(hand, journal)
        self._works.store.write(lambda connection: register.close_lane(connection, lane_id))
        journal.remove()
        self.is_clean = True

    # Step 2

    def _open(self, hand: Hand) -> Session | None:
        """A session; or None, and the reason noted."""
        works = self._works
        try:
            target, tokens = self._way_in(hand)
            return sign_in(
                target,
                tokens,
                policy=works.policy,
                resolver=works.resolver,
                timeouts=works.timeouts,
            )
        except SessionFault as broken:
            hand.note_fault(broken.verdict, broken.stage)
        except Stopping:
            hand.is_ending = True
        except Refusal as refusal:
            # The stored secret does not open, or this way of signing in is not there.
            fault = ServerFault(Kind.CREDENTIALS, cause=Cause.CREDENTIALS_REFUSED)
            hand.note_trouble(Park(fault.kind, refusal.words, Stage.AUTH, fault))
        return None

    def _way_in(self, hand: Hand) -> tuple[Target, SharedTokens]:
        with self._works.context(), reading():
            server = db.session.get_one(SmtpServer, self.server_id)
            target = target_of(server, helo=self._works.helo, authority=self._works.authority)
            tokens = SharedTokens(self._works, server.id, binding_of(server))
            db.session.rollback()
        if hand.condition is not None and hand.condition.is_out_of_step:
            target = replace(target, pipelining=False)
        return target, tokens

    # Steps 3 to 6

    def _deliver(self, hand: Hand, journal: Journal) -> None:
        while not hand.is_over():
            session = self._open(hand)
            if session is None:
                return
            self._session = session
            while session.is_open and not hand.is_over() and self._room(hand) != 0:
                # A complaint is settled before anything else is sent.
                has_work = bool(hand.supply) and not hand.troubles
                if has_work or self._find_work(hand, journal):
                    self._send(session, hand, journal)
                    self._keep_pace(hand)
                elif not self._linger(session, hand):
                    hand.is_ending = True
                if self._errand is Errand.PROBE:
                    self._judge(hand)
                    hand.is_ending = True
            session.quit()

    def _turn_over(self, hand: Hand, journal: Journal) -> bool:
        """Steps 3 and 5; nothing of it once the worker settles for us."""
        if self._is_abandoned:
            raise Abandoned
        return hand.turn_over(journal, room_on_connection=self._room(hand))

    def _find_work(self, hand: Hand, journal: Journal) -> bool:
        """Claim until there is something to send, or nothing is left that was claimed for nothing:
        it had to be routed anew, or nobody wants it."""
        while not self._turn_over(hand, journal):
            if hand.is_dry or hand.is_over():
                return False
        return True

    def _room(self, hand: Hand) -> int | None:
        """How many messages this connection may still carry; None: any number."""
        most = hand.condition.max_per_connection if hand.condition is not None else None
        if most is None or self._session is None:
            return most
        return max(0, most - self._session.messages)

    def _send(self, session: Session, hand: Hand, journal: Journal) -> None:
        """Steps 4 and 5."""

        def before_dot(delivery_id: int) -> None:
            with self._guard:
                if self._is_abandoned or not self._works.is_leased():
                    raise Abandoned
                journal.dot(delivery_id)

        def after_reply(delivery_id: int, reply: Reply) -> None:
            try:
                journal.reply(delivery_id, reply)
            except OSError as fault:
                # The answer is in memory and will be settled; but nothing more leaves from here.
                logger("delivery").error("journal_cannot_be_written", fault=str(fault))
                hand.is_ending = True

        try:
            for outcome in session.send_all(
                self._jobs(hand, journal), before_dot=before_dot, after_reply=after_reply
            ):
                hand.note(outcome)
                journal.drop(outcome.id)
        except OSError as fault:
            # The journal again, this time before a dot, which therefore did not leave.
            logger("delivery").error("journal_cannot_be_written", fault=str(fault))
            self._memory.not_before = time.monotonic() + AFTER_A_BREAK
            hand.is_ending = True
        if session.fault is not None:
            hand.note_fault(session.fault, Stage.MAIL)
            hand.is_ending = True

    def _jobs(self, hand: Hand, journal: Journal) -> Iterator[Job]:
        """Compose one message after the other, each while the server works on the one before. What
        a worker died holding goes alone: if it kills again, nobody else is suspected."""
        is_first = True
        while self._has_more(hand, journal):
            load = hand.supply[0]
            is_suspect = load.row.losses > 0
            if (is_suspect and not is_first) or not self._is_time(hand):
                return
            is_first = False
            hand.supply.popleft()
            hand.begun[load.row.id] = load
            journal.take(load.row.id)
            job = hand.compose(load)
            if job is None:
                del hand.begun[load.row.id]
                journal.drop(load.row.id)
            else:
                yield job
            if is_suspect:
                return

    def _has_more(self, hand: Hand, journal: Journal) -> bool:
        """Whether another message may be begun; step 5, while the server is busy with the last."""
        if self._is_dismissed:
            hand.is_ending = True
        if hand.is_over() or hand.troubles:
            return False
        if self._errand is Errand.PROBE:
            return bool(hand.supply)
        for delivery_id in hand.put_back_stale():
            journal.drop(delivery_id)
        return bool(hand.supply) or self._turn_over(hand, journal)

    def _is_time(self, hand: Hand) -> bool:
        """Keep to the rate, together with the other lanes to this server: each message has its own
        moment. A long pause ends the run, so that no dot waits."""
        if hand.condition is None or not hand.condition.rate:
            return True
        pause = self._memory.reserve(hand.condition.rate, within=SHORT_WAIT)
        if pause > SHORT_WAIT:
            return False
        if pause > 0:
            time.sleep(pause)
        return True

    def _keep_pace(self, hand: Hand) -> None:
        """Between two runs: wait until the rate allows the next."""
        pause = self._memory.next_at - time.monotonic()
        if hand.supply and not hand.is_over() and pause > 0:
            self._works.stop.wait(pause)

    def _linger(self, session: Session, hand: Hand) -> bool:
        """Step 6: wait for more on the open connection; whether it is still good to use."""
        works = self._works
        if hand.is_over() or self._errand is Errand.PROBE:
            return False
        if hand.wait > works.idle:
            if hand.condition is not None:
                self._memory.put_off(hand.wait, version=hand.condition.version)
            return False
        self.is_idle = not hand.wait
        was_called = self.call.wait(hand.wait or works.idle)
        self.is_idle = False
        self.call.clear()
        return (was_called or hand.wait > 0) and session.idle_ok()

    def _judge(self, hand: Hand) -> None:
        """A probe that found nothing wrong: all that waits may flow again."""
        if not any(isinstance(trouble.consequence, Park) for trouble in hand.troubles):
            server_id = self.server_id
            self._works.store.write(lambda connection: health.unpark(connection, server_id))


def _simulate(hand: Hand) -> None:
    """The simulator's addresses are answered here and now."""
    while hand.supply:
        load = hand.supply.popleft()
        hand.begun[load.row.id] = load
        verdict, stage = simulator.answer(load.row.email)
        hand.note(Outcome(load.row.id, verdict, stage))
