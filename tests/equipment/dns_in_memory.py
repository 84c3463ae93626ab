"""DNS in memory: it knows the zone it is given, and cannot be asked for the names that are down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portal.domains.resolver import CouldNotAsk


class InMemoryDns:
    """The zone is by (type, name): `{("TXT", "acme.example"): ["v=spf1 -all"]}`."""

    whom = "a zone in memory"

    def __init__(self, zone: Mapping[tuple[str, str], Sequence[str]] | None = None) -> None:
        self.zone: dict[tuple[str, str], Sequence[str]] = dict(zone or {})
        self.down: set[str] = set()
        self.is_down = False
        self.asked: list[tuple[str, str]] = []

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        found = self._find("TXT", name)
        alias = self.zone.get(("CNAME", name))
        return found if found or not alias else self.zone.get(("TXT", alias[0]), ())

    def alias(self, name: str, *, timeout: float) -> str | None:
        found = self._find("CNAME", name)
        return found[0] if found else None

    def addresses(self, name: str, *, timeout: float) -> Sequence[str]:
        return self._find("A", name)

    def exchanges(self, name: str, *, timeout: float) -> Sequence[str]:
        return self._find("MX", name)

    def _find(self, kind: str, name: str) -> Sequence[str]:
        self.asked.append((kind, name))
        if self.is_down or name in self.down:
            raise CouldNotAsk(f"{name} is down")
        return self.zone.get((kind, name), ())
