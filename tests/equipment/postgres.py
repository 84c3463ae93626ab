"""A real PostgreSQL for each test process, with a fresh database for whoever asks."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
import pytest

from tests.equipment.daemons import Daemon, folder_for, free_port, identity, started
from tests.equipment.programs import executable, program_or_fail

USER = "livery"

# Whoever loses these data runs the test again; nobody waits for a disk.
CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


def unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; the account that its package made is there for it."""
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in accounts else "nobody"


class Postgres:
    """One cluster. Its databases come and go; `daemon` can be frozen, stopped and started."""

    def __init__(self, data: Path, sockets: Path, settings: Mapping[str, str] = CARELESS) -> None:
        self.port = free_port()
        self.sockets = sockets
        settings = {
            **settings,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(sockets),
        }
        self.daemon = Daemon(
            [
                executable("postgres"),
                *("-D", data),
                *(word for key, value in settings.items() for word in ("-c", f"{key}={value}")),
            ],
            log=sockets / "log",
            is_ready=self._answers,
            owner=unprivileged(),
            end_with=signal.SIGINT,  # PostgreSQL's "fast": it does not wait for its clients
        )
        self._numbers = count(1)
        self._templates: dict[Callable[[str], None], str] = {}

    def start(self) -> None:
        self.daemon.start()

    def url(self, database: str) -> str:
        """What SQLAlchemy connects to: psycopg 3 over loopback."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def make_database(self, filled_by: Callable[[str], None] | None = None) -> str:
        """A new database and its name.

        `filled_by` is called once for each cluster, with the address of a database that becomes
        the template: what it made there is in every database that is made with it.
        """
        template = "template1" if filled_by is None else self._template(filled_by)
        name = f"test_{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, whoever is still connected."""
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _template(self, filled_by: Callable[[str], None]) -> str:
        if filled_by not in self._templates:
            name = f"template_{len(self._templates) + 2}"
            self._do(f"CREATE DATABASE {name}")
            filled_by(self.url(name))
            self._templates[filled_by] = name
        return self._templates[filled_by]

    def _do(self, statement: str) -> None:
        with closing(self._connect()) as connection:
            connection.execute(statement.encode())

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets),
            port=self.port,
            user=USER,
            dbname="postgres",
            autocommit=True,
            connect_timeout=30,
        )

    def _answers(self) -> bool:
        # Through its own socket: on the port somebody else could be listening.
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


def make_cluster(data: Path, owner: str | None) -> None:
    subprocess.run(
        [
            executable("initdb"),
            *("-D", data),
            *("-U", USER),
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ],
        **identity(owner),
        cwd="/",
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    program_or_fail("postgres")
    owner = unprivileged()
    with folder_for("pg", owner) as folder:
        make_cluster(folder / "data", owner)
        server = started(lambda: Postgres(folder / "data", folder))
        yield server
        server.daemon.stop()


@pytest.fixture
def make_postgres_database(postgres: Postgres) -> Iterator[Callable[..., str]]:
    """`make_postgres_database(filled_by=…)` gives the address of a database of this test's own."""
    names = []

    def make(filled_by: Callable[[str], None] | None = None) -> str:
        names.append(postgres.make_database(filled_by))
        return postgres.url(names[-1])

    yield make
    for name in names:
        postgres.drop_database(name)
