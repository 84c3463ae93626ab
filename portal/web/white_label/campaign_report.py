"""What a campaign does and did: live while it goes, the balance sheet, hours, servers, the log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from threading import BoundedSemaphore
from zoneinfo import ZoneInfo

from flask import Response, g, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from portal.campaigns import campaigns as acts
from portal.campaigns import listing, report
from portal.campaigns.models import Campaign, CampaignState
from portal.core.db import db, reading
from portal.delivery import log as deliveries
from portal.delivery.figures import top_of
from portal.outbox import as_sent
from portal.outbox.balance import Balance
from portal.outbox.hours import Hour
from portal.web.csv_file import csv_file
from portal.web.log_search import SearchForm, header, rows
from portal.web.question import same_question
from portal.web.reader import time_zone
from portal.web.white_label.campaigns import STATES
from portal.web.white_label.door import bp

LISTENERS = 2
"""Streams at a time in one process: each holds a thread that pages need too."""
LONGEST = 25.0
"""Seconds of one stream; the browser asks again, and others have their turn."""
EVERY = 1.0
MOST_BARS = 72

_listeners = BoundedSemaphore(LISTENERS)


@dataclass(frozen=True, slots=True)
class Bars:
    """Hours, or days where there are too many of them."""

    hours: Sequence[Hour]
    are_days: bool

    @property
    def top(self) -> int:
        return top_of(self.hours)


@bp.get("/campaigns/<int:campaign_id>")
def campaign(campaign_id: int) -> ResponseReturnValue:
    """How it stands, and what became of it; a draft is gone on with."""
    found = listing.find(g.white_label.id, campaign_id)
    if found.state is CampaignState.DRAFT:
        return redirect(url_for(".write_campaign", campaign_id=campaign_id, step="message"))
    return render_template(
        "white_label/campaigns/campaign.html",
        **_live(found),
        bars=bars_of(report.hours(found), zone=ZoneInfo(time_zone())),
        servers=report.by_server(found),
        refusals=report.refusals(found),
        pace=acts.pace_of(found),
        may=acts,
    )


@bp.get("/campaigns/<int:campaign_id>/events")
def campaign_events(campaign_id: int) -> ResponseReturnValue:
    """The live part of the page whenever it changes; 204 sends a browser back to asking."""
    found = listing.find(g.white_label.id, campaign_id)
    # What was read of the reader is kept for the stream, which begins when this request is over.
    db.session.commit()
    if not _goes_on(found) or not _listeners.acquire(blocking=False):
        return Response(status=204)
    answer = Response(
        stream_with_context(_events(g.white_label.id, campaign_id)), mimetype="text/event-stream"
    )
    # Also if nobody ever reads the first event.
    answer.call_on_close(_listeners.release)
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


@bp.get("/campaigns/<int:campaign_id>/log")
def campaign_log(campaign_id: int) -> str:
    """Every recipient, with what the server said."""
    found = listing.find(g.white_label.id, campaign_id)
    form = SearchForm()
    form.offer()
    page = None
    if form.validate():
        page = deliveries.deliveries(
            g.white_label.id,
            replace(form.search(), campaign=found),
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        )
    return render_template(
        "white_label/campaigns/log.html",
        campaign=found,
        states=STATES,
        form=form,
        deliveries=page,
        is_search=page is None or not form.search().is_open,
        subject_of=as_sent.subject_of,
    )


@bp.get("/campaigns/<int:campaign_id>/log.csv")
def campaign_log_csv(campaign_id: int) -> ResponseReturnValue:
    found = listing.find(g.white_label.id, campaign_id)
    form = SearchForm()
    form.offer()
    if not form.validate():
        return redirect(same_question(".campaign_log"))
    everybody = deliveries.all_deliveries(g.white_label.id, replace(form.search(), campaign=found))
    return csv_file(f"campaign-{found.id}", header(), rows(everybody))


def bars_of(hours: Sequence[Hour], *, zone: tzinfo) -> Bars:
    """Every hour from the first to the last, the quiet ones too; every day if these are too many.

    A day is one of this zone, in which the page also writes its date.
    """
    if not hours:
        return Bars((), are_days=False)
    known = {hour.at: hour for hour in hours}
    first, last = hours[0].at, hours[-1].at
    count = int((last - first) / timedelta(hours=1)) + 1
    if count <= MOST_BARS:
        moments = (first + timedelta(hours=number) for number in range(count))
        return Bars([known.get(at, Hour(at)) for at in moments], are_days=False)
    first_day, last_day = first.astimezone(zone).date(), last.astimezone(zone).date()
    count = (last_day - first_day).days + 1
    dates = (first_day + timedelta(number) for number in range(count))
    days = {day: Hour(_beginning(day, zone)) for day in dates}
    for hour in hours:
        at = hour.at.astimezone(zone).date()
        day = days[at]
        days[at] = replace(
            day,
            sent=day.sent + hour.sent,
            failed=day.failed + hour.failed,
            deferred=day.deferred + hour.deferred,
            held=day.held + hour.held,
        )
    return Bars(list(days.values()), are_days=True)


def _beginning(day: date, zone: tzinfo) -> datetime:
    """When that day begins there."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _goes_on(found: Campaign) -> bool:
    """Whether its numbers may change at any moment."""
    return found.state is CampaignState.RUNNING or found.has_moves


def _live(found: Campaign) -> dict[str, object]:
    """What the part of the page that changes by itself needs."""
    balance: Balance = acts.balance_of(found)
    return {
        "campaign": found,
        "states": STATES,
        "balance": balance,
        "finish": acts.estimated_finish(found),
        "is_live": _goes_on(found),
    }


def _events(white_label_id: int, campaign_id: int) -> Iterator[str]:
    """One event at once, then one for each change, and a sign of life where nothing changes.

    Between them nothing is held.
    """
    yield "retry: 2000\n\n"
    end = time.monotonic() + LONGEST
    told = ""
    while True:
        with reading():
            found = listing.find(white_label_id, campaign_id)
            db.session.refresh(found)
            page = render_template("white_label/campaigns/live.html", **_live(found))
            is_over = not _goes_on(found)
            db.session.commit()  # no transaction is open while we wait
        if page != told:
            told = page
            yield "event: live\n" + "".join(f"data: {line}\n" for line in page.splitlines()) + "\n"
        else:
            # A comment, which keeps proxies from closing the line. Where the browser has gone away
            # it cannot be written, and the thread and the place are free at once.
            yield ":\n\n"
        if is_over or time.monotonic() > end:
            return
        time.sleep(EVERY)
