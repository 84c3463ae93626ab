"""The senders that a person can choose from, and which would carry their mail at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from portal.accounts.models import Person
from portal.core.words import _
from portal.routing.facts import Ask, gather, sender_facts
from portal.routing.ways import Way, way_of
from portal.senders.models import Sender
from portal.senders.senders import senders_of
from portal.white_labels.models import WhiteLabel


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """One sender, and the way of a mail for which it was chosen."""

    sender: Sender
    way: Way

    @property
    def is_usable(self) -> bool:
        """Whether mail can be accepted for it; it may have to wait for a parked server."""
        return self.way.is_out

    @property
    def label(self) -> str:
        """The address with its name, and its server where that is the white label's own."""
        server = self.sender.server
        carrier = _("the platform's server") if server.is_platform else server.name
        name = (
            f"{self.sender.name} <{self.sender.email}>" if self.sender.name else self.sender.email
        )
        return f"{name} · {carrier}"


def sender_choices(white_label: WhiteLabel, writer: Person) -> list[SenderChoice]:
    """Every sender of the white label, those that can be used first, then by address.

    The facts are read once, however many senders there are.
    """
    common = gather(Ask(white_label.id, author_id=writer.id, agent_id=writer.id))
    choices = [
        SenderChoice(one, way_of(replace(common, chosen=sender_facts(one))))
        for one in senders_of(white_label)
    ]
    return sorted(choices, key=lambda choice: not choice.is_usable)


def usable(choices: Sequence[SenderChoice]) -> list[SenderChoice]:
    """Those that mail can leave from."""
    return [choice for choice in choices if choice.is_usable]
