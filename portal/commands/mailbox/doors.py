"""The mailbox's SMTP side: one door for each server of the demo, on loopback only."""

from __future__ import annotations

import base64
import binascii
import hmac
import socketserver
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.commands.mailbox.shelf import Shelf

LONGEST_LINE = 64 * 1024
LARGEST_MAIL = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DoorPlate:
    """What a door is called, where it is, and who may come in (empty: everybody)."""

    name: str
    port: int
    username: str = ""
    password: str = ""


def plates(document: Path) -> Iterator[DoorPlate]:
    """A door for each server of a provisioning file that is on this machine."""
    content = tomllib.loads(document.read_text(encoding="utf-8"))
    tables = [*content["platform"]["servers"]]
    for white_label in content["white_labels"]:
        tables += white_label.get("servers", [])
    for table in tables:
        if "port" not in table:  # a service far away, known by its preset
            continue
        yield DoorPlate(
            table["name"], table["port"], table.get("username", ""), table.get("password", "")
        )


class Door(socketserver.ThreadingTCPServer):
    """A listening port."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, plate: DoorPlate, shelf: Shelf, *, host: str = "127.0.0.1") -> None:
        self.plate = plate
        self.shelf = shelf
        super().__init__((host, plate.port), Visit)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Visit(socketserver.StreamRequestHandler):
    """One connection (RFC 5321). Commands that come together are answered in order."""

    server: Door
    timeout = 300
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._signed_in_as = ""
        self._mail_from: str | None = None
        self._rcpt_to: list[str] = []

    def handle(self) -> None:
        self._say("220 mailbox.localhost this mailbox keeps everything")
        try:
            while line := self.rfile.readline(LONGEST_LINE):
                verb, _space, rest = line.decode("utf-8", "replace").strip().partition(" ")
                if not self._obey(verb.upper(), rest):
                    return
        except (OSError, ValueError):
            return  # the other side is gone, or speaks no SMTP

    def _obey(self, verb: str, rest: str) -> bool:
        """Answer one command; False ends the connection."""
        match verb:
            case "EHLO":
                self._forget_mail()
                offers = ["PIPELINING", f"SIZE {LARGEST_MAIL}", "8BITMIME", "ENHANCEDSTATUSCODES"]
                if self.server.plate.username:
                    offers.append("AUTH PLAIN LOGIN")
                self._say("250-mailbox.localhost")
                for offer in offers[:-1]:
                    self._say(f"250-{offer}")
                self._say(f"250 {offers[-1]}")
            case "HELO" | "RSET":
                self._forget_mail()
                self._say("250 2.0.0 fine")
            case "NOOP":
                self._say("250 2.0.0 fine")
            case "AUTH":
                self._sign_in(rest)
            case "MAIL":
                self._mail(rest)
            case "RCPT" if self._mail_from is None:
                self._say("503 5.5.1 MAIL comes first")
            case "RCPT":
                self._rcpt_to.append(_path(rest))
                self._say("250 2.1.5 recipient accepted")
            case "DATA" if not self._rcpt_to:
                self._say("503 5.5.1 RCPT comes first")
            case "DATA":
                self._data()
            case "QUIT":
                self._say("221 2.0.0 good-bye")
                return False
            case _:
                self._say("502 5.5.1 unknown here")
        return True

    def _mail(self, rest: str) -> None:
        if self.server.plate.username and not self._signed_in_as:
            self._say("530 5.7.0 sign in first")
            return
        self._mail_from = _path(rest)
        self._rcpt_to = []
        self._say("250 2.1.0 sender accepted")

    def _sign_in(self, rest: str) -> None:
        mechanism, _space, first = rest.partition(" ")
        match mechanism.upper():
            case "PLAIN":
                parts = _decoded(first or self._ask("")).split("\0")
                username, password = (parts[-2], parts[-1]) if len(parts) == 3 else ("", "")
            case "LOGIN":
                username = _decoded(first or self._ask("Username:"))
                password = _decoded(self._ask("Password:"))
            case _:
                self._say("504 5.5.4 PLAIN or LOGIN")
                return
        plate = self.server.plate
        is_right = username == plate.username and hmac.compare_digest(
            password.encode(), plate.password.encode()
        )
        if plate.username and is_right:
            self._signed_in_as = username
            self._say("235 2.7.0 welcome")
        else:
            self._say("535 5.7.8 user name and password do not fit")

    def _data(self) -> None:
        self._say("354 go ahead, end with a dot")
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(LONGEST_LINE)) not in (b".\r\n", b".\n"):
            if not line:
                raise ConnectionError("hung up before the dot")
            size += len(line)
            if size <= LARGEST_MAIL:
                lines.append(line[1:] if line.startswith(b".") else line)
        if size > LARGEST_MAIL:
            self._say("552 5.3.4 too big for this mailbox")
        else:
            mail = self.server.shelf.put(
                door=self.server.plate.name,
                signed_in_as=self._signed_in_as,
                mail_from=self._mail_from or "",
                rcpt_to=self._rcpt_to,
                raw=b"".join(lines),
            )
            self._say(f"250 2.0.0 kept as number {mail.number}")
        self._forget_mail()

    def _forget_mail(self) -> None:
        self._mail_from = None
        self._rcpt_to = []

    def _ask(self, prompt: str) -> str:
        self._say(f"334 {base64.b64encode(prompt.encode()).decode()}")
        return self.rfile.readline(LONGEST_LINE).decode("ascii", "replace").strip()

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


def _path(rest: str) -> str:
    """The address in `FROM:<…> SIZE=…` or `TO:<…>`."""
    return rest.partition("<")[2].partition(">")[0]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
