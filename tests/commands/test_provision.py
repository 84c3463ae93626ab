"""`flask provision`: the file is made true, once, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from portal.accounts import passwords, people
from portal.accounts.models import Person, Role
from portal.apps import apps, keys
from portal.apps.models import ApiKey
from portal.audit import trail
from portal.audit.models import AuditEntry
from portal.commands.provisioning import writing
from portal.core.db import db
from portal.core.secret import Secret
from portal.mail_templates import gallery, ready, templates
from portal.mail_templates.ready import ReadyText, make_ready
from portal.mail_templates.wordings import Wording
from portal.senders import senders
from portal.smtp_settings import servers
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import SmtpServer
from portal.white_labels import tenants
from portal.white_labels.hostnames import find_served
from portal.white_labels.models import WhiteLabel
from portal.white_labels.platform import the_platform
from tests.commands.documents import ENVIRON, WHOLE, line_number, with_line
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FakeServer


class Operator:
    """Somebody at the command line, with a file."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self._app = app
        self._file = folder / "livery.toml"

    def provision(self, text: str, *options: str) -> Result:
        self._file.write_text(text, encoding="utf-8")
        db.session.remove()
        args = ["provision", str(self._file), *(options or ["--trust-domains"])]
        return self._app.test_cli_runner().invoke(args=args, env=ENVIRON)


@pytest.fixture
def operator(app: Flask, tmp_path: Path) -> Operator:
    return Operator(app, tmp_path)


def acme() -> WhiteLabel:
    found = tenants.find_by_slug("acme")
    assert found is not None
    return found


def row_counts() -> dict[str, int]:
    """How many rows each table has: for "nothing was changed"."""
    return {
        table.name: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in db.metadata.tables.values()
    }


@pytest.fixture
def tables(app: Flask) -> dict[str, int]:
    return row_counts()


@pytest.mark.both_stores
def test_everything_in_the_file_is_there_afterwards(operator: Operator) -> None:
    result = operator.provision(WHOLE)

    assert result.exit_code == 0, result.output
    ada = people.by_email(acme().id, "ada@acme.example")
    own = servers.find_by_name(acme(), "acme-own")
    shop = apps.find_by_name(acme(), "Shop")
    welcome = templates.find_by_slug(acme(), "welcome")
    hostname = find_served("acme.localhost")
    assert ada is not None
    assert own is not None
    assert shop is not None
    assert welcome is not None
    assert hostname is not None
    assert passwords.is_right(ada.password_hash, Secret(ENVIRON["ADA_PASSWORD"]))
    assert (own.configured_by_id, own.validated_at is not None) == (ada.id, True)
    assert secret_of(own).reveal() == "acme's password"
    assert senders.default_of(ada) == senders.primary_of(own)
    assert shop.owner_id == ada.id
    assert keys.is_given_key_in_place(shop, Secret("lv_test_shop_0123456789abcdefghijkl"))
    assert welcome.preferred_server_id == own.id
    assert templates.languages_of(templates.newest_version(welcome)) == ["en", "de"]
    assert hostname.proven_at is not None


def test_the_platforms_server_takes_fifty_recipients_unless_told_otherwise(
    operator: Operator,
) -> None:
    operator.provision(WHOLE)

    main, own = servers.find_by_name(None, "main"), servers.find_by_name(acme(), "acme-own")
    assert main is not None
    assert own is not None
    assert (main.max_recipients, own.max_recipients) == (50, None)


@pytest.mark.both_stores
def test_a_second_time_nothing_changes(operator: Operator) -> None:
    operator.provision(WHOLE)
    before, versions = row_counts(), db.session.scalars(select(SmtpServer.version)).all()

    result = operator.provision(WHOLE)

    assert result.output == "Nothing to change.\n"
    assert row_counts() == before
    assert db.session.scalars(select(SmtpServer.version)).all() == versions


def test_a_dry_run_says_everything_and_changes_nothing(
    operator: Operator, tables: dict[str, int]
) -> None:
    result = operator.provision(WHOLE, "--dry-run", "--trust-domains")

    assert result.exit_code == 0
    assert "This would be done:\n" in result.output
    assert "\n  added the white label acme\n" in result.output
    assert row_counts() == tables


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("port = 587", "port = 70000", "1 to 65535"),
        ('slug = "acme"', 'slug = "Acme"', "small letters"),
        ('colour = "#7a1fa2"', 'colour = "purple"', "#rrggbb"),
        ('hostnames = ["acme.localhost"]', 'hostnames = ["co.uk"]', "registry"),
        ('hostnames = ["acme.localhost"]', 'hostnames = ["localhost"]', "at least one dot"),
        ('from_email = "news@acme.example"', 'from_email = "news"', "needs an @"),
        ('host = "smtp.northwind.example"', 'host = "0x7f.1"', "IPv4"),
        ('host = "127.0.0.1"', 'host = "192.0.2.1"', "auth_in_clear = true"),
        ('owner = "ada@acme.example"', 'owner = "eve@acme.example"', "nobody called eve"),
        ('configured_by = "ada@acme.example"', 'configured_by = "eve@acme.example"', "nobody"),
        ('server = "main"', 'server = "mian"', "no server called mian"),
        ('preferred_server = "acme-own"', 'preferred_server = "x"', "no server called x"),
        ('password_env = "ADA_PASSWORD"', 'password_env = "NO_SUCH"', "has no NO_SUCH"),
        ('password_env = "ADA_PASSWORD"', 'password = "short"', "at least 12"),
        ('subject = "Welcome, {{ name }}"', 'subject = "Welcome, {{ name"', "ine 1"),
        ('language = "de"', 'language = "en"', "twice"),
        (
            'api_key = "lv_test_shop_0123456789abcdefghijkl"',
            'api_key = "secret"',
            "lv_live_<id>_<secret>",
        ),
    ],
)
def test_a_fault_is_told_with_line_and_key_and_nothing_is_changed(
    operator: Operator, tables: dict[str, int], old: str, new: str, words: str
) -> None:
    text = with_line(old, new)

    result = operator.provision(text)

    assert result.exit_code == 1
    assert f"line {_line(text, new)}: " in result.output
    assert words in result.output
    assert row_counts() == tables


def _line(text: str, line: str) -> int:
    number = line_number(text, line)
    if line == 'language = "en"':  # the second one
        number = max(n for n, each in enumerate(text.splitlines(), 1) if each == line)
    if line == 'host = "192.0.2.1"':  # it is the mode that does not fit
        number = line_number(text, 'tls = "none"')
    return number


def test_verified_domains_need_trust(operator: Operator, tables: dict[str, int]) -> None:
    result = operator.provision(WHOLE, "--dry-run")

    assert result.exit_code == 1
    line = line_number(WHOLE, 'state = "verified"')
    assert f"line {line}: white_labels.0.domains.0.state" in result.output
    assert "--trust-domains" in result.output
    assert row_counts() == tables


def test_a_new_installation_needs_the_platforms_name(operator: Operator, app: Flask) -> None:
    db.session.delete(the_platform())
    db.session.commit()

    result = operator.provision("")

    assert result.exit_code == 1
    assert "platform: a new installation needs its name" in result.output


class TestLiveSessions:
    """Servers with `validate = true`, which is the default."""

    def text(self, port: int, password: str = "correct horse") -> str:
        return (
            WHOLE.replace("port = 2526", f"port = {port}")
            .replace('username = "acme"', 'username = "livery"')
            .replace("acme's password", password)
            .replace("weight = 1\nvalidate = false", "weight = 1")
        )

    def test_a_server_proves_itself_before_anything_is_saved(self, operator: Operator) -> None:
        script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)
        with FakeServer(script) as fake:
            result = operator.provision(self.text(fake.port))

        own = servers.find_by_name(acme(), "acme-own")
        assert result.exit_code == 0, result.output
        assert [seen.sign_ins for seen in fake.connections] == [[("PLAIN", "livery")]]
        assert own is not None
        assert own.validated_at is not None

    @pytest.mark.accepts("SS-29", "SS-30", "SS-31")
    def test_a_server_that_fails_is_named_and_nothing_is_changed(
        self, operator: Operator, tables: dict[str, int]
    ) -> None:
        script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)
        with FakeServer(script) as fake:
            text = self.text(fake.port, "a wrong password")
            result = operator.provision(text)

        line = line_number(text, 'host = "127.0.0.1"')
        assert result.exit_code == 1
        assert f"line {line}: white_labels.0.servers.0.host" in result.output
        assert "refused user name or password" in result.output
        assert "a wrong password" not in result.output
        assert row_counts() == tables

    def test_a_second_time_no_session_is_needed(self, operator: Operator) -> None:
        script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)
        with FakeServer(script) as fake:
            operator.provision(self.text(fake.port))
            result = operator.provision(self.text(fake.port))

            assert result.output == "Nothing to change.\n"
            assert len(fake.connections) == 1

    def test_a_dry_run_opens_none(self, operator: Operator) -> None:
        with FakeServer() as fake:
            result = operator.provision(self.text(fake.port), "--dry-run", "--trust-domains")

            assert "1 server would be tested" in result.output
            assert fake.connections == []


class TestChanges:
    def test_each_change_is_said_and_done(self, operator: Operator) -> None:
        operator.provision(WHOLE)
        changed = (
            WHOLE.replace('name = "Acme Apps"', 'name = "Acme Ltd"')
            .replace('name = "Ada Admin"', 'name = "Ada Adams"')
            .replace('owner = "ada@acme.example"', 'owner = "bob@acme.example"')
            .replace("port = 2526", "port = 2527")
            .replace('from_name = "Acme"', 'from_name = "Acme News"')
            .replace("Guten Tag", "Hallo")
        )

        result = operator.provision(changed)

        assert result.output.splitlines() == [
            "changed white label acme: name",
            "acme: renamed ada@acme.example",
            "acme: changed the server acme-own: port, password",
            "changed the sender of acme-own to news@acme.example",
            "acme: handed Shop over to bob@acme.example",
            "saved version 2 of the template welcome",
        ]
        own = servers.find_by_name(acme(), "acme-own")
        assert own is not None
        assert (own.port, secret_of(own).reveal()) == (2527, "acme's password")

    def test_what_is_not_mentioned_stays(self, operator: Operator) -> None:
        operator.provision(WHOLE)
        before = row_counts()

        result = operator.provision('[[white_labels]]\nslug = "acme"\nname = "Acme Apps"\n')

        assert result.output == "Nothing to change.\n"
        assert row_counts() == before

    def test_a_server_cannot_be_taken_over_by_another_configurer(self, operator: Operator) -> None:
        operator.provision(WHOLE)

        result = operator.provision(
            with_line('configured_by = "ada@acme.example"', 'configured_by = "bob@acme.example"')
        )

        assert result.exit_code == 1
        assert "configured by ada@acme.example" in result.output

    def test_a_key_is_made_once_and_shown_once(self, operator: Operator) -> None:
        text = WHOLE.replace('api_key = "lv_test_shop_0123456789abcdefghijkl"\n', "")

        first, second = operator.provision(text), operator.provision(text)

        assert "Shop: lv_live_" in first.output
        assert "lv_" not in second.output
        assert db.session.scalar(select(func.count()).select_from(ApiKey)) == 1

    def test_everything_is_on_record_as_the_operators(self, operator: Operator) -> None:
        operator.provision(WHOLE)

        actors = set(db.session.scalars(select(AuditEntry.actor)))

        assert actors == {"provisioning"}
        assert all(trail.first_broken(chain) is None for chain in trail.chains())

    def test_no_secret_is_printed_or_recorded(self, operator: Operator) -> None:
        result = operator.provision(WHOLE)

        recorded = repr([entry.changes for entry in db.session.scalars(select(AuditEntry))])
        for secret in ("acme's password", ENVIRON["ADA_PASSWORD"], "a long password of the owner"):
            assert secret not in result.output
            assert secret not in recorded


def test_relays_are_used_only_where_the_operator_allows_them(
    operator: Operator, app: Flask
) -> None:
    app.config["LIVERY"] = replace(app.config["LIVERY"], relay_allow=())

    result = operator.provision(WHOLE)

    assert result.exit_code == 1
    assert "Port 2526" in result.output


def test_people_of_the_platform_are_owners(operator: Operator) -> None:
    operator.provision(WHOLE)

    owner: Person | None = people.by_email(None, "owner@northwind.example")
    assert owner is not None
    assert owner.role is Role.PLATFORM_OWNER


def test_a_template_begins_with_one_of_the_gallery_and_is_then_left_alone(
    operator: Operator,
) -> None:
    begun = WHOLE + '[[white_labels.templates]]\nslug = "invitation"\nstart = "invitation"\n'
    operator.provision(begun)
    invitation = templates.find_by_slug(acme(), "invitation")
    assert invitation is not None
    assert templates.languages_of(templates.newest_version(invitation)) == ["en", "de"]

    again = operator.provision(begun)

    assert "invitation" not in again.output


def test_what_begins_with_nothing_of_the_gallery_is_told_by_its_line(operator: Operator) -> None:
    text = WHOLE + '[[white_labels.templates]]\nslug = "poem"\nstart = "poem"\n'

    result = operator.provision(text)

    assert "There is no such template." in result.output
    assert result.exit_code != 0


def test_a_white_label_says_where_answers_go(operator: Operator) -> None:
    text = with_line('colour = "#7a1fa2"', 'answer_to = "help@acme.example"')

    result = operator.provision(text)

    assert "acme: answers go to help@acme.example" in result.output
    assert acme().answer_to == "help@acme.example"


@pytest.mark.parametrize("options", [(), ("--dry-run", "--trust-domains")])
def test_texts_are_made_ready_once_and_while_nobody_has_to_wait_for_the_database(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    was_in_transaction: list[bool] = []

    def look_then_make_ready(language: str, wording: Wording) -> ReadyText:
        was_in_transaction.append(db.session().in_transaction())
        return make_ready(language, wording)

    monkeypatch.setattr(writing, "make_ready", look_then_make_ready)
    monkeypatch.setattr(ready, "make_ready", look_then_make_ready)
    gallery._worked_out.cache_clear()
    begun = WHOLE + '[[white_labels.templates]]\nslug = "invitation"\nstart = "invitation"\n'

    result = operator.provision(begun, *options)

    assert result.exit_code == 0, result.output
    texts_of_the_file = WHOLE.count("[[white_labels.templates.versions]]")
    assert was_in_transaction == [False] * (texts_of_the_file + len(gallery.LANGUAGES))
