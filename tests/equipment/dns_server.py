"""A small DNS server on loopback: it knows the records it is given, and can fail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from portal.domains import asking

Records = dict[str, list[str]]  # by type, in presentation format


class DnsServer:
    """Answers over UDP. Names it was not told of do not exist; case does not matter."""

    def __init__(self) -> None:
        self._zone: dict[str, Records] = {}
        self._broken: set[str] = set()
        self._refused: set[str] = set()
        self._silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="dns server", daemon=True)
        self._thread.start()

    def publish(self, name: str, *texts: str) -> None:
        """These TXT records stand at this name; none is a name that has other records only."""
        quoted = [" ".join(f'"{_escaped(part)}"' for part in _parts(text)) for text in texts]
        self._zone.setdefault(name.lower(), {})["TXT"] = quoted

    def publish_alias(self, name: str, target: str) -> None:
        """A CNAME stands at this name."""
        self._zone[name.lower()] = {"CNAME": [f"{target.removesuffix('.')}."]}

    def publish_address(self, name: str, *addresses: str) -> None:
        """These A records stand at this name."""
        self._zone.setdefault(name.lower(), {})["A"] = list(addresses)

    def publish_exchange(self, name: str, *hosts: str) -> None:
        """These MX records stand at this name."""
        self._zone.setdefault(name.lower(), {})["MX"] = [f"10 {host}." for host in hosts]

    def take_down(self, name: str) -> None:
        """Nothing stands at this name any more."""
        self._zone.pop(name.lower(), None)

    def break_zone(self, name: str) -> None:
        """Questions about this name are answered with SERVFAIL."""
        self._broken.add(name)

    def refuse(self, name: str) -> None:
        """Questions about this name are answered with REFUSED."""
        self._refused.add(name)

    def fall_silent(self, name: str) -> None:
        """Questions about this name are not answered."""
        self._silent.add(name)

    def recover(self, name: str) -> None:
        """Questions about this name are answered again."""
        for troubled in (self._broken, self._refused, self._silent):
            troubled.discard(name)

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
        name = asked.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((kind, name))
        if name in self._silent:
            return None
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        if name in self._broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name in self._refused:
            answer.set_rcode(dns.rcode.REFUSED)
        elif name not in self._zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._fill(answer, asked.name, kind)
        return answer

    def _fill(self, answer: dns.message.Message, name: dns.name.Name, kind: str) -> None:
        """The records of this type; an alias is followed, as a resolver does it."""
        at = name
        for _step in range(8):
            records = self._zone.get(at.to_text(omit_final_dot=True).lower(), {})
            if records.get(kind):
                answer.answer.append(dns.rrset.from_text(at, 60, "IN", kind, *records[kind]))
                return
            if kind == "CNAME" or "CNAME" not in records:
                return
            answer.answer.append(dns.rrset.from_text(at, 60, "IN", "CNAME", *records["CNAME"]))
            at = dns.name.from_text(records["CNAME"][0])


def _parts(text: str) -> list[str]:
    """Strings of a record hold at most 255 octets (RFC 1035 3.3)."""
    return [text[at : at + 255] for at in range(0, len(text), 255)] or [""]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@pytest.fixture
def dns_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    """A busy machine must not turn into silence: one question may take all the time there is."""
    monkeypatch.setattr(asking, "ONE_TAKES", asking.PATIENCE)
    server = DnsServer()
    yield server
    server.close()
