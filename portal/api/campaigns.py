"""`/campaigns`: one template to many people; an app sees and stops its own."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, after_this_request, jsonify

from portal.api.campaign_schemas import BalanceOut, CampaignIn, CampaignOut
from portal.api.door import answer_once, bp, key, read, refuse_test_key
from portal.campaigns import audiences, campaigns, drafts, listing
from portal.campaigns.drafts import Wishes
from portal.campaigns.models import Campaign
from portal.campaigns.schedule import Start
from portal.core import background
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.mail_templates import templates
from portal.senders import senders
from portal.smtp.addresses import parse_address


@bp.post("/campaigns")
@answer_once(HTTPStatus.ACCEPTED)
def launch_campaign() -> Any:
    """Write it and let it go; its mail is put into the outbox in the background."""
    refuse_test_key()
    body = read(CampaignIn)
    app = key().app
    campaign = drafts.create(app.white_label, name=body.name, author=None, app=app)
    drafts.change(campaign, _wishes(body))
    campaigns.launch(campaign, by=None)
    _ask_for_the_work(campaign)
    return campaign_out(campaign)


@bp.get("/campaigns/<public_id>")
def campaign(public_id: str) -> Response:
    """How it stands."""
    return jsonify(campaign_out(_find(public_id)))


@bp.post("/campaigns/<public_id>/pause")
def pause_campaign(public_id: str) -> Response:
    """Nothing more of it leaves."""
    refuse_test_key()
    found = _find(public_id)
    campaigns.pause(found)
    return _done(found)


@bp.post("/campaigns/<public_id>/resume")
def resume_campaign(public_id: str) -> Response:
    """It goes on."""
    refuse_test_key()
    found = _find(public_id)
    campaigns.resume(found)
    return _done(found)


@bp.post("/campaigns/<public_id>/cancel")
def cancel_campaign(public_id: str) -> Response:
    """Take back what has not been handed over yet."""
    refuse_test_key()
    found = _find(public_id)
    campaigns.cancel(found)
    return _done(found)


def campaign_out(found: Campaign) -> dict[str, Any]:
    """A campaign as programs see it."""
    balance = campaigns.balance_of(found)
    return CampaignOut(
        id=found.public_id,
        name=found.name,
        state=found.state,
        created_at=found.created_at,
        launched_at=found.launched_at,
        start_at=found.start_at,
        finished_at=found.finished_at,
        expected_finish=campaigns.estimated_finish(found),
        balance=BalanceOut(
            audience=balance.total,
            sent=balance.sent,
            failed=balance.failed,
            unknown=balance.unknown,
            held=balance.held,
            suppressed=balance.suppressed,
            cancelled=balance.cancelled,
            sandboxed=balance.sandboxed,
            waiting=balance.waiting,
            unsubscribed=balance.unsubscribed,
        ),
    ).model_dump(mode="json")


def _wishes(body: CampaignIn) -> Wishes:
    """What the body asks for.

    Raises:
        Refusal: something of it is not there; `field` says what.
    """
    return Wishes(
        name=body.name,
        template_id=templates.find(key().app.white_label_id, body.template).id,
        language=body.language,
        sender_id=_sender_id(body.sender),
        audience_id=_audience_id(body.audience),
        values=body.variables,
        start=Start(body.start_at, "UTC") if body.start_at else None,
        pace=body.pace.pace(),
    )


def _sender_id(given: int | str | None) -> int | None:
    if given is None or isinstance(given, int):
        return given  # whether it is one of ours is the campaign's question
    found = senders.find_by_email(key().app.white_label, str(parse_address(given)))
    if found is None:
        raise Refusal("sender_unknown", _("There is no such sender."), field="sender")
    return found.id


def _audience_id(name: str) -> int:
    there = {one.name: one.id for one in audiences.choices(key().app.white_label_id)}
    if name not in there:
        raise Refusal("audience_unknown", _("There is no such audience."), field="audience")
    return there[name]


def _find(public_id: str) -> Campaign:
    """A campaign of this key's app.

    Raises:
        NotFound: missing and foreign look the same.
    """
    found = listing.find_public(key().app.white_label_id, public_id)
    if found.app_id != key().app_id:
        raise NotFound(_("campaign"))
    return found


def _done(found: Campaign) -> Response:
    answer = campaign_out(found)
    db.session.commit()
    background.ask("campaign", found.id)
    return jsonify(answer)


def _ask_for_the_work(found: Campaign) -> None:
    """When it is committed, which happens after the view."""
    number = found.id

    @after_this_request
    def ask(response: Response) -> Response:
        if response.status_code == HTTPStatus.ACCEPTED:
            background.ask("campaign", number)
        return response
