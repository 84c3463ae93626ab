"""`flask deliver` with several workers: they are started together, and end together."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from signal import SIGTERM

import pytest
from flask import Flask

from portal.commands import deliver
from portal.core.db import db
from portal.delivery.worker import LostLease, Worker


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A second worker that goes on for longer than this test has patience."""
    command = [sys.executable, "-c", "import time; time.sleep(20)"]
    with subprocess.Popen(command) as process:
        monkeypatch.setattr(deliver, "_another", lambda *_lanes, **_options: process)
        # What is right for a process of its own is not for this one.
        monkeypatch.setattr(deliver, "_look_for_garbage_rarely", lambda: None)
        monkeypatch.setattr("portal.commands.deliver.signal.signal", lambda *_taken: None)
        yield process
        process.kill()


def test_one_that_lost_its_lease_ends_the_others_so_that_all_are_started_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, other: subprocess.Popen[bytes]
) -> None:
    def loses_it(_worker: Worker, *, until_drained: bool) -> None:
        raise LostLease

    monkeypatch.setattr(Worker, "run", loses_it)
    db.session.remove()

    ended = app.test_cli_runner().invoke(args=["deliver", "--workers", "2"])

    assert ended.exit_code == 1
    assert "Start again" in ended.output
    assert other.poll() == -SIGTERM


def test_one_that_dies_ends_the_others_with_an_error_so_that_all_are_started_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, other: subprocess.Popen[bytes]
) -> None:
    asked = threading.Event()

    def works_on(_worker: Worker, *, until_drained: bool) -> None:
        other.kill()
        assert asked.wait(60)

    monkeypatch.setattr(Worker, "run", works_on)
    monkeypatch.setattr(Worker, "ask_to_stop", lambda _worker: asked.set())
    db.session.remove()

    ended = app.test_cli_runner().invoke(args=["deliver", "--workers", "2"])

    assert ended.exit_code == 1
    assert "A worker ended by itself (-9). Start again." in ended.output


def test_one_that_found_nothing_more_to_carry_ends_nobody(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    monkeypatch.setattr(deliver, "_another", lambda *_lanes, **_options: done)
    monkeypatch.setattr(deliver, "_look_for_garbage_rarely", lambda: None)
    monkeypatch.setattr("portal.commands.deliver.signal.signal", lambda *_taken: None)
    asked = threading.Event()

    def drains(_worker: Worker, *, until_drained: bool) -> None:
        done.wait(60)

    monkeypatch.setattr(Worker, "run", drains)
    monkeypatch.setattr(Worker, "ask_to_stop", lambda _worker: asked.set())
    db.session.remove()

    ended = app.test_cli_runner().invoke(args=["deliver", "--workers", "2", "--drain"])

    assert (ended.exit_code, asked.is_set()) == (0, False)
