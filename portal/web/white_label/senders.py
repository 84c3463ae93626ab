"""Senders: the names and addresses that a white label's mail leaves from."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.apps.apps import contacts_of
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.domains import allow_list
from portal.domains.models import DomainState
from portal.mail_templates.specimens import newest_texts
from portal.outbox import effects
from portal.senders import senders as acts
from portal.senders.listing import all_senders, defaults_of, page_of_senders, row_of
from portal.senders.models import Sender
from portal.senders.senders import Moved, SenderValues
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.web.csv_file import csv_file
from portal.web.domain_pages import shown
from portal.web.edit_form import EditForm
from portal.web.forms import EmailField, Form, tidy
from portal.web.smtp_servers.fields import BoxesField
from portal.web.smtp_servers.forms import TestFields
from portal.web.smtp_servers.stored import try_stored
from portal.web.smtp_servers.trying import Result
from portal.web.white_label.door import bp


class SenderForm(EditForm):
    server = SelectField(
        lazy("Server"), coerce=int, description=lazy("The one that carries mail from it.")
    )
    email = EmailField(
        lazy("Sender e-mail"),
        filters=[tidy],
        description=lazy("The server must be allowed to send for it."),
        validators=[DataRequired(lazy("From which address?"))],
        render_kw={"autocomplete": "off"},
    )
    sender_name = StringField(
        lazy("Sender name"),
        filters=[tidy],
        description=lazy("What recipients read in their mail program."),
        render_kw={"autocomplete": "off"},
    )
    reply_to = EmailField(
        lazy("Reply-To"),
        filters=[tidy],
        description=lazy("Where answers go, if not to the sender."),
        render_kw={"autocomplete": "off"},
    )
    default_for = BoxesField(
        lazy("Set as default for"),
        coerce=int,
        description=lazy("Mail that these people write leaves from this sender."),
    )

    def values(self) -> SenderValues:
        return SenderValues(
            self.email.data, self.sender_name.data or "", self.reply_to.data or None
        )


@bp.get("/senders")
def senders() -> str:
    """All of them, the newest first."""
    search = request.args.get("q", "").strip()
    return render_template(
        "white_label/senders/list.html",
        page_of=page_of_senders(
            g.white_label,
            search=search,
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
        search=search,
    )


@bp.get("/senders.csv")
def senders_csv() -> Response:
    """The whole list as a file."""
    header = (_("Sender e-mail"), _("Sender name"), _("Reply-To"), _("Server"), _("Default for"))
    rows = [
        (
            row.sender.email,
            row.sender.name,
            row.sender.reply_to,
            _("The platform's server") if row.sender.server.is_platform else row.sender.server.name,
            ", ".join(person.email for person in row.people),
        )
        for row in all_senders(g.white_label)
    ]
    return csv_file("senders", header, rows)


@bp.route("/senders/new", methods=["GET", "POST"])
def new_sender() -> ResponseReturnValue:
    """One more address on an own server, or on the platform's for a verified domain."""
    carriers = _carriers()
    if not carriers:
        return render_template("white_label/senders/no_server.html")
    form = SenderForm(server=request.args.get("server", type=int))
    form.server.choices = [
        SelectChoice(server.id, _("The platform's server") if server.is_platform else server.name)
        for server in carriers
    ]
    _offer_people(form)
    if form.validate_on_submit():
        try:
            server = next(one for one in carriers if one.id == form.server.data)
            sender = acts.create(g.white_label, server, form.values())
            moved = _set_defaults(form, sender)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(address)s can be chosen as a sender now.", address=sender.email))
            _tell(moved)
            return redirect(url_for(".senders"))
    return render_template(
        "white_label/senders/new.html",
        form=form,
        defaults=defaults_of(g.white_label),
        contacts=contacts_of(g.white_label),
        verified=_verified_domains(),
        has_platforms=any(server.is_platform for server in carriers),
    )


@bp.route("/senders/<int:sender_id>", methods=["GET", "POST"])
def sender(sender_id: int) -> ResponseReturnValue:
    """Change it."""
    found = acts.find_sender(g.white_label, sender_id)
    form = _form_of(found)
    if form.validate_on_submit():
        try:
            acts.change(found, form.values())
            moved = _set_defaults(form, found)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            _tell(moved)
            return redirect(url_for(".senders"))
    return _page(sender_id, form, _trial())


@bp.post("/senders/<int:sender_id>/test")
def try_sender(sender_id: int) -> ResponseReturnValue:
    """Try the address on its own server; if it goes well, what was held for it is released."""
    found = acts.find_sender(g.white_label, sender_id)
    server = servers.find_server(g.white_label, found.server_id)  # never one of the platform's
    trial = _trial()
    result = None
    if trial.validate_on_submit():
        try:
            answer = try_stored(trial, server, SenderValues(found.email, found.name))
        except Refusal as refusal:
            db.session.rollback()
            trial.refuse(refusal)
        else:
            if not isinstance(answer, Result):
                return answer
            result = answer
    return _page(sender_id, _form_of(acts.find_sender(g.white_label, sender_id)), trial, result)


@bp.route("/senders/<int:sender_id>/delete", methods=["GET", "POST"])
def delete_sender(sender_id: int) -> ResponseReturnValue:
    """What goes with it; then it goes."""
    found = acts.find_sender(g.white_label, sender_id)
    form = Form()
    if form.validate_on_submit():
        try:
            acts.delete(found)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            address = found.email
            db.session.commit()
            flash(_("The sender %(address)s is deleted.", address=address))
            return redirect(url_for(".senders"))
    return render_template(
        "white_label/senders/delete.html",
        form=form,
        sender=found,
        effects=effects.of_deleting_sender(found),
    )


def _form_of(sender: Sender) -> SenderForm:
    """Filled in with what is stored, or with what was sent to change it."""
    form = SenderForm(
        None if request.endpoint == "white_label.try_sender" else request.form or None,
        email=sender.email,
        sender_name=sender.name,
        reply_to=sender.reply_to,
        default_for=[person.id for person in acts.people_with_default(sender)],
    )
    del form.server
    _offer_people(form)
    return form


def _trial() -> TestFields:
    form = TestFields(prefix="trial-")
    form.offer(newest_texts(g.white_label))
    return form


def _page(
    sender_id: int, form: SenderForm, trial: TestFields, result: Result | None = None
) -> ResponseReturnValue:
    found = acts.find_sender(g.white_label, sender_id)
    return render_template(
        "white_label/senders/sender.html",
        form=form,
        trial=trial,
        row=row_of(found),
        sender=found,
        result=result,
        defaults=defaults_of(g.white_label),
        contacts=contacts_of(g.white_label),
    )


def _carriers() -> Sequence[SmtpServer]:
    """The own servers, and one of the platform's where a verified domain allows that."""
    own = servers.servers_of(g.white_label)
    if not _verified_domains():
        return own
    platforms = [one for one in servers.servers_of(None) if one.is_enabled and one.validated_at]
    return [*own, *platforms[:1]]


def _verified_domains() -> list[str]:
    return [
        shown(domain.name)
        for domain in allow_list.domains_of(g.white_label)
        if domain.state is DomainState.VERIFIED
    ]


def _offer_people(form: SenderForm) -> None:
    form.default_for.choices = [
        SelectChoice(person.id, person.name) for person in people.everybody(g.white_label.id)
    ]


def _set_defaults(form: SenderForm, sender: Sender) -> Sequence[Moved]:
    everybody = people.everybody(g.white_label.id)
    chosen = [person for person in everybody if person.id in form.default_for.data]
    return acts.set_default_for(sender, chosen)


def _tell(moved: Sequence[Moved]) -> None:
    for one in moved:
        flash(one.words)
