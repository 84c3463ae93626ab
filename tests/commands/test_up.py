"""`flask up`: what dies comes back, and one Ctrl-C ends all of it in order."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from portal.commands import up
from portal.commands.up import Part, Together

WAITS = """
import signal, sys, time
def write(what):
    with open({log!r}, "a") as diary:
        diary.write({name!r} + what)
def leave(*_):
    write(" ends\\n")
    sys.exit(0)
{on_term}
write(" begins\\n")
time.sleep(60)
"""
ENDS = "signal.signal(signal.SIGTERM, leave)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


class Household:
    """Some parts and the diary in which they write."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "diary"
        self._log.touch()

    def part(self, name: str, on_term: str = ENDS) -> Part:
        names = {"log": str(self._log), "name": name}
        script = WAITS.format(on_term=on_term.format(**names), **names)
        return Part(name, [sys.executable, "-c", script])

    def dies(self, name: str) -> Part:
        script = (
            f"with open({str(self._log)!r}, 'a') as diary: diary.write({name!r} + ' begins\\n')"
        )
        return Part(name, [sys.executable, "-c", script])

    @property
    def diary(self) -> list[str]:
        return self._log.read_text().splitlines()


@pytest.fixture
def house(tmp_path: Path) -> Household:
    return Household(tmp_path)


def eventually(is_so: Callable[[], bool]) -> None:
    """Return as soon as it is so."""
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until, "not so within 30 s"
        time.sleep(0.01)


def run(together: Together) -> threading.Thread:
    thread = threading.Thread(target=together.run_until_ended)
    thread.start()
    return thread


def test_all_is_started_and_ended_one_after_the_other(house: Household) -> None:
    together = Together([house.part("web"), house.part("mailbox")], os.environ)
    together.start()
    running = run(together)
    eventually(lambda: len(house.diary) == 2)

    together.end_soon()
    running.join(30)

    assert sorted(house.diary[:2]) == ["mailbox begins", "web begins"]
    assert house.diary[2:] == ["web ends", "mailbox ends"]


def test_what_dies_is_started_again_after_a_growing_pause(
    house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "FIRST_PAUSE", 0.01)
    part = house.dies("web")
    part.pause = 0.01
    together = Together([part], os.environ)
    together.start()
    running = run(together)

    eventually(lambda: house.diary.count("web begins") >= 3)
    together.end_soon()
    running.join(30)

    assert part.pause >= 0.04


def test_the_pause_begins_anew_for_what_has_lived_long(house: Household) -> None:
    part = house.dies("web")
    part.pause = 16.0
    part.started = time.monotonic() - up.STEADY - 1

    part.note_death(time.monotonic())

    assert part.pause == up.FIRST_PAUSE * 2


def test_the_pause_has_an_end(house: Household) -> None:
    part = house.dies("web")
    part.started = time.monotonic()

    for _ in range(20):
        part.note_death(time.monotonic())

    assert part.pause == up.LONGEST_PAUSE


def test_asked_twice_it_kills_what_does_not_listen(house: Household) -> None:
    part = house.part("web", DEAF)
    together = Together([part], os.environ)
    together.start()
    process = part.process
    assert process is not None
    eventually(lambda: house.diary == ["web begins"])
    running = run(together)

    together.end_soon()
    together.end_soon()
    running.join(30)

    assert process.returncode == -9


def test_a_port_that_is_taken_is_named_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(click.ClickException) as refused:
            up._refuse_taken([("127.0.0.1", port)])

    assert f"127.0.0.1:{port}" in refused.value.message
