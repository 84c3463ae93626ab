"""The system's own way to look up a host, with the time limit that it lacks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

from portal.smtp.egress import LookupFault
from portal.smtp.hosts import IpAddress

_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class SystemResolver:
    """Asks `getaddrinfo`, and with it the hosts file, container networks and the system's DNS."""

    def addresses(self, host: str, *, timeout: float) -> Sequence[IpAddress]:
        """As `portal.smtp.egress.Resolver` has it.

        `getaddrinfo` cannot be interrupted and a hostile zone makes it last for half a minute, so
        it runs in a thread of its own that nobody waits for longer than `timeout`.
        """
        answers: list[Sequence[IpAddress] | LookupFault] = []
        asking = threading.Thread(
            target=lambda: answers.append(_ask(host)), name=f"look up {host}", daemon=True
        )
        asking.start()
        asking.join(timeout)
        answer = answers[0] if answers else LookupFault("no answer in time")
        if isinstance(answer, LookupFault):
            raise answer
        return answer


def _ask(host: str) -> Sequence[IpAddress] | LookupFault:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return [] if error.errno in _NO_SUCH_NAME else LookupFault(str(error))
    except (OSError, UnicodeError) as error:
        return LookupFault(str(error))
    # A zone (fe80::1%eth0) would be no plain address anyway.
    return list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
