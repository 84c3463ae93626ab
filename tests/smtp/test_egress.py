"""Where Livery connects to, whoever asks, and how little a no tells."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.smtp import egress
from portal.smtp.causes import Cause
from portal.smtp.connection import open_session
from portal.smtp.egress import (
    EgressPolicy,
    LookupFault,
    Relay,
    find_way,
    is_own_address,
    is_plain,
)
from portal.smtp.hosts import IpAddress
from portal.smtp.name_lookup import SystemResolver
from portal.smtp.replies import Kind, Stage
from portal.smtp.target import SessionFault
from tests.equipment.resolver import InMemoryResolver
from tests.equipment.smtp_server import SmtpServer
from tests.smtp.conftest import HOST, LOOPBACK, PLAIN

PUBLIC = "8.8.4.4"
PUBLIC_6 = "2a00:1450:4001::1"
STRICT = EgressPolicy(refusal_takes=0, is_own=lambda _: False)

SPECIAL = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.4.4",
    "::ffff:127.0.0.1",
    "::ffff:8.8.4.4",
    "64:ff9b::7f00:1",
    "64:ff9b::808:404",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:404::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


def way(
    answer: list[str], *, port: int = 587, policy: EgressPolicy = STRICT, is_platform: bool = False
) -> list[str]:
    resolver = InMemoryResolver({HOST: answer})
    found = find_way(
        HOST, port, policy=policy, resolver=resolver, is_platform=is_platform, timeout=5
    )
    return [str(address) for address in found]


def refusal(
    answer: list[str], *, port: int = 587, policy: EgressPolicy = STRICT, is_platform: bool = False
) -> SessionFault:
    with pytest.raises(SessionFault) as raised:
        way(answer, port=port, policy=policy, is_platform=is_platform)
    return raised.value


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "223.255.255.1", PUBLIC_6, "2606:4700::1"])
def test_the_plain_internet_is_open(address: str) -> None:
    assert way([address]) == [address]


@pytest.mark.parametrize("is_platform", [False, True], ids=["tenant", "platform"])
@pytest.mark.parametrize("address", SPECIAL)
def test_addresses_with_a_special_meaning_are_closed(address: str, is_platform: bool) -> None:
    assert refusal([address], is_platform=is_platform).cause == Cause.NOT_ALLOWED


@pytest.mark.parametrize("address", SPECIAL)
def test_one_special_address_spoils_the_whole_answer(address: str) -> None:
    assert refusal([PUBLIC, PUBLIC_6, address]).cause == Cause.NOT_ALLOWED
    assert refusal([address, PUBLIC]).cause == Cause.NOT_ALLOWED


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:10.0.0.1"])
def test_an_address_typed_instead_of_a_name_is_judged_the_same(address: str) -> None:
    with pytest.raises(SessionFault) as raised:
        find_way(
            address, 587, policy=STRICT, resolver=InMemoryResolver(), is_platform=True, timeout=5
        )

    assert raised.value.cause == Cause.NOT_ALLOWED


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_nothing_is_plain_that_python_knows_to_be_special(address: IpAddress) -> None:
    if is_plain(address):
        assert address.is_global
        assert not any(
            getattr(address, f"is_{trait}")
            for trait in ("private", "multicast", "reserved", "loopback", "link_local")
        )


def test_this_machine_itself_is_closed_on_all_its_addresses() -> None:
    own = EgressPolicy(refusal_takes=0, is_own=lambda address: str(address) == PUBLIC)

    assert refusal([PUBLIC], policy=own).cause == Cause.NOT_ALLOWED
    assert way(["1.1.1.1"], policy=own) == ["1.1.1.1"]


def test_a_machine_knows_its_own_addresses() -> None:
    assert is_own_address(ip_address("127.0.0.1"))
    assert not is_own_address(ip_address(PUBLIC))
    assert EgressPolicy().is_own is is_own_address


# Ports


@pytest.mark.parametrize("port", [25, 465, 587, 2525, 2465, 2587])
def test_the_usual_ports_are_open_to_tenants(port: int) -> None:
    assert way([PUBLIC], port=port) == [PUBLIC]


@pytest.mark.parametrize("port", [1, 22, 80, 443, 3306, 6379, 8025, 25025])
def test_other_ports_are_for_the_platforms_owner(port: int) -> None:
    assert refusal([PUBLIC], port=port).cause == Cause.NOT_ALLOWED
    assert way([PUBLIC], port=port, is_platform=True) == [PUBLIC]


@pytest.mark.accepts("SB-25")
def test_the_operator_sets_the_ports() -> None:
    only_submission = replace(STRICT, tenant_ports=frozenset({587}))

    assert way([PUBLIC], port=587, policy=only_submission) == [PUBLIC]
    assert refusal([PUBLIC], port=25, policy=only_submission).cause == Cause.NOT_ALLOWED


# Relays inside


@pytest.mark.parametrize(
    ("relay", "address", "port", "is_open"),
    [
        ("127.0.0.0/8:*", "127.0.0.1", 40000, True),
        ("127.0.0.0/8:*", "10.0.0.1", 25, False),
        ("10.1.2.0/24:25", "10.1.2.3", 25, True),
        ("10.1.2.0/24:25", "10.1.2.3", 26, False),
        ("10.1.2.0/24:25", "10.1.3.3", 25, False),
        ("fd00::/8:*", "fd00::5", 25, True),
        ("10.0.0.0/8:*", "::ffff:10.0.0.1", 25, False),
    ],
)
def test_a_relay_inside_is_open_where_the_operator_names_it(
    relay: str, address: str, port: int, is_open: bool
) -> None:
    policy = replace(STRICT, relays=(Relay.read(relay),))

    if is_open:
        assert way([address], port=port, policy=policy) == [address]
    else:
        assert refusal([address], port=port, policy=policy).cause == Cause.NOT_ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:25",
        "127.0.0.0/8",
        "10.0.0.0/8:0",
        "10.0.0.0/8:65536",
        "10.0.0.1/8:25",
        "10.0.0.0/8:smtp",
        "10.0.0.0/8:²",
        "fd00::/8",
        "x/8:25",
    ],
)
def test_a_relay_that_cannot_be_read_is_said_to_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Relay.read(text)


# Rebinding


def test_a_name_is_asked_for_once_and_its_first_answer_is_connected_to() -> None:
    with SmtpServer() as server:
        resolver = InMemoryResolver()
        resolver.knows(HOST, ["127.0.0.1"], ["127.0.0.99"])
        session = open_session(replace(PLAIN, port=server.port), policy=LOOPBACK, resolver=resolver)
        session.close()

    assert resolver.asked == [HOST]
    assert str(session.address) == "127.0.0.1"


def test_nothing_is_connected_to_before_the_answer_is_judged() -> None:
    with SmtpServer() as server:
        resolver = InMemoryResolver({HOST: ["127.0.0.1", "10.0.0.1"]})
        with pytest.raises(SessionFault):
            open_session(replace(PLAIN, port=server.port), policy=LOOPBACK, resolver=resolver)

        assert server.connections == []


# A no tells nothing


def test_every_refusal_has_the_same_words() -> None:
    refusals = [
        refusal(["10.0.0.1"]),
        refusal(["127.0.0.1"], port=25),
        refusal([PUBLIC, "169.254.169.254"]),
        refusal([PUBLIC], port=6379),
        refusal([PUBLIC], policy=EgressPolicy(refusal_takes=0, is_own=lambda _: True)),
    ]

    assert len({(str(one), one.stage, one.verdict) for one in refusals}) == 1
    assert refusals[0].stage is Stage.RESOLVE
    assert refusals[0].verdict.kind is Kind.SECURITY


class HandSetTime:
    """Time that passes only where somebody takes it."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


class SlowResolver(InMemoryResolver):
    """Each answer takes `takes` seconds."""

    def __init__(self, names: dict[str, list[str]], clock: HandSetTime, *, takes: float) -> None:
        super().__init__(dict(names))
        self._clock, self._takes = clock, takes

    def addresses(self, host: str, *, timeout: float) -> Sequence[IpAddress]:
        self._clock.sleep(self._takes)
        return super().addresses(host, timeout=timeout)


@pytest.mark.parametrize(
    ("answer", "port", "takes", "passes"),
    [
        (["10.0.0.1"], 25, 0.0, 1.0),
        (["10.0.0.1"], 25, 0.02, 1.0),
        ([PUBLIC], 6379, 0.3, 1.0),
        ([PUBLIC, "127.0.0.1"], 25, 0.99, 1.0),
        (["169.254.169.254"], 80, 1.2, 2.0),
    ],
)
def test_every_refusal_takes_the_same_time_or_a_multiple(
    monkeypatch: pytest.MonkeyPatch, answer: list[str], port: int, takes: float, passes: float
) -> None:
    clock = HandSetTime()
    monkeypatch.setattr(egress, "time", clock)
    resolver = SlowResolver({HOST: answer}, clock, takes=takes)

    with pytest.raises(SessionFault):
        find_way(
            HOST,
            port,
            policy=replace(STRICT, refusal_takes=1.0),
            resolver=resolver,
            is_platform=False,
            timeout=5,
        )

    assert clock.passed == pytest.approx(passes)


# One place


def test_only_one_place_opens_smtp_sockets() -> None:
    portal = Path(__file__).parents[2] / "portal"
    opening = re.compile(r"create_connection|socket\.socket\(.*SOCK_STREAM|smtplib|open_connection")

    opens = {
        path.relative_to(portal).as_posix()
        for path in portal.rglob("*.py")
        if opening.search(path.read_text())
    }

    # The operator's command only looks whether its own ports are free.
    assert opens - {"commands/up.py"} == {"smtp/connection.py"}


def test_only_a_pin_dispenses_with_verification() -> None:
    rooms = Path(__file__).parents[2] / "portal"
    lax = re.compile(r"CERT_NONE|check_hostname = False|_create_unverified")

    found = [
        f"{path.name}: {line.strip()}"
        for path in rooms.rglob("*.py")
        for line in path.read_text().splitlines()
        if lax.search(line)
    ]

    assert found == [
        "tls.py: context.check_hostname = False",
        "tls.py: context.verify_mode = ssl.CERT_NONE",
    ]


# The system's resolver


def test_the_system_knows_its_own_name() -> None:
    assert ip_address("127.0.0.1") in SystemResolver().addresses("localhost", timeout=10)


def test_a_name_that_the_system_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", missing)

    assert SystemResolver().addresses("nowhere.acme.example", timeout=10) == []


def test_a_resolver_that_is_away_is_not_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", away)

    with pytest.raises(LookupFault):
        SystemResolver().addresses(HOST, timeout=10)


def test_a_look_up_without_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def endless(*_: object, **__: object) -> list[object]:
        ended.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", endless)
    started = time.monotonic()

    with pytest.raises(LookupFault):
        SystemResolver().addresses(HOST, timeout=0.1)

    took = time.monotonic() - started
    ended.set()
    assert took < 5
