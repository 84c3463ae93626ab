"""The vault's file and the secrets in the database: turned without a stop, never orphaned."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from portal import create_app
from portal.accounts.models import Person
from portal.config import Config
from portal.core import sealed, vault
from portal.core.db import db
from portal.core.secret import Secret
from portal.core.vault import CannotOpen, Keyring, KeysMissing
from portal.smtp_settings.credentials import secret_of
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import fresh
from tests.smtp_settings.forms import PASSWORD, TYPED, saved

HERE = ("table", 1, "smtp.acme.example")
THERE = ("table", 1, "smtp.evil.example")


@pytest.fixture
def server(ada: Person, acme: WhiteLabel) -> SmtpServer:
    return saved(ada, acme)


class TestVault:
    def test_an_envelope_opens_with_its_binding_only(self, app: Flask) -> None:
        envelope = vault.seal(Secret("hidden"), HERE)

        assert vault.unseal(envelope, HERE).reveal() == "hidden"
        with pytest.raises(CannotOpen):
            vault.unseal(envelope, THERE)

    def test_no_two_envelopes_are_alike(self, app: Flask) -> None:
        assert vault.seal(Secret("hidden"), HERE) != vault.seal(Secret("hidden"), HERE)

    @pytest.mark.parametrize("damage", ["", "v2|a|b|c", "v1|a", "no envelope"])
    def test_a_damaged_envelope_does_not_open(self, app: Flask, damage: str) -> None:
        with pytest.raises(CannotOpen):
            vault.unseal(damage, HERE)

    def test_the_file_is_for_its_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "keys"

        Keyring.at(path)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_of_two_that_start_at_once_one_makes_the_keys(self, tmp_path: Path) -> None:
        path = tmp_path / "keys"
        first = Keyring.at(path)

        assert Keyring.at(path) == first

    def test_a_key_that_another_process_added_is_used_at_once(
        self, app: Flask, config: Config
    ) -> None:
        before = vault.keyring()
        newer = before.with_new_key()

        newer.save(config.key_file)

        assert vault.keyring().current == newer.current
        assert vault.unseal(newer.seal(Secret("hidden"), HERE), HERE).reveal() == "hidden"

    def test_while_one_thread_reads_the_file_no_other_one_goes_on_with_the_old_keys(
        self, app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        newer = vault.keyring().with_new_key()
        newer.save(config.key_file)
        load, others = Keyring.load, []

        def while_another_one_asks(path: Path) -> Keyring:
            monkeypatch.setattr(Keyring, "load", load)
            others.append(vault.keyring().current)
            return load(path)

        monkeypatch.setattr(Keyring, "load", while_another_one_asks)

        assert vault.keyring().current == newer.current
        assert others == [newer.current]


class TestStart:
    @pytest.mark.both_stores
    def test_without_its_keys_a_database_with_secrets_is_not_started_on(
        self, server: SmtpServer, config: Config
    ) -> None:
        config.key_file.unlink()

        with pytest.raises(KeysMissing, match="LIVERY_KEY_FILE"):
            create_app(config)
        assert not config.key_file.exists()

    def test_a_database_without_secrets_gets_new_keys(self, app: Flask, config: Config) -> None:
        config.key_file.unlink()

        create_app(config)

        assert config.key_file.exists()


class TestTurning:
    def test_every_column_of_secrets_is_known(self, app: Flask) -> None:
        named = {
            f"{table.name}.{column.name}"
            for table in db.metadata.tables.values()
            for column in table.columns
            if column.name.endswith("_sealed")
        }

        assert {one.name for one in sealed.columns()} == named

    def test_secrets_are_counted_by_key(self, server: SmtpServer) -> None:
        assert sealed.count_by_key() == {vault.keyring().current: 1}

    def test_a_turned_secret_is_the_same_under_another_key(
        self, server: SmtpServer, config: Config
    ) -> None:
        old = vault.keyring()
        old.with_new_key().save(config.key_file)

        batches = [sealed.reseal_batch(one, after=0, size=10) for one in sealed.columns()]
        db.session.commit()

        assert sum(batch.resealed for batch in batches) == 1
        assert sealed.count_by_key() == {vault.keyring().current: 1}
        vault.keyring().without(old.current).save(config.key_file)
        assert secret_of(fresh(server)).reveal() == PASSWORD

    def test_a_secret_that_does_not_open_is_named_and_left(
        self, server: SmtpServer, config: Config
    ) -> None:
        server.host = "smtp.evil.example"
        envelope = server.secret_sealed
        db.session.commit()
        vault.keyring().with_new_key().save(config.key_file)

        batches = [sealed.reseal_batch(one, after=0, size=10) for one in sealed.columns()]
        db.session.commit()

        assert [row for batch in batches for row in batch.lost] == [server.id]
        assert fresh(server).secret_sealed == envelope

    @pytest.mark.both_stores
    def test_the_command_turns_all_in_batches_and_can_drop_the_old_key(
        self, app: Flask, acme: WhiteLabel, ada: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        servers = [saved(ada, acme, replace(TYPED, name=f"server {number}")) for number in range(5)]
        db.session.remove()
        old = vault.keyring().current
        monkeypatch.setattr("portal.commands.keys.BATCH", 2)
        runner = app.test_cli_runner()

        used = runner.invoke(args=["keys", "drop", old])
        turned = runner.invoke(args=["keys", "rotate"])
        status = runner.invoke(args=["keys", "status"])
        dropped = runner.invoke(args=["keys", "drop", old])

        assert used.exit_code == 1
        assert "5 secrets sealed with" in turned.output
        assert f"{vault.keyring().current}  5 secrets  (current)" in status.output
        assert dropped.exit_code == 0
        for server in servers:
            assert secret_of(db.session.get_one(SmtpServer, server.id)).reveal() == PASSWORD

    def test_an_interrupted_turn_is_resumed(
        self, app: Flask, server: SmtpServer, config: Config
    ) -> None:
        old = vault.keyring().current
        vault.keyring().with_new_key().save(config.key_file)
        new = vault.keyring().current
        db.session.remove()
        runner = app.test_cli_runner()

        too_early = runner.invoke(args=["keys", "drop", old])
        resumed = runner.invoke(args=["keys", "rotate", "--resume"])

        assert "in use: 1 secrets" in too_early.output
        assert resumed.exit_code == 0
        assert vault.keyring().current == new
        assert sealed.count_by_key() == {new: 1}
