"""Asking DNS. "Could not ask" is never "not there"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import dns.exception
import dns.nameserver
import dns.rdata
import dns.resolver
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from portal.smtp.hosts import as_address

Data = TypeVar("Data", bound=dns.rdata.Rdata)


class CouldNotAsk(Exception):
    """No answer, or an answer that says nothing: it may be there or not."""


class Dns(Protocol):
    """Whoever can be asked; the network's DNS, or a stand-in for it.

    Every question waits for `timeout` seconds at most and raises `CouldNotAsk` where nobody
    answered, or the answer says nothing (SERVFAIL, REFUSED). A name that does not exist and one
    that has no such record are the same: nothing is there.
    """

    @property
    def whom(self) -> str:
        """Who is asked, for people: the addresses of the servers."""
        ...

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        """The TXT records at exactly this name or where it is an alias to, each as one text."""
        ...

    def alias(self, name: str, *, timeout: float) -> str | None:
        """Where the CNAME at exactly this name leads, in lower case without a dot at the end."""
        ...

    def addresses(self, name: str, *, timeout: float) -> Sequence[str]:
        """The A and AAAA records at this name or where it is an alias to."""
        ...

    def exchanges(self, name: str, *, timeout: float) -> Sequence[str]:
        """The hosts of the MX records at this name."""
        ...


class DnsResolver:
    """Asks these servers (`192.0.2.1`, `192.0.2.1:5353`), or the system's if there are none."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._resolver = dns.resolver.Resolver(configure=not servers)
        # What was asked a minute ago is not the answer: somebody has just published the record.
        self._resolver.cache = None
        if servers:
            self._resolver.nameservers = [_name_server(server) for server in servers]
        self.whom = ", ".join(str(server) for server in servers or self._resolver.nameservers)

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        """See `Dns`."""
        # RFC 7208 3.3: the strings of one record are one text, with nothing between them.
        return [
            b"".join(record.strings).decode("utf-8", "replace")
            for record in self._ask(name, "TXT", TXT, timeout)
        ]

    def alias(self, name: str, *, timeout: float) -> str | None:
        """See `Dns`."""
        found = self._ask(name, "CNAME", CNAME, timeout)
        return found[0].target.to_text(omit_final_dot=True).lower() if found else None

    def addresses(self, name: str, *, timeout: float) -> Sequence[str]:
        """See `Dns`."""
        four = self._ask(name, "A", dns.rdata.Rdata, timeout)
        return [
            record.to_text() for record in four or self._ask(name, "AAAA", dns.rdata.Rdata, timeout)
        ]

    def exchanges(self, name: str, *, timeout: float) -> Sequence[str]:
        """See `Dns`."""
        found = self._ask(name, "MX", MX, timeout)
        return [record.exchange.to_text(omit_final_dot=True).lower() for record in found]

    def _ask(self, name: str, kind: str, data: type[Data], timeout: float) -> list[Data]:
        try:
            answer = self._resolver.resolve(
                f"{name}.", kind, lifetime=timeout, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.DNSException as fault:
            raise CouldNotAsk(str(fault)) from None
        return [record for record in answer if isinstance(record, data)]


def _name_server(text: str) -> dns.nameserver.Nameserver:
    if as_address(text) is not None:
        return dns.nameserver.Do53Nameserver(text)
    address, _colon, port = text.rpartition(":")
    return dns.nameserver.Do53Nameserver(address.strip("[]"), int(port))
