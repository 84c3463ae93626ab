"""The balance sheet of a campaign adds up after every history that its mail can have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.accounts.models import Person
from portal.campaigns import campaigns, handing_over, steps
from portal.campaigns.models import Campaign
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.delivery import settling
from portal.delivery.settling import Result
from portal.outbox import acts, claims, suppressions, tally
from portal.outbox.balance import LINES, PAUSED, line_of
from portal.outbox.claims import Settlement
from portal.outbox.models import CampaignTally, Delivery, Message
from portal.outbox.states import Reason, State
from tests.equipment.campaigns import make_audience, make_campaign
from tests.equipment.stage import make_person, make_server, make_white_label

LANE = 7
OUTCOMES = (
    (State.SENT, None),
    (State.FAILED, "address"),
    (State.FAILED, "policy"),
    (State.DEFERRED, "busy"),
    (State.QUEUED, None),
    (State.HELD, "unknown"),
    (State.HELD, "poison"),
    (State.HELD, PAUSED),
    (State.CANCELLED, None),
)
ACTS = (
    "step", "settle", "settle", "settle", "late", "late", "pause", "resume", "cancel", "resend",
    "resend all", "suppress", "release", "cancel one", "refuse sender", "accept sender",
)  # fmt: skip
_number = count(1)


class History:
    """One campaign, and what happens to it."""

    def __init__(self, ada: Person, server_id: int) -> None:
        number = next(_number)
        rows = [f"r{n}.{number}@birch.example" for n in range(9)]
        audience = make_audience(ada, rows, header="email", name=f"List {number}")
        self.campaign = make_campaign(ada, audience, name=f"Campaign {number}")
        self.server_id = server_id
        campaigns.launch(self.campaign, by=ada)
        db.session.commit()

    def happens(self, act: str, pick: Callable[[int], int]) -> None:
        match act:
            case "step":
                next(steps.work(self.campaign.id), None)
            case "settle":
                self.settle(pick)
            case "late":
                self.settle_late(pick)
            case "pause" | "resume" | "cancel":
                getattr(campaigns, act)(self.campaign)
            case "resend" | "resend all":
                campaigns.resend_failed(self.campaign, with_unknown=act == "resend all")
            case "suppress":
                row = self.any_delivery(pick)
                suppressions.add(
                    self.campaign.white_label_id, row.email, reason=Reason.BY_HAND, by=None
                )
            case "release":
                acts.release(self.any_delivery(pick).message)
            case "cancel one":
                row = self.any_delivery(pick)
                acts.cancel(row.message, only=row)
            case "refuse sender":
                row = self.any_delivery(pick)
                settling.refuse_sender(
                    db.session.connection(), self.server_id, row.message.from_email, "No", now()
                )
            case _:  # the sender is accepted again
                row = self.any_delivery(pick)
                settling.accept_sender(
                    db.session.connection(), self.server_id, row.message.from_email, now=now()
                )

    def settle(self, pick: Callable[[int], int]) -> None:
        """A lane claims some and comes back with whatever happened."""
        connection = db.session.connection()
        taken = claims.claim(
            connection,
            lane_id=LANE,
            server_id=self.server_id,
            now=now() + timedelta(days=3),
            limit=1 + pick(5),
        )
        results = []
        for row in taken:
            state, kind = OUTCOMES[pick(len(OUTCOMES))]
            done = Settlement(row.id, state, attempts=1, kind=kind, enhanced="5.1.1")
            results.append(Result(done, row.tenant, self.campaign_of(row.message_id)))
        settling.write(
            connection, lane_id=LANE, server_id=self.server_id, results=results, now=now()
        )

    def settle_late(self, pick: Callable[[int], int]) -> None:
        """A lane that was given up turns out to have handed one over, whatever was believed."""
        row = self.any_delivery(pick)
        done = Settlement(row.id, State.SENT, attempts=1, code=250)
        settling.write(
            db.session.connection(),
            lane_id=LANE + 1,
            server_id=self.server_id,
            results=[Result(done, row.tenant, self.campaign.id)],
            now=now(),
        )

    def campaign_of(self, message_id: int) -> int | None:
        return db.session.get_one(Message, message_id).campaign_id

    def any_delivery(self, pick: Callable[[int], int]) -> Delivery:
        rows = db.session.scalars(
            select(Delivery)
            .join(Message)
            .where(Message.campaign_id == self.campaign.id)
            .order_by(Delivery.id)
        ).all()
        if not rows:
            raise Refusal("nobody", "nobody is in the outbox yet")
        return rows[pick(len(rows))]


def now() -> datetime:
    return clock.now()


def as_it_is(campaign: Campaign) -> dict[str, int]:
    """Counted in the big table."""
    lines = dict.fromkeys(LINES, 0)
    for state, kind in db.session.execute(
        select(Delivery.state, Delivery.kind)
        .join(Message)
        .where(Message.campaign_id == campaign.id)
    ):
        if (line := line_of(state, kind)) is not None:
            lines[line] += 1
    return lines


@pytest.mark.both_stores
def test_the_balance_adds_up_after_any_history(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "AT_ONCE", 4)
    ada = make_person(make_white_label())
    server = make_server(ada)

    @settings(max_examples=25, suppress_health_check=list(HealthCheck), database=None)
    @given(
        history=st.lists(st.sampled_from(ACTS), min_size=6, max_size=16),
        chance=st.randoms(use_true_random=False),
    )
    def adds_up(history: list[str], chance: object) -> None:
        story = History(ada, server.id)
        for act in history:
            try:
                story.happens(act, chance.randrange)  # type: ignore[attr-defined]
                db.session.commit()
            except Refusal:
                db.session.rollback()
            kept = db.session.get_one(CampaignTally, story.campaign.id, populate_existing=True)
            balance = tally.balances([story.campaign.id])[story.campaign.id]
            there = as_it_is(story.campaign)
            db.session.rollback()
            assert balance.adds_up, (act, balance)
            assert {line: getattr(kept, line) for line in LINES} == there, act
            assert kept.launched + kept.withdrawn <= kept.total == 9

    adds_up()
