"""A TCP proxy on loopback that makes the way longer, not narrower.

Every byte arrives `one_way` seconds after it was sent, however many are under way. In tests:

    with DelayProxy(server.port, one_way=0.025) as proxy:
        ... connect to proxy.port: a round trip takes 50 ms ...

By hand: python -m tests.equipment.delay_proxy 2525 --one-way 0.025
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import socket
import threading
import time
from typing import Self

_END = b""


class DelayProxy:
    def __init__(
        self, to_port: int, *, one_way: float, to_host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.one_way = one_way
        self._to = (to_host, to_port)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._sockets):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(10)
        for end in self._sockets:
            end.close()

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to, timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(end)
            self._pump(near, far)
            self._pump(far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        """One direction: one thread notes when bytes came, another lets them go when it is time."""
        under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._start(self._take_in, source, under_way)
        self._start(self._let_out, under_way, sink)

    def _take_in(
        self, source: socket.socket, under_way: queue.SimpleQueue[tuple[float, bytes]]
    ) -> None:
        data = None
        while data != _END:
            try:
                data = source.recv(262144)
            except OSError:
                data = _END
            under_way.put((time.monotonic() + self.one_way, data))

    def _let_out(
        self, under_way: queue.SimpleQueue[tuple[float, bytes]], sink: socket.socket
    ) -> None:
        while True:
            due, data = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                if data == _END:
                    sink.shutdown(socket.SHUT_WR)
                else:
                    sink.sendall(data)
            if data == _END:
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to_port", type=int)
    parser.add_argument("--one-way", type=float, default=0.025, help="seconds")
    parser.add_argument("--port", type=int, default=0, help="to listen on; 0 takes a free one")
    arguments = parser.parse_args()
    with DelayProxy(arguments.to_port, one_way=arguments.one_way, port=arguments.port) as proxy:
        print(proxy.port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
