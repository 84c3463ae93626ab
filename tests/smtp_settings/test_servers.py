"""Saving a server: what is refused, what needs a live session, what counts as a change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.domains.models import DomainState
from portal.smtp_settings import servers
from portal.smtp_settings.advising import advice_for
from portal.smtp_settings.models import AuthKind, SmtpServer, TlsMode
from portal.smtp_settings.presets import Weight
from portal.smtp_settings.servers import Proof
from portal.smtp_settings.values import ServerValues, limits_for, warnings_for
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_domain
from tests.smtp_settings.forms import BLANK, LOOPBACK, TYPED, plan, saved


@pytest.fixture
def server(ada: Person, acme: WhiteLabel) -> SmtpServer:
    return saved(ada, acme)


class TestChecking:
    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            ("name", " ", "name_missing"),
            ("name", "a" * 61, "name_not_fit"),
            ("name", "two\nlines", "name_not_fit"),
            ("host", "", "bad_host"),
            ("host", "0177.0.0.1", "bad_host"),
            ("host", "https://smtp.acme.example", "bad_host"),
            ("port", 0, "port_range"),
            ("port", 65536, "port_range"),
            ("port", 3306, "port_not_allowed"),
            ("preset", "no-such-service", "no_such_preset"),
            ("min_tls", "2.0", "min_tls_unknown"),
            ("ca_pem", "no certificate", "ca_malformed"),
            ("pin_sha256", "abc", "pin_malformed"),
            ("username", "", "username_missing"),
            ("username", "new\r\nline", "username_not_fit"),
            ("password", Secret("with\0nul"), "password_unfit"),
            ("max_recipients", 0, "limit_range"),
            ("max_connections", 0, "connections_range"),
            ("weight", -1, "weight_range"),
        ],
    )
    def test_a_wrong_value_is_refused_at_its_field(
        self, acme: WhiteLabel, field: str, value: Any, code: str
    ) -> None:
        with pytest.raises(Refusal) as refused:
            plan(acme, replace(TYPED, **{field: value}))

        assert (refused.value.code, refused.value.field) == (code, field)

    @pytest.mark.accepts("SB-25")
    def test_the_words_for_a_closed_port_name_those_that_are_open(self, acme: WhiteLabel) -> None:
        with pytest.raises(Refusal) as refused:
            plan(acme, replace(TYPED, port=3306))

        assert "25, 465, 587, 2465, 2525, 2587" in refused.value.words

    def test_the_platforms_owner_may_use_any_port(self, olive: Person) -> None:
        assert plan(None, replace(TYPED, port=3306)).target.port == 3306

    def test_a_relay_that_the_operator_named_opens_its_port_to_white_labels(
        self, acme: WhiteLabel
    ) -> None:
        planned = plan(acme, replace(TYPED, host="127.0.0.1", port=3306), policy=LOOPBACK)

        assert planned.target.port == 3306

    @pytest.mark.accepts("SB-31", "ST-10")
    def test_signing_in_needs_a_password(self, acme: WhiteLabel) -> None:
        with pytest.raises(Refusal) as refused:
            plan(acme, BLANK)

        assert refused.value.code == "password_missing"

    def test_hosts_are_stored_in_one_spelling(self, acme: WhiteLabel) -> None:
        planned = plan(acme, replace(TYPED, host=" SMTP.Bücher.Example. "))

        assert planned.values.host == "smtp.xn--bcher-kva.example"

    @pytest.mark.accepts("SS-18")
    def test_one_token_serves_as_user_name_and_password(self, acme: WhiteLabel) -> None:
        token = Secret("server-token")
        planned = plan(
            acme, replace(TYPED, preset="postmark", host="smtp.postmarkapp.com", password=token)
        )

        auth = planned.target.auth
        assert planned.values.username == ""
        assert (getattr(auth, "username", None), getattr(auth, "password", None)) == (
            "server-token",
            token,
        )

    def test_no_password_is_sent_in_clear_by_a_white_label(self, acme: WhiteLabel) -> None:
        with pytest.raises(Refusal) as refused:
            plan(acme, replace(TYPED, tls=TlsMode.NONE))

        assert (refused.value.code, refused.value.field) == ("auth_in_clear", "tls")

    @pytest.mark.accepts("SB-10")
    @pytest.mark.parametrize("lower", [{"min_tls": "1.0"}, {"may_auth_in_clear": True}])
    def test_only_the_platforms_owner_lowers_the_protection(
        self, acme: WhiteLabel, lower: dict[str, Any]
    ) -> None:
        values = replace(TYPED, **lower)

        with pytest.raises(Refusal) as refused:
            plan(acme, values)

        assert refused.value.code == "protection_lowered"
        assert plan(acme, values, has_owner_rights=True).values == values

    def test_what_the_owner_lowered_is_kept_for_the_same_place_only(
        self, acme: WhiteLabel, ada: Person
    ) -> None:
        lowered = replace(TYPED, min_tls="1.0")
        server = saved(ada, acme, lowered)

        kept = plan(acme, replace(lowered, password=None, description="x"), server)
        with pytest.raises(Refusal) as refused:
            plan(acme, replace(lowered, host="smtp.other.example"), server)

        assert kept.values.min_tls == "1.0"
        assert refused.value.code == "protection_lowered"

    def test_a_name_is_used_once_in_a_white_label(
        self, server: SmtpServer, acme: WhiteLabel, birch: WhiteLabel
    ) -> None:
        with pytest.raises(Refusal) as refused:
            plan(acme)

        assert refused.value.code == "name_taken"
        assert plan(birch).values.name == server.name


class TestSaving:
    @pytest.mark.accepts("SS-29", "SB-42")
    def test_without_a_live_session_nothing_is_saved(self, acme: WhiteLabel, ada: Person) -> None:
        with pytest.raises(Refusal) as refused:
            servers.save(acme, plan(acme), by=ada)

        assert refused.value.code == "not_tested"
        assert servers.servers_of(acme) == []

    def test_a_session_to_another_place_proves_nothing(self, acme: WhiteLabel, ada: Person) -> None:
        elsewhere = plan(acme, replace(TYPED, host="smtp.other.example"))

        with pytest.raises(Refusal) as refused:
            servers.save(acme, plan(acme), by=ada, proof=Proof(elsewhere.target, clock.now()))

        assert refused.value.code == "not_tested"

    def test_a_session_with_another_password_proves_nothing(
        self, acme: WhiteLabel, ada: Person
    ) -> None:
        other = plan(acme, replace(TYPED, password=Secret("another")))

        with pytest.raises(Refusal):
            servers.save(acme, plan(acme), by=ada, proof=Proof(other.target, clock.now()))

    @pytest.mark.accepts("SS-29")
    def test_a_draft_is_kept_switched_off(self, acme: WhiteLabel, ada: Person) -> None:
        server = servers.save(acme, plan(acme), by=ada, is_draft=True)

        assert (server.is_enabled, server.validated_at) == (False, None)

    def test_a_draft_cannot_be_switched_on(self, acme: WhiteLabel, ada: Person) -> None:
        server = servers.save(acme, plan(acme), by=ada, is_draft=True)

        with pytest.raises(Refusal) as refused:
            servers.switch(server, on=True)

        assert refused.value.code == "not_tested"

    @pytest.mark.accepts("SI-27")
    def test_it_remembers_who_configured_it(
        self, server: SmtpServer, acme: WhiteLabel, ada: Person, bob: Person
    ) -> None:
        servers.save(acme, plan(acme, replace(BLANK, weight=2), server), by=bob, server=server)

        assert server.configured_by_id == ada.id

    def test_what_no_session_can_tell_needs_none(
        self, server: SmtpServer, acme: WhiteLabel
    ) -> None:
        assert not plan(acme, replace(BLANK, weight=5, per_second=10), server).needs_session

    def test_a_new_password_needs_a_session(self, server: SmtpServer, acme: WhiteLabel) -> None:
        planned = plan(acme, replace(BLANK, password=Secret("a new one")), server)

        assert planned.needs_session

    def test_the_stored_password_typed_again_needs_none(
        self, server: SmtpServer, acme: WhiteLabel
    ) -> None:
        assert not plan(acme, TYPED, server).needs_session

    def test_of_two_who_save_at_once_the_second_is_told(
        self, server: SmtpServer, acme: WhiteLabel, ada: Person, bob: Person
    ) -> None:
        mine = plan(acme, replace(BLANK, weight=2), server)
        theirs = plan(acme, replace(BLANK, weight=3), server)
        servers.save(acme, mine, by=ada, server=server)

        with pytest.raises(Refusal) as refused:
            servers.save(acme, theirs, by=bob, server=server)

        assert refused.value.code == "changed_meanwhile"

    def test_what_another_process_saved_meanwhile_is_seen(
        self, server: SmtpServer, acme: WhiteLabel, bob: Person
    ) -> None:
        planned = plan(acme, replace(BLANK, weight=3), server)
        elsewhere = update(SmtpServer).values(weight=2, version=SmtpServer.version + 1)
        db.session.execute(elsewhere.execution_options(synchronize_session=False))

        with pytest.raises(Refusal) as refused:
            servers.save(acme, planned, by=bob, server=server)

        assert refused.value.code == "changed_meanwhile"

    @pytest.mark.parametrize(
        ("change", "raises"),
        [
            ({"description": "for people"}, 0),
            ({"name": "Another name"}, 0),
            ({"weight": 7}, 1),
            ({"max_recipients": 10}, 1),
            ({"uses_pipelining": False}, 1),
        ],
    )
    def test_the_version_counts_what_could_alter_a_route_or_a_session(
        self,
        server: SmtpServer,
        acme: WhiteLabel,
        ada: Person,
        change: dict[str, Any],
        raises: int,
    ) -> None:
        before = server.version
        planned = plan(acme, replace(BLANK, **change), server)

        servers.save(acme, planned, by=ada, server=server, proof=Proof(planned.target, clock.now()))

        assert server.version == before + raises

    def test_saving_what_is_there_changes_nothing(
        self, server: SmtpServer, acme: WhiteLabel, ada: Person
    ) -> None:
        before = server.version
        planned = plan(acme, TYPED, server)

        servers.save(acme, planned, by=ada, server=server)

        assert servers.differences(server, planned) == []
        assert server.version == before

    def test_secrets_are_no_part_of_the_settings_that_are_shown(self, server: SmtpServer) -> None:
        shown = servers.values_of(server)

        assert shown == replace(TYPED, password=None)


class TestTenancy:
    def test_a_foreign_server_is_not_there(
        self, server: SmtpServer, birch: WhiteLabel, olive: Person
    ) -> None:
        for stranger in (birch, None):
            with pytest.raises(NotFound):
                servers.find_server(stranger, server.id)
            with pytest.raises(NotFound):
                plan(stranger, BLANK, server)
            assert server not in servers.servers_of(stranger)

    def test_a_deleted_server_is_not_there(self, server: SmtpServer, acme: WhiteLabel) -> None:
        servers.delete(server)

        with pytest.raises(NotFound):
            servers.find_server(acme, server.id)
        assert servers.find_by_name(acme, server.name) is None


class TestAdvice:
    def codes(self, values: ServerValues, from_email: str = "") -> dict[str, Weight]:
        return {one.code: one.weight for one in warnings_for(values, from_email=from_email)}

    def test_the_usual_settings_need_none(self) -> None:
        assert self.codes(TYPED, "news@acme.example") == {}

    @pytest.mark.accepts("SB-05")
    def test_a_mailbox_service_is_warned_about_and_allowed(self, acme: WhiteLabel) -> None:
        values = replace(TYPED, preset="gmail", host="smtp.gmail.com")

        assert self.codes(values)["mailbox_service"] is Weight.WARNING
        assert plan(acme, values).values.preset == "gmail"

    @pytest.mark.accepts("SB-27")
    def test_a_sender_elsewhere_is_warned_about(self) -> None:
        values = replace(TYPED, username="ada@acme.example")

        assert "sender_elsewhere" in self.codes(values, "news@birch.example")
        assert "sender_elsewhere" not in self.codes(values, "news@acme.example")

    @pytest.mark.accepts("SB-27")
    def test_a_sender_on_a_domain_of_ones_own_is_not(self, acme: WhiteLabel) -> None:
        values = replace(TYPED, username="ada@provider.example")
        make_domain(acme, "birch.example", DomainState.ALLOWED)
        make_domain(acme, "acme.example")

        proven = advice_for(acme, values, from_email="news@acme.example")
        unproven = advice_for(acme, values, from_email="news@birch.example")

        assert [one.code for one in proven] == []
        assert [one.code for one in unproven] == ["sender_elsewhere"]

    @pytest.mark.accepts("SB-10")
    def test_old_tls_and_open_lines_are_warned_about(self) -> None:
        values = replace(TYPED, min_tls="1.0", tls=TlsMode.NONE, may_auth_in_clear=True, port=25)

        assert {"old_tls", "no_tls", "auth_in_clear"} <= set(self.codes(values))

    def test_nobody_is_warned_of_a_password_that_is_not_sent(self) -> None:
        values = replace(TYPED, tls=TlsMode.NONE, auth=AuthKind.NONE, may_auth_in_clear=True)

        assert "auth_in_clear" not in self.codes(values)


class TestLimits:
    @pytest.mark.accepts("ST-38", "ST-40")
    def test_fifty_recipients_on_the_platforms_server_and_no_limit_on_a_custom_one(self) -> None:
        platforms = limits_for("generic", "smtp.acme.example", is_platform=True)
        custom = limits_for("generic", "smtp.acme.example", is_platform=False)

        assert (platforms.max_recipients, custom.max_recipients) == (50, None)

    @pytest.mark.accepts("ST-40")
    def test_a_presets_own_limit_holds_for_a_custom_server(self) -> None:
        limits = limits_for("postmark", "smtp.postmarkapp.com", is_platform=False)

        assert limits.max_recipients == 50


def test_signing_in_by_token_has_its_place_but_is_not_enabled(acme: WhiteLabel) -> None:
    with pytest.raises(Refusal) as refused:
        plan(acme, replace(TYPED, auth=AuthKind.BEARER))

    assert (refused.value.code, refused.value.field) == ("bearer_not_enabled", "auth")
