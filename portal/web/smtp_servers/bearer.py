"""The part of the server form for those that sign in by access token, and asking for it to be on.

The type of authentication is chosen first and the fields follow it: in the browser at once, and
without JavaScript with the button below the choice.
"""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import DateField, HiddenField, PasswordField, SelectChoice, SelectField, StringField
from wtforms.validators import Optional, StopValidation

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import lazy
from portal.desk import conversations, threads
from portal.desk.models import About, Thread
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.oauth import MICROSOFT, PROVIDERS, checked_client_id, checked_tenant
from portal.web.desk import LINKS, Link
from portal.web.forms import Form, tidy
from portal.web.smtp_servers import typed_secret
from portal.web.smtp_servers.fields import FitsIf, NeededIf
from portal.white_labels import features
from portal.white_labels.features import FEATURES, Feature

MICROSOFTS_GUIDE = (
    "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/"
    "how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"
)
NOT_ENABLED = lazy("Signing in by token (Bearer) is not switched on here.")
_AS_WRITTEN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_GUID = {**_AS_WRITTEN, "placeholder": "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "maxlength": 253}


def signs_in_by_token(form: Form) -> bool:
    """Whether this type of authentication is chosen."""
    auth = getattr(form, "auth", None)
    return auth is not None and auth.data == AuthKind.BEARER


BEARER_FIELDS = (
    "oauth_provider",
    "oauth_client_id",
    "client_secret",
    "kept_client_secret",
    "secret_expires_on",
    "oauth_tenant",
)


class BearerFields(Form):
    """What a token is asked for with."""

    oauth_provider = SelectField(
        lazy("E-mail provider"),
        choices=[SelectChoice(one.key, one.label) for one in PROVIDERS.values()],
        validate_choice=False,  # the room knows them, and where the form does not ask is none
    )
    oauth_client_id = StringField(
        lazy("Client ID"),
        filters=[tidy],
        description=lazy("“Application (client) ID” on the app registration's overview page."),
        validators=[
            NeededIf(signs_in_by_token, lazy("This is needed.")),
            FitsIf(signs_in_by_token, checked_client_id),
        ],
        render_kw=_GUID,
    )
    client_secret = PasswordField(
        lazy("Client secret"),
        description=lazy(
            "Its value, not its ID: made under “Certificates & secrets” and shown there once."
        ),
        render_kw={"autocomplete": "new-password"},
    )
    kept_client_secret = HiddenField()
    secret_expires_on = DateField(
        lazy("Client secret expires on"),
        description=lazy(
            "The day that stands beside it at Microsoft. The admins are reminded 30, 7 and 1 days "
            "before."
        ),
        validators=[Optional()],
        render_kw={"autocomplete": "off"},
    )
    oauth_tenant = StringField(
        lazy("Tenant ID"),
        filters=[tidy],
        description=lazy("“Directory (tenant) ID” on the same page, or a domain verified there."),
        validators=[
            NeededIf(signs_in_by_token, lazy("This is needed.")),
            FitsIf(signs_in_by_token, checked_tenant),
        ],
        render_kw=_GUID,
    )

    def validate_client_secret(self, field: PasswordField) -> None:
        """Where none is stored (`fit_bearer`), one is typed."""
        is_needed = signs_in_by_token(self) and field.flags.required
        if is_needed and self.typed_client_secret() is None:
            raise StopValidation(_("The client secret is needed."))

    def oauth_values(self) -> dict[str, Any]:
        """The settings as typed."""
        return {
            "oauth_provider": self.oauth_provider.data,
            "oauth_client_id": self.oauth_client_id.data,
            "oauth_tenant": self.oauth_tenant.data,
            "secret_expires_on": self.secret_expires_on.data,
        }

    def typed_client_secret(self) -> Secret | None:
        """As typed now, or when this form was last sent."""
        if self.client_secret.data:
            return Secret(self.client_secret.data)
        return typed_secret.opened(self.kept_client_secret.data or "")

    def keep_typed_client_secret(self) -> None:
        """Before the form is shown again."""
        secret = self.typed_client_secret()
        self.kept_client_secret.data = typed_secret.sealed(secret) if secret else ""

    def drop_bearer(self) -> None:
        """The service has no such way to sign in."""
        for name in BEARER_FIELDS:
            del self[name]

    def fit_bearer(self, server: SmtpServer | None) -> None:
        """Fill in what is known, and mark what has to be typed."""
        self.oauth_provider.flags.required = True
        is_stored = (
            server is not None
            and server.auth is AuthKind.BEARER
            and server.secret_sealed is not None
        )
        if not is_stored:
            self.client_secret.flags.required = True
        # WTForms has its own words for a day that is none, and no way to give it ours.
        if self.secret_expires_on.process_errors:
            self.secret_expires_on.process_errors = [
                _("This is not a day; write it as %(example)s.", example="2027-12-31")
            ]


def is_enabled() -> bool:
    """Whether servers of this portal may sign in by token."""
    return features.is_on(Feature.OAUTH_SMTP, g.white_label.id if g.white_label else None)


def wants_other_fields(form: Form) -> bool:
    """Whether only the type of authentication was chosen: nothing is checked or tried yet."""
    return form.is_submitted() and request.form.get("act") == "choose"


def show_other_fields(form: Any) -> None:
    """What the chosen type usually has, where nothing is typed yet."""
    if signs_in_by_token(form) and not form.host.data:
        form.host.data = MICROSOFT.host


def asked_for() -> Thread | None:
    """The conversation in which somebody asked for the feature, while it is open."""
    if g.white_label is None:
        return None
    return conversations.open_about(g.white_label.id, About.FEATURE)


def ask_for_bearer() -> ResponseReturnValue:
    """One click: whoever can switch it on finds it on the desk."""
    thread = asked_for()
    if thread is None and not is_enabled():
        try:
            thread = threads.open_thread(
                g.white_label,
                subject=_subject(),
                about=About.FEATURE,
                author=g.person,
                text=_(
                    "Please switch on “%(feature)s” for us: we would like an SMTP server to sign "
                    "in at Microsoft by access token (Bearer).",
                    feature=FEATURES[Feature.OAUTH_SMTP].name,
                ),
            )
        except Refusal as refusal:
            db.session.rollback()
            flash(refusal.words, "error")
            return redirect(url_for(".new_server"))
        db.session.commit()
        flash(_("Asked. You will get a mail when it is answered."))
    if thread is None:
        return redirect(url_for(".new_server"))
    return redirect(url_for(".thread", thread_id=thread.id))


def _subject() -> str:
    return str(_("Please enable: %(feature)s", feature=FEATURES[Feature.OAUTH_SMTP].name))


def _link_of(_asked: Thread) -> Link | None:
    """From the question to the switch, for those who can turn it."""
    if not g.site.is_platform:
        return None
    feature = Feature.OAUTH_SMTP
    return str(FEATURES[feature].name), url_for("backoffice.feature", key=feature.value)


LINKS[About.FEATURE] = _link_of
