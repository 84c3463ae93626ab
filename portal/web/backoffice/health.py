"""How the installation is: the doctor's quick checks, who carries mail, and what waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, render_template

from portal.config import Config
from portal.core import checkup, clock, sealed, vault
from portal.core.checkup import Finding
from portal.core.words import Words, lazy
from portal.delivery import figures, queues
from portal.delivery.queues import Outbox
from portal.delivery.status import LATE
from portal.smtp_settings.standing import advice_on_parking, words_of_parking
from portal.web.backoffice.door import bp

NAMES: dict[str, Words] = {
    "database": lazy("Database"),
    "schema": lazy("Schema"),
    "keys": lazy("Sealing keys"),
    "clock": lazy("Clock"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One of the keys that seal stored secrets."""

    id: str
    secrets: int
    is_current: bool
    is_there: bool  # in the key file; without it its secrets cannot be opened


@bp.get("/health")
def health() -> str:
    config: Config = current_app.config["LIVERY"]
    findings = list(checkup.quick(config.key_file))
    outbox = queues.outbox()
    parked = figures.parked(None)
    keys = _keys()
    return render_template(
        "backoffice/health/health.html",
        findings=findings,
        names=NAMES,
        outbox=outbox,
        keys=keys,
        parked=parked,
        advice_on_parking=advice_on_parking,
        words_of_parking=words_of_parking,
        troubles=_troubles(findings, outbox, len(parked)),
        now=clock.now(),
    )


def _troubles(findings: Sequence[Finding], outbox: Outbox, parked: int) -> int:
    """How many things need a hand."""
    late = [
        queue
        for queue in outbox.queues
        if queue.parked is None and clock.now() - queue.oldest_due > LATE
    ]
    return (
        sum(not finding.is_right for finding in findings)
        + (outbox.fenced is not None)
        + (not outbox.workers)
        + parked
        + len(late)
    )


def _keys() -> list[Key]:
    keyring, counts = vault.keyring(), sealed.count_by_key()
    return [
        Key(kid, counts.get(kid, 0), kid == keyring.current, kid in keyring.keys)
        for kid in {**keyring.keys, **counts}
    ]
