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
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import quantiles

from flask import Flask
from sqlalchemy import select

from portal import create_app
from portal.accounts.models import Person
from portal.campaigns import audiences, campaigns, drafts, imports, rehearsal
from portal.campaigns.drafts import Wishes
from portal.campaigns.models import Campaign
from portal.core.db import db, reading
from portal.jobs.works import do_now
from portal.outbox.balance import Balance
from portal.white_labels.models import Platform
from tests.bench import composer, whole_path
from tests.equipment.stage import (
    make_config,
    make_person,
    make_server,
    make_template,
    make_white_label,
)
from tests.equipment.visitor import Visitor, Visits

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
    page: float  # one page while it ran, asked for and answered: 95 of 100 were quicker
    slowest: float  # of all of them
    balance: Balance


def measure(folder: Path, database_url: str | None, *, port: int, people: int) -> Measured:
    """Send one campaign to so many people through a sink on this port."""
    folder.mkdir()
    config = make_config(folder, database_url)
    app = create_app(config)
    with app.app_context():
        db.create_all()
        campaign, taken_in = _prepared(people, port)
        ada = _signed_in(app)
        with reading():
            rehearsed = _seconds(lambda: rehearsal.rehearse(campaign))
            db.session.commit()
        with whole_path.at_work(folder, config.database_url, 2) as pids:
            begun = time.perf_counter()
            launched = _seconds(lambda: _launch(campaign))
            handed_over = _seconds(lambda: do_now("campaign", campaign.id))
            pages = list(_pages_until_over(ada, campaign, pids, killed_at=people // 3))
            carried = time.perf_counter() - begun
        balance = campaigns.balance_of(campaign)
        db.session.remove()
        db.engine.dispose()
    page, slowest = quantiles(pages, n=20)[-1], max(pages)
    return Measured(taken_in, rehearsed, launched, handed_over, carried, page, slowest, balance)


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
    campaign = drafts.create(white_label, name="Bench", author=ada)
    drafts.change(campaign, Wishes("Bench", template_id=template.id, audience_id=audience.id))
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


def _signed_in(app: Flask) -> Visitor:
    """Ada at her portal, as a browser has it once she has signed in."""
    ada = db.session.scalars(select(Person)).one()
    visitor = Visitor(app, Visits(app).host_of(ada))
    visitor.sign_in(ada)
    return visitor


def _pages_until_over(
    visitor: Visitor, campaign: Campaign, pids: list[int], *, killed_at: int
) -> Iterator[float]:
    """Its pages, again and again, and how long each took; one worker dies meanwhile."""
    its = f"/campaigns/{campaign.id}"
    paths = ("/overview", "/campaigns", its, f"{its}/log", f"{its}/log?state=failed")
    ends_at = time.monotonic() + LONGEST
    victim = pids[0]
    while True:
        for path in paths:
            yield _seconds(partial(_open, visitor, path))
        with reading():
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


def _open(visitor: Visitor, path: str) -> None:
    """The whole page, from the request to its last byte."""
    answer = visitor.answer("GET", path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} was answered {answer.status}")


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
