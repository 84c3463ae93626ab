"""The simulator of both faces: which way would this leave, and why? The same rule, nothing sent."""

from __future__ import annotations

from flask import Blueprint, g, render_template
from flask_babel import format_decimal
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import ValidationError

from portal.accounts import people
from portal.apps import apps
from portal.apps.models import App
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.mail_templates import templates
from portal.outbox.accept import explain_only
from portal.outbox.submission import FromTemplate, OwnContent, Submission, somebody
from portal.routing.ways import Way, way_of
from portal.senders import senders
from portal.smtp.addresses import AddressError, parse_address
from portal.web.forms import Query, tidy
from portal.web.smtp_servers.fields import NumberField

MOST = 3000
"""As many as a program can name in one message: a thousand each in To, Cc and Bcc."""


class SimulatorForm(Query):
    template = SelectField(lazy("Template"), default="")
    agent = SelectField(lazy("Agent"), default="", description=lazy("In whose name it is written."))
    sender = SelectField(
        lazy("Sender"),
        default="",
        description=lazy("Chosen by hand, it never falls through silently."),
    )
    wanted_from = StringField(
        lazy("Or another From address"),
        filters=[tidy],
        description=lazy("It becomes From where that is allowed, else Reply-To."),
        render_kw={"inputmode": "email", "autocomplete": "off"},
    )
    recipients = NumberField(
        lazy("Recipients of one message"),
        description=lazy("To, Cc and Bcc together."),
        render_kw={"inputmode": "numeric", "placeholder": "1"},
    )

    def validate_recipients(self, field: NumberField) -> None:
        """Only how many there are decides about the route, not who they are."""
        if field.data is not None and not 1 <= field.data <= MOST:
            raise ValidationError(_("From 1 to %(most)s recipients.", most=format_decimal(MOST)))

    def offer(self, app: App) -> None:
        """What this app's white label has to choose from."""
        white_label = app.white_label
        nothing = SelectChoice("", "–")
        self.template.choices = [
            nothing,
            *(SelectChoice(one.slug, one.name) for one in templates.templates_of(white_label)),
        ]
        self.agent.choices = [
            nothing,
            *(SelectChoice(str(one.id), one.name) for one in people.everybody(white_label.id)),
        ]
        self.sender.choices = [
            nothing,
            *(
                SelectChoice(str(one.id), f"{one.email} · {one.server.name}")
                for one in senders.senders_of(white_label)
            ),
        ]

    def submission(self, app: App) -> Submission:
        """The message to ask about.

        Raises:
            Refusal: the address for From cannot be read.
        """
        return Submission(
            white_label_id=app.white_label_id,
            app_id=app.id,
            agent_id=int(self.agent.data) if self.agent.data else None,
            sender=self._sender(),
            to=somebody(self.recipients.data or 1),
            content=FromTemplate(self.template.data) if self.template.data else OwnContent("", ""),
        )

    def _sender(self) -> int | str | None:
        if self.sender.data:
            return int(self.sender.data)
        if not self.wanted_from.data:
            return None
        try:
            return str(parse_address(self.wanted_from.data))
        except AddressError as fault:
            raise Refusal(fault.code, fault.words, field="wanted_from") from None


def add_simulator(bp: Blueprint) -> None:
    """Give this face `/apps/<id>/route`."""

    @bp.get("/apps/<int:app_id>/route")
    def simulator(app_id: int) -> str:
        app = apps.find_app(g.white_label, app_id)
        form = SimulatorForm()
        form.offer(app)
        way = _way(form, app)
        return render_template("shared/simulator.html", form=form, app=app, way=way)


def _way(form: SimulatorForm, app: App) -> Way | None:
    if not form.validate():
        return None
    try:
        _decision, facts = explain_only(form.submission(app))
    except Refusal as refusal:
        form.refuse(refusal)
        return None
    return way_of(facts)
