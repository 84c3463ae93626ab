"""Settings > Custom mail server: the platform's server or an own one, and what that means now."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import BooleanField, SelectField

from portal.apps import apps
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.desk import askable
from portal.desk.request_listing import rows_of
from portal.outbox.letterhead import NOTICES
from portal.routing.ways import ways_of
from portal.senders import answering
from portal.smtp_settings import servers
from portal.web.domain_pages import STATES
from portal.web.edit_form import EditForm
from portal.web.forms import EmailField, tidy
from portal.web.mail_templates.languages import choices
from portal.web.white_label.door import bp
from portal.white_labels import tenants
from portal.white_labels.models import MailMode


class AnswerForm(EditForm):
    """Whether mailboxes only send, and where answers go instead."""

    only_sends = BooleanField(
        lazy("Our mailboxes only send"),
        description=lazy("Every mail then ends with a line that says so, and where to answer."),
    )
    answer_to = EmailField(
        lazy("Where answers are read"),
        filters=[tidy],
        description=lazy(
            "Named in that line, and set as Reply-To of mail whose sender has none of its own."
        ),
        render_kw={"autocomplete": "email"},
    )
    language = SelectField(
        lazy("Language of the line"),
        description=lazy("A template's mail has it in its own language; this is for all other."),
    )


@bp.get("/settings")
def mail_server() -> str:
    """Which of the two is chosen, and which way each app's mail takes because of it."""
    return _page(_answer_form())


@bp.post("/settings/answers")
def choose_answers() -> ResponseReturnValue:
    """Say below every mail that its mailbox only sends, or say it no more."""
    form = _answer_form()
    if form.validate_on_submit():
        try:
            answering.say_where_to_answer(
                g.white_label,
                address=(form.answer_to.data or "") if form.only_sends.data else None,
                language=form.language.data,
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(
                _("Mail that is accepted from now on ends with that line.")
                if form.only_sends.data
                else _("Mail that is accepted from now on ends without that line.")
            )
            return redirect(url_for(".mail_server"))
    return _page(form)


def _answer_form() -> AnswerForm:
    form = AnswerForm(
        only_sends=g.white_label.answer_to is not None,
        answer_to=g.white_label.answer_to,
        language=g.white_label.notice_language,
    )
    form.language.choices = choices(NOTICES)
    return form


def _page(form: AnswerForm) -> str:
    there = apps.apps_of(g.white_label)
    return render_template(
        "white_label/mail_server/mail_server.html",
        uses_own=g.white_label.mail_mode is MailMode.OWN,
        servers=servers.servers_of(g.white_label),
        apps=there,
        ways=ways_of(there),
        domains=rows_of(g.white_label),
        states=STATES,
        can_ask=askable.can_be_asked(),
        form=form,
        lines={code: NOTICES[code].format(g.white_label.answer_to or "…") for code in NOTICES},
    )


@bp.post("/settings")
def choose_mail_server() -> ResponseReturnValue:
    """Switch; whoever chooses an own server and has none goes on to the form for it."""
    wants_own = request.form.get("use") == "own"
    tenants.change(g.white_label, mail_mode=MailMode.OWN if wants_own else MailMode.PLATFORM)
    has_none = not servers.servers_of(g.white_label)
    db.session.commit()
    if wants_own and has_none:
        return redirect(url_for(".new_server"))
    flash(
        _("Own servers are used from now on, where their owner's apps send.")
        if wants_own
        else _("All mail leaves through the platform's server from now on.")
    )
    return redirect(url_for(".mail_server"))
