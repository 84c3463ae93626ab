"""Campaigns: the list, and one campaign under way or over: how it stands, and what can be done.

How one is written stands in `campaign_steps`, what it did in `campaign_report`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.campaigns import campaigns as acts
from portal.campaigns import drafts, listing
from portal.campaigns.models import Campaign, CampaignState
from portal.core import background
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.routing.ways import is_in_sandbox
from portal.web.csv_file import csv_file
from portal.web.forms import Form, Query, tidy
from portal.web.white_label.door import bp

STATES: Mapping[CampaignState, tuple[Words, str]] = {
    CampaignState.DRAFT: (lazy("Draft"), "quiet"),
    CampaignState.SCHEDULED: (lazy("Scheduled"), "wait"),
    CampaignState.RUNNING: (lazy("Under way"), "wait"),
    CampaignState.PAUSED: (lazy("Paused"), "warn"),
    CampaignState.FINISHED: (lazy("Finished"), "good"),
    CampaignState.CANCELLED: (lazy("Cancelled"), "quiet"),
}


class SearchForm(Query):
    q = StringField(lazy("Name"), filters=[tidy], render_kw={"type": "search"})
    state = SelectField(
        lazy("State"),
        default="",
        choices=[
            SelectChoice("", lazy("Any")),
            *(SelectChoice(state.value, words) for state, (words, _look) in STATES.items()),
        ],
    )

    def wanted(self) -> CampaignState | None:
        return CampaignState(self.state.data) if self.state.data in list(CampaignState) else None


class NewForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("For you and your colleagues; recipients do not see it."),
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "off", "maxlength": drafts.LONGEST_NAME},
    )


class AgainForm(Form):
    with_unknown = BooleanField(
        lazy("Also to those whose mail may have arrived"),
        description=lazy("Their server never answered: they may get it twice."),
    )


@bp.get("/campaigns")
def campaigns() -> str:
    form = SearchForm()
    page = listing.page(
        g.white_label.id,
        search=form.q.data or "",
        state=form.wanted(),
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
    )
    return render_template(
        "white_label/campaigns/list.html",
        form=form,
        page_of=page,
        balances=acts.balances_of(page.rows),
        states=STATES,
        is_in_sandbox=is_in_sandbox(g.white_label.id),
    )


@bp.get("/campaigns.csv")
def campaigns_csv() -> Response:
    """All of them with their balance sheets."""
    header = (
        _("Name"), _("State"), _("Created"), _("Launched"), _("Finished"), _("Audience"),
        _("Delivered"), _("Failed"), _("Unknown"), _("Held"), _("Suppressed"), _("Cancelled"),
        _("Sandboxed"), _("Waiting"), _("Unsubscribed"),
    )  # fmt: skip
    rows, before = [], None
    while True:
        page = listing.page(g.white_label.id, before=before)
        balances = acts.balances_of(page.rows)
        for one in page.rows:
            it = balances[one.id]
            rows.append(
                (
                    one.name,
                    str(STATES[one.state][0]),
                    one.created_at,
                    one.launched_at,
                    one.finished_at,
                    it.total,
                    it.sent,
                    it.failed,
                    it.unknown,
                    it.held,
                    it.suppressed,
                    it.cancelled,
                    it.sandboxed,
                    it.waiting,
                    it.unsubscribed,
                )
            )
        if page.older is None:
            return csv_file("campaigns", header, rows)
        before = page.older


@bp.route("/campaigns/new", methods=["GET", "POST"])
def new_campaign() -> ResponseReturnValue:
    form = NewForm()
    if form.validate_on_submit():
        try:
            campaign = drafts.create(g.white_label, name=form.name.data, author=g.person)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            return redirect(url_for(".write_campaign", campaign_id=campaign.id, step="message"))
    return render_template("white_label/campaigns/new.html", form=form)


@bp.post("/campaigns/<int:campaign_id>/pause")
def pause_campaign(campaign_id: int) -> ResponseReturnValue:
    words = _("Paused. What a server has in hand at this moment still arrives; the rest waits.")
    return _act(campaign_id, acts.pause, words)


@bp.post("/campaigns/<int:campaign_id>/resume")
def resume_campaign(campaign_id: int) -> ResponseReturnValue:
    return _act(campaign_id, acts.resume, _("It goes on."))


@bp.post("/campaigns/<int:campaign_id>/unschedule")
def unschedule_campaign(campaign_id: int) -> ResponseReturnValue:
    words = _("It is a draft again and begins only when you launch it.")
    return _act(campaign_id, acts.unschedule, words)


@bp.post("/campaigns/<int:campaign_id>/copy")
def copy_campaign(campaign_id: int) -> ResponseReturnValue:
    """A draft like it, to be changed and launched."""
    twin = drafts.copy(listing.find(g.white_label.id, campaign_id), author=g.person)
    db.session.commit()
    flash(_("This is a copy; nothing of it is sent before you launch it."))
    return redirect(url_for(".write_campaign", campaign_id=twin.id, step="message"))


@bp.route("/campaigns/<int:campaign_id>/cancel", methods=["GET", "POST"])
def cancel_campaign(campaign_id: int) -> ResponseReturnValue:
    """Whom it would not reach any more; then it stops."""
    campaign = listing.find(g.white_label.id, campaign_id)
    form = Form()
    if form.validate_on_submit():
        try:
            acts.cancel(campaign)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            return _done(campaign_id, _("Cancelled. Nothing more of it leaves."))
    return render_template(
        "white_label/campaigns/cancel.html",
        form=form,
        campaign=campaign,
        balance=acts.balance_of(campaign),
        may_cancel=acts.may_cancel(campaign),
    )


@bp.route("/campaigns/<int:campaign_id>/again", methods=["GET", "POST"])
def resend_campaign(campaign_id: int) -> ResponseReturnValue:
    """To those whom it failed to reach, and to nobody else."""
    campaign = listing.find(g.white_label.id, campaign_id)
    form = AgainForm()
    balance = acts.balance_of(campaign)
    if not balance.unknown:
        del form.with_unknown
    if form.validate_on_submit():
        try:
            count = acts.resend_failed(
                campaign, with_unknown=bool(form.with_unknown and form.with_unknown.data)
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            words = ngettext(
                "On its way to %(num)s person once more.",
                "On its way to %(num)s people once more.",
                count,
            )
            return _done(campaign_id, words)
    return render_template(
        "white_label/campaigns/again.html",
        form=form,
        campaign=campaign,
        balance=balance,
        may_resend=acts.may_resend(campaign),
    )


@bp.route("/campaigns/<int:campaign_id>/delete", methods=["GET", "POST"])
def delete_campaign(campaign_id: int) -> ResponseReturnValue:
    """Throw a draft away."""
    campaign = listing.find(g.white_label.id, campaign_id)
    form = Form()
    if form.validate_on_submit():
        name = campaign.name
        try:
            drafts.delete(campaign)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("The draft %(name)s is deleted.", name=name))
            return redirect(url_for(".campaigns"))
    return render_template("white_label/campaigns/delete.html", form=form, campaign=campaign)


def _act(campaign_id: int, act: Callable[[Campaign], None], words: str) -> ResponseReturnValue:
    """Do it to this campaign, and say so; or say why not."""
    try:
        act(listing.find(g.white_label.id, campaign_id))
    except Refusal as refusal:
        if refusal.code == "not_found":
            raise
        db.session.rollback()
        flash(refusal.words, "error")
        return redirect(url_for(".campaign", campaign_id=campaign_id))
    return _done(campaign_id, words)


def _done(campaign_id: int, words: str) -> ResponseReturnValue:
    db.session.commit()
    background.ask("campaign", campaign_id)
    flash(words)
    return redirect(url_for(".campaign", campaign_id=campaign_id))
