"""Any server, any script of replies, any cutting into pieces: no message is ever told wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp.capabilities import Capabilities
from portal.smtp.causes import Cause
from portal.smtp.protocol import Job, NotSent, Outcome, Transactions, Unknown, is_safe
from portal.smtp.replies import Failed, Kind, Reply, Sent, ServerFault, Stage
from tests.smtp.sending import CONTENT, job, jobs

PIPELINING = Capabilities(pipelining=True)
CLOSED = ServerFault(Kind.UNREACHABLE, cause=Cause.CLOSED)


@dataclass
class ModelServer:
    """Answers each command with the next code of its script; then as a good server would.

    It keeps the rules of RFC 5321 on its own side, so that what it has taken is known for sure.
    """

    codes: Iterator[int]
    taken: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)  # after the dot
    seen: list[str] = field(default_factory=list)
    _buffer: bytes = b""
    _recipients: list[str] = field(default_factory=list)
    _in_content: bool = False
    _is_gone: bool = False

    def hears(self, data: bytes) -> bytes:
        self._buffer += data
        said = b""
        while not self._is_gone and (unit := self._next_unit()) is not None:
            said += self._answer(unit)
        return said

    def _next_unit(self) -> bytes | None:
        if not self._in_content:
            line, end, rest = self._buffer.partition(b"\r\n")
        elif self._buffer.startswith(b".\r\n"):
            line, end, rest = b".", b"\r\n", self._buffer[3:]
        else:
            line, end, rest = self._buffer.partition(b"\r\n.\r\n")
        if not end:
            return None
        self._buffer = rest
        return line

    def _answer(self, unit: bytes) -> bytes:
        verb = "." if self._in_content else unit[:4].decode()
        self.seen.append(verb)
        usual = {"DATA": 354 if self._recipients else 554, ".": 250 if self._recipients else 554}
        code = next(self.codes, 0) or usual.get(verb, 250)
        if verb == "RCPT" and 200 <= code <= 299:
            self._recipients.append(unit.decode())
        if verb == "DATA":
            self._in_content = code == 354
        if verb == ".":
            self._in_content = False
            if self._recipients:
                numbers = re.findall(r"reader(\d+)@", self._recipients[-1])
                (self.taken if 200 <= code <= 299 else self.refused).add(int(numbers[0]))
        if verb in (".", "RSET", "MAIL"):
            self._recipients = []
        self._is_gone = code == 421
        return b"%d words\r\n" % code


def converse(
    server: ModelServer,
    sending: list[Job],
    *,
    pipelining: bool,
    cuts: Iterator[int],
    dies_after: int | None = None,
) -> list[Outcome]:
    """Everything between the two, each packet cut as told; the line may die after so many bytes."""
    dialogue = Transactions(PIPELINING, pipelining=pipelining)
    supply = iter(sending)
    outcomes: list[Outcome] = []
    budget = dies_after if dies_after is not None else 10**9

    while True:
        if dialogue.is_hungry and (following := next(supply, None)) is not None:
            dialogue.offer(following)
        write = dialogue.next_write()
        if write is None:
            break
        said = server.hears(write.data)
        if dialogue.is_hungry and (following := next(supply, None)) is not None:
            dialogue.offer(following)
        said, budget = said[:budget], budget - len(said[:budget])
        while said:
            size = next(cuts, 1)
            dialogue.receive(said[:size])
            said = said[size:]
        if dialogue.awaiting is not None:
            dialogue.lose(CLOSED)
        outcomes += dialogue.settled()
    return outcomes + dialogue.settled()


CODES = st.sampled_from([0, 0, 0, 0, 250, 354, 421, 450, 451, 452, 454, 500, 503, 550, 552, 554])
SCRIPTS = st.lists(CODES, max_size=30)
CUTS = st.lists(st.integers(1, 40), max_size=60)


@given(SCRIPTS, CUTS, st.booleans(), st.none() | st.integers(0, 250))
def test_every_job_has_one_outcome_and_it_is_true(
    script: list[int], cuts: list[int], pipelining: bool, dies_after: int | None
) -> None:
    server = ModelServer(iter(script))

    outcomes = converse(
        server, jobs(5), pipelining=pipelining, cuts=iter(cuts), dies_after=dies_after
    )

    numbers = [outcome.id for outcome in outcomes]
    assert len(numbers) == len(set(numbers))
    for outcome in outcomes:
        if isinstance(outcome.verdict, Sent):
            assert outcome.id in server.taken
        elif not isinstance(outcome.verdict, Unknown):
            assert outcome.id not in server.taken
    assert server.taken <= set(numbers)
    assert sum(isinstance(outcome.verdict, Unknown) for outcome in outcomes) <= 1


@given(SCRIPTS, CUTS, st.booleans())
def test_how_the_answers_are_cut_into_packets_makes_no_difference(
    script: list[int], cuts: list[int], pipelining: bool
) -> None:
    whole = converse(
        ModelServer(iter(script)), jobs(4), pipelining=pipelining, cuts=iter([10**6] * 99)
    )
    in_pieces = converse(ModelServer(iter(script)), jobs(4), pipelining=pipelining, cuts=iter(cuts))

    assert in_pieces == whole


@given(st.lists(st.sampled_from([0, 0, 450, 550, 552, 554]), max_size=30))
def test_pipelining_changes_the_speed_and_nothing_else(script: list[int]) -> None:
    """With a server that decides by message and not by count of commands."""
    verdicts = iter(script)
    by_job = {number: next(verdicts, 0) for number in range(1, 6)}

    def codes_for(pipelining: bool) -> list[Outcome]:
        server = ModelServer(iter(()))
        answer = server._answer

        def refusing(unit: bytes) -> bytes:
            found = re.search(rb"RCPT TO:<reader(\d+)@", unit)
            if found and (code := by_job[int(found[1])]):
                server.seen.append("RCPT")
                return b"%d words\r\n" % code
            return answer(unit)

        server._answer = refusing  # type: ignore[method-assign]
        return converse(server, jobs(5), pipelining=pipelining, cuts=iter([999] * 999))

    assert codes_for(True) == codes_for(False)


def test_a_message_costs_one_write() -> None:
    server = ModelServer(iter(()))
    dialogue = Transactions(PIPELINING)
    supply = iter(jobs(50))
    writes = 0

    dialogue.offer(next(supply))
    while (write := dialogue.next_write()) is not None:
        writes += 1
        for following in supply:
            dialogue.offer(following)
            break
        dialogue.receive(server.hears(write.data))

    assert len(server.taken) == 50
    assert writes == 51


def test_a_write_that_broke_before_the_dot_leaves_nothing_unknown() -> None:
    dialogue = Transactions(PIPELINING)
    dialogue.offer(job(1))
    dialogue.next_write()
    dialogue.receive(b"250 Ok\r\n250 Ok\r\n354 Go\r\n")
    write = dialogue.next_write()
    assert write is not None

    dialogue.cut_short(write, write.dot_at - 1)
    dialogue.lose(CLOSED)

    assert dialogue.settled() == [Outcome(1, NotSent(CLOSED), Stage.BODY)]


def test_a_write_that_broke_after_the_dot_leaves_it_unknown() -> None:
    dialogue = Transactions(PIPELINING)
    dialogue.offer(job(1))
    dialogue.next_write()
    dialogue.receive(b"250 Ok\r\n250 Ok\r\n354 Go\r\n")
    dialogue.offer(job(2))
    write = dialogue.next_write()
    assert write is not None

    dialogue.cut_short(write, write.dot_at)
    dialogue.lose(CLOSED)

    assert [outcome._replace(transcript="") for outcome in dialogue.settled()] == [
        Outcome(1, Unknown(CLOSED), Stage.BODY),
        Outcome(2, NotSent(CLOSED), Stage.MAIL),
    ]


@pytest.mark.parametrize("following", [False, True])
def test_a_message_that_was_cut_short_cannot_have_been_taken(following: bool) -> None:
    dialogue = Transactions(PIPELINING)
    dialogue.offer(job(1))
    dialogue.next_write()
    dialogue.receive(b"250 Ok\r\n250 Ok\r\n354 Go\r\n")
    if following:
        dialogue.offer(job(2))
    write = dialogue.next_write()
    assert write is not None

    dialogue.cut_short(write, 10)
    dialogue.receive(b"250 2.0.0 Ok, really\r\n" + following * b"250 Ok\r\n250 Ok\r\n354 Go\r\n")

    assert {type(outcome.verdict) for outcome in dialogue.settled()} == {NotSent}


@pytest.mark.parametrize("more", [b"2", b"250-", b"250 Ok\r\n"])
def test_anything_after_the_last_answer_ends_the_session(more: bytes) -> None:
    dialogue = Transactions(PIPELINING)
    dialogue.offer(job(1))
    dialogue.next_write()

    dialogue.receive(b"250 Ok\r\n250 Ok\r\n354 Go\r\n" + more)

    fault = ServerFault(Kind.PROTOCOL, cause=Cause.UNSOLICITED)
    assert dialogue.fault == fault
    assert dialogue.settled() == [Outcome(1, NotSent(fault), Stage.DATA)]


def test_a_good_bye_out_of_turn_is_no_fault_of_the_protocol() -> None:
    dialogue = Transactions(PIPELINING)
    dialogue.offer(job(1))
    dialogue.next_write()

    dialogue.receive(b"250 Ok\r\n250 Ok\r\n354 Go\r\n421 4.3.2 Shutting down\r\n")

    assert dialogue.fault == ServerFault(Kind.BUSY, Reply(421, "4.3.2", ("Shutting down",)))


# Announcing


def first_line(capabilities: Capabilities, one: Job) -> bytes:
    dialogue = Transactions(capabilities)
    dialogue.offer(one)
    write = dialogue.next_write()
    assert write is not None
    return write.data.split(b"\r\n")[0]


def test_size_and_eight_bits_are_announced_where_they_are_understood() -> None:
    eight_bit = "Grüße".encode() + b"\r\n"

    able = Capabilities(takes_size=True, size=1000, eight_bit=True)
    line = first_line(able, job(data=eight_bit))

    assert line == b"MAIL FROM:<news@acme.example> SIZE=9 BODY=8BITMIME"


def test_seven_bits_and_no_size_need_no_announcement() -> None:
    assert first_line(Capabilities(eight_bit=True), job()) == b"MAIL FROM:<news@acme.example>"


def test_eight_bits_are_not_sent_to_a_server_that_cannot() -> None:
    dialogue = Transactions(Capabilities())

    dialogue.offer(job(data="Grüße\r\n".encode()))

    assert dialogue.settled() == [Outcome(1, Failed(Kind.CONTENT), Stage.BODY)]


# The last guard before the wire


@pytest.mark.parametrize(
    "path",
    ["a@b.example>\r\nRCPT TO:<x@y.example", "a@b.example> SIZE=1", "a@b\n", "<a@b", "ü@b.example"],
)
def test_an_address_cannot_smuggle_a_command(path: str) -> None:
    as_recipient = Transactions(PIPELINING)
    as_recipient.offer(job(to=path))
    as_sender = Transactions(PIPELINING)
    as_sender.offer(Job(1, path, "reader@birch.example", CONTENT))

    assert as_recipient.next_write() is None
    assert as_recipient.settled() == [Outcome(1, Failed(Kind.ADDRESS), Stage.RCPT)]
    assert as_sender.next_write() is None
    assert as_sender.settled() == [Outcome(1, Failed(Kind.SENDER), Stage.MAIL)]


SMUGGLED = [
    b"Hi\r\n.\r\nMAIL FROM:<x@y.example>\r\n",
    b"Hi\n.\nMAIL\r\n",
    b"Hi\n.\r\nMAIL\r\n",
    b"Hi\r\n.\nMAIL\r\n",
    b"Hi\r.\rMAIL\r\n",
    b"Hi\r.\r\nMAIL\r\n",
    b".\r\nMAIL\r\n",
    b"Hi\r\n.undoubled\r\n",
    b"bare\nline feed\r\n",
    b"bare\rreturn\r\n",
    b"\n\r swapped\r\n",
    b"no end",
    b"",
]


@pytest.mark.parametrize("data", SMUGGLED)
def test_content_cannot_end_before_its_end(data: bytes) -> None:
    dialogue = Transactions(Capabilities(pipelining=True, eight_bit=True))

    dialogue.offer(job(data=data))

    assert dialogue.next_write() is None
    assert dialogue.settled() == [Outcome(1, Failed(Kind.CONTENT), Stage.BODY)]


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a"])).map(b"".join))
def test_what_is_safe_ends_at_our_dot_for_every_reader(data: bytes) -> None:
    """However a server ends lines, it finds no dot alone on a line before ours."""
    sloppy_lines = re.split(rb"\r\n|\r|\n", data)

    assert b"." not in sloppy_lines or not is_safe(data)


@given(st.lists(st.text("ab. \t", max_size=8)))
def test_stuffed_lines_are_safe(lines: list[str]) -> None:
    stuffed = "".join(f".{line}\r\n" if line[:1] == "." else f"{line}\r\n" for line in lines)

    assert is_safe(stuffed.encode() or b"\r\n")


def test_the_words_of_an_answer_are_cleaned_before_they_are_told() -> None:
    heard: list[tuple[Stage, Reply]] = []
    dialogue = Transactions(
        PIPELINING,
        clean=lambda text: text.replace("hunter2", "<redacted>"),
        heard=lambda stage, reply: heard.append((stage, reply)),
    )
    dialogue.offer(job(1))
    dialogue.next_write()

    dialogue.receive(b"250 hunter2\r\n550 5.1.1 no hunter2\r\n354 hunter2\r\n")

    (outcome,) = dialogue.settled()
    assert outcome.verdict == Failed(Kind.ADDRESS, Reply(550, "5.1.1", ("no <redacted>",)))
    assert [reply.text for _, reply in heard] == ["<redacted>", "no <redacted>", "<redacted>"]
