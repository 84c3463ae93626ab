"""Ports and TLS modes: what is suggested, and what is said when they do not fit."""

from __future__ import annotations

import pytest

from portal.smtp_settings.modes import TlsMode
from portal.smtp_settings.presets import (
    COMMON_PORTS,
    STANDARD_PORTS,
    Weight,
    port_advice,
    suggested_port,
    suggested_tls,
)

NONE, STARTTLS, IMPLICIT = TlsMode.NONE, TlsMode.STARTTLS, TlsMode.IMPLICIT


@pytest.mark.accepts("ST-20", "ST-21")
@pytest.mark.parametrize(
    ("port", "tls"),
    [
        (25, NONE),
        (465, IMPLICIT),
        (587, STARTTLS),
        (2465, IMPLICIT),
        (2525, STARTTLS),
        (2587, STARTTLS),
        (4711, STARTTLS),
    ],
)
def test_a_port_suggests_its_mode(port: int, tls: TlsMode) -> None:
    assert suggested_tls(port) is tls


@pytest.mark.accepts("ST-13")
@pytest.mark.parametrize(("tls", "port"), [(NONE, 25), (STARTTLS, 587), (IMPLICIT, 465)])
def test_a_mode_suggests_its_port(tls: TlsMode, port: int) -> None:
    assert suggested_port(tls) == port


@pytest.mark.parametrize("tls", TlsMode)
def test_the_suggested_port_suggests_the_same_mode_again(tls: TlsMode) -> None:
    assert suggested_tls(suggested_port(tls)) is tls


@pytest.mark.accepts("SB-24", "SB-25", "ST-18", "ST-20", "ST-21", "UC-18")
@pytest.mark.parametrize(
    ("port", "tls", "codes"),
    [
        (587, STARTTLS, []),
        (2525, STARTTLS, []),
        (2587, STARTTLS, []),
        (2465, IMPLICIT, []),
        (587, NONE, ["port_and_tls_differ", "no_tls"]),
        (587, IMPLICIT, ["port_and_tls_differ"]),
        (2525, NONE, ["port_and_tls_differ", "no_tls"]),
        (25, NONE, ["no_tls", "often_blocked"]),
        (25, STARTTLS, ["port_and_tls_differ", "often_blocked"]),
        (25, IMPLICIT, ["port_and_tls_differ", "often_blocked"]),
        (465, IMPLICIT, ["often_blocked"]),
        (465, STARTTLS, ["port_and_tls_differ", "often_blocked"]),
        (465, NONE, ["port_and_tls_differ", "no_tls", "often_blocked"]),
        (4711, STARTTLS, []),
        (4711, IMPLICIT, []),
        (4711, NONE, ["no_tls"]),
    ],
)
def test_advice_on_a_port_and_a_mode(port: int, tls: TlsMode, codes: list[str]) -> None:
    assert [one.code for one in port_advice(port, tls)] == codes


@pytest.mark.accepts("ST-20")
def test_on_587_it_says_that_tls_should_be_on() -> None:
    mismatch = port_advice(587, NONE)[0]

    assert mismatch.weight is Weight.WARNING
    assert "On port 587 TLS should be on" in str(mismatch.words)


@pytest.mark.accepts("ST-21")
def test_on_25_it_says_that_tls_is_usually_off() -> None:
    mismatch = port_advice(25, STARTTLS)[0]

    assert mismatch.weight is Weight.WARNING
    assert "On port 25 TLS is usually off" in str(mismatch.words)


@pytest.mark.accepts("ST-18", "UC-18")
def test_without_tls_it_recommends_tls_strongly() -> None:
    (no_tls,) = port_advice(4711, NONE)

    assert "strongly recommended" in str(no_tls.words)


@pytest.mark.accepts("SB-24", "SB-25")
@pytest.mark.parametrize("port", [25, 465])
def test_a_port_that_is_often_blocked_is_a_hint_that_names_the_standard_ports(port: int) -> None:
    hint = port_advice(port, suggested_tls(port))[-1]

    assert hint.weight is Weight.HINT
    assert f"block port {port}" in str(hint.words)
    assert "587 or 2525" in str(hint.words)


@pytest.mark.accepts("SB-24", "SS-25")
def test_the_standard_and_the_common_ports() -> None:
    assert STANDARD_PORTS == (587, 2525)
    assert COMMON_PORTS == (25, 465, 587)
