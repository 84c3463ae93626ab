"""A campaign to many: the list taken in, the launch, the pages meanwhile, a worker killed in it.

Everything is done as the portal does it: the file is read by the import, the launch is the act of
the page, the deliveries are made by the background work, and two workers carry them to a sink.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import quantiles

from portal import create_app
from portal.campaigns import audiences, campaigns, imports, rehearsal, report
from portal.campaigns.campaigns import Wishes
from portal.campaigns.models import Campaign
from portal.core.db import db, reading
from portal.delivery import log
from portal.jobs.works import do_now
from portal.outbox.balance import Balance
from portal.outbox.states import State
from portal.white_labels.models import Platform
from tests.bench import composer, whole_path
from tests.equipment.stage import (
    make_config,
    make_person,
    make_server,
    make_template,
    make_white_label,
)

LONGEST = 600.0
"""Seconds that the whole campaign may take."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One campaign; all times in seconds."""

    taken_in: float  # reading the list, row by row
    rehearsed: float
    launched: float  # the act of the page, commit included
    handed_over: float  # all deliveries in the outbox
    carried: float  # from the launch to the last settled delivery
    page: float  # the queries of one page while it ran: 95 of 100 were quicker
    balance: Balance


def measure(folder: Path, database_url: str | None, *, port: int, people: int) -> Measured:
    """Send one campaign to so many people through a sink on this port."""
    folder.mkdir()
    config = make_config(folder, database_url)
    app = create_app(config)
    with app.app_context():
        db.create_all()
        campaign, taken_in = _prepared(people, port)
        with reading():
            rehearsed = _seconds(lambda: rehearsal.rehearse(campaign))
            db.session.commit()
        with whole_path.at_work(folder, config.database_url, 2) as pids:
            begun = time.perf_counter()
            launched = _seconds(lambda: _launch(campaign))
            handed_over = _seconds(lambda: do_now("campaign", campaign.id))
            pages = list(_pages_until_over(campaign, pids, killed_at=people // 3))
            carried = time.perf_counter() - begun
        balance = campaigns.balance_of(campaign)
        db.session.remove()
        db.engine.dispose()
    page = quantiles(pages, n=20)[-1]
    return Measured(taken_in, rehearsed, launched, handed_over, carried, page, balance)


def _prepared(people: int, port: int) -> tuple[Campaign, float]:
    db.session.add(Platform(id=1, name="Bench", origin="http://localhost:8000"))
    white_label = make_white_label()
    ada = make_person(white_label)
    make_server(ada, port=port, max_connections=2)
    template = make_template(
        white_label, texts=[("en", "Your order {{ order }}", composer.TEXT, composer.HTML)]
    )
    audience = audiences.create(white_label, name="Everybody", by=ada)
    imported = imports.upload(audience, BytesIO(_list(people)), filename="list.csv", by=ada)
    imports.begin(imported)
    db.session.commit()
    taken_in = _seconds(lambda: do_now("import", imported.id))
    imports.confirm(imported)
    campaign = campaigns.create(white_label, name="Bench", author=ada)
    campaigns.change(campaign, Wishes("Bench", template_id=template.id, audience_id=audience.id))
    db.session.commit()
    return campaign, taken_in


def _list(people: int) -> bytes:
    """A list as people have it: address, name and the values of the template."""
    rows = composer.recipients(people)
    names = [name for name in rows[0].values if isinstance(rows[0].values[name], str)]
    lines = [",".join(["email", "name", *names])]
    for row in rows:
        cells = [row.email, row.name, *(str(row.values[name]) for name in names)]
        lines.append(",".join(f'"{cell}"' for cell in cells))
    return "\n".join(lines).encode()


def _launch(campaign: Campaign) -> None:
    campaigns.launch(campaign, by=None)
    db.session.commit()


def _pages_until_over(campaign: Campaign, pids: list[int], *, killed_at: int) -> Iterator[float]:
    """What the pages ask, again and again, and how long that took; one worker dies meanwhile."""
    ends_at = time.monotonic() + LONGEST
    victim = pids[0]
    while True:
        with reading():
            for ask in _pages(campaign):
                yield _seconds(ask)
                db.session.rollback()
            balance = campaigns.balance_of(campaign)
            db.session.rollback()
        if victim and balance.sent > killed_at:
            os.kill(victim, signal.SIGKILL)
            victim = 0
        if not balance.waiting:
            return
        if time.monotonic() > ends_at:
            raise RuntimeError(f"not over in {LONGEST} s: {balance}")
        time.sleep(0.05)


def _pages(campaign: Campaign) -> list[Callable[[], object]]:
    """The queries of the list, the progress, the report and the log."""
    tenant = campaign.white_label_id

    def a_list() -> None:
        campaigns.balances_of(campaigns.page(tenant).rows)

    def progress() -> None:
        db.session.refresh(campaign)
        campaigns.balance_of(campaign)
        campaigns.estimated_finish(campaign)

    def the_report() -> None:
        report.hours(campaign)
        report.by_server(campaign)
        report.refusals(campaign)

    def the_log() -> None:
        log.deliveries(tenant, log.Search(campaign=campaign))

    def the_failed() -> None:
        log.deliveries(tenant, log.Search(campaign=campaign, state=State.FAILED))

    return [a_list, progress, the_report, the_log, the_failed]


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
