"""The queue of background work: embedded, or a broker that many machines share."""

from __future__ import annotations

from huey import Huey, PriorityRedisHuey, SqliteHuey
from huey.serializer import SignedSerializer

from portal.config import Config


def make_queue(config: Config) -> Huey:
    """The queue that this configuration names.

    Tasks are signed: whoever can write to the broker must not be able to run code here.
    """
    common = {
        "name": "livery",
        "results": False,
        "serializer": SignedSerializer(secret=config.secret_key, salt="livery jobs"),
    }
    if config.broker_url is not None:
        return PriorityRedisHuey(url=config.broker_url, **common)
    config.instance.mkdir(parents=True, exist_ok=True)
    # Huey takes the system's SQLite, whose write-ahead log may have the reset fault.
    return SqliteHuey(filename=str(config.instance / "jobs.db"), journal_mode="truncate", **common)
