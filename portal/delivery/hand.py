"""What a lane has in hand: the deliveries it claimed, and the results that are not settled yet.

`turn_over` is the lane's only transaction: settle what is answered, give back what is not to be
sent, claim more, look whether the routes still hold. The message that the server is working on
right now stays in hand meanwhile.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from sqlalchemy.engine import Connection

from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.core.vault import CannotOpen
from portal.core.words import kept, lazy
from portal.delivery import (
    contents,
    limits,
    mails,
    outcomes,
    register,
    reroute,
    servers,
    settling,
)
from portal.delivery.consequences import (
    Consequence,
    FewerLanes,
    Park,
    RefuseSender,
    Rest,
    SlowDown,
    consequence,
)
from portal.delivery.journal import Journal
from portal.delivery.mails import Mail, Written
from portal.delivery.memory import Memory
from portal.delivery.settling import Result, Trouble
from portal.delivery.works import Errand, Load, Works
from portal.domains.signing import LiveKey
from portal.outbox import claims, unwanted
from portal.outbox.claims import Claimed, Settlement
from portal.outbox.states import Reason, State
from portal.smtp.protocol import Job, Outcome
from portal.smtp.replies import Reply, Sent, ServerFault, Stage

LARGEST_BATCH = 1000
SMALLEST_BATCH = 4
FIRST_BATCH = 8
REROUTED_AT_ONCE = 100
"""Nothing is sent, so no speed is measured; `reroute` keeps its own transactions short."""
SECONDS_A_BATCH = 0.5
WRITTEN_AT_ONCE = 50
"""Messages that are read and compiled in one look at the store."""
BELIEVED_FOR = 2.0
"""Seconds that what was claimed is sent without asking again whether it still should be."""

CANNOT_COMPOSE = lazy("This mail cannot be written any more; somebody should look at it.")
CANNOT_SIGN = lazy("The key that signs for this domain does not open; make a new one.")
TOO_LARGE = lazy("The mail is larger than this server takes.")

_dice = random.SystemRandom()
_FIXED = {Errand.PROBE: 1, Errand.REROUTE: REROUTED_AT_ONCE}
"""Batches that do not follow the speed."""


class CannotSign(Exception):
    """The key does not open."""


class Hand:
    """One lane's. Only its thread touches it."""

    def __init__(
        self, works: Works, server_id: int, lane_id: int, errand: Errand, memory: Memory
    ) -> None:
        self.supply: deque[Load] = deque()  # claimed, not begun
        self.begun: dict[int, Load] = {}  # given to the session, not answered
        self.troubles: list[Trouble] = []
        self.condition: servers.Condition | None = None  # the server's, at the last claim
        self.is_ending = False  # nothing more is claimed or begun
        self.wait = 0.0  # seconds until the limits leave room again
        self.is_dry = False  # the last claim found nothing

        self._works = works
        self._server_id = server_id
        self._lane_id = lane_id
        self._errand = errand
        self._memory = memory
        self._taken: list[tuple[Load, Reply]] = []  # by the server: nearly all, so noted in bulk
        self._results: list[Result] = []  # all others
        self._back: list[int] = []  # claimed, and not to be sent by this lane
        self._unsent = 0  # of what was claimed: settled although the server was given nothing
        self._at_hand: tuple[Mail, Written] | None = None  # composed last
        self._unwanted: dict[int, Reason] = {}  # of the last claim: their readers said no
        self._refused_senders: dict[str, str] = {}  # From address: the server's words
        self._size = _FIXED.get(errand, FIRST_BATCH)
        self._turned_at = time.monotonic()

    def is_over(self) -> bool:
        """Whether nothing more is to be begun."""
        return self.is_ending or self._works.stop.is_set()

    def put_back_stale(self) -> list[int]:
        """Give back what was claimed a while ago: the server turned slow, and meanwhile an owner
        may have changed, or somebody cancelled. The next turn claims it anew, with the facts of
        then; the deliveries that this concerns."""
        if not self.supply or time.monotonic() - self._turned_at < BELIEVED_FOR:
            return []
        stale = [load.row.id for load in self.supply]
        self._put_supply_back()
        return stale

    # The transaction

    def turn_over(self, journal: Journal, *, room_on_connection: int | None = None) -> bool:
        """Settle and claim; whether there is anything to send now."""
        if not self.supply:
            # The store knows them by now, and whether somebody has mended them since.
            self._refused_senders.clear()
        results, self._results, self._taken = self._all_results(), [], []
        troubles, self.troubles = self.troubles, []
        back, self._back = self._back, []
        unused, self._unsent = len(back) + self._unsent, 0
        wanted = self._wanted(room_on_connection)
        mine = {*self.begun, *(load.row.id for load in self.supply)}
        runs = 0

        def work(connection: Connection) -> tuple[list[Park], list[Claimed], dict[int, Mail]]:
            nonlocal runs
            runs += 1
            now = self._works.moments.now()
            news = settling.write(
                connection,
                lane_id=self._lane_id,
                server_id=self._server_id,
                results=results,
                troubles=troubles,
                now=now,
            )
            claims.give_back(connection, self._lane_id, back)
            rows: list[Claimed] = []
            if runs > 1:
                # The commit before may have held without our knowing: what it claimed is ours.
                held = claims.held_by(connection, self._lane_id)
                rows = [row for row in held if row.id not in mine]
            if not rows:
                rows = self._claim(connection, wanted, unused=unused, now=now)
            return news, rows, self._load(connection, rows)

        news, rows, found = self._works.store.write(work)
        journal.settled()
        self.is_dry = not rows
        self._write_ahead(found.values())
        for park in news:
            self._works.news.put((self._server_id, park))
        self._measure(len(results))
        self._sort_in(rows, found)
        return bool(self.supply)

    def _all_results(self) -> list[Result]:
        """What is answered or otherwise settled."""
        taken = [
            Result(outcomes.taken(load.row, reply), load.row.tenant, load.mail.terms.campaign)
            for load, reply in self._taken
        ]
        return taken + self._results

    def give_all_back(self) -> None:
        """What was claimed and has no answer goes back at the next turn."""
        self.is_ending = True
        self._back += self.begun
        self.begun.clear()
        self._put_supply_back()

    def _put_supply_back(self) -> None:
        self._back += [load.row.id for load in self.supply]
        self.supply.clear()

    def _wanted(self, room_on_connection: int | None) -> int:
        if self.is_over():
            return 0
        if room_on_connection is None:
            return self._size
        return max(0, min(self._size, room_on_connection - len(self.begun)))

    def _claim(
        self, connection: Connection, wanted: int, *, unused: int, now: datetime
    ) -> list[Claimed]:
        """As much as is due, wanted and allowed."""
        self.wait = 0.0
        if not register.is_open(connection, self._lane_id):
            self.is_ending = True
            return []
        condition = servers.condition(connection, self._server_id)
        if self._errand in (Errand.SIMULATE, Errand.REROUTE) or condition is None:
            return self._take(connection, wanted, now)

        self.condition = condition
        if not self._may_go_on(condition, now):
            self.is_ending = True
            wanted = 0
        room = limits.look(connection, self._server_id, condition.limits, now=now)
        free = room.messages + unused
        rows = self._take(connection, min(wanted, free), now)
        limits.take(connection, self._server_id, condition.limits, len(rows) - unused, now=now)
        self.wait = room.wait if not rows else 0.0
        return rows

    def _may_go_on(self, condition: servers.Condition, now: datetime) -> bool:
        if self._errand is Errand.PROBE:
            return not condition.is_gone and not condition.is_fenced
        return condition.may_send(now)

    def _take(self, connection: Connection, wanted: int, now: datetime) -> list[Claimed]:
        if wanted <= 0:
            return []
        rows = claims.claim(
            connection,
            lane_id=self._lane_id,
            server_id=self._server_id,
            now=now,
            latest=self._works.moments.latest(),
            limit=wanted,
            after=self._memory.last_tenant,
        )
        if rows:
            self._memory.last_tenant = list(dict.fromkeys(row.tenant for row in rows))[-1]
        return rows

    def _load(self, connection: Connection, rows: list[Claimed]) -> dict[int, Mail]:
        """The messages of these deliveries, and which of their readers want none."""
        self._unwanted = unwanted.in_hands(connection, self._lane_id) if rows else {}
        if not rows:
            return {}
        return mails.load(connection, {row.message_id for row in rows})

    def _write_ahead(self, found: Iterable[Mail]) -> None:
        """Compile together what is not on the shelf; what has files comes when its turn does."""
        shelf = self._works.shelf
        new = [
            mail
            for mail in found
            if mail.is_current and not mail.has_files and shelf.get(mail) is None
        ]
        for at in range(0, len(new), WRITTEN_AT_ONCE):
            some = new[at : at + WRITTEN_AT_ONCE]
            written = self._works.store.read(partial(contents.write, mails=some))
            for mail in some:
                if isinstance(content := written.get(mail.id), Written):
                    shelf.put(mail, content)

    def _sort_in(self, rows: list[Claimed], found: dict[int, Mail]) -> None:
        """Into the supply; what has to be routed again is, and is not ours any more."""
        stale = []
        for row in rows:
            load = Load(row, found[row.message_id])
            if (reason := self._unwanted.get(row.id)) is not None:
                self._settle_unsent(load, State.SUPPRESSED, reason.value, None)
                continue
            is_ours = load.mail.is_current and load.mail.server_id == self._server_id
            if is_ours or self._errand is Errand.SIMULATE:
                self.supply.append(load)
            else:
                stale.append(load)
        self._unsent += len(stale)
        if stale:
            reroute.again(self._works, self._lane_id, self._server_id, stale)

    def _measure(self, done: int) -> None:
        """Let the batch follow the speed."""
        present = time.monotonic()
        seconds, self._turned_at = present - self._turned_at, present
        if done and self._errand not in _FIXED:
            speed = done / max(seconds, 0.001)
            self._memory.speed = speed
            most = min(LARGEST_BATCH, 4 * self._size)
            self._size = max(SMALLEST_BATCH, min(most, int(speed * SECONDS_A_BATCH)))

    # Answers

    def note(self, outcome: Outcome) -> None:
        """One answer: what becomes of the delivery, and what of the server."""
        load = self.begun.pop(outcome.id)
        if isinstance(outcome.verdict, Sent):
            self._taken.append((load, outcome.verdict.reply))
            self._memory.note_taken()
            return
        settlement = outcomes.settlement(
            load.row,
            outcome.verdict,
            outcome.stage,
            terms=load.mail.terms,
            now=self._works.moments.now(),
            random=_dice,
        )
        if settlement is None:
            self._back.append(outcome.id)
        else:
            if outcome.transcript:
                settlement = settlement._replace(transcript=outcome.transcript)
            self._results.append(Result(settlement, load.row.tenant, load.mail.terms.campaign))

        if isinstance(outcome.verdict, ServerFault):
            self.note_fault(outcome.verdict, outcome.stage, load.mail.mail_from)
            return
        park = self._memory.note(outcome.verdict, outcome.stage, load.row.email.rpartition("@")[2])
        if park is not None:
            self.note_trouble(park)

    def note_fault(self, fault: ServerFault, stage: Stage, mail_from: str = "") -> None:
        """The server, the way there or the session is at fault."""
        self.note_trouble(consequence(fault, stage), mail_from)

    def note_trouble(self, found: Consequence, mail_from: str = "") -> None:
        """Once each: what a session says at its end was often said by a message before."""
        if any(type(known.consequence) is type(found) for known in self.troubles):
            return
        self.troubles.append(Trouble(found, mail_from, self._memory.speed))
        match found:
            case Park() | Rest():
                self.is_ending = True
            case FewerLanes():
                self._memory.fewer_lanes()
                self.is_ending = True
            case RefuseSender(words):
                self._refused_senders[mail_from] = words
            case SlowDown():
                # What was claimed at the old speed would be held for long at the new one.
                self._put_supply_back()

    # Bytes

    def compose(self, load: Load) -> Job | None:
        """The message for the wire; None, and the delivery settled, where there is none to send."""
        refused = self._refused_senders.get(load.mail.mail_from)
        if refused is not None:
            self._settle_unsent(load, State.HELD, "sender_refused", refused)
            return None
        try:
            written = self._written(load.mail)
            data, is_vetted = written.compiled.write(
                load.mail.recipient(load.row, written.values, written.link)
            )
            if load.mail.key is not None:
                data = self._signed(data, load.mail.key, load.mail.rewritten)
        except Refusal as refusal:
            self._settle_unsent(load, State.FAILED, "content", refusal.words)
            return None
        except CannotSign:
            logger("delivery").error("cannot_sign", delivery=load.row.id)
            self._settle_unsent(load, State.HELD, "cannot_sign", str(CANNOT_SIGN))
            return None
        except Exception:  # noqa: BLE001 - one message must not stop the others
            logger("delivery").exception("cannot_compose", delivery=load.row.id)
            self._settle_unsent(load, State.HELD, "cannot_compose", str(CANNOT_COMPOSE))
            return None
        most = self.condition.max_bytes if self.condition is not None else None
        if most is not None and len(data) > most:
            self._settle_unsent(load, State.FAILED, "content", str(TOO_LARGE))
            return None
        return Job(load.row.id, load.mail.mail_from, load.row.email, data, is_vetted)

    def _written(self, mail: Mail) -> Written:
        """The message, compiled; a campaign's is at hand for all that was claimed with it."""
        if self._at_hand is None or self._at_hand[0] is not mail:
            self._at_hand = mail, self._works.shelf.get(mail) or self._read_again(mail)
        return self._at_hand[1]

    def _signed(self, data: bytes, key: LiveKey, rewritten: frozenset[bytes]) -> bytes:
        try:
            return self._works.signers.sign(data, key, self._works.store, but=rewritten)
        except CannotOpen as fault:
            raise CannotSign from fault

    def _read_again(self, mail: Mail) -> Written:
        """It could not be compiled with the others, or has left the shelf since."""
        written = self._works.store.read(lambda connection: contents.write(connection, [mail]))
        content = written[mail.id]
        if isinstance(content, Exception):
            raise content
        self._works.shelf.put(mail, content)
        return content

    def _settle_unsent(self, load: Load, state: State, kind: str, words: str | None) -> None:
        row = load.row
        settlement = Settlement(
            row.id,
            state,
            attempts=row.attempts,
            copies=row.copies,
            losses=row.losses,
            words=None if words is None else kept(words),
            stage="compose",
            kind=kind,
            is_try=state is not State.SUPPRESSED,
        )
        self._unsent += 1
        self._results.append(Result(settlement, row.tenant, load.mail.terms.campaign))
