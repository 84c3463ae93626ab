"""`flask provision` and `flask check` with servers that sign in by access token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from portal.config import Config
from portal.core import clock
from portal.core.db import db
from portal.smtp_settings import servers
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.white_labels import features, tenants
from portal.white_labels.features import Feature, Reach
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FakeServer
from tests.equipment.token_endpoint import CLIENT, MAILBOX, SECRET, TENANT, TokenEndpoint

pytestmark = pytest.mark.usefixtures("clock")  # no midnight comes between a file and its check

FILE = """
[platform]
name = "Northwind Apps"
{platform}
[[people]]
email = "owner@northwind.example"
name = "Olive Owner"
role = "platform_owner"
[[white_labels]]
slug = "acme"
name = "Acme Apps"
{acme}
[[white_labels.people]]
email = "ada@acme.example"
name = "Ada Admin"
role = "admin"
[[white_labels.servers]]
name = "acme-microsoft"
configured_by = "ada@acme.example"
host = "127.0.0.1"
port = {port}
tls = "none"
auth = "bearer"
username = "{mailbox}"
tenant = "{tenant}"
client_id = "{client}"
client_secret_env = "ACME_CLIENT_SECRET"
client_secret_expires = {expires}
from_email = "{mailbox}"
"""


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def config(config: Config, endpoint: TokenEndpoint) -> Config:
    return replace(config, microsoft_authority=endpoint.authority)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    script = Script(mechanisms=("XOAUTH2",), offers_auth_in_clear=True, username=MAILBOX)
    with FakeServer(replace(script, password="token-1")) as fake:
        yield fake


def expires() -> date:
    return clock.now().date() + timedelta(days=90)


def provision(app: Flask, folder: Path, port: int, *options: str, **lines: str) -> Result:
    file = folder / "livery.toml"
    known = {"platform": "", "acme": 'features = ["oauth_smtp"]'}
    text = FILE.format(
        **{**known, **lines},
        port=port,
        mailbox=MAILBOX,
        tenant=TENANT,
        client=CLIENT,
        expires=expires().isoformat(),
    )
    file.write_text(text, encoding="utf-8")
    db.session.remove()
    environ = {"ACME_CLIENT_SECRET": SECRET}
    runner = app.test_cli_runner()
    return runner.invoke(args=["provision", str(file), *options], env=environ)


def the_server() -> SmtpServer:
    db.session.remove()
    (server,) = servers.servers_of(tenants.find_by_slug("acme"))
    return server


@pytest.mark.accepts("ST-07", "ST-32", "ST-33", "ST-34")
def test_the_feature_and_a_server_that_uses_it_are_made_true(
    app: Flask, tmp_path: Path, fake: FakeServer, endpoint: TokenEndpoint
) -> None:
    done = provision(app, tmp_path, fake.port)

    assert done.exit_code == 0, done.output
    server = the_server()
    assert (server.auth, server.oauth_tenant) == (AuthKind.BEARER, TENANT)
    assert (server.oauth_authority, server.secret_expires_on) == (endpoint.authority, expires())
    assert secret_of(server).reveal() == SECRET
    assert server.white_label_id is not None
    assert features.reach_of(Feature.OAUTH_SMTP) == Reach(
        white_labels=frozenset({server.white_label_id})
    )
    assert fake.connections[0].sign_ins == [("XOAUTH2", MAILBOX)]
    assert SECRET not in done.output


def test_twice_is_once(
    app: Flask, tmp_path: Path, fake: FakeServer, endpoint: TokenEndpoint
) -> None:
    provision(app, tmp_path, fake.port)

    again = provision(app, tmp_path, fake.port)

    assert again.exit_code == 0, again.output
    assert (len(endpoint.asked), len(fake.connections)) == (1, 1)


@pytest.mark.accepts("ST-07")
def test_without_the_feature_the_line_is_named(
    app: Flask, tmp_path: Path, fake: FakeServer, endpoint: TokenEndpoint
) -> None:
    refused = provision(app, tmp_path, fake.port, acme="")

    assert refused.exit_code != 0
    assert "white_labels.0.servers.0.auth" in refused.output
    assert endpoint.asked == []


def test_what_microsoft_refuses_is_said_and_nothing_is_changed(
    app: Flask, tmp_path: Path, fake: FakeServer, endpoint: TokenEndpoint
) -> None:
    endpoint.is_expired = True

    refused = provision(app, tmp_path, fake.port)

    assert refused.exit_code != 0
    assert "The client secret has expired." in refused.output
    assert SECRET not in refused.output
    assert tenants.find_by_slug("acme") is None


def test_a_key_that_is_left_out_changes_no_feature_and_an_empty_one_switches_it_off(
    app: Flask, tmp_path: Path, fake: FakeServer
) -> None:
    for_all = 'features_for_all = ["oauth_smtp"]'
    provision(app, tmp_path, fake.port, platform=for_all, acme="")
    provision(app, tmp_path, fake.port, acme="")
    kept = features.reach_of(Feature.OAUTH_SMTP)
    db.session.rollback()

    refused = provision(app, tmp_path, fake.port, platform="features_for_all = []", acme="")

    assert kept.is_everywhere
    # The server of the same file needs it, so the whole file is refused.
    assert refused.exit_code != 0
    assert features.reach_of(Feature.OAUTH_SMTP) == kept


def test_the_doctor_asks_for_a_token_and_says_why_there_is_none(
    app: Flask, tmp_path: Path, fake: FakeServer, endpoint: TokenEndpoint
) -> None:
    provision(app, tmp_path, fake.port)
    fake.script = replace(fake.script, password="token-2")

    well = app.test_cli_runner().invoke(args=["check"])
    endpoint.is_expired = True
    ill = app.test_cli_runner().invoke(args=["check"])

    assert "server acme/acme-microsoft: a session went well" in well.output
    assert "No access token: The client secret has expired." in ill.output
    assert SECRET not in ill.output
