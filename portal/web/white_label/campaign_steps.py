"""Writing a campaign: step by step, then a rehearsal, then its launch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, abort, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import DateTimeLocalField, Field, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length, Optional

from portal.campaigns import audiences, drafts, listing, schedule
from portal.campaigns import campaigns as acts
from portal.campaigns.acting import locked
from portal.campaigns.drafts import Wishes
from portal.campaigns.models import Campaign, CampaignState
from portal.campaigns.pace import Pace, PaceKind
from portal.campaigns.rehearsal import rehearse
from portal.campaigns.schedule import Start
from portal.core import background, clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.mail_templates import templates
from portal.mail_templates.asking import asked_by
from portal.routing.choices import sender_choices
from portal.web.edit_form import EditForm
from portal.web.forms import Form, tidy
from portal.web.headers import policy
from portal.web.log import MAIL_POLICY
from portal.web.smtp_servers.fields import NumberField
from portal.web.white_label.door import bp

STEPS: dict[str, Words] = {
    "message": lazy("Message"),
    "people": lazy("People and sender"),
    "values": lazy("Values"),
    "time": lazy("Time and pace"),
}
_PREFIX = "value-"


class MessageForm(EditForm):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("For you and your colleagues; recipients do not see it."),
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "off", "maxlength": drafts.LONGEST_NAME},
    )
    template = SelectField(lazy("Template"), validators=[DataRequired(lazy("What does it say?"))])


class PeopleForm(EditForm):
    audience = SelectField(lazy("Audience"), validators=[DataRequired(lazy("Whom does it go to?"))])
    language = SelectField(lazy("Language"))
    sender = SelectField(
        lazy("Sender"),
        description=lazy("Chosen by hand, it never falls through silently."),
    )


class TimeForm(EditForm):
    start = RadioField(
        lazy("Begins"),
        choices=[
            SelectChoice("now", lazy("As soon as it is launched")),
            SelectChoice("later", lazy("At a time")),
        ],
    )
    at = DateTimeLocalField(lazy("Time"), validators=[Optional()])
    time_zone = SelectField(lazy("Time zone"))
    pace = RadioField(
        lazy("Pace"),
        choices=[
            SelectChoice(PaceKind.FAST.value, lazy("As fast as the servers take it")),
            SelectChoice(PaceKind.HOURLY.value, lazy("At most so many an hour")),
            SelectChoice(
                PaceKind.RANDOM.value, lazy("Randomise: a pause of changing length between two")
            ),
        ],
    )
    per_hour = NumberField(lazy("Mails an hour"), render_kw={"inputmode": "numeric"})
    min_delay = NumberField(lazy("Shortest pause, in seconds"), render_kw={"inputmode": "numeric"})
    max_delay = NumberField(lazy("Longest pause, in seconds"), render_kw={"inputmode": "numeric"})


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the composer, as the line above all of them shows it."""

    key: str
    words: Words
    is_done: bool


@bp.route("/campaigns/<int:campaign_id>/<any(message,people,values,time):step>",
          methods=["GET", "POST"])  # fmt: skip
def write_campaign(campaign_id: int, step: str) -> ResponseReturnValue:
    """One step: what is typed is kept, and the next one follows."""
    campaign = listing.find(g.white_label.id, campaign_id)
    if campaign.state is not CampaignState.DRAFT:
        return redirect(url_for(".campaign", campaign_id=campaign_id))
    form = _FORMS[step](campaign)
    if form.validate_on_submit():
        try:
            words = _keep(campaign, step, form)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            if words:
                flash(words)
            return redirect(_after(campaign, step))
    return render_template(
        "white_label/campaigns/write.html",
        form=form,
        campaign=campaign,
        step=step,
        steps=_steps(campaign),
        values=[field for field in form if field.name.startswith(_PREFIX)],
        has_templates=bool(templates.templates_of(g.white_label)),
        has_audiences=bool(audiences.choices(g.white_label.id)),
        columns=set(campaign.audience.columns) if campaign.audience else set(),
    )


@bp.get("/campaigns/<int:campaign_id>/rehearsal")
def rehearsal(campaign_id: int) -> ResponseReturnValue:
    """What would happen; the button names it."""
    campaign = listing.find(g.white_label.id, campaign_id)
    if campaign.state is not CampaignState.DRAFT:
        return redirect(url_for(".campaign", campaign_id=campaign_id))
    response = Response(
        render_template(
            "white_label/campaigns/rehearsal.html",
            campaign=campaign,
            rehearsal=rehearse(campaign),
            pace=acts.pace_of(campaign),
            steps=_steps(campaign),
            is_later=campaign.start_at is not None and campaign.start_at > clock.now(),
            steps_of=_STEP_OF,
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


@bp.get("/campaigns/<int:campaign_id>/rehearsal/<int:number>")
def rehearsed_html(campaign_id: int, number: int) -> Response:
    """The HTML of one of the first letters, for a frame that lets it do nothing."""
    letters = rehearse(listing.find(g.white_label.id, campaign_id)).letters
    if not 1 <= number <= len(letters) or letters[number - 1].letter.html is None:
        abort(404)
    response = Response(letters[number - 1].letter.html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@bp.post("/campaigns/<int:campaign_id>/rehearsal")
def launch_campaign(campaign_id: int) -> ResponseReturnValue:
    """Let it go. The work is done in the background, so that this answers at once."""
    campaign = listing.find(g.white_label.id, campaign_id)
    try:
        acts.launch(campaign, by=g.person)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
        return redirect(url_for(".rehearsal", campaign_id=campaign_id))
    is_later = campaign.state is CampaignState.SCHEDULED
    db.session.commit()
    background.ask("campaign", campaign_id)
    flash(_("Scheduled. It begins by itself.") if is_later else _("Launched."))
    return redirect(url_for(".campaign", campaign_id=campaign_id))


# The steps


def _message_form(campaign: Campaign) -> Form:
    form = MessageForm(name=campaign.name, template=str(campaign.template_id or ""))
    form.template.choices = [
        SelectChoice("", "–"),
        *(SelectChoice(str(one.id), one.name) for one in templates.templates_of(g.white_label)),
    ]
    return form


def _people_form(campaign: Campaign) -> Form:
    form = PeopleForm(
        audience=str(campaign.audience_id or ""),
        language=campaign.language or "",
        sender=str(campaign.sender_id or ""),
    )
    form.audience.choices = [
        SelectChoice("", "–"),
        *(
            SelectChoice(
                str(one.id),
                ngettext("%(name)s, %(num)s person", "%(name)s, %(num)s people", one.size,
                         name=one.name),
            )
            for one in audiences.choices(g.white_label.id)
        ),
    ]  # fmt: skip
    form.language.choices = [
        SelectChoice("", _("Each in their own, else the template's default")),
        *(SelectChoice(code, code) for code in _languages(campaign)),
    ]
    form.sender.choices = [
        SelectChoice("", _("Whatever fits the mail")),
        *(
            SelectChoice(
                str(one.sender.id),
                one.label
                if one.is_usable
                else _("%(sender)s (not to be used at present)", sender=one.label),
            )
            for one in sender_choices(g.white_label, campaign.author or g.person)
            # What was chosen stays there to be seen, and the rehearsal says what is wrong with it.
            if one.is_usable or one.sender.id == campaign.sender_id
        ),
    ]
    return form


def _values_form(campaign: Campaign) -> Form:
    fields: dict[str, Any] = {
        _PREFIX + name: StringField(
            name,
            default=campaign.values.get(name, ""),
            filters=[tidy],
            validators=[Length(max=drafts.LONGEST_VALUE)],
        )
        for name in _asked(campaign)
    }
    form: Form = type("ValuesForm", (EditForm,), fields)()
    return form


def _time_form(campaign: Campaign) -> Form:
    zone = campaign.time_zone if campaign.start_at else g.person.time_zone
    local = campaign.start_at.astimezone(ZoneInfo(zone)) if campaign.start_at else None
    form = TimeForm(
        start="later" if campaign.start_at else "now",
        at=local.replace(tzinfo=None) if local else None,
        time_zone=zone,
        pace=campaign.pace.value,
        per_hour=campaign.per_hour,
        min_delay=campaign.min_delay,
        max_delay=campaign.max_delay,
    )
    form.time_zone.choices = sorted({*schedule.zones(), zone})
    return form


_FORMS = {
    "message": _message_form,
    "people": _people_form,
    "values": _values_form,
    "time": _time_form,
}
_STEP_OF = {
    "name": "message",
    "template": "message",
    "audience": "people",
    "language": "people",
    "sender": "people",
    "values": "values",
    "start": "time",
}
"""Where what a refusal is about is chosen."""


def _keep(campaign: Campaign, step: str, form: Any) -> str:
    """Write down what this step says; tells what is worth knowing about it.

    Raises:
        Refusal: something of it cannot be.
    """
    wishes, words = _wishes(locked(campaign)), ""
    match step:
        case "message":
            template_id = int(form.template.data)
            language = wishes.language if template_id == wishes.template_id else None
            wishes = replace(
                wishes, name=form.name.data, template_id=template_id, language=language
            )
        case "people":
            wishes = replace(
                wishes,
                audience_id=int(form.audience.data),
                language=form.language.data or None,
                sender_id=int(form.sender.data) if form.sender.data else None,
            )
        case "values":
            wishes = replace(wishes, values=_typed(form))
        case _:
            start = _start(form)
            words = start.words if start else ""
            wishes = replace(wishes, start=start, pace=_pace(form))
    drafts.change(campaign, wishes)
    return words


def _wishes(campaign: Campaign) -> Wishes:
    """What the draft says now."""
    start = Start(campaign.start_at, campaign.time_zone) if campaign.start_at else None
    return Wishes(
        name=campaign.name,
        template_id=campaign.template_id,
        language=campaign.language,
        sender_id=campaign.sender_id,
        audience_id=campaign.audience_id,
        values=campaign.values,
        start=start,
        pace=acts.pace_of(campaign),
    )


def _start(form: TimeForm) -> Start | None:
    if form.start.data != "later":
        return None
    at: datetime | None = form.at.data
    if at is None:
        raise Refusal("start_missing", _("When does it begin?"), field="at")
    start = schedule.start_at(at, form.time_zone.data)
    if start.at <= clock.now():
        raise Refusal("start_passed", _("This time has passed there."), field="at")
    return start


def _pace(form: TimeForm) -> Pace:
    match PaceKind(form.pace.data):
        case PaceKind.HOURLY:
            return Pace(PaceKind.HOURLY, per_hour=form.per_hour.data)
        case PaceKind.RANDOM:
            return Pace(
                PaceKind.RANDOM, min_delay=form.min_delay.data, max_delay=form.max_delay.data
            )
        case _:
            return Pace()


def _typed(form: Form) -> dict[str, str]:
    fields: Sequence[Field] = [field for field in form if field.name.startswith(_PREFIX)]
    return {field.name.removeprefix(_PREFIX): field.data for field in fields if field.data}


def _languages(campaign: Campaign) -> list[str]:
    if campaign.template is None:
        return []
    try:
        return templates.languages_of(templates.newest_version(campaign.template))
    except Refusal:
        return []


def _asked(campaign: Campaign) -> list[str]:
    """What the template asks for in any of its languages; values within values come from apps."""
    if campaign.template is None:
        return []
    try:
        version = templates.newest_version(campaign.template)
    except Refusal:
        return []
    names = (name for text in version.texts for name in asked_by(text).names)
    return [name for name in dict.fromkeys(names) if "." not in name]


def _steps(campaign: Campaign) -> list[Step]:
    asked = _asked(campaign)
    done = {
        "message": campaign.template_id is not None,
        "people": campaign.audience_id is not None,
        "values": bool(campaign.values),
        "time": campaign.start_at is not None or campaign.pace is not PaceKind.FAST,
    }
    return [Step(key, words, done[key]) for key, words in STEPS.items() if key != "values" or asked]


def _after(campaign: Campaign, step: str) -> str:
    keys = [one.key for one in _steps(campaign)]
    later = keys[keys.index(step) + 1 :] if step in keys else []
    if later:
        return url_for(".write_campaign", campaign_id=campaign.id, step=later[0])
    return url_for(".rehearsal", campaign_id=campaign.id)
