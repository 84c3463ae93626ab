"""What becomes of a list on its way into an audience, and of a campaign.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from enum import StrEnum


class ImportState(StrEnum):
    UPLOADED = "uploaded"  # its columns can be looked at and chosen
    CHECKING = "checking"  # it is being read
    CHECKED = "checked"  # what is wrong with it can be read; nothing is visible yet
    DONE = "done"  # its people are in the audience
    CANCELLED = "cancelled"  # somebody does not want it
    FAILED = "failed"  # it could not be read at all

    @property
    def is_open(self) -> bool:
        return self in (ImportState.UPLOADED, ImportState.CHECKING, ImportState.CHECKED)


class CampaignState(StrEnum):
    DRAFT = "draft"  # being written
    SCHEDULED = "scheduled"  # begins by itself at its time
    RUNNING = "running"  # its mail goes into the outbox and out
    PAUSED = "paused"  # nothing more leaves until somebody says so
    FINISHED = "finished"  # nothing of it waits any more
    CANCELLED = "cancelled"  # taken back, as far as it had not left
