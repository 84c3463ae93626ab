"""White labels and the platform: their names, colours, hostnames."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.core.errors import Refusal
from portal.white_labels import hostnames, platform, tenants
from portal.white_labels.models import MailMode, WhiteLabel


class TestWhiteLabels:
    @pytest.mark.parametrize("slug", ["", "a", "Acme", "1acme", "acme-", "a" * 41, "a_b", "ä"])
    def test_a_malformed_slug_is_refused(self, app: Flask, slug: str) -> None:
        with pytest.raises(Refusal) as refused:
            tenants.create(slug=slug, name="Acme")

        assert refused.value.code == "slug_malformed"

    @pytest.mark.parametrize("slug", ["platform", "backoffice", "acme"])
    def test_a_reserved_or_taken_slug_is_refused(self, acme: WhiteLabel, slug: str) -> None:
        with pytest.raises(Refusal) as refused:
            tenants.create(slug=slug, name="Acme")

        assert refused.value.code == "slug_taken"

    @pytest.mark.parametrize("name", ["", "  ", "x" * 81, "with\u202ebidi", "with\0nul"])
    def test_a_name_that_cannot_be_shown_is_refused(self, acme: WhiteLabel, name: str) -> None:
        with pytest.raises(Refusal) as refused:
            tenants.change(acme, name=name)

        assert refused.value.field == "name"

    @pytest.mark.parametrize(
        "colour", ["red", "#fff", "#12345g", "#123456;}", "url(x)", "#1234567"]
    )
    def test_only_rrggbb_is_a_colour(self, acme: WhiteLabel, colour: str) -> None:
        with pytest.raises(Refusal) as refused:
            tenants.change(acme, colour=colour)

        assert refused.value.field == "colour"

    def test_a_change_tells_what_is_different(self, acme: WhiteLabel) -> None:
        told = tenants.change(acme, name="Acme", colour="#ABCDEF")

        assert told == {"colour": "#abcdef"}

    @pytest.mark.accepts("SB-14", "ST-05")
    def test_platform_or_own_server_is_a_choice_with_a_way_back(self, acme: WhiteLabel) -> None:
        for mode in (MailMode.PLATFORM, MailMode.OWN):
            tenants.change(acme, mail_mode=mode)

            assert acme.mail_mode is mode

    def test_suspending_is_undone_by_resuming(self, acme: WhiteLabel) -> None:
        tenants.suspend(acme)
        assert acme.is_suspended

        tenants.resume(acme)
        assert not acme.is_suspended


class TestHostnames:
    def test_a_name_is_stored_in_one_spelling_and_not_served_before_it_is_proven(
        self, acme: WhiteLabel
    ) -> None:
        hostname = hostnames.add(acme, " Mail.Bücher.Example ")

        assert hostname.name == "mail.xn--bcher-kva.example"
        assert hostname.proven_at is None
        hostnames.vouch(hostname, because="The operator knows them.")
        assert hostname.proven_at is not None

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("co.uk", "hostname_public"),
            ("github.io", "hostname_public"),
            ("127.0.0.1", "domain_is_ip"),
            ("acme", "domain_not_full"),
            ("mail.acme.example:8000", "domain_malformed"),
            ("mail.acme.example/path", "domain_malformed"),
        ],
    )
    def test_what_no_customer_can_own_is_refused(
        self, acme: WhiteLabel, name: str, code: str
    ) -> None:
        with pytest.raises(Refusal) as refused:
            hostnames.add(acme, name)

        assert (refused.value.code, refused.value.field) == (code, "hostname")

    def test_the_platforms_own_name_is_reserved(self, acme: WhiteLabel) -> None:
        platform.change(platform.the_platform(), origin="https://mail.northwind.example")

        with pytest.raises(Refusal) as refused:
            hostnames.add(acme, "MAIL.northwind.example")

        assert refused.value.code == "hostname_reserved"

    def test_a_name_serves_one_white_label(self, acme: WhiteLabel, birch: WhiteLabel) -> None:
        hostnames.vouch(hostnames.add(acme, "mail.acme.example"), because="a test")

        with pytest.raises(Refusal) as refused:
            hostnames.add(birch, "mail.acme.example")

        assert refused.value.code == "hostname_taken"

    def test_tokens_are_of_one_name_only(self, acme: WhiteLabel) -> None:
        first = hostnames.add(acme, "a.acme.example")
        second = hostnames.add(acme, "b.acme.example")

        assert len({first.proof_token, second.proof_token}) == 2
        assert len(first.proof_token) >= 32


class TestPlatform:
    def test_it_is_set_up_once(self, app: Flask) -> None:
        with pytest.raises(Refusal) as refused:
            platform.set_up(name="Another", origin="https://x.example")

        assert refused.value.code == "already_set_up"

    @pytest.mark.parametrize(
        "origin",
        [
            "mail.example",
            "ftp://mail.example",
            "https://",
            "https://mail.example/path",
            "https://user@mail.example",
            "https://mail.example?x",
            "https://mail.example:0",
            "https://mail.example:99999",
        ],
    )
    def test_an_origin_is_scheme_host_and_port(self, app: Flask, origin: str) -> None:
        with pytest.raises(Refusal) as refused:
            platform.change(platform.the_platform(), origin=origin)

        assert refused.value.field == "origin"
