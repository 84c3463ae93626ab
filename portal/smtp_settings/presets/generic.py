"""The service type for every server that has no preset: all settings are typed by hand.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from portal.core.words import lazy as _
from portal.smtp_settings.modes import AuthKind
from portal.smtp_settings.presets.ports import Port, suggested_tls
from portal.smtp_settings.presets.shape import Fitness, PasswordField, Preset, UsernameField

GENERIC = Preset(
    key="generic",
    label=_("Other / Generic SMTP"),
    fitness=Fitness.UNKNOWN,
    hosts=(),
    ports=tuple(Port(number, suggested_tls(number)) for number in (587, 2525, 25, 465)),
    auths=(AuthKind.BASIC, AuthKind.NONE, AuthKind.BEARER),
    username=UsernameField(_("User name"), _("Often the full e-mail address.")),
    password=PasswordField(
        _("Password"),
        _("With 2-step verification on, most providers want an app password made for this use."),
    ),
    docs_url=None,
    hints=(
        _(
            "Your mail provider, or whoever runs your mail server, knows these values. To find "
            "them, search the web for “smtp” and the provider's name."
        ),
        _("First let other programs sign in there: the provider may have that switched off."),
    ),
)
