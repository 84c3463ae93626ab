"""What all lanes of a worker share, and what a lane carries."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import NamedTuple

from portal.delivery.consequences import Park
from portal.delivery.mails import Mail, Shelf
from portal.delivery.moments import Moments
from portal.delivery.signatures import Signers
from portal.delivery.store import Store
from portal.outbox.claims import Claimed
from portal.smtp.egress import EgressPolicy, Resolver
from portal.smtp.target import Timeouts

IDLE = 4.0
"""Seconds that an unused connection is kept."""


class Errand(StrEnum):
    """What a lane is opened for."""

    SEND = "send"
    PROBE = "probe"  # a parked server: one message, if there is one
    REROUTE = "reroute"  # a server that is gone: find its mail another way
    SIMULATE = "simulate"  # the simulator's addresses


@dataclass(frozen=True, slots=True)
class Works:
    """The worker's things; threads may share them."""

    store: Store
    moments: Moments
    folder: Path  # of the journals
    worker_id: int
    policy: EgressPolicy
    resolver: Resolver
    helo: str
    authority: str  # where access tokens come from
    context: Callable[[], AbstractContextManager[object]]  # an application's, for the ORM
    is_leased: Callable[[], bool]  # what our lanes claimed is still ours
    timeouts: Timeouts = field(default_factory=Timeouts)
    idle: float = IDLE
    shelf: Shelf = field(default_factory=Shelf)
    signers: Signers = field(default_factory=Signers)
    stop: Event = field(default_factory=Event)  # claim nothing more
    news: SimpleQueue[tuple[int, Park]] = field(default_factory=SimpleQueue)  # for the admins
    ended: Event = field(default_factory=Event)  # some lane has ended


class Load(NamedTuple):
    """A claimed delivery with the message it belongs to."""

    row: Claimed
    mail: Mail
