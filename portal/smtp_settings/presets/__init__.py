"""Presets: the services that Livery knows, so that only their credentials have to be typed.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp_settings.presets.generic import GENERIC
from portal.smtp_settings.presets.mailboxes import MAILBOXES
from portal.smtp_settings.presets.ports import (
    COMMON_PORTS,
    OFTEN_BLOCKED,
    STANDARD_PORTS,
    Advice,
    Port,
    Weight,
    port_advice,
    suggested_port,
    suggested_tls,
)
from portal.smtp_settings.presets.ses import SES_ENDPOINTS, SesEndpoint, ses_host
from portal.smtp_settings.presets.shape import (
    MAILBOX_WARNING,
    Fitness,
    Host,
    Limits,
    PasswordField,
    Preset,
    UsernameField,
)
from portal.smtp_settings.presets.transactional import TRANSACTIONAL

__all__ = [
    "COMMON_PORTS",
    "GENERIC",
    "MAILBOX_WARNING",
    "OFTEN_BLOCKED",
    "PRESETS",
    "SES_ENDPOINTS",
    "STANDARD_PORTS",
    "Advice",
    "Fitness",
    "Host",
    "Limits",
    "PasswordField",
    "Port",
    "Preset",
    "SesEndpoint",
    "UsernameField",
    "Weight",
    "port_advice",
    "preset",
    "ses_host",
    "suggested_port",
    "suggested_tls",
]

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {one.key: one for one in (*TRANSACTIONAL, *MAILBOXES, GENERIC)}
)
"""All service types by key, in the order in which they are shown."""


def preset(key: str) -> Preset:
    """The preset with this key; an unknown one is refused at the field `preset`."""
    try:
        return PRESETS[key]
    except KeyError:
        raise Refusal(
            "no_such_preset", _("There is no such service type."), field="preset"
        ) from None
