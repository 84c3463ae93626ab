"""What is kept of a conversation about one message: all of its own, nothing of anybody else's."""

from __future__ import annotations

import pytest

from portal.core.secret import Secret
from portal.smtp.capabilities import Capabilities
from portal.smtp.causes import Cause
from portal.smtp.protocol import MOST_LINES, Job, Outcome, Transactions
from portal.smtp.replies import Kind, ServerFault
from portal.smtp.transcript import Scrubber

BODY = b"Subject: Hidden words\r\n\r\nNobody else's business.\r\n"
MODES = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "step by step"])


def job(number: int) -> Job:
    return Job(number, "news@acme.example", f"reader{number}@birch.example", BODY)


def outcomes(
    *said: bytes, jobs: int = 1, pipelining: bool = True, clean: Scrubber | None = None
) -> list[Outcome]:
    """What becomes of the jobs, if the server says this, one answer after the other."""
    capabilities = Capabilities(pipelining=pipelining, takes_size=True)
    dialogue = Transactions(capabilities, clean=clean or Scrubber([]))
    answers, waiting = list(said), [job(number) for number in range(1, jobs + 1)]
    while True:
        if dialogue.is_hungry and waiting:
            dialogue.offer(waiting.pop(0))
        if dialogue.next_write() is None:
            return dialogue.settled()
        while dialogue.awaiting is not None and answers:
            dialogue.receive(answers.pop(0))
        if dialogue.awaiting is not None:
            dialogue.lose(ServerFault(Kind.UNREACHABLE, cause=Cause.TIMEOUT))


@MODES
def test_a_message_that_was_taken_has_none(pipelining: bool) -> None:
    [taken] = outcomes(
        b"250 Ok\r\n", b"250 Ok\r\n", b"354 Go\r\n", b"250 Ok\r\n", pipelining=pipelining
    )

    assert taken.transcript == ""


@MODES
def test_a_refused_recipient_has_the_words_up_to_there(pipelining: bool) -> None:
    [refused] = outcomes(
        b"250 2.1.0 Ok\r\n",
        b"550-5.1.1 No such user\r\n550 5.1.1 See https://mx.example/why\r\n",
        b"554 5.5.1 No valid recipients\r\n",
        b"250 Ok\r\n",
        pipelining=pipelining,
    )

    assert refused.transcript.splitlines() == [
        f"C: MAIL FROM:<news@acme.example> SIZE={len(BODY)}",
        "S: 250 2.1.0 Ok",
        "C: RCPT TO:<reader1@birch.example>",
        "S: 550-5.1.1 No such user",
        "S: 550 5.1.1 See https://mx.example/why",
    ]


@MODES
def test_refused_content_is_told_as_a_size(pipelining: bool) -> None:
    [refused] = outcomes(
        b"250 Ok\r\n", b"250 Ok\r\n", b"354 Go\r\n", b"554 5.7.1 Spam\r\n", pipelining=pipelining
    )

    assert refused.transcript.splitlines()[-4:] == [
        "C: DATA",
        "S: 354 Go",
        f"C: ({len(BODY)} bytes of message, ending with a dot)",
        "S: 554 5.7.1 Spam",
    ]
    assert "Hidden" not in refused.transcript
    assert "business" not in refused.transcript


def test_a_lost_answer_is_told_with_its_cause() -> None:
    [lost] = outcomes(b"250 Ok\r\n", b"250 Ok\r\n", b"354 Go\r\n")

    assert lost.transcript.splitlines()[-2:] == [
        f"C: ({len(BODY)} bytes of message, ending with a dot)",
        "   (ended here: timeout)",
    ]


@MODES
def test_nothing_of_the_messages_before_and_after_is_in_it(pipelining: bool) -> None:
    first, second, third = outcomes(
        *(b"250 Ok\r\n", b"250 Ok\r\n", b"354 Go\r\n", b"451 4.3.0 Later, reader1\r\n"),
        *(b"250 Ok\r\n", b"450 4.2.0 Greylisted\r\n"),
        *((b"554 None\r\n", b"250 Ok\r\n") if pipelining else (b"250 Ok\r\n",)),
        *(b"250 Ok\r\n", b"550 5.1.1 No reader3\r\n", b"554 None\r\n", b"250 Ok\r\n"),
        jobs=3,
        pipelining=pipelining,
    )

    for number, outcome in enumerate((first, second, third), start=1):
        others = {1, 2, 3} - {number}
        assert f"reader{number}@" in outcome.transcript
        assert not any(f"reader{other}" in outcome.transcript for other in others)


def test_a_secret_that_the_server_repeats_is_not_in_it() -> None:
    [refused] = outcomes(
        b"250 Ok hunter22\r\n",
        b"550 5.7.1 user\0hunter22 (aHVudGVyMjI=) may not\r\n",
        clean=Scrubber([Secret("hunter22")]),
    )

    assert "hunter22" not in refused.transcript
    assert "aHVudGVyMjI" not in refused.transcript
    assert refused.transcript.count("<redacted>") == 3


def test_it_stays_short_whatever_the_server_says() -> None:
    endless = b"".join(b"550-5.7.1 %d %s\r\n" % (n, b"x" * 200) for n in range(90))

    [refused] = outcomes(b"250 Ok\r\n", endless + b"550 5.7.1 end\r\n")

    assert len(refused.transcript.splitlines()) == MOST_LINES
