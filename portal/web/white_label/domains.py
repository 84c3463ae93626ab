"""Domains: asked for with "Send request", published, checked, and given up."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.search import search_words
from portal.core.words import lazy
from portal.desk import askable, conversations, domain_requests, record_links
from portal.desk.domain_requests import MOST_WORDS
from portal.desk.proposals import proposals_for
from portal.desk.request_listing import DomainRow, find_request, request_of, rows_of, state_of
from portal.desk.request_models import DomainRequest
from portal.domains import allow_list
from portal.domains.lookalikes import portrait
from portal.domains.models import Domain, DomainState
from portal.domains.records import RecordState
from portal.outbox import effects
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.web.csv_file import csv_file
from portal.web.domain_pages import STATES, check_now, records_of, shown
from portal.web.forms import Form, Query, tidy
from portal.web.white_label.door import bp


class SearchForm(Query):
    q = StringField(lazy("Domain"), filters=[tidy], render_kw={"type": "search"})
    state = SelectField(
        lazy("State"),
        choices=[
            SelectChoice("", lazy("Any")),
            *(SelectChoice(state, words) for state, (words, _kind) in STATES.items()),
        ],
        default="",
    )


class RequestForm(Form):
    name = StringField(
        lazy("Domain"),
        filters=[tidy],
        description=lazy(
            "What stands behind the @ of the addresses that mail is to leave from. Somebody must "
            "be able to edit its DNS."
        ),
        validators=[DataRequired(lazy("Which domain?"))],
        render_kw={
            "autocomplete": "off",
            "inputmode": "url",
            "maxlength": "260",
            "list": "proposals",
            "spellcheck": "false",
        },
    )
    note = TextAreaField(
        lazy("Note"),
        description=lazy("Anything that helps to answer it. It goes along with the request."),
        validators=[Length(max=MOST_WORDS, message=lazy("Use at most %(max)d characters."))],
        render_kw={"rows": "3", "maxlength": str(MOST_WORDS)},
    )


@bp.get("/domains")
def domains() -> str:
    """All names: on the allow-list, asked for, and asked for in vain."""
    form = SearchForm()
    everything = rows_of(g.white_label)
    return render_template(
        "white_label/domains/domains.html",
        form=form,
        rows=[row for row in everything if _is_wanted(row, form)],
        has_any=bool(everything),
        can_ask=askable.can_be_asked(),
        states=STATES,
        seen=_seen,
    )


@bp.get("/domains.csv")
def domains_csv() -> Response:
    header = (_("Domain"), _("As people write it"), _("State"), _("With subdomains"), _("Checked"))
    rows = [
        (
            row.name,
            row.shown,
            str(STATES[row.state][0]),
            _("yes") if row.domain and row.domain.includes_subdomains else _("no"),
            row.domain.checked_at if row.domain else None,
        )
        for row in rows_of(g.white_label)
    ]
    return csv_file("domains", header, rows)


@bp.route("/domains/request", methods=["GET", "POST"])
def request_domain() -> ResponseReturnValue:
    """Ask the platform's owners; where that makes no sense, say why not."""
    if not askable.can_be_asked():
        return render_template("white_label/domains/cannot_ask.html")
    proposals = proposals_for(g.white_label, g.person)
    form = RequestForm(name=request.args.get("domain") or next(iter(proposals), ""))
    if form.validate_on_submit():
        try:
            sent = domain_requests.submit(
                g.white_label, name=form.name.data, author=g.person, note=form.note.data or ""
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Request sent. You get a mail when it is answered."))
            return redirect(url_for(".own_domain_request", request_id=sent.id))
    return render_template(
        "white_label/domains/request.html", form=form, proposals=[shown(one) for one in proposals]
    )


@bp.get("/domains/requests/<int:request_id>")
def own_domain_request(request_id: int) -> ResponseReturnValue:
    """A request without a domain on the list; with one, the domain's own page tells more."""
    found = find_request(g.white_label, request_id)
    if found.is_on_the_list:
        return redirect(url_for(".domain", domain_id=found.domain_id))
    return render_template(
        "white_label/domains/own_request.html",
        request=found,
        portrait=portrait(found.name),
        states=STATES,
        may_nudge_at=domain_requests.may_nudge_at(found),
        nudge_days=domain_requests.NUDGE_AFTER.days,
        expires_days=domain_requests.EXPIRES_AFTER.days,
        messages=conversations.page_of_messages(found.thread).rows,
        can_ask=askable.can_be_asked(),
    )


@bp.post("/domains/requests/<int:request_id>/nudge")
def nudge_domain_request(request_id: int) -> ResponseReturnValue:
    """Remind the owners."""
    try:
        domain_requests.nudge(find_request(g.white_label, request_id), by=g.person)
    except NotFound:
        raise
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
    else:
        db.session.commit()
        flash(_("The owners are reminded by mail."))
    return redirect(url_for(".own_domain_request", request_id=request_id))


@bp.route("/domains/requests/<int:request_id>/withdraw", methods=["GET", "POST"])
def withdraw_domain_request(request_id: int) -> ResponseReturnValue:
    """Take an open request back."""
    found, form = find_request(g.white_label, request_id), Form()
    if not found.is_open:
        return redirect(url_for(".own_domain_request", request_id=request_id))
    if form.validate_on_submit():
        domain_requests.withdraw(found, by=g.person)
        db.session.commit()
        flash(_("The request for %(domain)s is taken back.", domain=shown(found.name)))
        return redirect(url_for(".domains"))
    return render_template("white_label/domains/withdraw.html", form=form, request=found)


@bp.get("/domains/<int:domain_id>")
def domain(domain_id: int) -> ResponseReturnValue:
    """How it stands, and what is to be published."""
    found = _domain(domain_id)
    asked = request_of(found)
    if found.state is DomainState.REVOKED:
        if asked is None:
            raise NotFound(_("domain"))
        return redirect(url_for(".own_domain_request", request_id=asked.id))
    return _page(found, asked)


@bp.post("/domains/<int:domain_id>/check")
def check_domain(domain_id: int) -> ResponseReturnValue:
    """Ask DNS now."""
    check_now(_listed(domain_id))
    return redirect(url_for(".domain", domain_id=domain_id, _anchor="records"))


@bp.post("/domains/<int:domain_id>/link")
def make_record_link(domain_id: int) -> ResponseReturnValue:
    """A link for whoever keeps the DNS. It is shown in this answer and never again."""
    found = _listed(domain_id)
    token = record_links.make(found, by=g.person)
    db.session.commit()
    address = g.site.origin + url_for("public.records", token=token.reveal())
    return _page(_listed(domain_id), request_of(found), link_address=address)


@bp.post("/domains/<int:domain_id>/link/withdraw")
def withdraw_record_link(domain_id: int) -> ResponseReturnValue:
    """Whoever has the link sees nothing any more."""
    record_links.withdraw(_listed(domain_id))
    db.session.commit()
    flash(_("The link does not work any more."))
    return redirect(url_for(".domain", domain_id=domain_id, _anchor="link"))


@bp.route("/domains/<int:domain_id>/remove", methods=["GET", "POST"])
def remove_domain(domain_id: int) -> ResponseReturnValue:
    """What goes with it; then it leaves the list."""
    found, form = _listed(domain_id), Form()
    if form.validate_on_submit():
        domain_requests.give_up(found, by=g.person)
        db.session.commit()
        flash(_("%(domain)s is off your list.", domain=shown(found.name)))
        return redirect(url_for(".domains"))
    return render_template(
        "white_label/domains/remove.html",
        form=form,
        domain=found,
        name=shown(found.name),
        effects=effects.of_losing_domain(found),
    )


def _page(found: Domain, asked: DomainRequest | None, *, link_address: str = "") -> str:
    lost = effects.of_losing_domain(found)
    return render_template(
        "white_label/domains/domain.html",
        domain=found,
        portrait=portrait(found.name),
        state=STATES[state_of(found)],
        records=records_of(found),
        request=asked,
        messages=conversations.page_of_messages(asked.thread).rows if asked else (),
        link=record_links.present(found),
        link_address=link_address,
        link_days=record_links.VALID_FOR.days,
        senders=lost.senders,
        held=lost.held,
        carrier=next((one for one in servers.servers_of(None) if _is_ready(one)), None),
    )


def _is_ready(server: SmtpServer) -> bool:
    return server.is_enabled and server.validated_at is not None


def _domain(domain_id: int) -> Domain:
    return allow_list.find_domain(g.white_label, domain_id)


def _listed(domain_id: int) -> Domain:
    found = _domain(domain_id)
    if found.state is DomainState.REVOKED:
        raise NotFound(_("domain"))
    return found


def _is_wanted(row: DomainRow, form: SearchForm) -> bool:
    words = search_words((form.q.data or "").lower())
    is_found = all(word in row.name or word in row.shown for word in words)
    return is_found and (not form.state.data or row.state == form.state.data)


def _seen(domain: Domain) -> tuple[int, int]:
    """How many of the required records are there, of how many."""
    required = [record for record in domain.records if record.is_required]
    return sum(record.state is RecordState.FOUND for record in required), len(required)
