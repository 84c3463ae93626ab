"""A real Redis for each test process, empty at the start of each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.equipment.daemons import Daemon, folder_for, free_port, started
from tests.equipment.programs import executable, program_or_fail


class RedisServer:
    """`url` is what a client is given; `daemon` can be frozen, stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._socket = folder / "socket"
        self.daemon = Daemon(
            [
                executable("redis-server"),
                *("--bind", "127.0.0.1"),
                *("--port", str(self.port)),
                *("--unixsocket", self._socket),
                *("--dir", folder),
                *("--save", ""),
                *("--appendonly", "no"),
            ],
            log=folder / "log",
            is_ready=self._answers,
        )

    def start(self) -> None:
        self.daemon.start()

    def empty(self) -> None:
        with self._client() as client:
            client.flushall()

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self._socket))

    def _answers(self) -> bool:
        # Through its own socket: on the port somebody else could be listening.
        try:
            with self._client() as client:
                return bool(client.ping())
        except RedisError:
            return False


@pytest.fixture(scope="session")
def running_redis() -> Iterator[RedisServer]:
    program_or_fail("redis")
    with folder_for("redis") as folder:
        server = started(lambda: RedisServer(folder))
        yield server
        server.daemon.stop()


@pytest.fixture
def redis_server(running_redis: RedisServer) -> RedisServer:
    running_redis.empty()
    return running_redis
