"""Compose: one person writes to one person, and sees beforehand how it will leave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import FileStorage
from wtforms import (
    Field,
    HiddenField,
    MultipleFileField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.mail_templates.asking import asked_by, nested
from portal.mail_templates.models import TemplateText
from portal.mail_templates.specimens import newest_texts
from portal.outbox import as_sent
from portal.outbox.accept import accept, new_public_id
from portal.outbox.as_sent import Letter
from portal.outbox.models import Delivery, Message
from portal.outbox.queries import message_of_writer
from portal.outbox.states import State
from portal.outbox.submission import File, FromTemplate, OwnContent, Recipient, Submission
from portal.routing.choices import SenderChoice, sender_choices, usable
from portal.routing.facts import Ask, gather
from portal.routing.ways import Way, is_in_sandbox, way_of
from portal.senders import senders
from portal.smtp.addresses import AddressError, parse_mailbox
from portal.web import default_sender
from portal.web.forms import Form, is_file, tidy
from portal.web.guard import for_agents
from portal.web.uploads import takes_files
from portal.web.white_label.door import bp

MEGABYTE = 1024 * 1024
MOST_FILES = 10 * MEGABYTE
_is_once = re.compile(r"msg_[0-9a-f]{24}").fullmatch
_PREFIX = "value-"

bp.add_url_rule("/my-sender", "my_sender", default_sender.my_sender, methods=["GET", "POST"])


class ComposeForm(Form):
    once = HiddenField()
    to = StringField(
        lazy("To"),
        filters=[tidy],
        description=lazy("One person: an address, with the name if you like."),
        validators=[DataRequired(lazy("To whom?"))],
        render_kw={"autocomplete": "off", "placeholder": "Kim Example <kim@customer.example>"},
    )
    sender = SelectField(lazy("From"), default="")
    template = SelectField(lazy("What it says"), default="")
    subject = StringField(
        lazy("Subject"),
        filters=[tidy],
        validators=[DataRequired(lazy("What is it about?")), Length(max=500)],
        render_kw={"autocomplete": "off"},
    )
    text = TextAreaField(
        lazy("Text"),
        validators=[DataRequired(lazy("What do you want to say?")), Length(max=200_000)],
        render_kw={"rows": 10},
    )
    files = MultipleFileField(lazy("Attachments"), description=lazy("10 MB in all."))


@dataclass(frozen=True, slots=True)
class Preview:
    """The mail as it would leave now."""

    way: Way
    letter: Letter | None = None


@bp.route("/compose", methods=["GET", "POST"])
@for_agents
@takes_files(MOST_FILES + MEGABYTE)
def compose() -> ResponseReturnValue:
    """Write, look at it, send it."""
    choices = sender_choices(g.white_label, g.person)
    texts = newest_texts(g.white_label)
    form, text = _form(choices, texts)
    act = request.form.get("act")
    preview = None
    # "route" only asks which way it would take so far: nothing need be filled in for that.
    if act in ("preview", "send") and form.validate_on_submit():
        if act == "preview":
            preview = _preview(form, text)
        elif (answer := _send(form, text)) is not None:
            return answer
    return render_template(
        "white_label/compose/compose.html",
        form=form,
        text=text,
        values=_values(form),
        choices=choices,
        preview=preview or Preview(_way(form, text)),
        default=senders.default_of(g.person),
        is_in_sandbox=is_in_sandbox(g.white_label.id),
    )


def _form(
    choices: Sequence[SenderChoice], texts: Sequence[TemplateText]
) -> tuple[ComposeForm, TemplateText | None]:
    """The form with the fields that the chosen template needs, and that template's text."""
    chosen = request.form.get("template", "")
    text = next((one for one in texts if _key(one) == chosen), None)
    kind = ComposeForm if text is None else _form_for(text)
    form = kind(once=new_public_id(), sender=_first_sender(choices))
    form.sender.choices = [
        SelectChoice("", _("Whatever fits the mail")),
        *(SelectChoice(str(one.sender.id), one.label) for one in usable(choices)),
    ]
    form.template.choices = [
        SelectChoice("", _("I write it myself")),
        *(
            SelectChoice(
                _key(one),
                f"{one.version.template.name} ({one.language})",
                optgroup=str(_("Templates, in each language they have")),
            )
            for one in texts
        ),
    ]
    return form, text


def _first_sender(choices: Sequence[SenderChoice]) -> str:
    """One's own default; without one whatever fits, and if nothing does, the first that can be."""
    default = senders.default_of(g.person)
    if default is not None:
        return str(default.id)
    if way_of(gather(_ask())).is_out:
        return ""
    return next((str(one.sender.id) for one in usable(choices)), "")


def _form_for(text: TemplateText) -> type[ComposeForm]:
    """A field for each value that the template asks for, in place of subject and text.

    What was written before the template was chosen goes along, and is there again without it.
    """
    asked = asked_by(text)
    fields: dict[str, Any] = {"subject": HiddenField(), "text": HiddenField()}
    for name in asked.names:
        needed = [DataRequired(lazy("The template needs it."))] if name in asked.needed else []
        fields[_PREFIX + name] = StringField(name, validators=[*needed, Length(max=10_000)])
    return type("TemplateForm", (ComposeForm,), fields)


def _key(text: TemplateText) -> str:
    return f"{text.version.template.slug}:{text.language}"


def _values(form: ComposeForm) -> list[Field]:
    return [field for field in form if field.name.startswith(_PREFIX)]


def _way(form: ComposeForm, text: TemplateText | None) -> Way:
    """The route of what is chosen so far."""
    ask = replace(_ask(), template_id=text.version.template_id if text else None)
    chosen = form.sender.data
    if chosen in [choice.value for choice in form.sender.choices]:
        ask = replace(ask, sender=int(chosen) if chosen else None)
    return way_of(gather(ask))


def _ask() -> Ask:
    return Ask(g.white_label.id, author_id=g.person.id, agent_id=g.person.id)


def _preview(form: ComposeForm, text: TemplateText | None) -> Preview | None:
    """The mail itself: accepted as it would be, looked at, and forgotten."""
    try:
        accepted = accept(_submission(form, text))
        letter = as_sent.letter_of(accepted.message.deliveries[0])
    except Refusal as refusal:
        _refuse(form, text, refusal)
        return None
    finally:
        db.session.rollback()
    return Preview(Way(accepted.decision, accepted.facts), letter)


def _send(form: ComposeForm, text: TemplateText | None) -> ResponseReturnValue | None:
    """Hand it over. A second click finds that the first one did it."""
    once = form.once.data or ""
    if sent := _sent_before(once):
        return _to(sent)
    try:
        message = accept(_submission(form, text)).message
    except Refusal as refusal:
        db.session.rollback()
        _refuse(form, text, refusal)
        return None
    except IntegrityError:
        db.session.rollback()
        if sent := _sent_before(once):  # the first click was committed meanwhile
            return _to(sent)
        form.once.data = new_public_id()
        form.form_errors.append(_("This mail could not be handed over. Press Send once more."))
        return None
    delivery = message.deliveries[0]
    db.session.commit()
    flash(*_told(delivery))
    return redirect(url_for(".delivery", delivery_id=delivery.id))


def _sent_before(once: str) -> Message | None:
    return message_of_writer(g.white_label.id, g.person.id, once)


def _to(sent: Message) -> ResponseReturnValue:
    flash(_("This mail was handed over already; it was not sent twice."))
    return redirect(url_for(".delivery", delivery_id=sent.deliveries[0].id))


def _told(delivery: Delivery) -> tuple[str, str]:
    """What became of it, and whether that is an error."""
    match delivery.state:
        case State.SANDBOXED:
            return _("Nothing leaves from here yet: the sandbox keeps it to look at."), "error"
        case State.HELD:
            return _("It is held. %(why)s", why=delivery.words or ""), "error"
        case State.SUPPRESSED:
            return _("%(to)s is on the suppression list: nothing was sent.", to=delivery.email), (
                "error"
            )
        case _:
            return _("On its way to %(to)s.", to=delivery.email), "message"


def _submission(form: ComposeForm, text: TemplateText | None) -> Submission:
    """The mail as typed.

    Raises:
        Refusal: the address cannot be read, or the attachments are too large.
    """
    try:
        to = parse_mailbox(form.to.data)
    except AddressError as fault:
        is_list = form.to.data.count("@") > 1 and ("," in form.to.data or ";" in form.to.data)
        words = _("One person: an address, with the name if you like.") if is_list else fault.words
        raise Refusal(fault.code, words, field="to") from None
    values: dict[str, Any] = {}
    content: OwnContent | FromTemplate = OwnContent(form.subject.data, form.text.data)
    if text is not None:
        content = FromTemplate(text.version.template.slug, text.language)
        values = nested(
            {field.name.removeprefix(_PREFIX): field.data for field in _values(form) if field.data}
        )
    once = form.once.data or ""
    return Submission(
        white_label_id=g.white_label.id,
        author_id=g.person.id,
        agent_id=g.person.id,
        to=(Recipient(to),),
        sender=int(form.sender.data) if form.sender.data else None,
        content=content,
        values=values,
        attachments=_files(form.files.data),
        public_id=once if _is_once(once) else None,
    )


def _files(uploaded: Sequence[FileStorage]) -> tuple[File, ...]:
    files = tuple(
        File(
            one.filename or "",
            one.mimetype or "application/octet-stream",
            one.stream.read(),
        )
        for one in uploaded
        if is_file(one)
    )
    if sum(len(file.content) for file in files) > MOST_FILES:
        words = _("All attachments together may have 10 MB.")
        raise Refusal("attachments_too_large", words, field="files")
    return files


def _refuse(form: ComposeForm, text: TemplateText | None, refusal: Refusal) -> None:
    """Put the words where they help."""
    if refusal.code == "variables_missing" and text is not None and asked_by(text).needs_name:
        words = _("This template greets by name: write it as Kim <kim@customer.example>.")
        refusal = Refusal(refusal.code, words, field="to")
    elif (refusal.field or "").startswith("attachments"):
        refusal = Refusal(refusal.code, refusal.words, field="files")
    form.refuse(refusal)
    if any(is_file(one) for one in form.files.data or ()):
        form.files.errors = [*form.files.errors, _("Choose the files once more.")]
