"""The server form for those that sign in by access token: chosen first, tried live, kept safe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.config import Config
from portal.core import clock
from portal.core.db import db
from portal.desk.models import About, Thread
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import AuthKind, SmtpServer, TlsMode
from portal.white_labels.features import NOWHERE, Reach
from portal.white_labels.models import WhiteLabel
from tests.equipment.certificates import Authority
from tests.equipment.clock import HandSetClock
from tests.equipment.smtp_script import Say, Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh
from tests.equipment.token_endpoint import CLIENT, MAILBOX, SECRET, TENANT, Odd, TokenEndpoint
from tests.equipment.visitor import Page, Visits
from tests.smtp_settings.bearer import enable, make_bearer_server
from tests.web.servers import HOST, the_server

NEW = "/servers/new?preset=generic"
MICROSOFT = "/servers/new?preset=microsoft_365"
ACTS = [
    pytest.param("test", id="Test"),
    pytest.param("", id="Save"),
    pytest.param("draft", id="draft"),  # its button stands there after a failed test only
]
SEND_AS_DENIED = "5.2.252 SendAsDenied; news@acme.example not allowed to send as shop@acme.example"


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def config(config: Config, endpoint: TokenEndpoint) -> Config:
    return replace(config, microsoft_authority=endpoint.authority)


@pytest.fixture
def office(authority: Authority) -> Iterator[FaultServer]:
    """A mail server behind TLS that takes the first token, and nothing else."""
    script = Script(
        tls="implicit",
        certificate=authority.issue(HOST),
        mechanisms=("XOAUTH2",),
        username=MAILBOX,
        password="token-1",
    )
    with FaultServer(script) as server:
        yield server


def typed(office: FaultServer, authority: Authority, **changes: Any) -> dict[str, Any]:
    """All that has to be filled in."""
    return {
        "auth": "bearer",
        "host": HOST,
        "port": office.port,
        "tls": "implicit",
        "ca_pem": authority.pem,
        "oauth_provider": "microsoft",
        "username": MAILBOX,
        "oauth_client_id": CLIENT,
        "client_secret": SECRET,
        "oauth_tenant": TENANT,
        "email": MAILBOX,
        "name": "acme-own",
        **changes,
    }


def shown_fields(page: Page) -> set[str]:
    """Names of the fields that a reader without JavaScript sees."""
    inputs = "//form[contains(@class, 'server-form')]//*[self::input or self::select]"
    visible = "[not(ancestor::*[@hidden])][not(@type='hidden')][not(@disabled)]/@name"
    return set(page.tree.xpath(inputs + visible))


class TestWhereItIsOff:
    @pytest.mark.accepts("ST-06", "ST-07")
    @pytest.mark.parametrize("address", [NEW, MICROSOFT])
    def test_the_choice_is_there_but_says_who_can_switch_it_on(
        self, visit: Visits, ada: Person, address: str
    ) -> None:
        page = visit(ada).get(address)

        choices = page.tree.xpath("//input[@name='auth'][not(@disabled)]/@value")
        assert "bearer" not in choices
        assert page.tree.xpath("//input[@name='auth'][@value='bearer'][@disabled]")
        assert "The operator of the platform can do that" in page.content
        assert "OAuth enablement for SMTP" in page.content

    @pytest.mark.accepts("ST-07")
    def test_one_click_writes_to_the_desk(
        self, visit: Visits, ada: Person, acme: WhiteLabel
    ) -> None:
        here = visit(ada)

        page = here.get(MICROSOFT).submit("Ask for it")

        thread = db.session.scalars(select(Thread)).one()
        assert (thread.about, thread.white_label_id) == (About.FEATURE, acme.id)
        assert page.path == f"/desk/{thread.id}"
        assert "Asked for" in here.get(MICROSOFT).content

    def test_a_second_click_leads_to_the_same_conversation(
        self, visit: Visits, ada: Person, bob: Person
    ) -> None:
        before = visit(bob).get(MICROSOFT)
        visit(ada).get(MICROSOFT).submit("Ask for it")

        page = before.submit("Ask for it")

        thread = db.session.scalars(select(Thread)).one()
        assert page.path == f"/desk/{thread.id}"

    @pytest.mark.accepts("ST-07")
    def test_sending_it_all_the_same_is_refused(
        self,
        visit: Visits,
        ada: Person,
        acme: WhiteLabel,
        office: FaultServer,
        authority: Authority,
        endpoint: TokenEndpoint,
    ) -> None:
        page = visit(ada).post(NEW, {**typed(office, authority), "act": ""})

        assert "is not switched on here" in page.error_at("auth")
        assert endpoint.asked == []

    def test_the_platforms_owner_is_led_to_the_switch(self, visit: Visits, olive: Person) -> None:
        page = visit(olive).get("/backoffice/settings/communication/servers/new?preset=generic")

        assert page.click("Switch it on under Features").h1 == "OAuth enablement for SMTP"

    def test_it_is_on_for_the_white_label_that_has_it(
        self, visit: Visits, ada: Person, cal: Person, acme: WhiteLabel
    ) -> None:
        enable(Reach(white_labels=frozenset({acme.id})))

        with_it, without = visit(ada).get(NEW), visit(cal).get(NEW)

        enabled = "//input[@name='auth'][@value='bearer'][not(@disabled)]"
        assert with_it.tree.xpath(enabled)
        assert not without.tree.xpath(enabled)


class TestTheFieldsFollowTheType:
    @pytest.fixture(autouse=True)
    def _on(self, acme: WhiteLabel) -> None:
        enable()

    @pytest.mark.accepts("ST-03")
    def test_the_type_stands_first(self, visit: Visits, ada: Person) -> None:
        page = visit(ada).get(NEW)

        legends = [legend.strip() for legend in page.tree.xpath("//fieldset/legend/text()")]
        assert legends[:2] == ["Authentication", "Type of authentication"]

    @pytest.mark.accepts("ST-04", "ST-25", "ST-26", "ST-27", "ST-29", "ST-30")
    @pytest.mark.accepts("ST-32", "ST-33", "ST-34", "ST-35", "ST-37")
    def test_without_javascript_a_button_shows_the_fields(self, visit: Visits, ada: Person) -> None:
        basic = visit(ada).get(NEW)

        bearer = basic.submit("Show the fields for this type", auth="bearer")

        only_bearer = {
            *("oauth_provider", "oauth_client_id", "client_secret", "oauth_tenant"),
            "secret_expires_on",
        }
        assert shown_fields(basic) & (only_bearer | {"password"}) == {"password"}
        assert shown_fields(bearer) & (only_bearer | {"password"}) == only_bearer
        assert {"host", "port", "tls", "username", "email"} <= shown_fields(bearer)
        (host,) = bearer.tree.xpath("//input[@name='host']/@value")
        assert host == "smtp.office365.com"

    @pytest.mark.accepts("ST-04")
    def test_choosing_another_type_loses_nothing_that_was_typed(
        self, visit: Visits, ada: Person, office: FaultServer, authority: Authority
    ) -> None:
        page = (
            visit(ada)
            .get(NEW)
            .submit(
                "Show the fields for this type",
                **typed(office, authority, host="mail.acme.example"),
            )
        )
        again = page.submit("Show the fields for this type", auth="basic")
        back = again.submit("Show the fields for this type", auth="bearer")

        def value(name: str) -> str:
            return str(back.tree.xpath(f"//input[@name='{name}']/@value")[0])

        assert (value("host"), value("oauth_tenant")) == ("mail.acme.example", TENANT)
        assert "What you typed is kept" in back.content
        assert SECRET not in back.body

    @pytest.mark.accepts("ST-25", "ST-26", "ST-29", "ST-23", "ST-24")
    def test_for_microsoft_everything_known_is_filled_in(self, visit: Visits, ada: Person) -> None:
        page = visit(ada).get(MICROSOFT)

        assert page.tree.xpath("//input[@name='auth'][@checked]/@value") == ["bearer"]
        assert page.tree.xpath("//input[@name='host']/@value") == ["smtp.office365.com"]
        assert page.tree.xpath("//select[@name='port']/option[@selected]/@value") == ["587"]
        options = page.tree.xpath("//select[@name='oauth_provider']/option/text()")
        assert options == ["Microsoft"]
        assert page.tree.xpath("//a[contains(@href, 'learn.microsoft.com')]")
        assert "must" not in page.error_at("username")

    @pytest.mark.accepts("ST-31")
    def test_the_sender_can_be_the_user_name_with_one_tick(
        self, visit: Visits, ada: Person
    ) -> None:
        assert "same_as_username" in shown_fields(visit(ada).get(MICROSOFT))

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            pytest.param("username", "username", marks=pytest.mark.accepts("ST-27")),
            pytest.param("email", "email", marks=pytest.mark.accepts("ST-30")),
            pytest.param("oauth_client_id", "oauth_client_id", marks=pytest.mark.accepts("ST-32")),
            pytest.param("client_secret", "client_secret", marks=pytest.mark.accepts("ST-33")),
            pytest.param("oauth_tenant", "oauth_tenant", marks=pytest.mark.accepts("ST-34")),
            pytest.param("port", "port", marks=pytest.mark.accepts("ST-29")),
            pytest.param("host", "host", marks=pytest.mark.accepts("ST-26")),
        ],
    )
    def test_what_is_missing_is_said_at_its_field(
        self,
        visit: Visits,
        ada: Person,
        office: FaultServer,
        authority: Authority,
        name: str,
        field: str,
    ) -> None:
        page = visit(ada).get(NEW).submit("Save", **typed(office, authority, **{name: ""}))

        assert page.error_at(field)
        assert SECRET not in page.body

    def test_everything_that_is_wrong_is_said_at_once(self, visit: Visits, ada: Person) -> None:
        wrong = {"username": "nobody", "oauth_client_id": "an app", "oauth_tenant": "acme"}

        page = visit(ada).get(MICROSOFT).submit("Save", auth="bearer", name="", **wrong)

        told = {field: page.error_at(field) for field in (*wrong, "client_secret", "understood")}
        assert told == {
            "username": "An e-mail address needs an @.",
            "oauth_client_id": "A client ID looks like 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d.",
            "oauth_tenant": (
                "A tenant is written as its ID, such as 8f3c1d2e-5b6a-4c7d-9e8f-0a1b2c3d4e5f, or "
                "as one of its domains, such as acme.onmicrosoft.com."
            ),
            "client_secret": "The client secret is needed.",
            "understood": "Tick the box, or choose another service.",
        }

    @pytest.mark.parametrize("day", ["31.12.2030", "tomorrow", "2030-02-31", "2001-01-01"])
    def test_a_day_that_is_none_or_has_passed_is_said_at_its_field(
        self, visit: Visits, ada: Person, office: FaultServer, authority: Authority, day: str
    ) -> None:
        page = visit(ada).get(NEW).submit("Save", **typed(office, authority, secret_expires_on=day))

        assert page.error_at("secret_expires_on")


class TestLive:
    @pytest.fixture(autouse=True)
    def _on(self, acme: WhiteLabel) -> None:
        enable()

    @pytest.mark.accepts("ST-27", "ST-32", "ST-33", "ST-34", "ST-25")
    def test_saving_asks_for_a_token_signs_in_and_keeps_everything(
        self,
        visit: Visits,
        ada: Person,
        acme: WhiteLabel,
        office: FaultServer,
        authority: Authority,
        endpoint: TokenEndpoint,
    ) -> None:
        on = clock.now().date() + timedelta(days=90)

        page = (
            visit(ada)
            .get(NEW)
            .submit("Save", **typed(office, authority, secret_expires_on=on.isoformat()))
        )

        assert page.h1 == "acme-own", page.content
        server = the_server(acme)
        assert (server.auth, server.oauth_tenant) == (AuthKind.BEARER, TENANT)
        assert (server.oauth_client_id, server.secret_expires_on) == (CLIENT, on)
        assert server.oauth_authority == endpoint.authority
        assert secret_of(server).reveal() == SECRET
        assert [signed for seen in office.connections for signed in seen.sign_ins] == [
            ("XOAUTH2", MAILBOX)
        ]
        assert SECRET not in page.body
        assert CLIENT in page.content

    def test_a_test_tells_of_the_token_first(
        self, visit: Visits, ada: Person, office: FaultServer, authority: Authority
    ) -> None:
        page = visit(ada).get(NEW).submit("Test", **typed(office, authority))

        stages = page.tree.xpath("//*[@class='stage-name']/text()")
        assert next(stage.strip() for stage in stages) == "Access token received"
        assert "Signed in" in page.content

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"client_secret": "wrong"}, "the client secret is wrong"),
            ({"oauth_tenant": "nobody.example"}, "knows no such tenant"),
            (
                {"oauth_client_id": "00000000-0000-0000-0000-000000000000"},
                "knows no such application",
            ),
        ],
    )
    def test_what_microsoft_refuses_is_explained_and_nothing_is_saved(
        self,
        visit: Visits,
        ada: Person,
        acme: WhiteLabel,
        office: FaultServer,
        authority: Authority,
        changes: dict[str, str],
        words: str,
    ) -> None:
        page = visit(ada).get(NEW).submit("Save", **typed(office, authority, **changes))

        assert words in page.content
        assert "No access token" in page.content
        assert "AADSTS" in page.content
        assert db.session.scalars(select(SmtpServer)).all() == []
        assert office.connections == []

    def test_an_expired_secret_is_told_from_a_wrong_one(
        self,
        visit: Visits,
        ada: Person,
        office: FaultServer,
        authority: Authority,
        endpoint: TokenEndpoint,
    ) -> None:
        endpoint.is_expired = True

        page = visit(ada).get(NEW).submit("Test", **typed(office, authority))

        assert "The client secret has expired." in page.content

    def test_an_application_without_consent_is_told_who_gives_it(
        self,
        visit: Visits,
        ada: Person,
        office: FaultServer,
        authority: Authority,
        endpoint: TokenEndpoint,
    ) -> None:
        said = {
            "error": "invalid_grant",
            "error_description": "AADSTS65001: The user or administrator has not consented to use "
            f"the application with ID '{CLIENT}' named 'Livery'.",
            "error_codes": [65001],
        }
        endpoint.misbehave(Odd(400, (json.dumps(said).encode(),)))

        page = visit(ada).get(NEW).submit("Test", **typed(office, authority))

        assert "No access token" in page.content
        assert "AADSTS65001" in page.content
        assert "Nobody has allowed this application" in page.content
        assert "let an administrator grant consent" in page.content
        assert office.connections == []

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ("535 5.7.3 Authentication unsuccessful", "SMTP.SendAsApp"),
            (
                "535 5.7.139 Unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
                "Authenticated SMTP is switched off",
            ),
            (
                "550 5.7.30 Basic authentication is not supported for Client Submission.",
                "took this for a sign-in by password",
            ),
        ],
    )
    def test_what_the_mail_server_refuses_is_explained(
        self, visit: Visits, ada: Person, authority: Authority, said: str, words: str
    ) -> None:
        code, _, text = said.partition(" ")
        script = Script(
            tls="implicit",
            certificate=authority.issue(HOST),
            mechanisms=("XOAUTH2",),
            auth=Say(int(code), text),
        )

        with FaultServer(script) as office:
            page = visit(ada).get(NEW).submit("Test", **typed(office, authority))

        assert words in page.content
        assert "Not signed in" in page.content

    @pytest.mark.accepts("ST-31")
    def test_a_sender_that_is_not_the_mailbox_is_a_warning_or_the_servers_refusal(
        self, visit: Visits, ada: Person, authority: Authority
    ) -> None:
        refusal = Say(550, "5.7.60 SMTP; Client does not have permissions to send as this sender")
        script = Script(
            tls="implicit",
            certificate=authority.issue(HOST),
            mechanisms=("XOAUTH2",),
            username=MAILBOX,
            password="token-1",
            mail=refusal,
        )

        with FaultServer(script) as office:
            page = (
                visit(ada)
                .get(NEW)
                .submit("Test", **typed(office, authority, email="shop@acme.example"))
            )

        assert "does not let this mailbox send as the sender address" in page.content

    @pytest.mark.accepts("ST-31")
    def test_a_sender_that_is_refused_only_after_the_message_is_explained_as_well(
        self, visit: Visits, ada: Person, office: FaultServer, authority: Authority
    ) -> None:
        office.script = replace(office.script, body=Say(554, SEND_AS_DENIED))
        fields = typed(
            office, authority, email="shop@acme.example", recipient="kim@customer.example"
        )

        page = visit(ada).get(NEW).submit("Test", **fields)

        assert "Message not accepted" in page.content
        assert SEND_AS_DENIED in page.content
        assert "does not let this mailbox send as the sender address" in page.content
        assert office.ledger == []


class TestChanging:
    @pytest.fixture(autouse=True)
    def _on(self, acme: WhiteLabel) -> None:
        enable()

    @pytest.fixture
    def settled(
        self, office: FaultServer, authority: Authority, endpoint: TokenEndpoint
    ) -> dict[str, Any]:
        """What a server is stored with whose session would go well."""
        return {
            "port": office.port,
            "authority": endpoint.authority,
            "tls": TlsMode.IMPLICIT,
            "ca_pem": authority.pem.strip(),
            "may_auth_in_clear": False,
        }

    @pytest.fixture
    def server(self, ada: Person, settled: dict[str, Any]) -> SmtpServer:
        return make_bearer_server(ada, **settled)

    def test_the_secret_is_never_shown_and_only_replaced(
        self, visit: Visits, ada: Person, server: SmtpServer
    ) -> None:
        page = visit(ada).get(f"/servers/{server.id}/edit")

        assert SECRET not in page.body
        assert f"by {ada.name}. Replace" in page.content
        assert page.tree.xpath("//input[@name='auth'][@checked]/@value") == ["bearer"]

    def test_left_as_it_is_the_stored_secret_serves(
        self,
        visit: Visits,
        ada: Person,
        server: SmtpServer,
        endpoint: TokenEndpoint,
        office: FaultServer,
    ) -> None:
        page = visit(ada).get(f"/servers/{server.id}/edit").submit("Test")

        assert "Signed in" in page.content
        assert (len(endpoint.asked), len(office.connections)) == (1, 1)

    @pytest.mark.accepts("SB-32")
    @pytest.mark.parametrize("act", ACTS)
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("host", "127.0.0.2"),
            ("port", "587"),
            ("tls", "starttls"),
            ("min_tls", "1.3"),
            ("ca_pem", ""),
            ("pin_sha256", "ab" * 32),
            ("username", "other@acme.example"),
            ("oauth_tenant", "evil.example"),
            ("oauth_client_id", "00000000-0000-0000-0000-000000000000"),
        ],
    )
    def test_pointing_it_elsewhere_asks_for_the_secret_again(
        self,
        visit: Visits,
        ada: Person,
        server: SmtpServer,
        endpoint: TokenEndpoint,
        office: FaultServer,
        name: str,
        value: str,
        act: str,
    ) -> None:
        edit = visit(ada).get(f"/servers/{server.id}/edit")

        page = edit.submit("Save", **{name: value}, act=act)

        assert "enter it again" in page.error_at("client_secret")
        assert endpoint.asked == []
        assert office.connections == []
        assert secret_of(fresh(server)).reveal() == SECRET

    @pytest.mark.accepts("SB-32")
    @pytest.mark.parametrize("act", ACTS)
    @pytest.mark.parametrize(
        ("name", "value", "field"),
        [("auth", "basic", "password"), ("oauth_provider", "google", "oauth_provider")],
    )
    def test_nor_does_it_go_along_to_another_way_of_signing_in(
        self,
        visit: Visits,
        ada: Person,
        server: SmtpServer,
        endpoint: TokenEndpoint,
        office: FaultServer,
        name: str,
        value: str,
        field: str,
        act: str,
    ) -> None:
        edit = visit(ada).get(f"/servers/{server.id}/edit")

        page = edit.submit("Save", **{name: value}, act=act)

        assert page.error_at(field)
        assert endpoint.asked == []
        assert office.connections == []
        assert secret_of(fresh(server)).reveal() == SECRET

    @pytest.mark.accepts("SB-32")
    @pytest.mark.parametrize("act", ACTS)
    def test_nor_when_the_platforms_owner_allows_it_in_clear(
        self,
        visit: Visits,
        olive: Person,
        settled: dict[str, Any],
        endpoint: TokenEndpoint,
        office: FaultServer,
        act: str,
    ) -> None:
        server = make_bearer_server(olive, **settled)
        edit = visit(olive).get(f"/backoffice/settings/communication/servers/{server.id}/edit")

        page = edit.submit("Save", may_auth_in_clear=True, act=act)

        assert "enter it again" in page.error_at("client_secret")
        assert endpoint.asked == []
        assert office.connections == []
        assert secret_of(fresh(server)).reveal() == SECRET

    def test_where_it_was_switched_off_the_form_asks_for_another_type(
        self, visit: Visits, ada: Person, server: SmtpServer, endpoint: TokenEndpoint
    ) -> None:
        enable(NOWHERE)

        page = visit(ada).get(f"/servers/{server.id}/edit").submit("Save")

        assert page.error_at("auth")
        assert endpoint.asked == []

    def test_a_secret_that_expires_soon_is_told_on_top_of_the_pages(
        self, clock: HandSetClock, visit: Visits, ada: Person, cal: Person, server: SmtpServer
    ) -> None:
        server.secret_expires_on = clock.now().date() + timedelta(days=7)
        db.session.commit()
        here = visit(ada)

        pages = [here.get(path) for path in ("/overview", "/servers", f"/servers/{server.id}")]

        for page in pages:
            assert "expires in 7 days" in page.content
        assert pages[0].click("Enter a new client secret").path == f"/servers/{server.id}/edit"
        assert "expires in" not in visit(cal).get("/overview").content
