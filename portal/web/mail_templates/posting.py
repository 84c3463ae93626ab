"""A template as a test mail: accepted and carried like any other, with its sample values."""

from __future__ import annotations

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.core.db import db
from portal.core.errors import Refusal
from portal.mail_templates import samples, templates
from portal.mail_templates.asking import GIVEN
from portal.mail_templates.models import MailTemplate
from portal.outbox import composition
from portal.outbox.accept import accept
from portal.outbox.models import Message
from portal.outbox.preview import desk_of
from portal.outbox.submission import FromTemplate, Recipient, Submission
from portal.smtp.addresses import AddressError, Mailbox, parse_address
from portal.smtp_settings import rations
from portal.web.mail_templates.showing import TrialForm, find, page_of


def send_template(template_id: int) -> ResponseReturnValue:
    """Send it, and show which way it takes."""
    shown = find(template_id)
    trial = TrialForm()
    if trial.validate_on_submit():
        try:
            message = _accepted(shown, trial)
        except Refusal as refusal:
            db.session.rollback()
            trial.refuse(refusal)
        else:
            db.session.commit()
            flash(_("The test mail is accepted. Check whether it arrives, and look for spam."))
            return redirect(url_for(".delivery", delivery_id=message.deliveries[0].id))
    return page_of(find(template_id), trial=trial)


def _accepted(shown: MailTemplate, trial: TrialForm) -> Message:
    """Counted against what one person may try, apart from mail to themselves.

    Raises:
        Refusal: at the recipient, or because nothing can be sent with it.
    """
    try:
        to = parse_address(trial.recipient.data or "")
    except AddressError as fault:
        raise Refusal(fault.code, fault.words, field="recipient") from None
    if to.folded == parse_address(g.person.email).folded:
        rations.count_connection(g.person)
    else:
        rations.count_message(g.person, to)
    text = templates.text_in(templates.newest_version(shown), request.form.get("language"))
    own = desk_of(g.white_label).own
    values = samples.values_of(shown.samples, composition.variables_of(text), own=own)
    given = {name: values[name] for name in values if name not in GIVEN or name in shown.samples}
    if "unsubscribe_url" in composition.variables_of(text):
        given.setdefault("unsubscribe_url", own["unsubscribe_url"])
    return accept(
        Submission(
            white_label_id=shown.white_label_id,
            to=(Recipient(Mailbox(to), {"name": own["name"]} if "name" not in given else {}),),
            content=FromTemplate(shown.slug, text.language),
            author_id=g.person.id,
            values=given,
            details={"test_of": shown.slug},
        )
    ).message
