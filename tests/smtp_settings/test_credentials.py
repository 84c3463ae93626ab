"""A stored secret goes to the place it was entered for, and nowhere else, by whatever way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from sqlalchemy import update

from portal.accounts.models import Person
from portal.commands.provisioning.document import BadDocument, read
from portal.commands.provisioning.making import rehearse
from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.smtp.target import Basic, Target
from portal.smtp_settings import credentials, servers
from portal.smtp_settings.credentials import BOUND, SecretLost, secret_of
from portal.smtp_settings.models import AuthKind, SmtpServer, TlsMode
from portal.smtp_settings.targets import target_of
from portal.white_labels.models import WhiteLabel
from tests.equipment.certificates import Authority
from tests.equipment.stage import fresh
from tests.smtp_settings.forms import AUTHORITY, BLANK, HELO, PASSWORD, as_toml, plan, saved

ELSEWHERE: dict[str, Any] = {
    "preset": "mailgun",
    "host": "smtp.evil.example",
    "port": 2525,
    "tls": TlsMode.IMPLICIT,
    "min_tls": "1.3",
    "ca_pem": "an authority",  # replaced by a real one below
    "pin_sha256": "ab" * 32,
    "may_auth_in_clear": True,
    "username": "somebody-else",
}
"""One change for every setting that can be typed and says where a secret goes."""
BEHIND_OUR_BACK: dict[str, Any] = ELSEWHERE | {
    "white_label_id": None,
    "auth": AuthKind.BEARER,
    "oauth_provider": "microsoft",
    "oauth_authority": "https://login.evil.example",
    "oauth_tenant": "other-tenant",
    "oauth_client_id": "other-client",
}


@pytest.fixture
def server(ada: Person, acme: WhiteLabel) -> SmtpServer:
    return saved(ada, acme)


@pytest.fixture
def changed(authority: Authority) -> Callable[[str], Any]:
    """The other value of a setting."""
    return lambda name: authority.file.read_text() if name == "ca_pem" else BEHIND_OUR_BACK[name]


def test_every_setting_that_a_session_depends_on_is_bound() -> None:
    spoken_of = {field.name for field in fields(Target)}

    # Who we say we are, and how fast we talk, protect nothing.
    assert spoken_of - {"helo", "pipelining", "is_platform", "auth"} <= set(BOUND)
    assert {"auth", "username", "id", "white_label_id"} <= set(BOUND)
    assert set(BEHIND_OUR_BACK) == set(BOUND) - {"id"}


@pytest.mark.both_stores
def test_the_secret_opens_where_it_was_entered_for(server: SmtpServer) -> None:
    target = target_of(fresh(server), helo=HELO, authority=AUTHORITY)

    assert isinstance(target.auth, Basic)
    assert target.auth.password.reveal() == PASSWORD


@pytest.mark.accepts("SB-32")
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_form_with_a_blank_password_cannot_take_the_stored_one_elsewhere(
    server: SmtpServer, acme: WhiteLabel, name: str, changed: Callable[[str], Any]
) -> None:
    values = replace(BLANK, **{name: changed(name)})

    with pytest.raises(Refusal) as refused:
        plan(acme, values, server, has_owner_rights=True)

    assert refused.value.code == "password_again"
    assert refused.value.field == "password"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_provisioning_file_without_password_cannot_take_the_stored_one_elsewhere(
    server: SmtpServer, config: Config, name: str, changed: Callable[[str], Any]
) -> None:
    key = {"may_auth_in_clear": "auth_in_clear"}.get(name, name)
    settings = {
        "preset": "generic",
        "host": "smtp.acme.example",
        "port": 587,
        "tls": "starttls",
        "username": "acme",
        key: changed(name),
    }
    lines = "\n".join(f"{setting} = {as_toml(value)}" for setting, value in settings.items())
    text = f"""
[[white_labels]]
slug = "acme"
name = "Acme"
[[white_labels.servers]]
name = "Acme own"
configured_by = "ada@acme.example"
from_email = "news@acme.example"
auth = "basic"
{lines}
"""

    with pytest.raises(BadDocument) as bad:
        rehearse(read(text), texts={}, config=config, environ={}, trusts_domains=False)

    assert bad.value.faults[0].key == "white_labels.0.servers.0.password"


@pytest.mark.parametrize("name", BEHIND_OUR_BACK)
def test_a_row_changed_in_the_database_does_not_open(
    server: SmtpServer, name: str, changed: Callable[[str], Any]
) -> None:
    db.session.execute(update(SmtpServer).values({name: changed(name)}))
    db.session.commit()

    with pytest.raises(SecretLost):
        secret_of(fresh(server))


def test_an_envelope_copied_into_another_row_does_not_open(
    server: SmtpServer, acme: WhiteLabel, ada: Person
) -> None:
    twin = servers.copy(server, name="Twin", by=ada)
    twin.secret_sealed = server.secret_sealed
    db.session.commit()

    with pytest.raises(SecretLost):
        secret_of(fresh(twin))


def test_a_copy_has_no_secret_and_is_off(server: SmtpServer, ada: Person) -> None:
    twin = servers.copy(server, name="Twin", by=ada)

    assert (twin.secret_sealed, twin.is_enabled, twin.validated_at) == (None, False, None)


def test_switching_sign_in_off_forgets_the_secret(
    server: SmtpServer, acme: WhiteLabel, ada: Person
) -> None:
    planned = plan(acme, replace(BLANK, auth=AuthKind.NONE), server)

    servers.save(acme, planned, by=ada, server=server, is_draft=True)

    assert server.secret_sealed is None


def test_deleting_a_server_forgets_its_secret_at_once(server: SmtpServer) -> None:
    servers.delete(server)

    assert server.secret_sealed is None


@pytest.mark.accepts("SB-32")
def test_with_nothing_changed_a_blank_password_means_the_stored_one(
    server: SmtpServer, acme: WhiteLabel
) -> None:
    planned = plan(acme, replace(BLANK, description="For the shop"), server)

    assert isinstance(planned.target.auth, Basic)
    assert planned.target.auth.password.reveal() == PASSWORD


def test_a_server_without_usable_secret_cannot_be_switched_on(server: SmtpServer) -> None:
    servers.switch(server, on=False)
    credentials.forget_secret(server)

    with pytest.raises(SecretLost):
        servers.switch(server, on=True)
