"""The proxy lengthens the way by what it was told, and does not narrow it."""

from __future__ import annotations

import socket
import threading
import time

from tests.equipment.delay_proxy import DelayProxy


def test_a_round_trip_takes_twice_the_way_and_much_can_be_under_way() -> None:
    block = b"x" * 8_000_000
    received = bytearray()

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def echo() -> None:
            peer, _ = listener.accept()
            with peer:
                while data := peer.recv(65536):
                    peer.sendall(data)

        echoing = threading.Thread(target=echo)
        echoing.start()
        with (
            DelayProxy(listener.getsockname()[1], one_way=0.1) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port)) as client,
        ):
            started = time.monotonic()
            client.sendall(b"!")
            first = client.recv(1)
            round_trip = time.monotonic() - started

            started = time.monotonic()
            threading.Thread(target=client.sendall, args=(block,), daemon=True).start()
            while len(received) < len(block):
                received += client.recv(65536)
            whole = time.monotonic() - started
        echoing.join()

    assert first == b"!"
    assert round_trip >= 0.2
    assert received == block
    # A hundred and twenty packets of 64 KB one after the other would take 24 seconds.
    assert 0.2 <= whole < 12
