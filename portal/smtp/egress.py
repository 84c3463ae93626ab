"""Where Livery may connect to: one policy for every SMTP socket, whoever typed the host.

White-label admins name hosts and ports, and Livery stands inside somebody's network. So every
answer of a look-up is judged as a whole, the connection goes to the very address that was judged
(a name is never resolved twice), and whatever the reason for a no, the tenant sees the same words
after the same time.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Protocol

from portal.smtp.causes import Cause
from portal.smtp.hosts import BadHost, IpAddress, as_address, canonical_host
from portal.smtp.replies import Kind, ServerFault, Stage
from portal.smtp.target import SessionFault

TENANT_PORTS = frozenset({25, 465, 587, 2525, 2465, 2587})

# Written out and not left to `ipaddress.is_global`: that differs between Python versions and lets
# several of these pass.
_NOT_PLAIN_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network; Linux takes 0.0.0.0 for loopback
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier NAT; cloud metadata at 100.100.100.200
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's platform address
            "169.254.0.0/16",  # link-local; cloud metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata at 192.0.0.192
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
# Everything else is no global unicast: ::/96, ::ffff:0:0/96 (IPv4-mapped), 64:ff9b::/96 (NAT64),
# fc00::/7, fe80::/10, ff00::/8 among it.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NOT_PLAIN_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo (2001::/32), ORCHID and others
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: carries any IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)


class Resolver(Protocol):
    """Turns a canonical name into addresses."""

    def addresses(self, host: str, *, timeout: float) -> Sequence[IpAddress]:
        """All addresses of the host, the preferred first; none if it has none.

        Raises:
            LookupFault: it could not be found out within `timeout` seconds.
        """


class LookupFault(Exception):
    """DNS gave no answer; which is not the answer "no"."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A network and port (None: all) that may be connected to although it is not public."""

    network: IPv4Network | IPv6Network
    port: int | None

    @classmethod
    def read(cls, text: str) -> Relay:
        """From `10.1.2.0/24:25`, `fd00::/8:*` or `127.0.0.1/32:2525`.

        Raises:
            ValueError: it is nothing of that kind.
        """
        network, colon, port = text.strip().rpartition(":")
        if not colon or "/" not in network:
            raise ValueError(f"{text!r} is not written as network/bits:port")
        if port != "*" and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(f"{port!r} is neither a port nor *")
        return cls(ip_network(network), None if port == "*" else int(port))

    def covers(self, address: IpAddress, port: int) -> bool:
        return address in self.network and self.port in (None, port)


def is_own_address(address: IpAddress) -> bool:
    """Whether the address is one of this machine's: it would choose it to talk to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        # Connecting a datagram socket sends nothing; it only asks for the route.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            source = str(probe.getsockname()[0])
    except OSError:
        return False
    return source == str(address)


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The operator's rules.

    `refusal_takes` is the time in seconds that every refusal takes, or a multiple of it, so that
    none tells by its speed what stands behind a name.
    """

    tenant_ports: frozenset[int] = TENANT_PORTS
    relays: tuple[Relay, ...] = ()
    refusal_takes: float = 1.0
    is_own: Callable[[IpAddress], bool] = is_own_address

    def allows(self, address: IpAddress, port: int, *, is_platform: bool) -> bool:
        """Whether one may connect: a relay named by the operator, or the plain public Internet.

        The platform owner's servers may use any port there; the addresses are for nobody to choose.
        """
        if any(relay.covers(address, port) for relay in self.relays):
            return True
        has_port = is_platform or port in self.tenant_ports
        return has_port and is_plain(address) and not self.is_own(address)


def is_plain(address: IpAddress) -> bool:
    """Whether it is global unicast without any second meaning (a tunnel, a mapped address)."""
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_IPV6 and not any(address in net for net in _NOT_PLAIN_IPV6)
    return not any(address in net for net in _NOT_PLAIN_IPV4)


def find_way(
    host: str,
    port: int,
    *,
    policy: EgressPolicy,
    resolver: Resolver,
    is_platform: bool,
    timeout: float,
) -> list[IpAddress]:
    """The addresses to connect to: all of the answer, or none of it.

    Raises:
        SessionFault: at stage `resolve`.
    """
    started = time.monotonic()
    addresses = _look_up(host, resolver, timeout)
    if not all(policy.allows(a, port, is_platform=is_platform) for a in addresses):
        _wait_until_even(started, policy.refusal_takes)
        raise _fault(Kind.SECURITY, Cause.NOT_ALLOWED)
    return addresses


def _look_up(host: str, resolver: Resolver, timeout: float) -> list[IpAddress]:
    try:
        canonical = canonical_host(host)
    except BadHost:
        raise _fault(Kind.UNREACHABLE, Cause.BAD_HOST) from None
    literal = as_address(canonical)
    if literal is not None:
        return [literal]
    try:
        addresses = resolver.addresses(canonical, timeout=timeout)
    except LookupFault:
        raise _fault(Kind.UNREACHABLE, Cause.NAME_LOOKUP_FAILED) from None
    if not addresses:
        raise _fault(Kind.UNREACHABLE, Cause.NAME_NOT_FOUND)
    return list(dict.fromkeys(addresses))


def _wait_until_even(started: float, unit: float) -> None:
    """Wait until a whole number of units has passed, one at least."""
    if unit > 0:
        passed = time.monotonic() - started
        time.sleep(max(1, math.ceil(passed / unit)) * unit - passed)


def _fault(kind: Kind, cause: Cause) -> SessionFault:
    return SessionFault(ServerFault(kind, cause=cause), Stage.RESOLVE)
