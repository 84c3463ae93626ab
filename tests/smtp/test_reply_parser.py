"""Replies out of bytes, and an end to those that have none."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp.causes import Cause
from portal.smtp.reply_parser import LONGEST_REPLY, MOST_LINES, RawReply, ReplyParser

GREETINGS = b"220 mx ready\r\n250-mx\r\n250-PIPELINING\r\n250 SIZE 10\r\n354\r\n550 5.1.1 No\r\n"
READ = [
    (220, [b"mx ready"]),
    (250, [b"mx", b"PIPELINING", b"SIZE 10"]),
    (354, [b""]),
    (550, [b"5.1.1 No"]),
]


def feed(parser: ReplyParser, pieces: list[bytes]) -> list[RawReply]:
    return [reply for piece in pieces for reply in parser.feed(piece)]


@given(st.lists(st.integers(0, len(GREETINGS)), max_size=20))
def test_the_cuts_between_packets_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(GREETINGS)]
    pieces = [GREETINGS[a:b] for a, b in itertools.pairwise(edges)]
    parser = ReplyParser()

    assert feed(parser, pieces) == READ
    assert parser.fault is None
    assert parser.is_empty


def test_line_feeds_alone_are_understood() -> None:
    assert ReplyParser().feed(b"250-mx\n250 Ok\n") == [(250, [b"mx", b"Ok"])]


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"25\r\n",
        b"250x\r\n",
        b"650 Ok\r\n",
        b"150 Ok\r\n",
        b" 250 Ok\r\n",
        b"\r\n",
        b"\x00\r\n",
        b"250-one\r\n251 two\r\n",
        b"250-one\r\n250xtwo\r\n",
        b"250-one\r\n\r\n",
        b"\x15\x03\x01",
        b"<html>",
        "２５０ Ok\r\n".encode(),
    ],
)
def test_what_is_no_reply_is_a_fault(data: bytes) -> None:
    parser = ReplyParser()

    assert parser.feed(data) == []
    assert parser.fault is Cause.MALFORMED


def test_replies_before_a_fault_count_and_nothing_after_it() -> None:
    parser = ReplyParser()

    assert parser.feed(b"250 Ok\r\nnonsense\r\n250 Ok\r\n") == [(250, [b"Ok"])]
    assert parser.feed(b"250 Ok\r\n") == []


ENDLESS = [
    b"250-and more\r\n",
    b"250-" + b"x" * 300 + b"\r\n",
    b"250 " + b"x" * 5000,
    b"2",
]


@pytest.mark.parametrize("piece", ENDLESS)
def test_an_endless_reply_is_cut_off_before_it_grows(piece: bytes) -> None:
    parser = ReplyParser()
    fed = 0
    while parser.fault is None and fed < 10**7:
        parser.feed(piece)
        fed += len(piece)

    assert parser.fault is Cause.TOO_LONG
    assert fed <= LONGEST_REPLY + len(piece)


def test_one_giant_line_in_one_packet_is_too_long() -> None:
    parser = ReplyParser()

    assert parser.feed(b"250 " + b"x" * (LONGEST_REPLY + 1) + b"\r\n") == []
    assert parser.fault is Cause.TOO_LONG


def test_a_hundred_lines_are_enough() -> None:
    line = b"250-x\r\n"
    enough, too_many = ReplyParser(), ReplyParser()

    assert len(enough.feed(line * (MOST_LINES - 1) + b"250 x\r\n")) == 1
    assert too_many.feed(line * MOST_LINES + b"250 x\r\n") == []
    assert too_many.fault is Cause.TOO_LONG
