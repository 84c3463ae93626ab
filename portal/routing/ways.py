"""The way that each app's mail takes at this moment: what a list of apps and an app's page say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random

from portal.apps.models import App
from portal.routing import explain
from portal.routing.decide import Check, Decision, Facts, NoRoute, Route, Sandbox, decide
from portal.routing.explain import StepWords
from portal.routing.facts import Ask, gather


@dataclass(frozen=True, slots=True)
class Way:
    """A decision with the facts it was made on, ready to be shown."""

    decision: Decision
    facts: Facts

    @property
    def words(self) -> str:
        """The answer in one sentence; where servers take turns, all of them are named."""
        drawn_from = self.servers
        if isinstance(self.decision, Route) and len(drawn_from) > 1:
            return explain.answer_for_several(self.decision, self.facts, drawn_from)
        return explain.answer(self.decision, self.facts)

    @property
    def servers(self) -> list[str]:
        """The servers that may carry it: one, or those that the draw is between."""
        if not isinstance(self.decision, Route):
            return []
        reason = self.decision.reason
        return [
            step.server_name
            for step in self.decision.trace
            if step.by is reason and step.check in _CARRIES
        ]

    @property
    def trace(self) -> list[StepWords]:
        """Every candidate, and what became of it."""
        return explain.trace_words(self.decision.trace, owner=self.facts.owner_name)

    @property
    def from_(self) -> str:
        """Name and address that it leaves under; empty where nothing leaves."""
        if not isinstance(self.decision, Route):
            return ""
        return explain.mailbox_text(self.decision.from_)

    @property
    def reply_to(self) -> str:
        """Where answers go, if not to From."""
        if not isinstance(self.decision, Route):
            return ""
        return ", ".join(str(mailbox.address) for mailbox in self.decision.reply_to)

    @property
    def is_out(self) -> bool:
        """Whether it leaves at all."""
        return isinstance(self.decision, Route)

    @property
    def is_sandbox(self) -> bool:
        return isinstance(self.decision, Sandbox)

    @property
    def is_refused(self) -> bool:
        return isinstance(self.decision, NoRoute)

    @property
    def is_waiting(self) -> bool:
        """It has a way, but the server is parked."""
        return self.is_out and self.decision.trace[-1].check is Check.WAITS_WHILE_PARKED

    @property
    def misses_own_server(self) -> bool:
        """A server of the white label was passed over because somebody else configured it."""
        return any(step.check is Check.NOT_THE_OWNERS_SERVER for step in self.decision.trace)


_CARRIES = (Check.PASSED, Check.NOT_DRAWN, Check.WAITS_WHILE_PARKED)


def way_of(facts: Facts) -> Way:
    """The way under these facts. The draw is always the same one, so that a page stands still."""
    return Way(decide(facts, Random(0)), facts)  # noqa: S311 - for show


def is_in_sandbox(white_label_id: int | None) -> bool:
    """Whether there is no server at all that mail of this white label could leave through."""
    facts = gather(Ask(white_label_id))
    white_label = facts.white_label
    return not any(
        server.is_enabled and server.is_validated
        for server in facts.servers
        if server.is_platform or (white_label is not None and white_label.uses_own_servers)
    )


def ways_of(apps: Iterable[App]) -> Mapping[int, Way]:
    """The way of each of these apps by its id; the facts are read once for each white label."""
    by_white_label: dict[int, list[App]] = defaultdict(list)
    for app in apps:
        by_white_label[app.white_label_id].append(app)
    ways = {}
    for white_label_id, its_apps in by_white_label.items():
        common = gather(Ask(white_label_id))
        for app in its_apps:
            facts = replace(
                common,
                app_name=app.name,
                is_of_an_app=True,
                owner=app.owner_id,
                owner_name=app.owner.name,
            )
            ways[app.id] = way_of(facts)
    return ways
