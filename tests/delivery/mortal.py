"""A worker in a process of its own that kills itself at a given moment.

SIGKILL comes from inside, so that it strikes exactly between two lines and not somewhere near.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from portal import create_app
from portal.delivery import hand, settling, worker
from portal.delivery.hand import Hand
from portal.delivery.journal import Journal
from portal.smtp.wire import Wire
from tests.equipment.mail import make_worker
from tests.equipment.stage import make_config

STRIKES_AT = 4
"""The message whose turn it is when the end comes: some are done, some are not begun."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def strike(owner: Any, name: str, *, at: int, before: bool) -> None:
    """Die right before or right after the so many-th call."""
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def struck(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if before and calls == at:
            die()
        answer = original(*args, **kwargs)
        if calls == at:
            die()
        return answer

    setattr(owner, name, struck)


def after_the_bytes() -> None:
    """Die when the dot has left and nothing was heard yet."""
    strike_next = False
    dots = 0
    write, send = Journal.dot, Wire.send

    def dot(self: Journal, delivery_id: int) -> None:
        nonlocal dots, strike_next
        write(self, delivery_id)
        dots += 1
        strike_next = dots == STRIKES_AT

    def sent(self: Wire, data: bytes, *, until: float) -> None:
        send(self, data, until=until)
        if strike_next:
            die()

    Journal.dot, Wire.send = dot, sent  # type: ignore[method-assign]


STAGES: dict[str, tuple[Callable[[], None], int]] = {
    "after the claim": (lambda: strike(Hand, "_sort_in", at=1, before=True), 0),
    "before the dot": (lambda: strike(Journal, "dot", at=STRIKES_AT, before=True), 0),
    "after the dot is noted": (lambda: strike(Journal, "dot", at=STRIKES_AT, before=False), 1),
    "after the dot has left": (after_the_bytes, 1),
    "after 250, before it is noted": (
        lambda: strike(Journal, "reply", at=STRIKES_AT, before=True),
        1,
    ),
    "after 250 is noted": (lambda: strike(Journal, "reply", at=STRIKES_AT, before=False), 0),
    # A batch is settled while the server works on the next message, whose dot has left.
    "before settling": (lambda: strike(settling, "write", at=2, before=True), 1),
    "while settling": (lambda: strike(settling, "write", at=2, before=False), 1),
    "after settling": (lambda: strike(Journal, "settled", at=2, before=True), 1),
    "after the journal began anew": (lambda: strike(Journal, "settled", at=2, before=False), 1),
}
"""How to die, and how many messages are in doubt then."""


FIRST = "before the first dot"
FULL_DISK = "the disk is full for a while"


def fill_the_disk(folder: Path) -> None:
    """At some settlement no file can grow any more. `free` in the folder ends it, and see `stuck`.

    The kernel refuses every write as it does without space (RLIMIT_FSIZE; only the number of the
    error differs), to the database and to the journals alike.
    """
    calls = dots = 0
    original, note = settling.write, Journal.dot
    at_work: set[int] = set()  # lanes that had something in hand
    waiting: set[int] = set()  # those of them that have come to settle it since
    guard = threading.Lock()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def free() -> None:
        while not (folder / "free").exists():
            time.sleep(0.05)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def dot(self: Journal, delivery_id: int) -> None:
        nonlocal dots
        note(self, delivery_id)
        with guard:
            dots += 1

    def write(*args: Any, lane_id: int, **kwargs: Any) -> Any:
        nonlocal calls
        with guard:
            calls += 1
            if calls == STRIKES_AT:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
                threading.Thread(target=free).start()
            at_work.add(lane_id)
            if calls >= STRIKES_AT:
                waiting.add(lane_id)
                if waiting == at_work and not stuck(folder):
                    (folder / f"{dots}{STUCK}").touch()  # an empty file needs no space
        return original(*args, lane_id=lane_id, **kwargs)

    Journal.dot, settling.write = dot, write  # type: ignore[method-assign]
    worker.CROWDED = float("inf")  # no lane ends meanwhile, however busy the machine is


STUCK = ".stuck"


def stuck(folder: Path) -> list[int]:
    """How many dots had left when every lane that had mail in hand waited for the full disk."""
    return [int(path.stem) for path in folder.glob(f"*{STUCK}")]


def live(folder: Path, url: str, stage: str, changes: Mapping[str, Any]) -> None:
    """Work until the end comes; without a stage, until told to stop."""
    app = create_app(replace(make_config(folder, url), **changes))
    if stage == FIRST:
        strike(Journal, "dot", at=1, before=True)
    elif stage == FULL_DISK:
        fill_the_disk(folder)
    elif stage:
        # Nothing goes back to be claimed anew, however long the machine pauses in between.
        hand.BELIEVED_FOR = float("inf")
        STAGES[stage][0]()
    with app.app_context():
        mortal = make_worker(app)
        signal.signal(signal.SIGTERM, lambda *_: mortal.ask_to_stop())
        mortal.run()


def born(folder: Path, url: str, stage: str = "", **changes: Any) -> BaseProcess:
    """Such a process, started; forked from one that has imported everything and has no threads.

    `changes` are of its configuration.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=live, args=(folder, url, stage, changes), daemon=True)
    process.start()
    return process
