"""The server form: what a service type still needs, and everything for a server typed by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from flask import request
from wtforms import (
    BooleanField,
    HiddenField,
    PasswordField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired

from portal.core.secret import Secret
from portal.core.words import lazy
from portal.mail_templates.models import TemplateText
from portal.senders.senders import SenderValues
from portal.smtp.target import TlsVersion
from portal.smtp_settings.models import AuthKind, TlsMode
from portal.smtp_settings.presets import Preset, ses_host
from portal.smtp_settings.values import LIMITS, ServerValues, checked_mailbox
from portal.web.edit_form import EditForm
from portal.web.forms import EmailField, Form, tidy
from portal.web.mail_templates.languages import language_name
from portal.web.smtp_servers import typed_secret
from portal.web.smtp_servers.bearer import BearerFields, signs_in_by_token
from portal.web.smtp_servers.fields import (
    BoxesField,
    FitsIf,
    MegabytesField,
    NeededIf,
    NumberField,
    RadioField,
)

TLS_WORDS = {
    TlsMode.STARTTLS: lazy("STARTTLS: begins in clear and is then encrypted"),
    TlsMode.IMPLICIT: lazy("SSL/TLS: encrypted from the first byte"),
    TlsMode.NONE: lazy("None"),
}
TLS_SHORT = {
    TlsMode.STARTTLS: lazy("STARTTLS"),
    TlsMode.IMPLICIT: lazy("SSL/TLS"),
    TlsMode.NONE: lazy("no encryption"),
}
AUTH_WORDS = {
    AuthKind.BASIC: lazy("User name and password (Basic)"),
    AuthKind.BEARER: lazy("Access token (Bearer, OAuth): Microsoft"),
    AuthKind.NONE: lazy("None: the server lets us send as we are"),
}
OWNERS_TLS = tuple(TlsVersion)
TENANTS_TLS = tuple(version for version in TlsVersion if not version.is_deprecated)
_AS_WRITTEN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class TestFields(Form):
    """To whom a test message goes, and what it says."""

    recipient = EmailField(
        lazy("Send a test message to"),
        filters=[tidy],
        description=lazy("Any address. Left empty, the test ends before a message is sent."),
        render_kw={"autocomplete": "email"},
    )
    letter = SelectField(lazy("What it says"), default="")

    def offer(self, texts: Sequence[TemplateText]) -> None:
        """Each template with the languages that it has, so that none can be chosen without."""
        self.letter.choices = [
            SelectChoice("", lazy("A short test message")),
            *(
                SelectChoice(
                    str(text.id),
                    f"{text.version.template.name}: {language_name(text.language)}",
                    optgroup=text.version.template.name,
                )
                for text in texts
            ),
        ]


class _TypedWay(Form):
    """Where the server is, every part by hand."""

    host = StringField(
        lazy("SMTP server"),
        filters=[tidy],
        description=lazy("The name of the outgoing mail server, such as smtp.acme.example."),
        validators=[DataRequired(lazy("Which server?"))],
        render_kw={**_AS_WRITTEN, "inputmode": "url"},
    )
    port = NumberField(
        lazy("Port"),
        description=lazy("Usually 587 or 2525."),
        validators=[InputRequired(lazy("Which port does it listen on?"))],
        render_kw={"autocomplete": "off", "inputmode": "numeric", "list": "ports"},
    )
    tls = RadioField(
        lazy("Encryption (TLS)"),
        description=lazy("Recommended wherever the server offers it."),
        choices=[SelectChoice(mode.value, words) for mode, words in TLS_WORDS.items()],
        validators=[InputRequired(lazy("Choose one."))],
    )

    def way(self, service: Preset) -> dict[str, Any]:
        return {"host": self.host.data, "port": self.port.data, "tls": TlsMode(self.tls.data)}


class _ServiceWay(Form):
    """Where the server is, out of what the service documents."""

    host = SelectField(lazy("Server"), validators=[DataRequired(lazy("Choose one."))])
    region = StringField(
        lazy("Another region"),
        filters=[tidy],
        description=lazy("If it is not in the list: its name, such as eu-west-1."),
        render_kw=_AS_WRITTEN,
    )
    port = SelectField(
        lazy("Port and encryption"),
        coerce=int,
        description=lazy("Another one only if your network blocks the first."),
    )

    def way(self, service: Preset) -> dict[str, Any]:
        host = ses_host(self.region.data) if self.region and self.region.data else self.host.data
        port = self.port.data
        return {"host": host, "port": port, "tls": service.tls_on(port)}


def _is_saving(_form: Form) -> bool:
    return request.form.get("act") != "test"


def _signs_in(form: Form) -> bool:
    return getattr(form, "auth", None) is None or form.auth.data != AuthKind.NONE


def _has_own_address(form: Form) -> bool:
    return not (form.same_as_username and form.same_as_username.data)


def _lines(text: str | None) -> str | None:
    """Certificates as they are stored, whatever line ends a browser sends."""
    return "\n".join(text.split("\r\n")).strip() or None if text else None


class _Settings(EditForm, BearerFields, TestFields):
    """What every server has."""

    auth = RadioField(
        lazy("Type of authentication"), validators=[InputRequired(lazy("Choose one."))]
    )
    username = StringField(
        validators=[
            NeededIf(_signs_in, lazy("This is needed.")),
            FitsIf(signs_in_by_token, checked_mailbox),
        ],
        render_kw=_AS_WRITTEN,
    )
    password = PasswordField(render_kw={"autocomplete": "new-password"})
    kept_password = HiddenField()

    same_as_username = BooleanField(lazy("The address is the user name"))
    email = EmailField(
        lazy("Sender e-mail"),
        filters=[tidy],
        description=lazy("Every mail leaves from it, unless another sender is chosen."),
        validators=[NeededIf(_has_own_address, lazy("From which address?"))],
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
        description=lazy(
            "Where answers go. This mailbox only sends: name another one that is read."
        ),
        render_kw={"autocomplete": "off"},
    )
    default_for = BoxesField(
        lazy("Set as default for"),
        coerce=int,
        description=lazy("Mail that these people write leaves from this sender."),
    )

    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("How you tell it from your other servers."),
        validators=[DataRequired(lazy("Give it a name."))],
        render_kw={"autocomplete": "off", "maxlength": 60},
    )
    description = StringField(
        lazy("Description"), filters=[tidy], render_kw={"autocomplete": "off", "maxlength": 200}
    )
    understood = BooleanField(
        lazy("I know that this service may stop my mail"),
        validators=[NeededIf(_is_saving, lazy("Tick the box, or choose another service."))],
    )

    weight = NumberField(
        lazy("Weight"),
        description=lazy(
            "Where several servers may carry a message, one is drawn: with weight 3 three times "
            "as often as with 1, with 0 never."
        ),
        validators=[InputRequired(lazy("A weight is between 0 and 1000."))],
    )
    max_recipients = NumberField(
        lazy("Recipients of one message"), description=lazy("To, Cc and Bcc together.")
    )
    max_bytes = MegabytesField(
        lazy("Largest message in MB"),
        description=lazy("As it is sent, attachments encoded."),
        render_kw={"inputmode": "decimal"},
    )
    max_connections = NumberField(
        lazy("Connections at once"), validators=[InputRequired(lazy("Between 1 and 100."))]
    )
    max_per_connection = NumberField(lazy("Messages over one connection"))
    per_second = NumberField(lazy("Messages a second"))
    per_minute = NumberField(lazy("Messages a minute"))
    per_hour = NumberField(lazy("Messages an hour"))
    per_day = NumberField(lazy("Messages a day"))

    min_tls = SelectField(lazy("Oldest TLS version"))
    may_auth_in_clear = BooleanField(
        lazy("Allow the password without encryption"),
        description=lazy("Only for a server inside a network that you trust wholly."),
    )
    ca_pem = TextAreaField(
        lazy("Certificates of its authority"),
        description=lazy("In PEM form, for an authority of your own. Empty: the usual ones."),
        render_kw={"rows": 4, "spellcheck": "false"},
    )
    pin_sha256 = StringField(
        lazy("Pinned certificate"),
        filters=[tidy],
        description=lazy("Its SHA-256 fingerprint: then this very certificate and no other."),
        render_kw=_AS_WRITTEN,
    )
    uses_pipelining = BooleanField(
        lazy("Pipelining"),
        description=lazy("Several commands at once where the server offers it: much faster."),
    )

    way: Callable[[Preset], dict[str, Any]]

    def values(self, before: ServerValues, service: Preset) -> ServerValues:
        """The settings as typed, over those that this form does not show.

        Raises:
            Refusal: there is no such region.
        """
        shown = {name: self[name].data for name in (*_PLAIN, *LIMITS) if name in self}
        return replace(
            before,
            **shown,
            **self.way(service),
            auth=AuthKind(self.auth.data) if "auth" in self else before.auth,
            **(self.oauth_values() if signs_in_by_token(self) else {}),
            password=self.secret(),
            ca_pem=_lines(self.ca_pem.data),
            pin_sha256=self.pin_sha256.data or None,
        )

    def sender_values(self) -> SenderValues:
        """The first sender, as typed."""
        email = self.email.data if _has_own_address(self) else self.username.data
        return SenderValues(email or "", self.sender_name.data or "", self.reply_to.data or None)

    def secret(self) -> Secret | None:
        """What the chosen type of authentication needs: the password or the client secret."""
        if signs_in_by_token(self):
            return self.typed_client_secret()
        return self._typed_password() if _signs_in(self) else None

    def keep_typed(self) -> None:
        """Before the form is shown again: what was typed as secret goes along, sealed."""
        secret = self._typed_password()
        self.kept_password.data = typed_secret.sealed(secret) if secret else ""
        if "kept_client_secret" in self:
            self.keep_typed_client_secret()

    def _typed_password(self) -> Secret | None:
        """As typed now, or when this form was last sent."""
        if self.password.data:
            return Secret(self.password.data)
        return typed_secret.opened(self.kept_password.data or "")

    @property
    def has_kept_password(self) -> bool:
        return bool(self.kept_password.data)


class TypedServerForm(_TypedWay, _Settings):
    """Everything by hand."""


class ServiceServerForm(_ServiceWay, _Settings):
    """What a service still needs."""


_PLAIN = (
    "username",
    "name",
    "description",
    "weight",
    "max_connections",
    "min_tls",
    "may_auth_in_clear",
    "uses_pipelining",
)
