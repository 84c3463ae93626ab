"""A connected socket with deadlines: bytes out, bytes in, and a plain word for how it broke."""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import struct
import time

from portal.smtp.causes import Cause

CHUNK = 64 * 1024
"""Bytes asked for at once."""
RECORD = 16 * 1024
"""Bytes of a TLS record (RFC 8446 5.1). OpenSSL does not say how much of a broken write had left,
so under TLS no more than this is ever in doubt."""
TICK = 1.0
"""Seconds that one call may wait; then the deadline is looked at again."""


class WireFault(Exception):
    """The line broke. Of the write that failed at most `written` bytes may have left."""

    def __init__(self, cause: Cause, *, written: int = 0) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.written = written


class Wire:
    """Reads and writes that wait, each with a moment (`time.monotonic`) until which it may take.

    Without TLS the socket blocks, and the kernel ends a wait (SO_RCVTIMEO, SO_SNDTIMEO): a timeout
    of Python's would be a `poll` before each call, which costs more than all else in a message.
    Under TLS it is Python's, for the module `ssl` would go on waiting when the kernel gives up.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._is_tls = isinstance(connected, ssl.SSLSocket)
        self._patience = math.nan  # seconds that a call waits at present
        connected.settimeout(None)

    def secure(self, context: ssl.SSLContext, host: str, *, until: float) -> ssl.SSLSocket:
        """Speak TLS from now on; the certificate is checked against `host`.

        Raises:
            OSError: as `tls.cause_of` reads it.
        """
        self._socket.settimeout(_left(until))
        # The handshake's time limit spans all of it (the module `ssl` computes a deadline).
        secured = context.wrap_socket(self._socket, server_hostname=host)
        self._socket, self._is_tls, self._patience = secured, True, math.nan
        return secured

    def send(self, data: bytes, *, until: float) -> None:
        """Write everything.

        Raises:
            WireFault: with what may have left.
        """
        written = 0
        piece: bytes | memoryview = data
        if self._is_tls and len(data) > RECORD:
            piece = memoryview(data)[:RECORD]
        try:
            while True:
                self._be_patient(until)
                try:
                    written += self._socket.send(piece)
                except (BlockingIOError, TimeoutError):
                    continue  # not a byte; the deadline decides
                if written == len(data):
                    return
                end = written + RECORD if self._is_tls else len(data)
                piece = memoryview(data)[written:end]
        except OSError as error:
            in_doubt = len(piece) if self._is_tls else 0
            raise WireFault(_cause(error), written=written + in_doubt) from error

    def receive(self, *, until: float) -> bytes:
        """The next bytes, at least one.

        Raises:
            WireFault: too late, closed, broken.
        """
        try:
            while True:
                self._be_patient(until)
                try:
                    data = self._socket.recv(CHUNK)
                except (BlockingIOError, TimeoutError):
                    continue
                break
        except OSError as error:
            raise WireFault(_cause(error)) from error
        if not data:
            raise WireFault(Cause.CLOSED)
        return data

    def leftovers(self) -> bytes | None:
        """What has come already, without waiting: nothing is b"", a closed line None.

        Under TLS this also takes in session tickets, which are no data.
        """
        self._patience = math.nan
        try:
            self._socket.settimeout(0)
            try:
                return self._socket.recv(CHUNK) or None
            finally:
                self._socket.settimeout(None)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""
        except OSError:
            return None

    def close(self) -> None:
        # Without TLS's good-bye: it would wait for the other side's, and SMTP has QUIT for that.
        with contextlib.suppress(OSError):
            self._socket.close()

    def _be_patient(self, until: float) -> None:
        """Let the next call wait until then, but for a tick at most.

        Raises:
            TimeoutError: that moment is over.
        """
        patience = min(_left(until), TICK)
        if patience == self._patience:
            return
        if self._is_tls:
            self._socket.settimeout(patience)
        else:
            span = struct.pack("ll", int(patience), int(patience % 1 * 1_000_000) or 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)
        self._patience = patience


def _left(until: float) -> float:
    """Seconds until then. Zero would mean "do not wait", so the past is an error of its own."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _cause(error: OSError) -> Cause:
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT
    return Cause.CLOSED
