"""Domain requests: what white labels ask for, with what an owner should know before answering."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import BooleanField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.apps import apps
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import lazy
from portal.desk import (
    askable,
    conversations,
    domain_requests,
    record_templates,
    request_letters,
    request_listing,
)
from portal.desk.domain_requests import MOST_WORDS
from portal.desk.pasted_records import read_records
from portal.desk.request_listing import Show
from portal.desk.request_models import DomainRequest
from portal.domains import allow_list, signing
from portal.domains.lookalikes import alike, portrait
from portal.domains.models import Domain
from portal.domains.records import zone_line
from portal.senders.listing import senders_within
from portal.web.backoffice.door import bp
from portal.web.csv_file import Cell, csv_file
from portal.web.domain_pages import STATES, ask_ahead, check_now, records_of, shown
from portal.web.forms import Form, Query, tidy
from portal.white_labels.models import WhiteLabel

TOO_LONG = Length(max=MOST_WORDS, message=lazy("Use at most %(max)d characters."))
SHOWN = {
    Show.OPEN: lazy("To be answered"),
    Show.LISTED: lazy("On the allow-list"),
    Show.OVER: lazy("Over"),
    Show.ALL: lazy("All"),
}


class SearchForm(Query):
    q = StringField(lazy("Domain or white label"), filters=[tidy], render_kw={"type": "search"})
    show = SelectField(
        lazy("Show"),
        choices=[SelectChoice(show.value, words) for show, words in SHOWN.items()],
        default=Show.OPEN.value,
    )

    @property
    def wanted(self) -> Show:
        return Show(self.show.data) if self.show.data in list(Show) else Show.OPEN


class RecordsForm(Form):
    records = TextAreaField(
        lazy("Records"),
        description=lazy(
            "As the provider shows them: type, name and value, one record a line; lines of a zone "
            "file are understood, too. TXT and CNAME."
        ),
        render_kw={"rows": "8", "spellcheck": "false", "maxlength": "20000"},
    )
    note = TextAreaField(
        lazy("Note"),
        description=lazy("Goes along with the records."),
        validators=[TOO_LONG],
        render_kw={"rows": "2", "maxlength": str(MOST_WORDS)},
    )


class ApproveForm(Form):
    template = SelectField(
        lazy("Record template"),
        coerce=int,
        description=lazy("The records that your mail provider wants to see, kept for such cases."),
    )
    records = TextAreaField(
        lazy("Further records"),
        description=lazy(
            "As the provider shows them: type, name and value, one record a line; lines of a zone "
            "file are understood, too. TXT and CNAME."
        ),
        render_kw={"rows": "4", "spellcheck": "false", "class": "mono", "maxlength": "20000"},
    )
    signs = BooleanField(
        lazy("Sign its mail here"),
        description=lazy("Adds a DKIM key of this installation, for providers that do not sign."),
    )
    includes_subdomains = BooleanField(
        lazy("With all subdomains"),
        description=lazy("Mail may leave from every name below it, too."),
    )
    note = TextAreaField(
        lazy("Note"),
        description=lazy("Goes along with the records."),
        validators=[TOO_LONG],
        render_kw={"rows": "2", "maxlength": str(MOST_WORDS)},
    )


class ReasonForm(Form):
    reason = TextAreaField(
        lazy("Reason"),
        description=lazy("They read it in the mail and on their page."),
        validators=[DataRequired(lazy("Say why; they read it.")), TOO_LONG],
        render_kw={"rows": "2", "maxlength": str(MOST_WORDS)},
    )


@bp.get("/domain-requests", endpoint="domain_requests")
def list_domain_requests() -> str:
    """All of them, those to be answered first."""
    form = SearchForm()
    return render_template(
        "backoffice/domain_requests/list.html",
        form=form,
        page_of_requests=request_listing.page_of_requests(
            form.wanted,
            words=form.q.data or "",
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
        states=STATES,
        shown=shown,
        has_any=bool(request_listing.page_of_requests(Show.ALL, size=1).rows),
        can_be_asked=askable.can_be_asked(),
    )


@bp.get("/domain-requests.csv")
def domain_requests_csv() -> Response:
    form = SearchForm()
    header = (
        _("Domain"),
        _("White label"),
        _("Asked by"),
        _("Asked"),
        _("State"),
        _("Since"),
        _("Decided by"),
        _("Answer"),
    )

    def rows() -> Iterator[tuple[Cell, ...]]:
        for one in request_listing.all_requests(form.wanted, words=form.q.data or ""):
            yield (
                one.name,
                one.white_label.name,
                one.author.email,
                one.created_at,
                str(STATES[one.state][0]),
                one.changed_at,
                one.decided_by.email if one.decided_by else "",
                one.answer,
            )

    return csv_file("domain-requests", header, rows())


@bp.get("/domain-requests/<int:request_id>")
def domain_request(request_id: int) -> str:
    """Who asks for what, and what speaks for and against it."""
    return _page(_find(request_id), _approve_form(), ReasonForm(prefix="refuse-"))


@bp.post("/domain-requests/<int:request_id>/approve")
def approve_domain(request_id: int) -> ResponseReturnValue:
    """Put the domain on the allow-list, and send the records back."""
    form = _approve_form()
    if form.validate_on_submit():
        try:
            found = _find(request_id)
            domain = _approve(found, form)
        except NotFound:
            raise
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            if request_letters.reach_admins(found.white_label):
                words = _(
                    "%(domain)s is approved, the records are sent.", domain=shown(domain.name)
                )
            else:
                words = _("%(domain)s is approved.", domain=shown(domain.name))
                words += " " + _records_are_there(found.white_label)
            flash(words)
            return redirect(url_for(".domain_request", request_id=request_id))
    return _again(request_id, form, ReasonForm(None, prefix="refuse-"), form)


@bp.post("/domain-requests/<int:request_id>/refuse")
def refuse_domain(request_id: int) -> ResponseReturnValue:
    """Say no, and why."""
    form = ReasonForm(prefix="refuse-")
    if form.validate_on_submit():
        try:
            found = _find(request_id)
            domain_requests.refuse(found, by=g.person, reason=form.reason.data)
        except NotFound:
            raise
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            if request_letters.reach_admins(found.white_label):
                flash(_("The request is refused, and the reason sent."))
            else:
                flash(_("The request is refused.") + " " + _reason_is_there(found.white_label))
            return redirect(url_for(".domain_requests"))
    return _again(request_id, _approve_form(is_sent=False), form, form)


@bp.route("/domain-requests/<int:request_id>/records", methods=["GET", "POST"])
def change_domain_records(request_id: int) -> ResponseReturnValue:
    """Ask for other records than those that were approved."""
    found = _find(request_id)
    domain = found.domain
    if not found.is_on_the_list or domain is None:
        return redirect(url_for(".domain_request", request_id=request_id))
    lines = [zone_line(one) for one in domain_requests.chosen_records(domain)]
    form = RecordsForm(records="\n".join(lines))
    if form.validate_on_submit():
        try:
            specs = read_records(form.records.data or "", found.name)
            findings = ask_ahead(found.name, specs)
            domain_requests.change_records(
                found, by=g.person, specs=specs, note=form.note.data or "", findings=findings
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
            found = _find(request_id)
        else:
            db.session.commit()
            if request_letters.reach_admins(found.white_label):
                flash(_("The records are changed and sent."))
            else:
                flash(_("The records are changed.") + " " + _records_are_there(found.white_label))
            return redirect(url_for(".domain_request", request_id=request_id))
    return render_template(
        "backoffice/domain_requests/records.html", form=form, request=found, name=shown(found.name)
    )


@bp.post("/domain-requests/<int:request_id>/check")
def check_requested_domain(request_id: int) -> ResponseReturnValue:
    """Ask DNS now."""
    found = _find(request_id)
    if found.is_on_the_list and found.domain is not None:
        check_now(found.domain)
    return redirect(url_for(".domain_request", request_id=request_id, _anchor="records"))


def _find(request_id: int) -> DomainRequest:
    return request_listing.find_request(None, request_id)


def _reason_is_there(white_label: WhiteLabel) -> str:
    words = _(
        "No mail reaches the admins of %(name)s at present: they read the reason on the request's "
        "page and in the conversation.",
        name=white_label.name,
    )
    return str(words)


def _records_are_there(white_label: WhiteLabel) -> str:
    words = _(
        "No mail reaches the admins of %(name)s at present: they read the records on the domain's "
        "page.",
        name=white_label.name,
    )
    return str(words)


def _approve_form(*, is_sent: bool = True) -> ApproveForm:
    """Filled in with what was sent, or ready for one click."""
    form = ApproveForm() if is_sent else ApproveForm(None)
    templates = record_templates.all_templates()
    form.template.choices = [
        *(SelectChoice(template.id, template.name) for template in templates),
        SelectChoice(0, _("None")),
    ]
    return form


def _approve(found: DomainRequest, form: ApproveForm) -> Domain:
    records, note, signs = form.records.data or "", form.note.data or "", form.signs.data
    if form.template.data:
        template = record_templates.find_template(form.template.data)
        records = f"{template.records}\n{records}"
        note, signs = note or template.note, signs or template.signs
    specs = read_records(records, found.name)
    findings = ask_ahead(found.name, specs)
    return domain_requests.approve(
        found,
        by=g.person,
        specs=specs,
        signs=signs,
        includes_subdomains=form.includes_subdomains.data,
        note=note,
        findings=findings,
    )


def _again(
    request_id: int, approve: ApproveForm, refuse: ReasonForm, sent: Form
) -> ResponseReturnValue:
    """The page with the form that was sent; where that is decided meanwhile, only the words."""
    found = _find(request_id)
    if found.is_open:
        return _page(found, approve, refuse)
    for words in sent.form_errors:
        flash(words, "error")
    return redirect(url_for(".domain_request", request_id=request_id))


def _page(found: DomainRequest, approve: ApproveForm, refuse: ReasonForm) -> str:
    white_label = found.white_label
    return render_template(
        "backoffice/domain_requests/request.html",
        request=found,
        portrait=portrait(found.name),
        state=STATES[found.state],
        states=STATES,
        approve=approve,
        refuse=refuse,
        templates=record_templates.all_templates(),
        conflict=allow_list.conflict_of(white_label, found.name) if found.is_open else None,
        is_platforms=askable.is_platforms(found.name),
        likenesses=alike(found.name, allow_list.held_by_others(white_label)),
        rivals=request_listing.rivals_of(found),
        earlier=request_listing.earlier_of(found),
        apps=apps.apps_of(white_label),
        senders=senders_within(white_label, found.name),
        records=records_of(found.domain) if found.domain and found.is_on_the_list else (),
        keys=signing.keys_of(found.domain) if found.domain and found.is_on_the_list else (),
        messages=conversations.page_of_messages(found.thread).rows,
    )
