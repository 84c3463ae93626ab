"""What somebody types into the server form, checked field by field; no database is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _, lazy
from portal.smtp.addresses import AddressError, parse_address
from portal.smtp.egress import EgressPolicy
from portal.smtp.hosts import canonical_host
from portal.smtp.target import TlsVersion
from portal.smtp.tls import BadCaBundle, context_for
from portal.smtp_settings.modes import AuthKind, TlsMode, secret_field
from portal.smtp_settings.oauth import checked_client_id, checked_provider, checked_tenant
from portal.smtp_settings.presets import Advice, Limits, Preset, Weight, preset

PLATFORM_RECIPIENTS = 50
"""Of one message through a platform's server, unless its owner or the preset says otherwise."""

_is_pin = re.compile("[0-9a-f]{64}").fullmatch
_LONGEST_CA = 64 * 1024


@dataclass(frozen=True, slots=True)
class ServerValues:
    """Every setting of a server.

    `password` is a password or a client secret; None: the stored one, where that is allowed.
    """

    name: str
    host: str
    port: int
    tls: TlsMode
    auth: AuthKind
    preset: str = "generic"
    description: str = ""
    username: str = ""
    password: Secret | None = None

    min_tls: str = TlsVersion.TLS_1_2.value
    ca_pem: str | None = None
    pin_sha256: str | None = None
    may_auth_in_clear: bool = False
    uses_pipelining: bool = True

    oauth_provider: str | None = None
    oauth_authority: str | None = None  # the operator's, whatever is given
    oauth_tenant: str | None = None
    oauth_client_id: str | None = None
    secret_expires_on: date | None = None  # of a client secret; the admins are reminded

    weight: int = 1
    max_recipients: int | None = None
    max_bytes: int | None = None
    max_connections: int = 10
    max_per_connection: int | None = None
    per_second: int | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None

    @property
    def lowers_protection(self) -> bool:
        """Whether the settings ask for less protection than a white label may choose."""
        return self.may_auth_in_clear or TlsVersion(self.min_tls).is_deprecated


LIMITS = (
    "max_recipients",
    "max_bytes",
    "max_per_connection",
    "per_second",
    "per_minute",
    "per_hour",
    "per_day",
)
"""The settings that a preset knows."""


def limits_for(preset_key: str, host: str, *, is_platform: bool) -> Limits:
    """The limits to fill a new server's form in with."""
    limits = preset(preset_key).limits_of(host)
    if is_platform and limits.max_recipients is None:
        return replace(limits, max_recipients=PLATFORM_RECIPIENTS)
    return limits


def checked(
    values: ServerValues, *, policy: EgressPolicy, authority: str, is_platform: bool
) -> ServerValues:
    """The values as they are stored: canonical, tidy, and each one possible.

    Args:
        authority: where this installation gets its access tokens.

    Raises:
        Refusal: at the first field that is wrong.
    """
    service = preset(values.preset)
    if values.auth is AuthKind.BEARER and values.auth not in service.auths:
        words = _("This service is not signed in to by token.")
        raise Refusal("bearer_not_here", words, field="auth")
    _check_port(values.port, policy, is_platform=is_platform)
    _check_trust(values)
    _check_numbers(values)
    return replace(
        values,
        name=_line("name", values.name, 60, is_needed=True),
        description=_line("description", values.description, 200),
        host=canonical_host(values.host.strip()),
        username=_username(values, service),
        password=_password(values),
        ca_pem=values.ca_pem or None,
        pin_sha256=_pin(values.pin_sha256),
        **_oauth(values, authority),
    )


def warnings_for(
    values: ServerValues, *, from_email: str = "", is_approved: bool = False
) -> list[Advice]:
    """What to say beside the form; nothing of it forbids.

    `is_approved`: the sender's domain is one that the white label has proven to be its own.
    """
    service = preset(values.preset)
    advice = [Advice("mailbox_service", Weight.WARNING, words) for words in service.warning]
    advice += service.advice_on(values.port, values.tls)
    if TlsVersion(values.min_tls).is_deprecated:
        advice.append(Advice("old_tls", Weight.WARNING, _OLD_TLS))
    signs_in = values.auth is not AuthKind.NONE
    if signs_in and values.may_auth_in_clear and values.tls is TlsMode.NONE:
        advice.append(Advice("auth_in_clear", Weight.WARNING, _AUTH_IN_CLEAR))
    if values.auth is AuthKind.BEARER:
        return advice + _advice_on_bearer(values, from_email)
    own = (None, domain_of(from_email))
    if domain_of(from_email) and domain_of(values.username) not in own and not is_approved:
        advice.append(Advice("sender_elsewhere", Weight.WARNING, _SENDER_ELSEWHERE))
    return advice


def _advice_on_bearer(values: ServerValues, from_email: str) -> list[Advice]:
    advice = []
    if from_email and from_email.strip().lower() != values.username.lower():
        advice.append(Advice("sender_is_not_mailbox", Weight.WARNING, _SENDER_IS_NOT_MAILBOX))
    if values.secret_expires_on is None:
        advice.append(Advice("no_expiry", Weight.HINT, _NO_EXPIRY))
    return advice


_SENDER_IS_NOT_MAILBOX = lazy(
    "At Microsoft the sender should be the user name. Another address needs the permission “Send "
    "As” for the mailbox; the test shows whether it is there."
)
_NO_EXPIRY = lazy(
    "Nobody can be reminded before the client secret expires: its day of expiry is not entered."
)
_OLD_TLS = lazy(
    "TLS 1.0 and 1.1 can be broken and are switched off nearly everywhere (RFC 8996). Keep this "
    "only until the server is replaced."
)
_AUTH_IN_CLEAR = lazy("User name and password travel in clear: everybody on the way can read them.")
_SENDER_ELSEWHERE = lazy(
    "The sender's domain is not the user name's. The server must be allowed to send for it, or "
    "it refuses the sender; the test shows which."
)


def _check_port(port: int, policy: EgressPolicy, *, is_platform: bool) -> None:
    if not 0 < port < 65536:
        raise Refusal("port_range", _("A port is a number from 1 to 65535."), field="port")
    is_relayed = any(relay.port in (None, port) for relay in policy.relays)
    if is_platform or is_relayed or port in policy.tenant_ports:
        return
    raise Refusal(
        "port_not_allowed",
        _(
            "Port %(port)s is not used for handing in mail. Allowed here: %(ports)s.",
            port=port,
            ports=", ".join(map(str, sorted(policy.tenant_ports))),
        ),
        field="port",
    )


def _check_trust(values: ServerValues) -> None:
    try:
        min_tls = TlsVersion(values.min_tls)
    except ValueError:
        raise Refusal(
            "min_tls_unknown", _("There is no such TLS version."), field="min_tls"
        ) from None
    if values.ca_pem:
        if len(values.ca_pem) > _LONGEST_CA:
            raise Refusal("ca_too_long", _("This is too long for certificates."), field="ca_pem")
        try:
            context_for(min_tls, values.ca_pem, is_pinned=False)
        except BadCaBundle:
            raise Refusal(
                "ca_malformed", _("These are no certificates in PEM form."), field="ca_pem"
            ) from None
    in_clear = values.tls is TlsMode.NONE and values.auth is not AuthKind.NONE
    if in_clear and not values.may_auth_in_clear:
        raise Refusal(
            "auth_in_clear",
            _("A password is never sent over an open line. Switch TLS on, or sign-in off."),
            field="tls",
        )


def _check_numbers(values: ServerValues) -> None:
    for field in LIMITS:
        number = getattr(values, field)
        if number is not None and not 0 < number < 2**31:
            raise Refusal("limit_range", _("A limit is at least 1; empty is none."), field=field)
    if not 0 < values.max_connections <= 100:
        raise Refusal(
            "connections_range", _("Between 1 and 100 connections."), field="max_connections"
        )
    if not 0 <= values.weight <= 1000:
        raise Refusal("weight_range", _("A weight is between 0 and 1000."), field="weight")


def _oauth(values: ServerValues, authority: str) -> dict[str, Any]:
    """What belongs to a way of signing in that is not chosen is not kept."""
    if values.auth is not AuthKind.BEARER:
        nothing = ("provider", "authority", "tenant", "client_id")
        return {"secret_expires_on": None} | {f"oauth_{name}": None for name in nothing}
    return {
        "oauth_provider": checked_provider(values.oauth_provider),
        "oauth_authority": authority,
        "oauth_tenant": checked_tenant(values.oauth_tenant),
        "oauth_client_id": checked_client_id(values.oauth_client_id),
        "secret_expires_on": values.secret_expires_on,
    }


def checked_mailbox(text: str) -> str:
    """The user name at Microsoft: the address of a mailbox.

    Raises:
        Refusal: at the field.
    """
    name = _line("username", text, 254, is_needed=True)
    try:
        return str(parse_address(name))
    except AddressError as fault:
        raise Refusal(fault.code, fault.words, field="username") from None


def _username(values: ServerValues, service: Preset) -> str:
    if values.auth is AuthKind.BEARER:
        return checked_mailbox(values.username)
    if values.auth is AuthKind.NONE or not service.username.is_asked:
        return service.username.fixed or "" if values.auth is not AuthKind.NONE else ""
    return _line("username", values.username, 254, is_needed=True)


def _password(values: ServerValues) -> Secret | None:
    if values.auth is AuthKind.NONE or not values.password:
        return None
    text = values.password.reveal()
    if "\0" in text or len(text.encode()) > 4096:
        raise Refusal(
            "password_unfit", _("This cannot be a password."), field=secret_field(values.auth)
        )
    return values.password


def _pin(text: str | None) -> str | None:
    if not text or not text.strip():
        return None
    pin = text.replace(":", "").strip().lower()
    if not _is_pin(pin):
        raise Refusal(
            "pin_malformed",
            _("A pin is the SHA-256 fingerprint of the certificate: 64 hexadecimal digits."),
            field="pin_sha256",
        )
    return pin


def _line(field: str, text: str, longest: int, *, is_needed: bool = False) -> str:
    tidy = text.strip()
    if is_needed and not tidy:
        raise Refusal(f"{field}_missing", _("This is needed."), field=field)
    if len(tidy) > longest or not tidy.isprintable():
        raise Refusal(
            f"{field}_not_fit",
            _("One line of at most %(limit)s characters.", limit=longest),
            field=field,
        )
    return tidy


def domain_of(address: str) -> str | None:
    """The canonical domain of what was typed, if it is an address at all."""
    try:
        return parse_address(address.strip()).domain
    except AddressError:
        return None
