"""An SMTP server that can be told to misbehave, phase by phase, and keeps a ledger of what it took.

It runs in threads inside the test's process, on loopback:

    with SmtpServer(Script(rcpt=first(1, Say(450, "4.2.0 Greylisted")))) as server:
        ... connect to server.port ...
        server.wait_for(1)
        assert server.ledger[0].recipients == ["ada@acme.example"]

A script says what happens at a phase instead of the usual answer: one act, several in a row, or a
function of the command that gives acts or None (the usual). The ledger knows what was taken, not
what was answered: `(Take(), Drop())` after the dot takes a message and tells nobody; `Say(250)`
alone is a server that lies.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import re
import secrets
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from tests.equipment.smtp_script import (
    Act,
    Acts,
    Command,
    Drip,
    Drop,
    Endless,
    Play,
    Raw,
    Say,
    Script,
    Silence,
    Take,
    Until,
    Wait,
    listed,
)


@dataclass(frozen=True)
class Taken:
    """A message that the server has accepted responsibility for."""

    mail_from: str
    recipients: tuple[str, ...]
    data: bytes  # as sent, without the doubled dots and the final one
    connection: int
    at: float  # time.monotonic()
    is_tls: bool
    user: str | None

    @property
    def message_id(self) -> str | None:
        head = self.data.partition(b"\r\n\r\n")[0]
        found = re.search(rb"^message-id:\s*(<[^>]*>)", head, re.IGNORECASE | re.MULTILINE)
        return found[1].decode() if found else None


@dataclass
class Seen:
    """What one connection did."""

    commands: list[str] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)  # as they were received
    sign_ins: list[tuple[str, str]] = field(default_factory=list)  # mechanism, user or ""
    acts: list[Act] = field(default_factory=list)  # done by the server, whole
    is_open: bool = True


class SmtpServer:
    """Listens from `with` on; what it took and saw can be read at any time."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.ledger: list[Taken] = []
        self.connections: list[Seen] = []
        self.faults: list[BaseException] = []  # of the server itself, not of its script
        self.tls = _context(self.script)
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._peers: list[_Peer] = []
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept, "accept")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self.faults:
            raise AssertionError("the fault-injecting server is itself at fault") from self.faults[
                0
            ]

    def close(self) -> None:
        """Stop listening and hang up on everybody."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for accepting in self._threads[:1]:
            accepting.join(
                10
            )  # whom it has let in is known from here on, and nobody comes any more
        for peer in self._peers:
            peer.hang_up()
        for thread in self._threads:
            thread.join(10)

    def wait_for(self, count: int, timeout: float = 60.0) -> list[Taken]:
        """The ledger, as soon as it has so many entries."""
        self.wait_until(lambda: len(self.ledger) >= count, timeout)
        return list(self.ledger)

    def wait_until(self, is_so: Callable[[], bool], timeout: float = 60.0) -> None:
        """Return as soon as it is so; it is asked again whenever something happens here."""
        with self._changed:
            if not self._changed.wait_for(is_so, timeout):
                raise AssertionError(
                    f"not so within {timeout} s: {len(self.ledger)} taken, "
                    f"{len(self.connections)} connections"
                )

    @property
    def commands(self) -> list[str]:
        """All commands of all connections, one connection after the other."""
        return [command for seen in self.connections for command in seen.commands]

    @property
    def open_connections(self) -> int:
        return sum(seen.is_open for seen in self.connections)

    def _start(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=f"smtp {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):  # it may have left already
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.connections.append(Seen())
                peer = _Peer(self, connected, len(self.connections))
                self._peers.append(peer)
                self._changed.notify_all()
            self._start(peer.run, f"connection {len(self.connections)}")

    def _count(self, phase: str) -> int:
        with self._changed:
            self._counts[phase] = self._counts.get(phase, 0) + 1
            return self._counts[phase]

    def _remember(self, taken: Taken) -> None:
        with self._changed:
            self.ledger.append(taken)
            self._changed.notify_all()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()


@contextlib.contextmanager
def nobody() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else is given meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class _HungUp(Exception):
    """The conversation is over."""


class _Peer:
    """One client."""

    def __init__(self, server: SmtpServer, connected: socket.socket, number: int) -> None:
        self._server = server
        self._script = server.script
        self._socket = connected
        self._number = number
        self._seen = server.connections[number - 1]
        self._buffer = bytearray()
        self._is_tls = False
        self._user: str | None = None
        self._mail_from: str | None = None
        self._recipients: list[str] = []
        self._body: bytes | None = None

    def run(self) -> None:
        try:
            self._converse()
        except (_HungUp, OSError):
            pass  # a client may leave in any way it likes
        except BaseException as fault:  # noqa: BLE001 - shown when the server is closed
            self._server.faults.append(fault)
        finally:
            self._seen.is_open = False
            self._socket.close()
            self._server._tell()

    def hang_up(self) -> None:
        # Not TLS's own: that takes the TLS away from under the thread that reads or shakes hands.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _converse(self) -> None:
        if self._script.tls == "implicit":
            self._secure()
        limit = self._script.max_connections
        if limit is not None and self._server.open_connections > limit:
            self._do((Say(421, "4.7.0 Too many connections"), Drop()))
        self._play("greeting", "", Say(220, "mx.fault.test ESMTP"))
        verbs = {
            "EHLO": self._ehlo,
            "HELO": lambda line: self._play("ehlo", line, Say(250, "mx.fault.test")),
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda line: self._do(Say(250, "2.0.0 Ok")),
            "QUIT": self._quit,
        }
        while True:
            line = self._read_line().decode("utf-8", "replace")
            self._seen.commands.append(line)
            self._server._tell()
            handle = verbs.get(line[:8].split(" ")[0].upper())
            if handle is None:
                self._do(Say(500, "5.5.2 What?"))
            else:
                handle(line)

    # Phases

    def _ehlo(self, line: str) -> None:
        script = self._script
        offers = ["mx.fault.test", *script.features]
        if script.pipelining:
            offers.append("PIPELINING")
        if script.size is not None:
            offers.append(f"SIZE {script.size}")
        if script.tls == "starttls" and not self._is_tls:
            offers.append("STARTTLS")
        if script.mechanisms and (self._is_tls or script.offers_auth_in_clear):
            offers.append("AUTH " + " ".join(script.mechanisms))
        self._play("ehlo", line, Say(250, *offers))

    def _starttls(self, line: str) -> None:
        if self._play("starttls", line, Raw(b"220 2.0.0 Go ahead\r\n" + self._script.inject)):
            self._buffer.clear()
            self._secure()

    def _auth(self, line: str) -> None:
        if not self._play("auth", line):
            return
        mechanism = line.split(" ")[1].upper()
        user, secret, is_right = self._sign_in(mechanism, line)
        self._seen.sign_ins.append((mechanism, user))
        echo = {None: "", "raw": secret, "base64": base64.b64encode(secret.encode()).decode()}
        told = f" {echo[self._script.echo]}".rstrip()
        if mechanism not in self._script.mechanisms:
            self._do(Say(504, "5.5.4 Unknown mechanism"))
        elif is_right:
            self._user = user
            self._do(Say(235, f"2.7.0 Welcome{told}"))
        else:
            self._do(Say(535, f"5.7.8 Authentication failed{told}"))

    def _sign_in(self, mechanism: str, line: str) -> tuple[str, str, bool]:
        """User, secret as given, and whether both are right."""
        script = self._script
        initial = line.split(" ")[2] if line.count(" ") > 1 else None
        if mechanism == "LOGIN":
            user = self._challenge("VXNlcm5hbWU6") if initial is None else _decoded(initial)
            secret = self._challenge("UGFzc3dvcmQ6")
        elif mechanism == "CRAM-MD5":
            challenge = f"<{secrets.token_hex(8)}@mx.fault.test>"
            encoded = base64.b64encode(challenge.encode()).decode()
            user, _, secret = self._challenge(encoded).rpartition(" ")
            right = hmac.new(script.password.encode(), challenge.encode(), "md5").hexdigest()
            return user, secret, user == script.username and secret == right
        elif mechanism == "XOAUTH2":
            blob = self._challenge("") if initial is None else _decoded(initial)
            user, secret = re.findall(r"user=(.*?)\x01auth=Bearer (.*?)\x01\x01", blob)[0]
            is_right = (user, secret) == (script.username, script.password)
            if not is_right and script.complaint:
                answer = self._challenge(base64.b64encode(script.complaint.encode()).decode())
                assert answer == "", "an empty line brings on the refusal"
        else:
            blob = self._challenge("") if initial is None else _decoded(initial)
            _, user, secret = blob.split("\0")
        return user, secret, (user, secret) == (script.username, script.password)

    def _challenge(self, encoded: str) -> str:
        self._do(Say(334, encoded))
        return _decoded(self._read_line().decode("ascii"))

    def _mail(self, line: str) -> None:
        limit = self._script.rate_after
        if limit is not None and len(self._server.ledger) >= limit:
            self._do(Say(454, "4.7.0 Throttling failure: Maximum sending rate exceeded."))
        elif self._script.mechanisms and self._user is None:
            self._do(Say(530, "5.7.0 Authentication required"))
        elif self._mail_from is not None:
            self._do(Say(503, "5.5.1 Nested MAIL"))
        elif self._play("mail", line, Say(250, "2.1.0 Ok")):
            self._mail_from = _path(line)

    def _rcpt(self, line: str) -> None:
        if self._mail_from is None:
            self._do(Say(503, "5.5.1 MAIL first"))
        elif self._play("rcpt", line, Say(250, "2.1.5 Ok")):
            self._recipients.append(_path(line))

    def _data(self, line: str) -> None:
        nobody = Say(503 if self._mail_from is None else 554, "5.5.1 No valid recipients")
        if not self._play("data", line, Say(354, "Go ahead") if self._recipients else nobody):
            return
        self._body = self._read_body()
        taking: Acts = (Take(), Say(250, "2.0.0 Ok: taken"))
        recipient = next(iter(self._recipients), "")
        self._play("body", recipient, taking if recipient else nobody)
        self._clear()

    def _rset(self, line: str) -> None:
        self._clear()
        self._play("rset", line, Say(250, "2.0.0 Ok"))

    def _quit(self, line: str) -> None:
        self._play("quit", line, (Say(221, "2.0.0 Bye"), Drop()))

    def _clear(self) -> None:
        self._mail_from, self._recipients, self._body = None, [], None

    # Acting

    def _play(self, phase: str, line: str, usual: Acts = ()) -> bool:
        """Do what the script says, or the usual. Whether the phase then counts as passed."""
        play: Play | None = getattr(self._script, phase)
        number = self._server._count(phase)
        acts = play(Command(phase, number, self._number, line)) if callable(play) else play
        doing = listed(usual if acts is None else acts)
        self._do(doing)
        said = [act for act in doing if isinstance(act, Say | Raw)]
        return not doing or any(
            act.code < 400 if isinstance(act, Say) else act.data[:1] in b"23" for act in said
        )

    def _do(self, acts: Acts) -> None:
        for act in listed(acts):
            self._act(act)
            self._seen.acts.append(act)
            self._server._tell()

    def _act(self, act: Act) -> None:
        stopping = self._server._stopping
        match act:
            case Say():
                self._socket.sendall(act.wire())
            case Raw(data):
                self._socket.sendall(data)
            case Drip(data, every):
                for byte in data:
                    self._socket.sendall(bytes([byte]))
                    self._pause(every)
            case Endless(line):
                while not stopping.is_set():
                    self._socket.sendall(line * 1000)
            case Wait(seconds):
                self._pause(seconds)
            case Until(event):
                while not event.wait(0.05):
                    if stopping.is_set():
                        raise _HungUp
            case Silence():
                stopping.wait()
                raise _HungUp
            case Drop(reset):
                self._drop(reset)
            case Take():
                self._server._remember(self._taken())

    def _drop(self, reset: bool) -> None:
        if reset:
            at_once = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        raise _HungUp

    def _taken(self) -> Taken:
        assert self._mail_from is not None, "Take() belongs to the phase body"
        assert self._body is not None, "Take() belongs to the phase body"
        return Taken(
            self._mail_from,
            tuple(self._recipients),
            self._body,
            self._number,
            time.monotonic(),
            self._is_tls,
            self._user,
        )

    def _pause(self, seconds: float) -> None:
        if self._server._stopping.wait(seconds):
            raise _HungUp

    # The line

    def _secure(self) -> None:
        context = self._server.tls
        assert context is not None, "TLS needs a certificate in the script"
        # Known before the handshake, so that closing the server can interrupt it.
        tls = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = tls
        if self._server._stopping.is_set():
            raise _HungUp  # who hung up may have met the socket of before
        tls.do_handshake()
        self._is_tls = True

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _read_body(self) -> bytes:
        """Up to the final dot, without it and without the doubled ones."""
        searched = 0
        while True:
            # A body may be empty: then the dot follows the command.
            end = 0 if self._buffer.startswith(b".\r\n") else None
            if end is None and (found := self._buffer.find(b"\r\n.\r\n", searched)) >= 0:
                end = found + 2
            if end is not None:
                break
            searched = max(0, len(self._buffer) - 4)
            self._receive()
        body = bytes(self._buffer[:end])
        del self._buffer[: end + 3]
        return re.sub(rb"(?m)^\.\.", b".", body)

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise _HungUp
        self._seen.packets.append(data)
        self._buffer += data


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _path(line: str) -> str:
    found = re.search(r"<([^>]*)>", line)
    return found[1] if found else ""


def _context(script: Script) -> ssl.SSLContext | None:
    if script.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(script.certificate)
    if script.newest_tls is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the point
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = script.newest_tls
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
