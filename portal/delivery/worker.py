"""A worker: one process that carries what is due, with a thread for each connection.

1. Sign on: the database must be the one this folder belongs to (see `fence`); then a number, a
   lock that proves life, and a lease.
2. Settle what dead workers left.
3. Until told to stop: keep the lease; look which servers have due mail; open lanes and call idle
   ones; bury lanes that broke; tell the admins of parked servers; wait for news.
4. Stop: nothing is claimed any more. Lanes finish what is after its dot and give the rest back;
   who is not done in time is abandoned, and settled from its journal. Sign off.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from portal.config import Config
from portal.core import clock
from portal.core.logs import logger
from portal.delivery import fence, plan, recovery, register, servers, told
from portal.delivery.lane import Lane
from portal.delivery.memory import Memory
from portal.delivery.moments import Moments, elapsed
from portal.delivery.plan import Present, Start
from portal.delivery.recovery import Trust
from portal.delivery.register import Alive
from portal.delivery.servers import Condition
from portal.delivery.store import Store, StoreGone
from portal.delivery.wakeup import wakeup_for
from portal.delivery.works import IDLE, Errand, Works
from portal.outbox import claims
from portal.outbox.claims import Queue
from portal.smtp.egress import Resolver
from portal.smtp.name_lookup import SystemResolver
from portal.smtp.target import Timeouts
from portal.smtp_settings import health
from portal.smtp_settings.targets import our_name, policy_for

LANES = 512
"""Threads for connections; most of them wait for their server most of the time."""
BEATS_EVERY = 5.0
LOOKS_FOR_DEAD_EVERY = 10.0
CREEPS_EVERY = 10.0
LOOKS_EVERY = 1.0
"""Seconds until the worker looks without being called."""
DRAIN = 25.0
"""Seconds that stopping may take."""
LOOKS_AT_MOST_EVERY = 0.04
LONGEST_PAUSE = 0.25
"""Seconds: news come with every commit, and each look takes time from the lanes."""
SHARE_OF_LOOKING = 0.03
"""Of the time that may pass with looking, within these bounds."""
SPARE = 0.6
CROWDED = 0.9
"""Of one processor's time: above the one a process opens no lane more to a server that has one,
above the other it closes what is more than one. Threads that wait for each other are slower."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What waits and how the servers are, at one moment."""

    now: datetime
    latest: datetime  # what another clock may call now
    queues: list[Queue]
    conditions: dict[int, Condition]


class LostLease(Exception):
    """Others have settled what was ours: this process must not send anything more."""


class Worker:
    """See the module."""

    def __init__(
        self,
        engine: Engine,
        config: Config,
        *,
        context: Callable[[], AbstractContextManager[object]],
        lanes: int = LANES,
        drain: float = DRAIN,
        timeouts: Timeouts | None = None,
        resolver: Resolver | None = None,
        idle: float = IDLE,
    ) -> None:
        self.store = Store(engine)
        self._config = config
        self._context = context
        self._most_lanes = lanes
        self._drain = drain
        self._timeouts = timeouts or Timeouts()
        self._resolver = resolver or SystemResolver()
        self._idle = idle

        self._is_asked_to_stop = False
        self._lanes: list[Lane] = []
        self._memories: dict[int, Memory] = {}
        self._lease_lasts = register.LEASE.total_seconds() - self._timeouts.after_dot
        self._heard: dict[int, datetime] = {}  # of workers on other machines
        self._beaten_at = float("-inf")
        self._looked_for_dead_at = float("-inf")
        self._crept_at = float("-inf")
        self._busy = _Busy()

    def ask_to_stop(self) -> None:
        """Finish what must be finished, in the time there is.

        A signal handler may call it: it takes no lock, for the thread that it interrupts may hold
        any. The worker looks at the wish every few hundredths of a second.
        """
        self.store.give_up_at(time.monotonic() + self._drain)
        self._is_asked_to_stop = True

    def run(self, *, until_drained: bool = False) -> None:
        """Work until told to stop, or until nothing is due that could leave now."""
        self._sign_on()
        try:
            self._carry(until_drained=until_drained)
        finally:
            self._finish()

    # Step 1

    def _sign_on(self) -> None:
        folder = self._config.journal_folder
        folder.mkdir(parents=True, exist_ok=True)
        self._moments = Moments(self.store.read(reference))
        self._mark = fence.check(self.store, folder, now=self._moments.now)
        self._boot = register.boot_id()
        alive: list[Alive] = []

        def work(connection: Connection) -> int:
            for earlier in alive:
                earlier.let_go()
            alive.clear()
            worker_id = register.sign_on(
                connection, folder=self._mark, boot=self._boot, now=self._moments.now()
            )
            # Before anybody can see the row: nobody may take us for dead.
            alive.append(Alive(folder, worker_id))
            return worker_id

        worker_id = self.store.write(work)
        self._alive = alive[0]
        self._beaten_at = elapsed()
        self._works = Works(
            store=self.store,
            moments=self._moments,
            folder=folder,
            worker_id=worker_id,
            policy=policy_for(self._config),
            resolver=self._resolver,
            helo=our_name(self._config),
            authority=self._config.microsoft_authority,
            context=self._context,
            is_leased=self._is_leased,
            timeouts=self._timeouts,
            idle=self._idle,
        )
        logger("delivery").info("worker_signed_on", worker=worker_id)

    def _is_leased(self) -> bool:
        """Whether a dot may leave: its answer must come while the claim is certainly ours."""
        return elapsed() < self._beaten_at + self._lease_lasts

    # Steps 2 and 3

    def _carry(self, *, until_drained: bool) -> None:
        wakeup = wakeup_for(self.store.engine)
        try:
            while not self._is_asked_to_stop:
                begun = time.thread_time()
                self._works.ended.clear()
                self._beat()
                self._settle_the_dead()
                # Asked before looking: what a lane puts back later is not in the survey.
                is_quiet = all(lane.is_at_rest for lane in self._lanes)
                self._bury_broken_lanes()
                survey = self.store.read(self._look)
                started = self._open_lanes(survey)
                told.tell(self._works)
                if until_drained and is_quiet and not started and self._is_drained(survey):
                    return
                soon = plan.next_due(survey.queues, now=survey.now)
                pause = LOOKS_EVERY if soon is None else min(LOOKS_EVERY, max(soon, 0.005))
                rest = (time.thread_time() - begun) / SHARE_OF_LOOKING
                rest = min(max(rest, LOOKS_AT_MOST_EVERY), LONGEST_PAUSE)
                time.sleep(rest)
                wakeup.wait(pause - rest, or_until=self._has_own_news)
        except StoreGone:
            logger("delivery").error("stopped_without_store")
        finally:
            wakeup.close()

    def _has_own_news(self) -> bool:
        return self._is_asked_to_stop or self._works.ended.is_set()

    def _beat(self) -> None:
        """Keep the lease, the time and the fence; let slowed-down servers recover."""
        present = elapsed()
        if present - self._beaten_at < BEATS_EVERY:
            return

        def work(connection: Connection) -> tuple[bool, datetime]:
            moment = reference(connection)
            is_ours = register.beat(connection, self._works.worker_id, now=self._moments.now())
            fence.beat(connection, self._mark, now=self._moments.now())
            health.creep_back(connection, now=self._moments.now())
            return is_ours, moment

        is_ours, moment = self.store.write(work)
        if not is_ours:
            raise LostLease
        self._beaten_at = present
        fence.remember(self.store, self._works.folder, self._mark)
        off = self._moments.follow(moment)
        if abs(off.total_seconds()) > 60:
            logger("delivery").warning("clock_jumped", seconds=round(off.total_seconds()))

    def _settle_the_dead(self) -> None:
        """Step 2, and again while others may die."""
        present = time.monotonic()
        if present - self._looked_for_dead_at < LOOKS_FOR_DEAD_EVERY:
            return
        self._looked_for_dead_at = present
        recovery.settle_the_dead(
            self.store,
            folder=self._works.folder,
            mark=self._mark,
            boot=self._boot,
            worker_id=self._works.worker_id,
            heard=self._heard,
            now=self._moments.now,
        )

    def _bury_broken_lanes(self) -> None:
        """Lanes whose thread is gone: forget the clean ones, settle what the others left."""
        for lane in [lane for lane in self._lanes if not lane.thread.is_alive()]:
            if not lane.is_clean:
                memory = self._memory(lane.server_id)
                memory.not_before = max(memory.not_before, time.monotonic() + LOOKS_EVERY)
                if not self._bury(lane):
                    continue
            self._lanes.remove(lane)

    def _bury(self, lane: Lane) -> bool:
        """Settle what it left; False: its journal cannot be read now."""
        if lane.lane_id is None:
            return True
        try:
            recovery.bury(
                self.store,
                self._works.folder,
                lane.lane_id,
                lane.server_id,
                trust=Trust.WHOLE,
                now=self._moments.now(),
                is_deadly=not lane.is_given_up,
            )
        except OSError as fault:
            logger("delivery").error("cannot_bury_lane", lane=lane.lane_id, fault=str(fault))
            return False
        return True

    def _look(self, connection: Connection) -> Survey:
        now = self._moments.now()
        queues = claims.queues(connection)
        server_ids = {queue.server_id for queue in queues}
        found = servers.conditions(connection, server_ids, now=now)
        return Survey(now, self._moments.latest(), queues, found)

    def _open_lanes(self, survey: Survey) -> bool:
        """Do what the plan says; whether any lane was opened or called."""
        decided = plan.plan(
            survey.queues,
            survey.conditions,
            self._present(survey),
            now=survey.now,
            latest=survey.latest,
            most_lanes=self._most_lanes,
            has_time=self._busy.share() < SPARE,
        )
        if self._busy.share() > CROWDED:
            self._dismiss_one()
        for start in decided.start:
            self._start(start)
        called: set[int] = set()
        for lane in self._lanes:
            if lane.is_idle and lane.server_id in decided.call - called:
                lane.call.set()
                called.add(lane.server_id)
        return bool(decided.start or called)

    def _present(self, survey: Survey) -> dict[int, Present]:
        lanes = Counter(lane.server_id for lane in self._lanes)
        idle = Counter(lane.server_id for lane in self._lanes if lane.is_idle)
        moment = time.monotonic()
        present = {}
        for server_id in {*lanes, *survey.conditions}:
            memory = self._memory(server_id)
            memory.lanes = lanes[server_id]
            condition = survey.conditions.get(server_id)
            if condition is not None:
                memory.see(condition.version)
            present[server_id] = Present(
                lanes=lanes[server_id],
                idle=idle[server_id],
                is_proven=memory.is_proven,
                most=memory.most_lanes(condition.max_connections) if condition else 1,
                may_look=moment >= memory.not_before,
                seconds_since_last=moment - memory.started_at,
            )
        return present

    def _start(self, start: Start) -> None:
        now = self._moments.now()
        if start.errand is Errand.PROBE and not self.store.write(
            lambda connection: health.take_probe(connection, start.server_id, now=now)
        ):
            return
        memory = self._memory(start.server_id)
        memory.started_at = time.monotonic()
        lane = Lane(self._works, start.server_id, start.errand, memory)
        try:
            lane.thread.start()
        except RuntimeError as fault:
            # The system gives us no more threads. The lanes that there are go on.
            logger("delivery").error("no_lane", server=start.server_id, fault=str(fault))
            memory.not_before = time.monotonic() + LOOKS_EVERY
            return
        self._lanes.append(lane)

    def _dismiss_one(self) -> None:
        """The newest lane to a server that has several."""
        lanes = Counter(lane.server_id for lane in self._lanes)
        newest = next((lane for lane in reversed(self._lanes) if lanes[lane.server_id] > 1), None)
        if newest is not None:
            newest.dismiss()

    def _memory(self, server_id: int) -> Memory:
        return self._memories.setdefault(server_id, Memory())

    def _is_drained(self, survey: Survey) -> bool:
        """Whether nothing is due that could leave soon: what rests for long or is parked cannot."""
        for queue in survey.queues:
            condition = survey.conditions.get(queue.server_id)
            if not queue.is_due(survey.now, survey.latest):
                continue
            if (
                condition is None
                or condition.is_gone
                or not (
                    condition.is_parked
                    or condition.is_fenced
                    or (condition.is_resting(survey.now) and condition.faults >= health.BREAKS_AT)
                )
            ):
                return False
        return True

    # Step 4

    def _finish(self) -> None:
        self._works.stop.set()
        until = time.monotonic() + self._drain
        self.store.give_up_at(until)
        for lane in self._lanes:
            lane.call.set()
        for lane in self._lanes:
            lane.thread.join(max(0.0, until - time.monotonic()))
        self.store.give_up_at(until + 5)
        try:
            for lane in self._lanes:
                if lane.thread.is_alive():
                    lane.abandon()
                if not lane.is_clean:
                    self._bury(lane)
            told.tell(self._works)  # what they found out in the end
            now = self._moments.now()
            worker_id = self._works.worker_id
            self.store.write(lambda connection: register.sign_off(connection, worker_id, now=now))
        except StoreGone:
            # The journals stay, and the next worker in this folder reads them.
            logger("delivery").error("left_without_store", worker=self._works.worker_id)
        else:
            self._alive.let_go()
            logger("delivery").info("worker_signed_off", worker=worker_id)


class _Busy:
    """How much of one processor this process uses."""

    def __init__(self) -> None:
        self._share = 0.0
        self._wall, self._used = time.monotonic(), time.process_time()

    def share(self) -> float:
        """Over the last quarter of a second or so."""
        wall, used = time.monotonic(), time.process_time()
        if wall - self._wall >= plan.GROWS_EVERY:
            self._share = (used - self._used) / (wall - self._wall)
            self._wall, self._used = wall, used
        return self._share


def reference(connection: Connection) -> datetime:
    """The time that all workers agree on: the database's where it has a clock of its own."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment
    return clock.now()
