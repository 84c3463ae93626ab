"""What is said beside port and encryption, for every pair, so that a page need not ask again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from portal.smtp_settings.models import TlsMode
from portal.smtp_settings.presets import Advice, Preset, suggested_port, suggested_tls

KNOWN_PORTS = (25, 465, 587, 2525, 2465, 2587)
OTHER = 0
"""Stands for every port that is not known."""


@dataclass(frozen=True, slots=True)
class PortHint:
    """One piece of advice, and the pairs of port and mode that it is for: ``25:none 465:none``."""

    advice: Advice
    pairs: str

    def holds_for(self, port: object, tls: object) -> bool:
        """Whether it is to be shown for what stands in the form."""
        number = port if port in KNOWN_PORTS else OTHER
        return f"{number}:{tls}" in self.pairs.split()


def port_hints(service: Preset) -> Sequence[PortHint]:
    """All advice there is, each piece once."""
    pairs: dict[tuple[str, str], list[str]] = {}
    pieces: dict[tuple[str, str], Advice] = {}
    for port in (*KNOWN_PORTS, OTHER):
        for tls in TlsMode:
            for advice in service.advice_on(port, tls):
                key = advice.code, str(advice.words)
                pieces.setdefault(key, advice)
                pairs.setdefault(key, []).append(f"{port}:{tls.value}")
    return [PortHint(advice, " ".join(pairs[key])) for key, advice in pieces.items()]


def port_suggestions() -> str:
    """The mode that goes with each port, as JSON."""
    return json.dumps({port: suggested_tls(port).value for port in KNOWN_PORTS})


def tls_suggestions() -> str:
    """The port that goes with each mode, as JSON."""
    return json.dumps({tls.value: suggested_port(tls) for tls in TlsMode})
