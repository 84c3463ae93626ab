"""Asking DNS for TXT records. "Could not ask" is never "not there"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import dns.exception
import dns.nameserver
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from portal.smtp.hosts import as_address


class CouldNotAsk(Exception):
    """No answer, or an answer that says nothing: it may be there or not."""


class TextRecords(Protocol):
    """Whoever can be asked for TXT records; DNS, or a stand-in for it."""

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        """The TXT records at exactly this name, each as one text; none are an empty list.

        Raises:
            CouldNotAsk: nobody answered within `timeout` seconds, or the zone is broken.
        """
        ...


class DnsResolver:
    """Asks these servers (`192.0.2.1`, `192.0.2.1:5353`), or the system's if there are none."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._resolver = dns.resolver.Resolver(configure=not servers)
        # What was asked a minute ago is not the answer: somebody has just published the record.
        self._resolver.cache = None
        if servers:
            self._resolver.nameservers = [_name_server(server) for server in servers]

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        """See `TextRecords`."""
        try:
            answer = self._resolver.resolve(
                f"{name}.", "TXT", lifetime=timeout, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.DNSException as fault:
            raise CouldNotAsk(str(fault)) from None
        # RFC 7208 3.3: the strings of one record are one text, with nothing between them.
        return [
            b"".join(record.strings).decode("utf-8", "replace")
            for record in answer
            if isinstance(record, TXT)
        ]


def _name_server(text: str) -> dns.nameserver.Nameserver:
    if as_address(text) is not None:
        return dns.nameserver.Do53Nameserver(text)
    address, _colon, port = text.rpartition(":")
    return dns.nameserver.Do53Nameserver(address.strip("[]"), int(port))
