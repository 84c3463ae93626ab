"""All ways that the rule's draw is between: for mail to many, where each server has its share.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from portal.routing.decide import Decision, Facts, decide


@dataclass(frozen=True, slots=True)
class Draw:
    """One way, and how often it is drawn compared to the others."""

    decision: Decision
    weight: float


def draws(facts: Facts) -> list[Draw]:
    """Every way that a message with these facts may take; often it is one."""
    found: list[Draw] = []
    number, others = 0, 1
    while number < others:
        picker = _Pick(number)
        decision = decide(facts, picker)
        others = len(picker.weights) or 1
        weight = picker.weights[number] if picker.weights else 1.0
        if weight > 0:
            found.append(Draw(decision, weight))
        number += 1
    return found


class _Pick(Random):
    """A draw that falls on the one with this number."""

    def __init__(self, number: int) -> None:
        super().__init__(0)
        self.number = number
        self.weights: list[float] = []

    def choices(self, population: Any, *args: Any, **_options: Any) -> list[Any]:
        weights = args[0] if args else [1.0] * len(population)
        self.weights = [float(weight) for weight in weights]
        return [population[self.number]]
