"""The operator's smaller commands: demo, setup-link, check, route, audit, outbox."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from portal.accounts import links, people
from portal.accounts.models import LinkPurpose, Person, Role
from portal.audit import trail
from portal.audit.models import AuditEntry
from portal.commands import demo
from portal.config import Config
from portal.core.db import db
from portal.core.secret import Secret
from portal.delivery.models import Engine
from portal.desk import conversations, request_listing
from portal.desk.conversations import Search, Show
from portal.desk.models import About
from portal.desk.request_states import RequestState
from portal.smtp_settings.models import SmtpServer
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel
from portal.white_labels.platform import the_platform
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FakeServer
from tests.equipment.smtp_server import nobody
from tests.equipment.stage import make_app, make_server
from tests.smtp_settings.forms import TYPED, saved


class Operator:
    """Somebody at the command line."""

    def __init__(self, app: Flask) -> None:
        self._runner = app.test_cli_runner()

    def __call__(self, *args: str) -> Result:
        db.session.remove()
        result = self._runner.invoke(args=args)
        db.session.remove()
        return result


@pytest.fixture
def flask(app: Flask) -> Operator:
    return Operator(app)


@pytest.fixture
def without_platform(app: Flask) -> None:
    db.session.delete(the_platform())
    db.session.commit()


@pytest.mark.usefixtures("without_platform")
class TestDemo:
    def test_it_sets_a_stage_with_two_white_labels(self, flask: Operator) -> None:
        result = flask("demo")

        assert result.exit_code == 0, result.output
        assert [one.slug for one in tenants.all_white_labels()] == ["acme", "birch"]
        assert the_platform().is_demo

    def test_again_it_changes_nothing(self, flask: Operator) -> None:
        flask("demo")

        assert flask("demo").output == "Nothing to change.\n"

    def test_its_desk_has_conversations_once_and_in_the_past(self, flask: Operator) -> None:
        flask("demo")
        flask("demo")

        olive = people.by_email(None, "olive@northwind.example")
        assert olive is not None
        asked = Search(show=Show.ALL, about=About.GENERAL)
        rows = conversations.search(None, asked, reader=olive).rows
        assert len(rows) == 4
        assert [row.thread.newest_at for row in rows] == sorted(
            (row.thread.newest_at for row in rows), reverse=True
        )
        assert conversations.unread_count(olive) == 2  # a question, and a request for a domain

    def test_a_domain_waits_for_its_answer_and_another_for_its_records(
        self, flask: Operator
    ) -> None:
        flask("demo")
        flask("demo")

        asked = request_listing.page_of_requests(request_listing.Show.ALL).rows

        assert [(one.name, one.state) for one in asked] == [
            ("birch.example", RequestState.OPEN),
            ("acme-shop.example", RequestState.APPROVED),
        ]

    def test_its_passwords_and_keys_are_those_that_are_printed(
        self, flask: Operator, config: Config
    ) -> None:
        flask("demo")

        told = list(demo.sign_ins(config.platform_origin))
        owner = people.by_email(None, told[0].email)
        assert {one.address for one in told} == {
            "http://localhost:8000",
            "http://acme.localhost:8000",
            "http://birch.localhost:8000",
        }
        assert owner is not None
        assert owner.role is Role.PLATFORM_OWNER
        assert len(list(demo.api_keys())) == 3

    def test_started_at_another_port_its_links_lead_there(
        self, flask: Operator, app: Flask
    ) -> None:
        flask("demo")
        elsewhere = "http://localhost:8080"
        app.config["LIVERY"] = replace(app.config["LIVERY"], platform_origin=elsewhere)

        flask("demo")

        assert the_platform().origin == elsewhere

    def test_it_is_for_this_machine_only(self, flask: Operator, app: Flask) -> None:
        app.config["LIVERY"] = replace(
            app.config["LIVERY"], platform_origin="https://mail.northwind.example"
        )

        result = flask("demo")

        assert result.exit_code == 1
        assert "not on this machine" in result.output

    def test_without_the_relay_it_says_what_is_missing(self, flask: Operator, app: Flask) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], relay_allow=())

        result = flask("demo")

        assert result.exit_code == 1
        assert "LIVERY_RELAY_ALLOW" in result.output
        assert tenants.all_white_labels() == []


def test_the_demo_does_not_mix_with_a_real_installation(flask: Operator, app: Flask) -> None:
    result = flask("demo")

    assert result.exit_code == 1
    assert "a real one" in result.output
    assert tenants.all_white_labels() == []


class TestSetupLink:
    def test_it_opens_the_door_for_the_first_owner(self, flask: Operator) -> None:
        result = flask("setup-link")

        address, _slash, token = result.output.strip().rpartition("/")
        assert address == "http://localhost:8000/setup"
        assert links.find(Secret(token), LinkPurpose.SETUP) is not None

    @pytest.mark.usefixtures("without_platform")
    def test_it_sets_a_new_installation_up(self, flask: Operator) -> None:
        flask("setup-link", "--name", "Northwind Apps")

        assert the_platform().name == "Northwind Apps"

    def test_a_newer_link_ends_the_older_one(self, flask: Operator) -> None:
        older = flask("setup-link").output.strip().rpartition("/")[2]

        flask("setup-link")

        assert links.find(Secret(older), LinkPurpose.SETUP) is None

    def test_where_an_owner_is_there_is_no_link(self, flask: Operator, olive: Person) -> None:
        result = flask("setup-link")

        assert result.exit_code == 1
        assert "/setup/" not in result.output


class TestCheck:
    def findings(self, flask: Operator, *options: str) -> dict[str, Any]:
        result = flask("check", "--json", *options)
        return {one["name"]: one for one in json.loads(result.stdout)}

    @pytest.mark.both_stores
    def test_what_is_wrong_is_named_and_the_exit_is_1(self, flask: Operator) -> None:
        result = flask("check", "--no-sessions")

        assert result.exit_code == 1
        assert "WRONG worker: no worker was heard of" in result.output
        assert "ok   database: " in result.output

    @pytest.mark.usefixtures("without_platform")
    def test_an_installation_that_nobody_set_up(self, flask: Operator) -> None:
        assert not self.findings(flask)["set-up"]["is_right"]

    def test_a_demo_at_a_public_address(self, flask: Operator) -> None:
        platform = the_platform()
        platform.is_demo, platform.origin = True, "https://mail.northwind.example"
        db.session.commit()

        assert "public" in self.findings(flask)["set-up"]["words"]

    def test_links_that_lead_to_where_it_was_once(self, flask: Operator) -> None:
        the_platform().origin = "http://localhost:9"
        db.session.commit()

        found = self.findings(flask)["set-up"]

        assert not found["is_right"]
        assert "links in mails begin with http://localhost:9, and" in found["words"]

    @pytest.mark.parametrize(
        ("origin", "proxies", "is_right"),
        [
            ("https://mail.northwind.example", 0, False),
            ("https://mail.northwind.example", 1, True),
            ("http://localhost:8000", 0, True),
        ],
    )
    def test_a_proxy_that_nobody_told_it_of(
        self, flask: Operator, app: Flask, origin: str, proxies: int, is_right: bool
    ) -> None:
        app.config["LIVERY"] = replace(
            app.config["LIVERY"], platform_origin=origin, trusted_proxies=proxies
        )

        assert self.findings(flask)["proxies"]["is_right"] is is_right

    def test_keys_that_others_can_read(self, flask: Operator, config: Config) -> None:
        config.key_file.chmod(0o644)

        assert "chmod 600" in self.findings(flask)["keys"]["words"]

    def test_a_broker_that_is_away(self, flask: Operator, app: Flask) -> None:
        app.config["LIVERY"] = replace(app.config["LIVERY"], broker_url="redis://127.0.0.1:1/0")

        assert not self.findings(flask)["broker"]["is_right"]

    def test_a_journal_that_cannot_be_written(self, flask: Operator, config: Config) -> None:
        config.journal_folder.write_text("a file where a folder should be")

        assert not self.findings(flask)["journal"]["is_right"]

    def test_a_session_to_each_server(self, flask: Operator, ada: Person, bob: Person) -> None:
        with nobody() as gone, FakeServer() as alive:
            make_server(ada, "alive", port=alive.port)
            make_server(bob, "dead", port=gone)

            found = self.findings(flask)

            assert found["server acme/alive"]["is_right"]
            assert "nothing listens" in found["server acme/dead"]["words"]
            assert len(alive.connections) == 1

    def test_a_lost_password_is_named_without_knocking(
        self, flask: Operator, ada: Person, acme: WhiteLabel
    ) -> None:
        with FakeServer(Script()) as fake:
            saved(ada, acme, replace(TYPED, port=fake.port, host="127.0.0.1"))
            db.session.execute(update(SmtpServer).values(username="somebody-else"))
            db.session.commit()

            found = self.findings(flask)

            assert "Enter it again" in found["server acme/Acme own"]["words"]
            assert fake.connections == []

    def test_servers_that_are_off_are_left_alone(self, flask: Operator, ada: Person) -> None:
        make_server(ada, "off", host="gone.acme.invalid", is_enabled=False)

        found = self.findings(flask)

        assert not [name for name in found if name.startswith("server ")]
        assert found["DNS"]["words"] == "no server has a name to look up"


class TestRoute:
    def test_it_says_where_and_why_with_every_candidate(
        self, flask: Operator, ada: Person, bob: Person, olive: Person
    ) -> None:
        make_server(ada, "own")
        make_server(olive, "main")
        make_app(bob, "Blog")

        result = flask("route", "--app", "acme/Blog", "--to", "cy@else.example")

        assert result.exit_code == 0
        assert result.output.startswith("Leaves through main")
        assert "Ada configured this server, but the app belongs to Bob." in result.output

    def test_no_route_is_exit_1(self, flask: Operator, ada: Person, olive: Person) -> None:
        make_server(olive, "main", max_recipients=1)
        make_app(ada, "Shop")

        result = flask("route", "--app", "acme/Shop", "--to", "a@x.example", "--to", "b@x.example")

        assert result.exit_code == 1
        assert "Too many recipients" in result.output

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--app", "acme/None", "--to", "a@x.example"], "no app acme/None"),
            (["--app", "Shop", "--to", "a@x.example"], "write it as acme/Shop"),
            (["--app", "acme/Shop", "--to", "nobody"], "needs an @"),
            (["--app", "acme/Shop", "--to", "a@x.example", "--agent", "x@y.example"], "nobody"),
            (["--app", "acme/Shop", "--to", "a@x.example", "--template", "x"], "no such template"),
            (["--app", "acme/Shop", "--to", "a@x.example", "--sender", "7"], "no such sender"),
        ],
    )
    def test_a_slip_is_told_in_words(
        self, flask: Operator, ada: Person, options: list[str], words: str
    ) -> None:
        make_app(ada, "Shop")

        result = flask("route", *options)

        assert result.exit_code == 1
        assert words in result.output


class TestAudit:
    def test_an_unbroken_trail(self, flask: Operator, acme: WhiteLabel) -> None:
        trail.record(acme.id, "something.done", "somewhere")
        db.session.commit()

        result = flask("audit", "verify")

        assert result.exit_code == 0
        assert f"white label {acme.id}: 1 entries, unbroken" in result.output

    def test_a_rewritten_entry_is_found(self, flask: Operator, acme: WhiteLabel) -> None:
        for number in range(3):
            trail.record(acme.id, "something.done", f"target {number}")
        db.session.execute(
            update(AuditEntry).where(AuditEntry.number == 2).values(target="somewhere else")
        )
        db.session.commit()

        result = flask("audit", "verify")

        assert result.exit_code == 1
        assert "entry 2 does not fit" in result.output


class TestOutbox:
    @pytest.mark.both_stores
    def test_holding_and_resuming(self, flask: Operator) -> None:
        flask("outbox", "hold", "--why", "The relay is moving.")
        assert db.session.scalar(select(Engine.is_fenced))
        status = flask("outbox", "status").output
        assert "NOTHING LEAVES: The relay is moving. `flask outbox resume` changes that." in status

        flask("outbox", "resume")
        assert not db.session.scalar(select(Engine.is_fenced))
        assert "NOTHING LEAVES" not in flask("outbox", "status").output

    def test_both_are_on_record(self, flask: Operator) -> None:
        flask("outbox", "hold")
        flask("outbox", "resume")

        recorded = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert recorded == ["outbox.held", "outbox.resumed"]

    @pytest.mark.both_stores
    def test_an_idle_outbox(self, flask: Operator) -> None:
        output = flask("outbox", "status").output

        assert "Nothing waits." in output
        assert "No worker is at work" in output


def test_every_command_explains_itself(flask: Operator) -> None:
    listed = flask("--help").output

    for command in (
        *("up", "serve", "deliver", "jobs", "provision", "demo", "setup-link", "check"),
        *("keys", "audit", "outbox", "route"),
    ):
        assert f"\n  {command} " in listed
        assert flask(command, "--help").exit_code == 0
