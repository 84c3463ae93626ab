"""The delivery log of both faces: what became of every mail, why, and what can still be done.

Admins see their white label's mail, agents what they wrote, the Backoffice everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter

from flask import Blueprint, Response, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.campaigns import listing as campaigns
from portal.core.db import db
from portal.core.errors import Refusal
from portal.delivery import log as deliveries
from portal.delivery.meaning import meaning_of
from portal.outbox import acts, as_sent
from portal.outbox.models import Attempt, Delivery, Event
from portal.routing import explain
from portal.routing.ways import is_in_sandbox
from portal.smtp.advice import Advice
from portal.smtp_settings.modes import AuthKind
from portal.web.csv_file import csv_file
from portal.web.forms import Form
from portal.web.guard import for_agents
from portal.web.headers import policy
from portal.web.log_search import MORE, SearchForm, header, rows, whose
from portal.web.question import same_question

# A mail's own page: nothing runs, nothing is fetched, it belongs to no origin.
MAIL_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

SHOWN_OTHERS = 20
"""Recipients of the same message that a page names."""


def add_log(bp: Blueprint) -> None:
    """Give this face `/log` and all below it."""
    bp.add_url_rule("/log", "log", log)
    bp.add_url_rule("/log.csv", "log_csv", log_csv)
    bp.add_url_rule("/log/<int:delivery_id>", "delivery", delivery)
    bp.add_url_rule("/log/<int:delivery_id>/html", "delivery_html", delivery_html)
    bp.add_url_rule("/log/<int:delivery_id>/cancel", "cancel_delivery", cancel, methods=["POST"])
    bp.add_url_rule("/log/<int:delivery_id>/release", "release_delivery", release, methods=["POST"])
    bp.add_url_rule(
        "/log/<int:delivery_id>/again", "send_again", send_again, methods=["GET", "POST"]
    )


@for_agents
def log() -> str:
    form = SearchForm()
    form.offer()
    search = form.search() if form.validate() else None
    page = None
    if search is not None:
        page = deliveries.deliveries(
            form.within,
            search,
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        )
    return render_template(
        "shared/log/log.html",
        form=form,
        deliveries=page,
        is_search=(search is None or not search.is_open or form.within != g.site.white_label_id),
        is_narrow=any(request.args.get(name) for name in MORE),
        subject_of=as_sent.subject_of,
        is_in_sandbox=g.white_label is not None and is_in_sandbox(g.white_label.id),
    )


@for_agents
def log_csv() -> ResponseReturnValue:
    form = SearchForm()
    form.offer()
    if not form.validate():
        return redirect(same_question(".log"))
    found = deliveries.all_deliveries(form.within, form.search())
    return csv_file("deliveries", header(), rows(found))


@for_agents
def delivery(delivery_id: int) -> Response:
    shown = _find(delivery_id)
    letter, fault = None, None
    if not as_sent.is_for_the_recipient_only(shown.message):
        try:
            letter = as_sent.letter_of(shown)
        except Refusal as refusal:
            fault = refusal.words
    others = deliveries.others_of(shown, most=SHOWN_OTHERS + 1)
    response = Response(
        render_template(
            "shared/log/delivery.html",
            delivery=shown,
            message=shown.message,
            campaign=campaigns.name_of(shown.message.campaign_id),
            letter=letter,
            signature=as_sent.signature_of(shown),
            fault=fault,
            because=_because(shown),
            history=_history(shown),
            others=others[:SHOWN_OTHERS],
            has_more_others=len(others) > SHOWN_OTHERS,
            trace=_trace(shown),
            advice=_advice(shown),
            advice_of=_advice,
            acts=acts,
            is_admin=whose() is None,
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


@for_agents
def delivery_html(delivery_id: int) -> Response:
    """The HTML of the mail, for a frame that lets it do nothing."""
    shown = _find(delivery_id)
    if as_sent.is_for_the_recipient_only(shown.message):
        abort(404)
    html = as_sent.letter_of(shown).html
    if html is None:
        abort(404)
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@for_agents
def cancel(delivery_id: int) -> ResponseReturnValue:
    shown = _find(delivery_id)
    try:
        acts.cancel(shown.message, only=shown)
    except Refusal as refusal:
        flash(refusal.words, "error")
    else:
        db.session.commit()
        flash(_("Cancelled. It will not leave."))
    return redirect(url_for(".delivery", delivery_id=delivery_id))


def release(delivery_id: int) -> ResponseReturnValue:
    shown = _find(delivery_id)
    try:
        acts.release(shown.message, only=shown)
    except Refusal as refusal:
        flash(_("It stays held. %(why)s", why=refusal.words), "error")
    else:
        db.session.commit()
        flash(_("Released. It is on its way."))
    return redirect(url_for(".delivery", delivery_id=delivery_id))


def send_again(delivery_id: int) -> ResponseReturnValue:
    shown = _find(delivery_id)
    if not acts.may_send_again(shown):
        flash(_("Only mail that failed or whose fate is unknown is sent again."), "error")
        return redirect(url_for(".delivery", delivery_id=delivery_id))
    form = Form()
    if form.validate_on_submit():
        try:
            acts.send_again(shown)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("It is on its way once more."))
            return redirect(url_for(".delivery", delivery_id=delivery_id))
    return render_template(
        "shared/log/send_again.html",
        form=form,
        delivery=shown,
        may_have_arrived=acts.may_have_arrived(shown),
    )


def _find(delivery_id: int) -> Delivery:
    return deliveries.delivery(g.site.white_label_id, delivery_id, whose=whose())


def _history(shown: Delivery) -> list[tuple[datetime, str, Event | Attempt]]:
    """What happened to the message and what was tried for this recipient, in order."""
    events = [(event.at, "event", event) for event in shown.message.events]
    tries = [(attempt.at, "try", attempt) for attempt in shown.tries]
    return sorted([*events, *tries], key=itemgetter(0))


def _because(shown: Delivery) -> str:
    message = shown.message
    trace = explain.from_json(message.trace)
    used = next((step for step in reversed(trace) if step.server == message.server_id), None)
    return explain.because(
        message.reason,
        owner=message.owner.name if message.owner else "",
        app=message.app.name if message.app else "",
        configurer=used.configurer if used else "",
        is_portals_own=message.white_label_id is None,
    )


def _trace(shown: Delivery) -> Sequence[explain.StepWords]:
    owner = shown.message.owner.name if shown.message.owner else ""
    return explain.trace_words(explain.from_json(shown.message.trace), owner=owner)


def _advice(tried: Delivery | Attempt) -> Advice | None:
    """What its state means, and what to do."""
    return meaning_of(
        tried.state,
        kind=tried.kind,
        stage=tried.stage,
        code=tried.code,
        enhanced=tried.enhanced,
        words=tried.words,
        preset=tried.server.preset if tried.server else None,
        by_token=tried.server is not None and tried.server.auth is AuthKind.BEARER,
    )
