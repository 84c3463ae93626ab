"""Servers that sign in by access token: what has to be typed, and where its secret may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from portal.accounts.models import Person
from portal.commands.provisioning.document import BadDocument, read
from portal.commands.provisioning.making import rehearse
from portal.config import MICROSOFT, Config, ConfigurationError
from portal.config import read as read_config
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.smtp.target import Grant
from portal.smtp_settings import servers, tokens
from portal.smtp_settings.credentials import BOUND, SecretLost, keep_secret, secret_of
from portal.smtp_settings.models import AccessToken, AuthKind, SmtpServer, TlsMode
from portal.smtp_settings.oauth import Token
from portal.smtp_settings.targets import target_of
from portal.smtp_settings.values import warnings_for
from portal.white_labels.features import NOWHERE, Reach
from portal.white_labels.models import WhiteLabel
from tests.equipment.certificates import Authority
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh
from tests.equipment.token_endpoint import CLIENT, MAILBOX, SECRET, TENANT
from tests.smtp_settings.bearer import BEARER, BLANK_BEARER, enable, plan_bearer, saved_bearer
from tests.smtp_settings.forms import AUTHORITY, HELO, as_toml, plan

ELSEWHERE: dict[str, Any] = {
    "preset": "microsoft_365",
    "host": "smtp.evil.example",
    "port": 2525,
    "tls": TlsMode.IMPLICIT,
    "min_tls": "1.3",
    "ca_pem": "an authority",  # replaced by a real one below
    "pin_sha256": "ab" * 32,
    "may_auth_in_clear": True,
    "username": "somebody.else@acme.example",
    "oauth_tenant": "evil.onmicrosoft.example",
    "oauth_client_id": "00000000-1111-2222-3333-444444444444",
}
"""One change for every setting that can be typed and says where a secret or its token goes."""
IN_A_FILE = {
    "may_auth_in_clear": "auth_in_clear",
    "oauth_tenant": "tenant",
    "oauth_client_id": "client_id",
}
"""What a provisioning file calls them, where it is not the column's name."""
BEHIND_OUR_BACK: dict[str, Any] = ELSEWHERE | {
    "white_label_id": None,
    "auth": AuthKind.BASIC,
    "oauth_provider": "google",
    "oauth_authority": "https://login.evil.example",
}


@pytest.fixture(autouse=True)
def enabled(acme: WhiteLabel) -> None:
    enable()


@pytest.fixture
def server(ada: Person, acme: WhiteLabel) -> SmtpServer:
    return saved_bearer(ada, acme)


@pytest.fixture
def changed(authority: Authority) -> Callable[[str], Any]:
    """The other value of a setting."""
    return lambda name: authority.pem if name == "ca_pem" else BEHIND_OUR_BACK[name]


def refused(white_label: WhiteLabel, **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as raised:
        plan_bearer(white_label, replace(BEARER, **changes))
    return raised.value


@pytest.mark.accepts("ST-27", "ST-32", "ST-33", "ST-34")
def test_what_is_typed_becomes_what_a_token_is_asked_for_with(acme: WhiteLabel) -> None:
    planned = plan_bearer(acme)

    assert planned.target.auth == Grant(
        MAILBOX, "microsoft", AUTHORITY, TENANT, CLIENT, Secret(SECRET)
    )


@pytest.mark.accepts("ST-06", "ST-07")
@pytest.mark.parametrize("server_is_there", [False, True])
def test_where_it_is_off_nothing_of_it_is_taken(
    acme: WhiteLabel, ada: Person, *, server_is_there: bool
) -> None:
    known = saved_bearer(ada, acme) if server_is_there else None
    enable(NOWHERE)

    with pytest.raises(Refusal) as raised:
        plan_bearer(acme, BEARER, known)

    assert (raised.value.code, raised.value.field) == ("bearer_not_enabled", "auth")


@pytest.mark.accepts("ST-07")
def test_it_is_on_for_those_it_was_switched_on_for(acme: WhiteLabel, birch: WhiteLabel) -> None:
    enable(Reach(white_labels=frozenset({acme.id})))

    assert plan_bearer(acme).target.auth is not None
    with pytest.raises(Refusal):
        plan_bearer(birch)
    with pytest.raises(Refusal):
        plan_bearer(None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"username": ""}, "username", marks=pytest.mark.accepts("ST-27")),
        pytest.param({"username": "acme"}, "username", marks=pytest.mark.accepts("ST-28")),
        pytest.param({"host": ""}, "host", marks=pytest.mark.accepts("ST-26")),
        pytest.param({"port": 0}, "port", marks=pytest.mark.accepts("ST-29")),
        pytest.param(
            {"oauth_client_id": ""}, "oauth_client_id", marks=pytest.mark.accepts("ST-32")
        ),
        pytest.param({"password": None}, "client_secret", marks=pytest.mark.accepts("ST-33")),
        pytest.param({"oauth_tenant": None}, "oauth_tenant", marks=pytest.mark.accepts("ST-34")),
        pytest.param({"oauth_tenant": "../../x"}, "oauth_tenant"),
        pytest.param({"oauth_provider": "google"}, "oauth_provider"),
        pytest.param({"tls": TlsMode.NONE}, "tls", marks=pytest.mark.accepts("ST-35")),
        pytest.param({"preset": "mailgun"}, "auth"),
    ],
)
def test_what_is_needed_is_asked_for_at_its_field(
    acme: WhiteLabel, changes: dict[str, Any], field: str
) -> None:
    assert refused(acme, **changes).field == field


def test_the_authority_is_the_operators_whatever_is_typed(acme: WhiteLabel) -> None:
    planned = plan_bearer(acme, replace(BEARER, oauth_authority="https://login.evil.example"))

    assert isinstance(planned.target.auth, Grant)
    assert planned.target.auth.authority == AUTHORITY


def test_another_type_of_authentication_keeps_nothing_of_it(
    acme: WhiteLabel, ada: Person, server: SmtpServer
) -> None:
    basic = replace(BEARER, auth=AuthKind.BASIC, password=Secret("a password"))

    servers.save(acme, plan(acme, basic, server), by=ada, server=server, is_draft=True)

    assert server.oauth_provider is server.oauth_authority is None
    assert server.oauth_tenant is server.oauth_client_id is None
    assert secret_of(server) == Secret("a password")


class TestASecretGoesNowhereElse:
    def test_every_setting_is_looked_at(self) -> None:
        assert set(BEHIND_OUR_BACK) == set(BOUND) - {"id"}

    @pytest.mark.accepts("SB-32")
    @pytest.mark.parametrize("name", ELSEWHERE)
    def test_a_form_with_a_blank_secret_cannot_take_it_along(
        self, server: SmtpServer, acme: WhiteLabel, name: str, changed: Callable[[str], Any]
    ) -> None:
        values = replace(BLANK_BEARER, **{name: changed(name)})

        with pytest.raises(Refusal) as raised:
            plan_bearer(acme, values, server, has_owner_rights=True)

        assert (raised.value.code, raised.value.field) == ("password_again", "client_secret")

    def test_nor_can_another_authority(self, server: SmtpServer, acme: WhiteLabel) -> None:
        with pytest.raises(Refusal) as raised:
            plan_bearer(acme, BLANK_BEARER, server, authority="https://login.other.example")

        assert raised.value.code == "password_again"

    def test_nor_can_another_type_of_authentication(
        self, server: SmtpServer, acme: WhiteLabel
    ) -> None:
        with pytest.raises(Refusal) as raised:
            plan(acme, replace(BLANK_BEARER, auth=AuthKind.BASIC), server)

        assert (raised.value.code, raised.value.field) == ("password_again", "password")

    @pytest.mark.parametrize("name", BEHIND_OUR_BACK)
    def test_a_row_changed_in_the_database_does_not_open(
        self, server: SmtpServer, name: str, changed: Callable[[str], Any]
    ) -> None:
        db.session.execute(update(SmtpServer).values({name: changed(name)}))
        db.session.commit()

        with pytest.raises(SecretLost):
            secret_of(fresh(server))

    @pytest.mark.parametrize("name", BEHIND_OUR_BACK)
    def test_nor_does_its_access_token(
        self, server: SmtpServer, name: str, changed: Callable[[str], Any]
    ) -> None:
        keep_token(server)
        db.session.execute(update(SmtpServer).values({name: changed(name)}))
        db.session.commit()

        assert kept_token(fresh(server)) is None

    @pytest.mark.parametrize("name", ELSEWHERE)
    def test_a_provisioning_file_without_secret_cannot_take_it_along(
        self, server: SmtpServer, config: Config, name: str, changed: Callable[[str], Any]
    ) -> None:
        entered_with_authority_of(config, server)
        text = provisioning_file(**{IN_A_FILE.get(name, name): changed(name)})

        with pytest.raises(BadDocument) as bad:
            rehearse(read(text), texts={}, config=config, environ={}, trusts_domains=False)

        (fault,) = bad.value.faults
        assert fault.key == "white_labels.0.servers.0.client_secret"
        assert "enter it again" in fault.words

    def test_one_that_changes_nothing_does_not_need_it(
        self, server: SmtpServer, config: Config
    ) -> None:
        entered_with_authority_of(config, server)

        report = rehearse(
            read(provisioning_file()), texts={}, config=config, environ={}, trusts_domains=False
        )

        assert not report.attempts

    def test_with_another_authority_of_the_operator_it_is_asked_for_again(
        self, server: SmtpServer
    ) -> None:
        with pytest.raises(SecretLost) as raised:
            target_of(server, helo=HELO, authority=MICROSOFT)

        assert raised.value.field == "client_secret"

    def test_with_nothing_changed_a_blank_secret_means_the_stored_one(
        self, server: SmtpServer, acme: WhiteLabel
    ) -> None:
        planned = plan_bearer(acme, replace(BLANK_BEARER, description="For the shop"), server)

        assert isinstance(planned.target.auth, Grant)
        assert planned.target.auth.client_secret == Secret(SECRET)
        assert not planned.needs_session

    def test_a_copy_has_neither_secret_nor_token(self, server: SmtpServer, ada: Person) -> None:
        keep_token(server)

        twin = servers.copy(server, name="Twin", by=ada)

        assert (twin.secret_sealed, twin.secret_expires_on) == (None, None)
        assert kept_token(twin) is None

    @pytest.mark.accepts("ST-07")
    def test_a_server_is_not_switched_on_where_the_feature_is_off(self, server: SmtpServer) -> None:
        servers.switch(server, on=False)
        enable(NOWHERE)

        with pytest.raises(Refusal) as raised:
            servers.switch(server, on=True)

        assert raised.value.code == "bearer_not_enabled"


class TestAnotherSecret:
    def test_drops_the_token_that_the_old_one_brought(
        self, server: SmtpServer, acme: WhiteLabel, ada: Person
    ) -> None:
        keep_token(server)
        planned = plan_bearer(acme, replace(BEARER, password=Secret("another")), server)

        servers.save(acme, planned, by=ada, server=server, is_draft=True)

        assert db.session.scalars(select(AccessToken)).all() == []

    def test_an_answer_to_the_old_one_that_comes_late_is_not_kept(
        self, server: SmtpServer, acme: WhiteLabel, ada: Person
    ) -> None:
        connection = db.session.connection()
        binding = tokens.binding_of(server)
        tokens.take_lease(connection, server.id, lease="mine", now=clock.now())
        planned = plan_bearer(acme, replace(BEARER, password=Secret("another")), server)
        servers.save(acme, planned, by=ada, server=server, is_draft=True)

        token = Token(Secret("late"), 3600)
        tokens.keep(connection, server.id, binding, token, lease="mine", now=clock.now())

        assert kept_token(server) is None

    def test_deleting_the_server_drops_the_token(self, server: SmtpServer) -> None:
        keep_token(server)

        servers.delete(server)

        assert db.session.scalars(select(AccessToken)).all() == []


class TestTheLease:
    def test_one_asks_and_the_others_wait(self, server: SmtpServer) -> None:
        connection, now = db.session.connection(), clock.now()

        assert tokens.take_lease(connection, server.id, lease="mine", now=now)
        assert tokens.take_lease(connection, server.id, lease="mine", now=now)
        assert not tokens.take_lease(connection, server.id, lease="another's", now=now)

    def test_it_ends_with_whoever_died(self, server: SmtpServer) -> None:
        connection, now = db.session.connection(), clock.now()
        tokens.take_lease(connection, server.id, lease="mine", now=now)

        later = now + tokens.LEASE

        assert tokens.take_lease(connection, server.id, lease="another's", now=later)

    def test_whoever_lost_it_keeps_nothing(self, server: SmtpServer) -> None:
        connection, now = db.session.connection(), clock.now()
        tokens.take_lease(connection, server.id, lease="mine", now=now)
        tokens.take_lease(connection, server.id, lease="another's", now=now + tokens.LEASE)

        token = Token(Secret("late"), 3600)
        binding = tokens.binding_of(server)
        tokens.keep(connection, server.id, binding, token, lease="mine", now=now)

        assert kept_token(server) is None


class TestExpiry:
    def test_a_day_that_has_passed_is_refused(self, acme: WhiteLabel, clock: HandSetClock) -> None:
        today = clock.now().date()

        refusal = refused(acme, secret_expires_on=today)

        assert refusal.field == "secret_expires_on"
        tomorrow = plan_bearer(acme, replace(BEARER, secret_expires_on=today + timedelta(days=1)))
        assert tomorrow.values.secret_expires_on == today + timedelta(days=1)

    def test_one_that_passed_meanwhile_does_not_stop_other_changes(
        self, acme: WhiteLabel, ada: Person, clock: HandSetClock
    ) -> None:
        on = clock.now().date() + timedelta(days=1)
        server = saved_bearer(ada, acme, replace(BEARER, secret_expires_on=on))
        clock.advance(days=3)

        values = replace(BLANK_BEARER, secret_expires_on=on, description="For the shop")

        assert not plan_bearer(acme, values, server).needs_session

    def test_a_new_secret_needs_a_new_day(
        self, acme: WhiteLabel, ada: Person, clock: HandSetClock
    ) -> None:
        on = clock.now().date() + timedelta(days=1)
        server = saved_bearer(ada, acme, replace(BEARER, secret_expires_on=on))
        clock.advance(days=3)

        values = replace(BEARER, secret_expires_on=on, password=Secret("another"))
        with pytest.raises(Refusal) as raised:
            plan_bearer(acme, values, server)

        assert raised.value.field == "secret_expires_on"


@pytest.mark.accepts("ST-31")
def test_another_sender_than_the_mailbox_is_warned_of() -> None:
    same = [advice.code for advice in warnings_for(BEARER, from_email=MAILBOX.upper())]
    other = [advice.code for advice in warnings_for(BEARER, from_email="shop@acme.example")]

    assert "sender_is_not_mailbox" not in same
    assert "sender_is_not_mailbox" in other


@pytest.mark.accepts("ST-35", "ST-36")
@pytest.mark.parametrize(
    ("port", "tls", "is_advised"),
    [
        (587, TlsMode.STARTTLS, False),
        (587, TlsMode.NONE, True),
        (25, TlsMode.IMPLICIT, True),
        (465, TlsMode.STARTTLS, True),
    ],
)
def test_port_and_tls_are_advised_on_as_for_a_password(
    port: int, tls: TlsMode, *, is_advised: bool
) -> None:
    by_token = replace(BEARER, port=port, tls=tls)
    by_password = replace(by_token, auth=AuthKind.BASIC)

    codes = [advice.code for advice in warnings_for(by_token)]
    same = [advice.code for advice in warnings_for(by_password)]

    assert [code for code in codes if code != "no_expiry"] == same
    assert bool(same) is is_advised


@pytest.mark.parametrize(
    ("authority", "is_fine"),
    [
        ("https://login.microsoftonline.com", True),
        ("https://login.partner.microsoftonline.cn/", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://login.microsoftonline.com", False),
        ("http://10.0.0.1", False),
        ("https://login.microsoftonline.com/common", False),
        ("https://user@login.microsoftonline.com", False),
        ("ftp://127.0.0.1", False),
        ("", False),
    ],
)
def test_the_authority_is_encrypted_or_this_machine(authority: str, *, is_fine: bool) -> None:
    environ = {"LIVERY_MICROSOFT_AUTHORITY": authority, "LIVERY_SECRET_KEY": "x" * 32}

    if is_fine:
        assert read_config(environ).microsoft_authority == authority.rstrip("/")
    else:
        with pytest.raises(ConfigurationError, match="LIVERY_MICROSOFT_AUTHORITY"):
            read_config(environ)


def entered_with_authority_of(config: Config, server: SmtpServer) -> None:
    """The secret is for the authority that a provisioning file means."""
    server.oauth_authority = config.microsoft_authority
    keep_secret(server, Secret(SECRET), by=server.configured_by)
    db.session.commit()


def provisioning_file(**changes: Any) -> str:
    """The server of these tests, without its secret."""
    settings = {
        "name": BEARER.name,
        "configured_by": "ada@acme.example",
        "from_email": MAILBOX,
        "preset": "generic",
        "host": BEARER.host,
        "port": BEARER.port,
        "tls": BEARER.tls,
        "auth": "bearer",
        "username": MAILBOX,
        "tenant": TENANT,
        "client_id": CLIENT,
        **changes,
    }
    lines = "\n".join(f"{key} = {as_toml(value)}" for key, value in settings.items())
    return f"""
[[white_labels]]
slug = "acme"
name = "Acme"
[[white_labels.servers]]
{lines}
"""


def keep_token(server: SmtpServer) -> None:
    connection, now = db.session.connection(), clock.now()
    tokens.take_lease(connection, server.id, lease="mine", now=now)
    token = Token(Secret("a-token"), 3600)
    binding = tokens.binding_of(server)
    tokens.keep(connection, server.id, binding, token, lease="mine", now=now)
    db.session.commit()
    assert kept_token(server) is not None


def kept_token(server: SmtpServer) -> object:
    now = clock.now()
    return tokens.look(
        db.session.connection(),
        server.id,
        tokens.binding_of(server),
        since=now,
        refused=None,
        now=now,
    )
