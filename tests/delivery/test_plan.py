"""Which lanes a worker opens: one fact of a full example changed at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portal.delivery.plan import FOR_STRANGERS, Plan, Present, Start, next_due, plan
from portal.delivery.servers import Condition
from portal.delivery.works import Errand
from portal.outbox.claims import Queue

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
WELL = Condition(
    id=1,
    version=1,
    is_gone=False,
    is_fenced=False,
    is_parked=False,
    probe_at=None,
    resting_until=None,
    faults=0,
    has_sent=True,
    is_out_of_step=False,
    limits=(),
    max_connections=10,
    max_per_connection=None,
    max_bytes=None,
)
DUE = Queue(1, 1, 0, NOW)
BUSY = Present(lanes=1, is_proven=True, most=10, seconds_since_last=60)


def decided(
    *queues: Queue,
    condition: Condition | None = WELL,
    here: Present | None = None,
    lanes: int = 8,
    has_time: bool = True,
    latest: datetime = NOW,
) -> Plan:
    return plan(
        queues,
        {1: condition} if condition else {},
        {1: here} if here else {},
        now=NOW,
        latest=latest,
        most_lanes=lanes,
        has_time=has_time,
    )


def errands(made: Plan) -> list[Errand]:
    return [start.errand for start in made.start]


def test_a_server_with_due_mail_gets_a_lane() -> None:
    assert decided(DUE).start == (Start(1, Errand.SEND),)


def test_what_was_to_be_sent_at_once_is_due_by_whatever_clock_its_moment_was_written() -> None:
    ahead = timedelta(seconds=3)
    waits = DUE._replace(due_at=NOW + ahead)

    assert decided(waits, latest=NOW + ahead).start == ()
    assert decided(waits._replace(is_queued=True)).start == ()
    assert decided(waits._replace(is_queued=True), latest=NOW + ahead).start


def test_mail_for_later_opens_nothing() -> None:
    assert decided(DUE._replace(due_at=LATER)).start == ()


def test_an_idle_lane_is_called_and_no_other_opened() -> None:
    made = decided(DUE, here=replace(BUSY, idle=1))

    assert made == Plan((), frozenset({1}))


def test_a_busy_server_gets_one_lane_more() -> None:
    assert errands(decided(DUE, here=BUSY)) == [Errand.SEND]


def test_a_server_that_has_not_proven_itself_keeps_to_one() -> None:
    assert errands(decided(DUE, here=replace(BUSY, is_proven=False))) == []


def test_a_process_without_time_to_spare_opens_no_more() -> None:
    assert errands(decided(DUE, here=BUSY, has_time=False)) == []
    assert errands(decided(DUE, has_time=False)) == [Errand.SEND]


def test_no_more_lanes_than_the_server_takes() -> None:
    assert errands(decided(DUE, here=replace(BUSY, lanes=10))) == []


def test_lanes_grow_one_at_a_time() -> None:
    assert errands(decided(DUE, here=replace(BUSY, seconds_since_last=0.1))) == []


def test_a_full_house_or_a_used_up_limit_is_left_alone() -> None:
    assert errands(decided(DUE, here=Present(may_look=False))) == []


def test_a_resting_server_is_left_alone_until_then() -> None:
    assert errands(decided(DUE, condition=replace(WELL, resting_until=LATER))) == []
    assert errands(decided(DUE, condition=replace(WELL, resting_until=NOW))) == [Errand.SEND]


def test_a_parked_server_is_probed_when_its_time_has_come() -> None:
    parked = replace(WELL, is_parked=True, probe_at=LATER)

    assert errands(decided(DUE, condition=parked)) == []
    assert errands(decided(DUE, condition=replace(parked, probe_at=NOW))) == [Errand.PROBE]
    assert errands(decided(condition=replace(parked, probe_at=NOW))) == [Errand.PROBE]


def test_nothing_leaves_and_nothing_is_probed_while_fenced() -> None:
    fenced = replace(WELL, is_fenced=True)

    assert errands(decided(DUE, condition=fenced)) == []
    assert errands(decided(DUE, condition=replace(fenced, is_parked=True, probe_at=NOW))) == []


def test_mail_of_a_server_that_is_gone_finds_another_way() -> None:
    assert errands(decided(DUE, condition=replace(WELL, is_gone=True))) == [Errand.REROUTE]
    assert errands(decided(DUE, condition=None)) == [Errand.REROUTE]


def test_the_simulator_needs_no_server() -> None:
    assert decided(DUE._replace(server_id=0), condition=None).start == (Start(0, Errand.SIMULATE),)


def test_strangers_leave_room_for_servers_that_work() -> None:
    strangers = {number: replace(WELL, id=number, has_sent=False) for number in range(1, 41)}
    conditions = {**strangers, 99: replace(WELL, id=99)}
    queues = [DUE._replace(server_id=number) for number in conditions]

    made = plan(queues, conditions, {}, now=NOW, latest=NOW, most_lanes=16, has_time=True)

    served = [start.server_id for start in made.start]
    assert served[0] == 99
    assert len(served) == 1 + int(16 * FOR_STRANGERS)


def test_a_server_that_failed_since_it_worked_is_a_stranger_again() -> None:
    conditions = {1: replace(WELL, faults=1), 2: replace(WELL, id=2)}
    queues = [DUE, DUE._replace(server_id=2, due_at=NOW)]

    made = plan(queues, conditions, {}, now=NOW, latest=NOW, most_lanes=1, has_time=True)

    assert made.start == (Start(2, Errand.SEND),)


def test_the_next_moment_is_that_of_the_first_mail_that_is_not_due_yet() -> None:
    queues = [DUE, DUE._replace(due_at=LATER), DUE._replace(due_at=NOW + timedelta(hours=1))]

    assert next_due(queues, now=NOW) == 60
    assert next_due([DUE], now=NOW) is None
