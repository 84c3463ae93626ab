"""Fitting the server form to a service: what it settles is not asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from flask import g
from wtforms import Field, SelectChoice

from portal.accounts.models import Person
from portal.core.words import lazy
from portal.mail_templates.models import TemplateText
from portal.senders.models import Sender
from portal.smtp.target import TlsVersion
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.presets import Fitness, Preset
from portal.smtp_settings.values import ServerValues
from portal.web.smtp_servers.bearer import NOT_ENABLED, is_enabled
from portal.web.smtp_servers.forms import (
    AUTH_WORDS,
    OWNERS_TLS,
    TENANTS_TLS,
    TLS_SHORT,
    ServiceServerForm,
    TypedServerForm,
)


def is_documented(service: Preset, values: ServerValues) -> bool:
    """Whether the service itself names this host, port and mode; else all of it is shown."""
    if service.is_typed_by_hand:
        return False
    names_port = any((port.number, port.tls) == (values.port, values.tls) for port in service.ports)
    names_host = any(host.name == values.host for host in service.hosts)
    return names_port and (names_host or service.takes_any_region)


def server_form(
    service: Preset,
    values: ServerValues,
    *,
    server: SmtpServer | None = None,
    sender: Sender | None = None,
    people: Sequence[Person] = (),
    default_for: Sequence[Person] = (),
    texts: Sequence[TemplateText] = (),
) -> TypedServerForm | ServiceServerForm:
    """The form for this service, filled in with these settings or with what was sent."""
    kind = ServiceServerForm if is_documented(service, values) else TypedServerForm
    filled: dict[str, Any] = {
        **{one.name: getattr(values, one.name) for one in fields(values)},
        "default_for": [person.id for person in default_for],
    }
    if sender is not None:
        filled |= {
            "email": sender.email,
            "sender_name": sender.name,
            "reply_to": sender.reply_to,
            "same_as_username": bool(values.username) and sender.email == values.username,
        }
    form = kind(data=filled)
    form.offer(texts)
    _fit_way(form, service, values)
    _fit_sign_in(form, service, values, server)
    _fit_rest(form, service, values, server, people)
    return form


def _fit_way(form: Any, service: Preset, values: ServerValues) -> None:
    if isinstance(form, TypedServerForm):
        return
    known = {host.name: str(host.label) for host in service.hosts}
    hosts = known if values.host in known else {values.host: "", **known}
    form.host.choices = [
        SelectChoice(name, f"{label} ({name})" if label else name) for name, label in hosts.items()
    ]
    form.port.choices = [
        SelectChoice(port.number, f"{port.number}, {TLS_SHORT[port.tls]}") for port in service.ports
    ]
    if service.takes_any_region:
        form.host.label.text = lazy("Region")
    else:
        del form.region


def _fit_sign_in(
    form: Any, service: Preset, values: ServerValues, server: SmtpServer | None
) -> None:
    form.auth.choices = [SelectChoice(kind.value, AUTH_WORDS[kind]) for kind in service.auths]
    if not is_enabled():
        form.auth.closed = {AuthKind.BEARER.value: NOT_ENABLED}
    if [*service.auths] == [values.auth]:
        del form.auth
    if AuthKind.BEARER in service.auths:
        form.fit_bearer(server)
    else:
        form.drop_bearer()
    if service.username.is_asked:
        _name(form.username, service.username.label, service.username.hint)
    else:
        del form.username
    if not service.username.is_asked or service.fitness is Fitness.TRANSACTIONAL:
        del form.same_as_username  # the user name is hardly ever an address
    _name(form.password, service.password.label, service.password.hint)
    # The room refuses a missing one with its own words; the asterisk stands here.
    has_secret = server is not None and server.secret_sealed is not None
    if server is None or not has_secret or server.auth is AuthKind.BEARER:
        form.password.flags.required = True


def _fit_rest(
    form: Any,
    service: Preset,
    values: ServerValues,
    server: SmtpServer | None,
    people: Sequence[Person],
) -> None:
    form.default_for.choices = [SelectChoice(person.id, person.name) for person in people]
    if not people:
        del form.default_for
    if server is not None or not service.warning:
        del form.understood
    versions = OWNERS_TLS if g.white_label is None else TENANTS_TLS
    stored = TlsVersion(values.min_tls)
    form.min_tls.choices = [
        SelectChoice(version.value, f"TLS {version.value}")
        for version in TlsVersion
        if version in versions or version is stored
    ]
    if g.white_label is not None:
        del form.may_auth_in_clear


def _name(field: Field, label: object, hint: object) -> None:
    field.label.text = label
    field.description = hint or ""
