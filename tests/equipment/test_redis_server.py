"""Redis as the tests have it: real, and empty at the start."""

from __future__ import annotations

import pytest
from redis import Redis
from redis import exceptions as said

from tests.equipment.redis_server import RedisServer


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_finds_it_empty(redis_server: RedisServer, time: str) -> None:
    with Redis.from_url(redis_server.url) as client:
        found = client.dbsize()
        client.set("left", "behind")

    assert found == 0


def test_it_can_be_gone_and_come_back(redis_server: RedisServer) -> None:
    redis_server.daemon.stop()

    try:
        with Redis.from_url(redis_server.url) as client, pytest.raises(said.ConnectionError):
            client.ping()
    finally:
        redis_server.start()

    with Redis.from_url(redis_server.url) as client:
        assert client.ping()


def test_a_frozen_one_keeps_its_port_and_says_nothing(redis_server: RedisServer) -> None:
    redis_server.daemon.freeze()

    try:
        patience = Redis.from_url(redis_server.url, socket_timeout=0.2, retry=None)
        with patience as client, pytest.raises(said.TimeoutError):
            client.ping()
    finally:
        redis_server.daemon.resume()
