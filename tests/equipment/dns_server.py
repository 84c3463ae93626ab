"""A small DNS server on loopback: it knows the TXT records it is given, and can fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest


class DnsServer:
    """Answers over UDP. Names it was not told of do not exist."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._broken: set[str] = set()
        self._silent: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="dns server", daemon=True)
        self._thread.start()

    def publish(self, name: str, *texts: str) -> None:
        """These TXT records stand at this name; none is a name that has other records only."""
        self._texts[name] = list(texts)

    def break_zone(self, name: str) -> None:
        """Questions about this name are answered with SERVFAIL."""
        self._broken.add(name)

    def fall_silent(self, name: str) -> None:
        """Questions about this name are not answered."""
        self._silent.add(name)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, asker = self._socket.recvfrom(4096)
            if not packet:
                return
            answer = self._answer(dns.message.from_wire(packet))
            if answer is not None:
                self._socket.sendto(answer.to_wire(), asker)

    def _answer(self, question: dns.message.Message) -> dns.message.Message | None:
        asked = question.question[0]
        name = asked.name.to_text(omit_final_dot=True)
        if name in self._silent:
            return None
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        if name in self._broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self._texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := self._texts[name]:
            quoted = [" ".join(f'"{part}"' for part in _parts(text)) for text in texts]
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "TXT", *quoted))
        return answer


def _parts(text: str) -> list[str]:
    """Strings of a record hold at most 255 octets (RFC 1035 3.3)."""
    return [text[at : at + 255] for at in range(0, len(text), 255)] or [""]


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()
