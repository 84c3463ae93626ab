"""Names and addresses for the egress guard, kept in memory; it counts how often it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from portal.smtp.egress import LookupFault
from portal.smtp.hosts import IpAddress

Answer = Sequence[str] | LookupFault


class InMemoryResolver:
    """Knows the names it is given; others do not exist.

    Several answers for one name are given one after the other, the last again and again: a name
    that means something else at the second question (DNS rebinding).
    """

    def __init__(self, names: dict[str, Answer] | None = None) -> None:
        self._answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        for name, answer in (names or {}).items():
            self.knows(name, answer)

    def knows(self, name: str, *answers: Answer) -> None:
        self._answers[name] = list(answers)

    def fails(self, name: str) -> None:
        """The name cannot be asked for: which is not the same as not being there."""
        self._answers[name] = [LookupFault("the resolver is away")]

    def addresses(self, host: str, *, timeout: float) -> Sequence[IpAddress]:
        self.asked.append(host)
        answers = self._answers.get(host, [()])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, LookupFault):
            raise answer
        return [ip_address(text) for text in answer]
