"""Messages through a session: what the server got, and what the caller was told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from portal.smtp.causes import Cause
from portal.smtp.protocol import Job, NotSent, Unknown
from portal.smtp.replies import Failed, Kind, Reply, ServerFault, Stage
from tests.equipment.smtp_script import (
    Acts,
    Command,
    Drip,
    Drop,
    Raw,
    Say,
    Script,
    Silence,
    Take,
    Until,
    listed,
    only,
)
from tests.equipment.smtp_server import SmtpServer
from tests.smtp.conftest import PATIENT, PLAIN, Connect
from tests.smtp.sending import Diary, ImpatientAt, fates, job, jobs, lose_patience, send

BOTH_WAYS = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])


@BOTH_WAYS
def test_every_message_arrives_once_and_in_order(connect: Connect, pipelining: bool) -> None:
    with SmtpServer(Script(pipelining=pipelining)) as server:
        outcomes = send(connect(server), jobs(20))

        assert fates(outcomes) == dict.fromkeys(range(1, 21), "Sent body")
        assert [taken.recipients for taken in server.ledger] == [
            (f"reader{number}@birch.example",) for number in range(1, 21)
        ]
        assert {taken.mail_from for taken in server.ledger} == {"news@acme.example"}


@BOTH_WAYS
def test_doubled_dots_are_single_again_at_the_other_end(connect: Connect, pipelining: bool) -> None:
    stuffed = b"Subject: Dots\r\n\r\n..\r\n...three\r\nend.\r\n"

    with SmtpServer(Script(pipelining=pipelining)) as server:
        send(connect(server), [job(data=stuffed)])

        assert server.ledger[0].data == b"Subject: Dots\r\n\r\n.\r\n..three\r\nend.\r\n"


def test_the_end_of_a_message_and_the_beginning_of_the_next_are_one_packet(
    connect: Connect,
) -> None:
    with SmtpServer() as server:
        send(connect(server), jobs(3))

        after_ehlo = server.connections[0].packets[1:]
    assert [packet.count(b"\r\n.\r\n") for packet in after_ehlo] == [0, 1, 1, 1]
    assert [packet.count(b"MAIL FROM") for packet in after_ehlo] == [1, 1, 1, 0]


def test_without_pipelining_each_command_waits_for_its_answer(connect: Connect) -> None:
    with SmtpServer(Script(pipelining=False)) as server:
        send(connect(server), jobs(2))

        after_ehlo = server.connections[0].packets[1:]
    firsts = [packet.split(b" ")[0].split(b":")[0].strip() for packet in after_ehlo]
    assert firsts == [b"MAIL", b"RCPT", b"DATA", b"Subject"] * 2


def test_pipelining_can_be_switched_off_for_a_server_that_offers_it(connect: Connect) -> None:
    with SmtpServer() as server:
        send(connect(server, replace(PLAIN, pipelining=False)), jobs(1))

        assert len(server.connections[0].packets) == 5


def test_each_dot_is_told_before_and_each_answer_to_it_after(connect: Connect) -> None:
    diary = Diary()

    with SmtpServer(Script(body=only(2, Say(552, "5.3.4 Too big")))) as server:
        diary.send(connect(server), jobs(2))

    told = [entry for entry in diary.entries if entry.startswith(("dot", "reply"))]
    assert told == ["dot 1", "reply 1 250", "dot 2", "reply 2 552"]
    assert [entry for entry in diary.entries if entry not in told] == ["Sent 1", "Failed 2"]
    assert diary.entries.index("Sent 1") < diary.entries.index("reply 2 552")


def test_a_message_refused_before_its_dot_has_none_to_tell_of(connect: Connect) -> None:
    diary = Diary()

    with SmtpServer(Script(rcpt=Say(550, "5.1.1 Nobody"))) as server:
        diary.send(connect(server), jobs(1))

    assert diary.entries == ["Failed 1"]


def test_the_next_job_is_asked_for_while_the_server_works_on_the_last(connect: Connect) -> None:
    taken_when_asked: list[int] = []
    may_take = [Event() for _ in jobs(4)]

    def when_the_next_but_one_is_wanted(command: Command) -> Acts:
        return Until(may_take[command.number - 1]), Take(), Say(250, "Ok")

    with SmtpServer(Script(body=when_the_next_but_one_is_wanted)) as server:

        def supply() -> Iterator[Job]:
            for number, one in enumerate(jobs(4)):
                taken_when_asked.append(len(server.ledger))
                if number >= 2:
                    may_take[number - 2].set()
                yield one
            for event in may_take:
                event.set()

        outcomes = send(connect(server), supply())

    assert len(outcomes) == 4
    # The third job is wanted when the first one's content is on its way, not when it was answered.
    assert taken_when_asked == [0, 0, 0, 1]


def test_a_supply_that_ends_leaves_the_session_ready_for_the_next(connect: Connect) -> None:
    with SmtpServer() as server:
        session = connect(server)

        send(session, jobs(2))
        send(session, jobs(3))

        assert session.is_open
        assert session.messages == 5
        assert len(server.connections) == 1
        assert len(server.ledger) == 5


def test_a_supply_that_fails_first_lets_what_was_begun_come_to_its_end(connect: Connect) -> None:
    diary = Diary()

    def supply() -> Iterator[Job]:
        yield from jobs(2)
        raise LookupError("the template is broken")

    with SmtpServer() as server:
        session = connect(server)
        with pytest.raises(LookupError):
            diary.send(session, supply())

        assert fates(diary.outcomes) == {1: "Sent body", 2: "Sent body"}
        assert session.is_open


def test_whoever_stops_listening_has_one_dot_in_the_air_at_most(connect: Connect) -> None:
    with SmtpServer() as server:
        session = connect(server)
        diary = Diary()
        sending = session.send_all(
            jobs(5), before_dot=diary.before_dot, after_reply=diary.after_reply
        )

        outcome = next(sending)
        sending.close()  # type: ignore[attr-defined]
        server.wait_until(lambda: server.open_connections == 0)

        assert outcome.id == 1
        assert diary.entries[:2] == ["dot 1", "reply 1 250"]
        assert diary.entries[2:] in ([], ["dot 2"])
        assert len(server.ledger) <= len(diary.entries[::2])
        assert not session.is_open


def test_whoever_stops_listening_at_a_refusal_has_nothing_in_the_air(connect: Connect) -> None:
    with SmtpServer(Script(body=only(1, Say(552, "5.3.4 Too big")))) as server:
        session = connect(server)
        diary = Diary()
        sending = session.send_all(
            jobs(5), before_dot=diary.before_dot, after_reply=diary.after_reply
        )

        next(sending)
        sending.close()  # type: ignore[attr-defined]
        server.wait_until(lambda: server.open_connections == 0)

        assert diary.entries == ["dot 1", "reply 1 552"]
        assert server.ledger == []


def test_an_answer_is_told_although_the_next_dot_cannot_be_written_down(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def full_at_the_second(number: int) -> None:
        if number == 2:
            raise OSError("no space left")

    with SmtpServer() as server:
        session = connect(server)
        wire = session._line.wire
        receive = wire.receive

        def all_at_once(*, until: float) -> bytes:
            data = b""
            while b"354" not in data:
                data += receive(until=until)
            return data

        monkeypatch.setattr(wire, "receive", all_at_once)
        sending = session.send_all(
            jobs(5), before_dot=full_at_the_second, after_reply=lambda *_: None
        )
        told.append(next(iter(sending)))
        with pytest.raises(OSError, match="no space left"):
            next(iter(sending))

        assert fates(told) == {1: "Sent body"}


def test_a_journal_that_cannot_be_written_keeps_the_message_here(connect: Connect) -> None:
    def full(number: int) -> None:
        raise OSError("no space left")

    with SmtpServer() as server:
        session = connect(server)
        with pytest.raises(OSError, match="no space left"):
            list(session.send_all(jobs(2), before_dot=full, after_reply=lambda *_: None))
        server.wait_until(lambda: server.open_connections == 0)

        assert server.ledger == []
        assert not session.is_open


# One message refused, its neighbours not

REFUSALS = [
    ("mail", Say(550, "5.7.0 Not that sender"), "ServerFault mail"),
    ("mail", Say(451, "4.3.0 Later"), "TryAgain mail"),
    ("rcpt", Say(550, "5.1.1 Nobody"), "Failed rcpt"),
    ("rcpt", Say(450, "4.2.0 Greylisted"), "TryAgain rcpt"),
    ("data", Say(451, "4.3.0 Later"), "TryAgain data"),
    ("data", Say(554, "5.7.1 No"), "Failed data"),
    ("body", Say(554, "5.6.0 Bad content"), "Failed body"),
    ("body", Say(452, "4.3.1 Full"), "TryAgain body"),
]


@BOTH_WAYS
@pytest.mark.parametrize(("phase", "answer", "fate"), REFUSALS)
def test_one_refused_message_does_not_touch_its_neighbours(
    connect: Connect, pipelining: bool, phase: str, answer: Say, fate: str
) -> None:
    script = Script(pipelining=pipelining).playing(phase, only(2, answer))

    with SmtpServer(script) as server:
        session = connect(server)
        outcomes = send(session, jobs(3))

        assert fates(outcomes) == {1: "Sent body", 2: fate, 3: "Sent body"}
        assert [taken.recipients[0] for taken in server.ledger] == [
            "reader1@birch.example",
            "reader3@birch.example",
        ]
        assert session.is_open


def test_a_server_that_wants_content_for_nobody_gets_a_lone_dot(connect: Connect) -> None:
    script = Script(rcpt=only(1, Say(550, "5.1.1 Nobody")), data=only(1, Say(354, "Go ahead")))

    with SmtpServer(script) as server:
        outcomes = send(connect(server), jobs(2))

        assert fates(outcomes) == {1: "Failed rcpt", 2: "Sent body"}
        assert [taken.recipients[0] for taken in server.ledger] == ["reader2@birch.example"]
        assert server.connections[0].packets[2].startswith(b".\r\nMAIL FROM")


def test_a_server_that_would_send_an_empty_message_does_not_get_its_dot(connect: Connect) -> None:
    taking_all = Script(
        mail=only(
            1, (Raw(b"550 5.7.0 Not you\r\n"), Raw(b"250 Ok\r\n"), Raw(b"354 Go\r\n"), Silence())
        )
    )

    with SmtpServer(taking_all) as server:
        session = connect(server)
        outcomes = send(session, jobs(2))

        assert fates(outcomes) == {1: "ServerFault mail", 2: "NotSent mail"}
        assert session.fault == ServerFault(Kind.PROTOCOL, cause=Cause.OUT_OF_STEP)
        assert not session.is_open


@BOTH_WAYS
def test_a_server_that_says_good_bye_gets_nothing_more(connect: Connect, pipelining: bool) -> None:
    with SmtpServer(
        Script(pipelining=pipelining, mail=only(2, (Say(421, "4.3.2 Shutting down"), Drop())))
    ) as server:
        session = connect(server)
        outcomes = send(session, jobs(4))

        by_job = fates(outcomes)
        assert by_job[1] == "Sent body"
        assert by_job[2] == "ServerFault mail"
        assert set(by_job.values()) == {"Sent body", "ServerFault mail", "NotSent mail"}
        assert session.fault is not None
        assert session.fault.kind is Kind.BUSY
        assert not session.is_open


# The line breaks

NO_ANSWER = pytest.mark.parametrize(
    "acts",
    [Drop(), Drop(reset=True), (Take(), Drop()), (Take(), Silence()), (Take(), Raw(b"25"), Drop())],
    ids=["closed", "reset", "taken and closed", "taken and silent", "half a reply"],
)


@BOTH_WAYS
@NO_ANSWER
def test_only_the_message_whose_dot_was_sent_is_of_unknown_fate(
    connect: Connect, pipelining: bool, acts: Acts
) -> None:
    def wait_less_for_the_third(number: int) -> None:
        if number == 3 and Silence() in listed(acts):
            lose_patience(session, replace(PATIENT, after_dot=1))

    diary = Diary(wait_less_for_the_third)

    with SmtpServer(Script(pipelining=pipelining, body=only(3, acts))) as server:
        session = connect(server)
        outcomes = diary.send(session, jobs(6))

    by_job = fates(outcomes)
    assert by_job.pop(1) == by_job.pop(2) == "Sent body"
    assert by_job.pop(3) == "Unknown body"
    assert set(by_job.values()) == {"NotSent mail"}
    assert "reply 3" not in " ".join(diary.entries)
    assert not session.is_open
    assert session.fault is not None
    assert session.fault.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
@BOTH_WAYS
def test_a_line_that_breaks_before_the_dot_leaves_every_message_here(
    connect: Connect, pipelining: bool, phase: str
) -> None:
    script = Script(pipelining=pipelining).playing(phase, Drop())

    with SmtpServer(script) as server:
        outcomes = send(connect(server), jobs(3))

        assert outcomes
        assert all(isinstance(outcome.verdict, NotSent) for outcome in outcomes)
        assert server.ledger == []


def test_what_was_answered_before_the_nonsense_still_counts(connect: Connect) -> None:
    taken_then_garbage = (Take(), Raw(b"250 2.0.0 Ok\r\n\x00\xffgarbage\r\n"))

    with SmtpServer(Script(body=only(1, taken_then_garbage))) as server:
        session = connect(server)
        outcomes = send(session, jobs(3))

    assert fates(outcomes)[1] == "Sent body"
    assert session.fault == ServerFault(Kind.PROTOCOL, cause=Cause.MALFORMED)


def test_one_answer_too_many_ends_the_session(connect: Connect) -> None:
    with SmtpServer(Script(body=(Take(), Raw(b"250 Ok\r\n250 Ok\r\n")))) as server:
        session = connect(server)
        outcomes = send(session, jobs(1))

    assert fates(outcomes) == {1: "Sent body"}
    assert session.fault == ServerFault(Kind.PROTOCOL, cause=Cause.UNSOLICITED)
    assert not session.is_open


def test_leave_to_send_instead_of_an_answer_to_the_dot_is_no_answer(connect: Connect) -> None:
    with SmtpServer(Script(body=(Take(), Raw(b"354 Go ahead\r\n")))) as server:
        session = connect(server)
        outcomes = send(session, jobs(1))

    assert isinstance(outcomes[0].verdict, Unknown)
    assert session.fault == ServerFault(Kind.PROTOCOL, cause=Cause.OUT_OF_STEP)


def test_ok_instead_of_leave_to_send_is_out_of_step(connect: Connect) -> None:
    with SmtpServer(Script(data=Say(250, "Ok"))) as server:
        session = connect(server)
        outcomes = send(session, jobs(1))

    fault = ServerFault(Kind.PROTOCOL, Reply(250, None, ("Ok",)), cause=Cause.OUT_OF_STEP)
    assert [outcome.verdict for outcome in outcomes] == [fault]
    assert session.fault == fault
    assert not session.is_open


# Time


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data", "body"])
def test_a_dripping_server_cannot_stretch_the_time_limit(connect: Connect, phase: str) -> None:
    dripping = Drip(b"250-" + b"x" * 10_000, every=0.02)

    with SmtpServer(Script().playing(phase, dripping)) as server:
        session = connect(server)
        lose_patience(session, ImpatientAt(stage=Stage(phase)))
        started = time.monotonic()
        outcomes = send(session, jobs(1))
        took = time.monotonic() - started

    assert took < 10  # the whole line would take more than three minutes
    assert session.fault == ServerFault(Kind.UNREACHABLE, cause=Cause.TIMEOUT)
    assert fates(outcomes) == {1: "Unknown body" if phase == "body" else f"NotSent {phase}"}


def test_a_server_that_stops_reading_does_not_hold_us(connect: Connect) -> None:
    huge = b"Subject: Big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 250_000

    with SmtpServer(Script(data=(Say(354, "Go"), Silence()))) as server:
        session = connect(server)
        lose_patience(session, ImpatientAt(phase=2, slowest=100_000_000))
        started = time.monotonic()
        outcomes = send(session, [job(data=huge)])
        took = time.monotonic() - started

    assert took < 10
    # Its dot never left this machine: nothing is unknown.
    assert fates(outcomes) == {1: "NotSent body"}
    assert session.fault == ServerFault(Kind.UNREACHABLE, cause=Cause.TIMEOUT)


def test_a_server_that_refuses_in_the_middle_of_the_content_is_heard_out(connect: Connect) -> None:
    huge = b"Subject: Big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 250_000
    content_begins = Event()
    no = Say(552, "5.3.4 Too big")

    with SmtpServer(Script(data=(Say(354, "Go"), Until(content_begins), no, Silence()))) as server:

        def hear_no_before_the_write_is_given_up(_number: int) -> None:
            content_begins.set()
            server.wait_until(lambda: no in server.connections[0].acts)

        session = connect(server)
        lose_patience(session, ImpatientAt(phase=2, slowest=100_000_000))
        outcomes = Diary(hear_no_before_the_write_is_given_up).send(session, [job(data=huge)])

    assert outcomes[0].verdict == Failed(Kind.CONTENT, Reply(552, "5.3.4", ("Too big",)))


# Before the wire


def test_a_message_larger_than_the_server_takes_costs_no_command(connect: Connect) -> None:
    big = job(2, data=b"Subject: Big\r\n\r\n" + b"x" * 990 + b"\r\n")

    with SmtpServer(Script(size=500)) as server:
        outcomes = send(connect(server), [job(1), big, job(3)])

        assert fates(outcomes) == {1: "Sent body", 2: "Failed mail", 3: "Sent body"}
        assert {o.verdict for o in outcomes if o.id == 2} == {Failed(Kind.CONTENT)}
        assert sum(command.startswith("MAIL") for command in server.commands) == 2
