"""Which port goes with which TLS mode, and what to tell somebody who chose otherwise.

Every pair is allowed here: ports are restricted by the egress policy, not by advice.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from portal.core.words import Words
from portal.core.words import lazy as _
from portal.smtp_settings.modes import TlsMode

STANDARD_PORTS = (587, 2525)
"""The two ports on which mail is normally handed in by programs."""

COMMON_PORTS = (25, 465, 587)
"""The ports that a provider's manual names most often."""

OFTEN_BLOCKED = (25, 465)
"""Hosting companies and office networks commonly close these for outgoing connections."""

_USUAL_TLS = {
    25: TlsMode.NONE,
    465: TlsMode.IMPLICIT,  # RFC 8314, section 3.3
    587: TlsMode.STARTTLS,  # RFC 6409, RFC 3207
    2465: TlsMode.IMPLICIT,
    2525: TlsMode.STARTTLS,
    2587: TlsMode.STARTTLS,
}


@dataclass(frozen=True, slots=True)
class Port:
    """A port and the TLS mode that is spoken on it."""

    number: int
    tls: TlsMode


class Weight(StrEnum):
    HINT = "hint"  # good to know
    WARNING = "warning"  # probably not what was meant


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to say beside the field; it never forbids. `code` is stable, for programs."""

    code: str
    weight: Weight
    words: Words


def suggested_tls(port: int) -> TlsMode:
    """The mode to switch to when somebody picks this port; an unknown port gets STARTTLS."""
    return _USUAL_TLS.get(port, TlsMode.STARTTLS)


def suggested_port(tls: TlsMode) -> int:
    """The port to fill in when somebody picks this mode."""
    match tls:
        case TlsMode.NONE:
            return 25
        case TlsMode.STARTTLS:
            return 587
        case TlsMode.IMPLICIT:
            return 465


def port_advice(port: int, tls: TlsMode, *, documented: Container[Port] = ()) -> list[Advice]:
    """What to say about this pair, the weightiest first; nothing when all is as usual.

    `documented` are the pairs that the chosen provider states itself: those are no mismatch,
    whatever is usual elsewhere.
    """
    advice = []
    if Port(port, tls) not in documented:
        advice += _mismatch(port, tls)
    if tls is TlsMode.NONE:
        advice.append(_CLEAR_TEXT)
    if port in OFTEN_BLOCKED:
        advice.append(_often_blocked(port))
    return sorted(advice, key=lambda one: one.weight is not Weight.WARNING)


def _mismatch(port: int, tls: TlsMode) -> list[Advice]:
    usual = _USUAL_TLS.get(port, tls)
    if usual is tls:
        return []
    return [Advice("port_and_tls_differ", Weight.WARNING, _what_is_usual(port, usual))]


def _what_is_usual(port: int, tls: TlsMode) -> Words:
    match tls:
        case TlsMode.NONE:
            return _(
                "On port %(port)s TLS is usually off. Keep it on only if this server offers it "
                "there.",
                port=port,
            )
        case TlsMode.STARTTLS:
            return _(
                "On port %(port)s TLS should be on, by STARTTLS: the connection starts in clear "
                "and is then upgraded.",
                port=port,
            )
        case TlsMode.IMPLICIT:
            return _("On port %(port)s the server expects TLS from the first byte.", port=port)


_CLEAR_TEXT = Advice(
    "no_tls",
    Weight.WARNING,
    _(
        "Without TLS everybody on the way can read the mail. Switch TLS on if the server offers "
        "it; this is strongly recommended."
    ),
)


def _often_blocked(port: int) -> Advice:
    return Advice(
        "often_blocked",
        Weight.HINT,
        _(
            "Many servers and networks block port %(port)s. If no connection comes about, use one "
            "of the standard ports, 587 or 2525.",
            port=port,
        ),
    )
