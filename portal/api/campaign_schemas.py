"""The bodies about campaigns that programs send and get.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from portal.api.schemas import STORABLE, Known, Moment, Short, Strict
from portal.campaigns.drafts import LONGEST_VALUE, LONGEST_VALUE_NAME, MOST_VALUES
from portal.campaigns.pace import LONGEST_DELAY, MOST_PER_HOUR, Pace, PaceKind
from portal.campaigns.states import CampaignState


class PaceIn(Strict):
    """How mail is spread over time; the servers' own limits hold in any case."""

    kind: PaceKind = PaceKind.FAST
    per_hour: Annotated[int, Field(ge=1, le=MOST_PER_HOUR)] | None = Field(
        default=None, description="With `hourly`: at most so many."
    )
    min_delay: Annotated[int, Field(ge=0, le=LONGEST_DELAY)] | None = Field(
        default=None, description="With `random`: the shortest pause between two, in seconds."
    )
    max_delay: Annotated[int, Field(ge=1, le=LONGEST_DELAY)] | None = Field(
        default=None, description="With `random`: the longest."
    )

    def pace(self) -> Pace:
        """As the room knows it.

        Raises:
            Refusal: a number is missing or makes no sense.
        """
        return Pace(self.kind, self.per_hour, self.min_delay, self.max_delay)


class CampaignIn(Strict):
    """One template to an audience of the white label, launched at once or at its time."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    template: Known = Field(description="A template's short name.")
    audience: Known = Field(
        description="An audience's name; every audience of the white label can be named."
    )
    language: Annotated[str, Field(max_length=16)] | None = Field(
        None, description="Of the template; else each in their own."
    )
    sender: int | Short | None = Field(None, description="A sender's id or address.")
    variables: dict[
        Annotated[str, Field(max_length=LONGEST_VALUE_NAME), STORABLE],
        Annotated[str, Field(max_length=LONGEST_VALUE), STORABLE],
    ] = Field(
        default_factory=dict,
        max_length=MOST_VALUES,
        description="The same for everybody; columns come before them.",
    )
    start_at: Moment | None = Field(
        None, description="With a time zone; at most one year ahead. Else at once."
    )
    pace: PaceIn = PaceIn()


class BalanceOut(BaseModel):
    """Everybody in the audience stands in one line."""

    audience: int
    sent: int
    failed: int
    unknown: int = Field(description="Handed over, and nobody knows whether it was taken.")
    held: int = Field(description="A person decides.")
    suppressed: int
    cancelled: int
    sandboxed: int
    waiting: int
    unsubscribed: int = Field(description="Of those sent to.")


class CampaignOut(BaseModel):
    """A campaign as it stands now."""

    id: str
    name: str
    state: CampaignState
    created_at: datetime
    launched_at: datetime | None
    start_at: datetime | None
    finished_at: datetime | None
    expected_finish: datetime | None
    balance: BalanceOut
