"""Making, changing, switching and deleting a server.

The form has three ends: Test tries what is typed and stores nothing; Save tries it and stores it
if the session goes well; a draft is stored as it is and stays switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts import people
from portal.accounts.models import Person
from portal.apps.apps import contacts_of
from portal.campaigns import listing as campaigns
from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.delivery.mending import mended
from portal.mail_templates.specimens import newest_texts
from portal.outbox import effects
from portal.senders import senders
from portal.senders.listing import defaults_of
from portal.senders.models import Sender
from portal.senders.senders import Moved, SenderValues
from portal.smtp_settings import servers
from portal.smtp_settings.advising import advice_for
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.oauth import MICROSOFT
from portal.smtp_settings.presets import Preset, preset
from portal.smtp_settings.probe import Finding
from portal.smtp_settings.servers import Plan
from portal.smtp_settings.targets import our_name, policy_for
from portal.smtp_settings.values import ServerValues
from portal.web.forms import Form
from portal.web.guard import confirmed
from portal.web.smtp_servers import trying
from portal.web.smtp_servers.bearer import (
    MICROSOFTS_GUIDE,
    asked_for,
    is_enabled,
    show_other_fields,
    wants_other_fields,
)
from portal.web.smtp_servers.fitting import is_documented, server_form
from portal.web.smtp_servers.forms import ServiceServerForm, TypedServerForm
from portal.web.smtp_servers.place import list_url
from portal.web.smtp_servers.ports import port_hints, port_suggestions, tls_suggestions
from portal.web.smtp_servers.trying import Result
from portal.white_labels.features import FEATURES, Feature

ServerForm = TypedServerForm | ServiceServerForm


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is being worked on: a server, or one that is yet to be."""

    service: Preset
    before: ServerValues
    server_id: int | None = None

    @property
    def server(self) -> SmtpServer | None:
        """The row as it is now: others may have changed it while we talked to the network."""
        if self.server_id is None:
            return None
        return servers.find_server(g.white_label, self.server_id)


@confirmed
def edit_server(server_id: int) -> ResponseReturnValue:
    """The form of a server that is there."""
    server = servers.find_server(g.white_label, server_id)
    return work_on(Sheet(preset(server.preset), servers.values_of(server), server_id))


def work_on(sheet: Sheet) -> ResponseReturnValue:
    """Show the form, or do what was asked with it."""
    form = _form_for(sheet)
    result = None
    if wants_other_fields(form):
        show_other_fields(form)
    elif form.validate_on_submit():
        try:
            match request.form.get("act"):
                case "test":
                    answer = _test(form, sheet)
                case "draft":
                    answer = _keep(form, sheet, *_planned(form, sheet), finding=None)
                case _:
                    answer = _save(form, sheet)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            if not isinstance(answer, Result):
                return answer
            result = answer
    if form.is_submitted():
        form.keep_typed()
    return _page(form, sheet, result)


def _form_for(sheet: Sheet) -> ServerForm:
    server = sheet.server
    sender = senders.primary_of(server) if server else None
    return server_form(
        sheet.service,
        sheet.before,
        server=server,
        sender=sender,
        people=_people(),
        default_for=senders.people_with_default(sender) if sender else (),
        texts=newest_texts(g.white_label),
    )


def _people() -> Sequence[Person]:
    """Who may have a default sender; the platform's owners write through white labels."""
    return people.everybody(g.white_label.id) if g.white_label else ()


def _planned(form: ServerForm, sheet: Sheet) -> tuple[Plan, SenderValues]:
    config: Config = current_app.config["LIVERY"]
    plan = servers.plan(
        g.white_label,
        form.values(sheet.before, sheet.service),
        policy=policy_for(config),
        helo=our_name(config),
        authority=config.microsoft_authority,
        server=sheet.server,
        has_owner_rights=g.white_label is None,
    )
    return plan, form.sender_values().checked()


def _test(form: ServerForm, sheet: Sheet) -> ResponseReturnValue | Result:
    """Try what is typed. Nothing is stored but that there was a test."""
    plan, sender = _planned(form, sheet)
    texts = newest_texts(g.white_label)
    attempt = trying.attempt(form, texts, plan.target, sender, sheet.service.key)
    advice = advice_for(g.white_label, plan.values, from_email=sender.email)
    db.session.commit()  # counted, and no transaction is open while we talk to the server
    if trying.wants_stream():
        return trying.stream(attempt, advice=advice, after=lambda _finding: None)
    return trying.result_of(attempt, trying.run(attempt), advice)


def _save(form: ServerForm, sheet: Sheet) -> ResponseReturnValue | Result:
    """Store it if the session goes well; else say why it does not."""
    plan, sender = _planned(form, sheet)
    server = sheet.server
    known = senders.primary_of(server) if server else None
    if not plan.needs_session and known is not None and known.email == sender.email:
        return _keep(form, sheet, plan, sender, finding=None)

    attempt = trying.attempt_to_save(plan.target, sender, sheet.service.key)
    db.session.commit()
    finding = trying.run(attempt)
    if finding.failure is not None:
        form.form_errors.append(_not_saved(finding))
        return trying.result_of(attempt, finding)
    return _keep(form, sheet, plan, sender, finding=finding)


def _not_saved(finding: Finding) -> str:
    failure = finding.failure
    assert failure is not None
    return str(
        _("Nothing was saved. %(why)s The end of this page shows where.", why=failure.meaning)
    )


def _keep(
    form: ServerForm, sheet: Sheet, plan: Plan, sender: SenderValues, *, finding: Finding | None
) -> ResponseReturnValue:
    db.session.expire_all()  # what was read before the session may be old by now
    is_draft = request.form.get("act") == "draft"
    server = servers.save(
        g.white_label,
        plan,
        by=g.person,
        proof=finding.proof if finding else None,
        server=sheet.server,
        is_draft=is_draft,
    )
    primary = senders.set_primary(server, sender)
    moved = _set_defaults(form, primary)
    if finding is not None and finding.proof is not None:
        mended(server, finding.proof, from_email=primary.email)
    db.session.commit()

    flash(_kept_words(server, finding, is_draft=is_draft))
    for one in moved:
        flash(one.words)
    return redirect(url_for(".server", server_id=server.id))


def _set_defaults(form: ServerForm, primary: Sender) -> Sequence[Moved]:
    if "default_for" not in form:
        return ()
    chosen = [person for person in _people() if person.id in form.default_for.data]
    return senders.set_default_for(primary, chosen)


def _kept_words(server: SmtpServer, finding: Finding | None, *, is_draft: bool) -> str:
    if is_draft:
        return str(_("Saved as a draft. It is switched off until a test goes well."))
    if finding is None:
        return str(_("Saved. Nothing changed that a session could tell anything about."))
    if not server.is_enabled:
        return str(_("Saved, and the live session went well. The server is still switched off."))
    return str(_("Saved. The live session went well."))


def _page(form: ServerForm, sheet: Sheet, result: Result | None) -> ResponseReturnValue:
    server = sheet.server
    return render_template(
        "shared/servers/form.html",
        form=form,
        service=sheet.service,
        server=server,
        result=result,
        has_faults=any(form.faults()),
        is_typed=isinstance(form, TypedServerForm),
        only_host=_only_host(sheet),
        hints=port_hints(sheet.service),
        tls_by_port=port_suggestions(),
        port_by_tls=tls_suggestions(),
        auth=form.auth.data if "auth" in form else sheet.before.auth.value,
        has_bearer=is_enabled(),
        asked_for=asked_for(),
        feature_name=FEATURES[Feature.OAUTH_SMTP].name,
        guide=MICROSOFTS_GUIDE,
        microsofts_host=MICROSOFT.host,
        defaults=defaults_of(g.white_label) if g.white_label else {},
        contacts=contacts_of(g.white_label) if g.white_label else [],
        list_url=list_url(),
    )


def _only_host(sheet: Sheet) -> str:
    """The host, where the service has only one."""
    hosts = [host.name for host in sheet.service.hosts]
    is_plain = is_documented(sheet.service, sheet.before) and hosts == [sheet.before.host]
    return hosts[0] if is_plain and not sheet.service.takes_any_region else ""


def switch_server(server_id: int) -> ResponseReturnValue:
    """Use it for new mail, or do not."""
    server = servers.find_server(g.white_label, server_id)
    on = request.form.get("on") == "yes"
    try:
        servers.switch(server, on=on)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
    else:
        db.session.commit()
        flash(
            _("The server is switched on.")
            if on
            else _("The server is switched off. What waits for it finds another way.")
        )
    return redirect(url_for(".server", server_id=server_id))


@confirmed
def delete_server(server_id: int) -> ResponseReturnValue:
    """What goes with it, in numbers; then it goes."""
    server = servers.find_server(g.white_label, server_id)
    form = Form()
    if form.validate_on_submit():
        effects.delete_server(server)
        db.session.commit()
        flash(_("The server %(name)s is deleted.", name=server.name))
        return redirect(list_url())
    return render_template(
        "shared/servers/delete.html",
        form=form,
        server=server,
        effects=effects.of_deleting(server),
        campaigns=campaigns.on_server(server),
        list_url=list_url(),
    )
