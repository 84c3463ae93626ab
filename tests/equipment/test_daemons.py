"""What servers of tests need before they start: a port that is nobody else's."""

from __future__ import annotations

import socket

import pytest

from tests.equipment.daemons import free_port


def test_a_server_may_listen_on_its_port_and_again_when_it_was_gone() -> None:
    port = free_port()

    for _start in range(2):
        # Listens with SO_REUSEADDR, as servers do.
        with (
            socket.create_server(("127.0.0.1", port)) as server,
            socket.create_connection(("127.0.0.1", port), timeout=30),
        ):
            server.accept()[0].close()


def test_while_its_server_is_down_a_port_is_given_to_nobody_and_refuses() -> None:
    port = free_port()

    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=30)
