"""A real server as a child process: started when it answers, gone when the test is over."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypedDict, TypeVar

STARTS_WITHIN = 90.0  # seconds; generous, because two cores may be shared with everything else
ENDS_WITHIN = 30.0


class NotStarted(Exception):
    """The server ended or stayed silent; its own words are in the message."""


_held: list[socket.socket] = []


def free_port() -> int:
    """A loopback port for a server that this process starts, and starts again later.

    It stays bound here until this process ends, so that the kernel gives it to nobody else, also
    while the server is down. Whoever says SO_REUSEADDR, as every server does, may listen on it.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    port: int = held.getsockname()[1]
    return port


def answers_on(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], what: str, *, within: float = STARTS_WITHIN) -> None:
    """Return as soon as the condition holds; raise TimeoutError naming `what` if it never does."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within:g} s")
        time.sleep(0.02)


@contextmanager
def folder_for(name: str, owner: str | None = None) -> Iterator[Path]:
    """A folder with a short name (Unix sockets allow 107 characters) that belongs to `owner`."""
    folder = Path(tempfile.mkdtemp(prefix=f"livery-{name}-", dir="/tmp"))
    try:
        if owner is not None:
            account = pwd.getpwnam(owner)
            shutil.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def identity(owner: str | None) -> Identity:
    """What makes a child process run as this account and nobody else; nothing for None."""
    if owner is None:
        return {}
    account = pwd.getpwnam(owner)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class Daemon:
    """One server process in the foreground. It can be stopped, frozen and started again."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        is_ready: Callable[[], bool],
        owner: str | None = None,
        end_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._command = command
        self._log = log
        self._is_ready = is_ready
        self._owner = owner
        self._end_with = end_with
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is the tests' business
                **identity(self._owner),
            )
        try:
            wait_until(lambda: self._has_ended() or self._is_ready(), str(self._command[0]))
        except TimeoutError as silence:
            self.stop()
            raise NotStarted(f"{silence}\n{self.words()}") from None
        if self._has_ended():
            raise NotStarted(f"{self._command[0]} ended\n{self.words()}")

    def stop(self) -> None:
        """End it with all its children and wait; what does not listen is killed."""
        if self._process is None:
            return
        self.resume()  # what is frozen does not hear
        family = list(_family(self._process.pid))
        self._process.send_signal(self._end_with)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS_WITHIN)
        # A child that lives a moment longer would still answer on the port.
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        wait_until(lambda: all(map(_has_gone, family)), f"the end of {self._command[0]}")
        self._process = None

    def freeze(self) -> None:
        """Keep its sockets open and answer nothing, as a server that hangs does."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def words(self) -> str:
        """The end of what it logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _signal(self, number: signal.Signals) -> None:
        for pid in _family(self._process.pid) if self._process else ():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _family(pid: int) -> Iterator[int]:
    """This process and all that come from it, parents first."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
        for child in children.split():
            yield from _family(int(child))


def _has_gone(pid: int) -> bool:
    """No such process, or only its entry, waiting to be read by whoever inherited it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


class Startable(Protocol):
    def start(self) -> None: ...


Server = TypeVar("Server", bound=Startable)


def started(make: Callable[[], Server], *, attempts: int = 3) -> Server:
    """What `make` makes, started; where that fails another one is made, on other ports."""
    for _ in range(attempts - 1):
        with suppress(NotStarted):
            server = make()
            server.start()
            return server
    server = make()
    server.start()
    return server
