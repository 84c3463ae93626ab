"""The stage of a test: an application on a fresh database, and the people and things on it.

`app` gives an application with an empty schema and its context pushed; every factory commits.
The test's own session lets go of the database after each factory, so that a request made by the
test never waits for the test itself; call `fresh(thing)` to see what others changed meanwhile.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import Pool

from portal import create_app
from portal.accounts.models import Person, Role
from portal.apps.models import App
from portal.config import Config, RelayAllow
from portal.core import clock
from portal.core.db import db
from portal.domains.models import Domain, DomainState
from portal.mail_templates import content
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.senders.models import Sender, SenderDefault
from portal.smtp_settings.models import AuthKind, ServerHealth, SmtpServer, TlsMode
from portal.white_labels.models import Hostname, MailMode, Platform, WhiteLabel
from tests.equipment.compiled import share_statements

Thing = TypeVar("Thing")


STORES = ("sqlite", "postgresql")
STORE = os.environ.get("TEST_STORE", "sqlite")
"""Which one a test runs on that does not say; each speaks for both, with few exceptions."""

NO_DNS = "255.255.255.255:9"
"""A name server that nothing can be sent to: no test asks the real ones by mistake."""


def make_config(folder: Path, database_url: str | None = None) -> Config:
    """The configuration of a test: everything under one folder, relays on loopback allowed."""
    return Config(
        instance=folder,
        database_url=database_url or f"sqlite:///{folder / 'livery.db'}",
        broker_url=None,
        key_file=folder / "livery.keys",
        secret_key="a key that only tests sign cookies with",
        platform_origin="http://localhost:8000",
        dns_servers=(NO_DNS,),
        relay_allow=(RelayAllow(ip_network("127.0.0.0/8"), None),),
        testing=True,
    )


@pytest.fixture(scope="session", autouse=True)
def patient_inliner() -> Iterator[None]:
    """A busy machine must not turn into styles that are left where they were."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "_LONGEST_WAIT", 60.0)
        yield


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the whole schema and no rows; copied for each test."""
    folder = tmp_path_factory.mktemp("empty")
    app = create_app(make_config(folder))
    with app.app_context():
        db.create_all()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    return folder / "livery.db"


def create_schema(database_url: str) -> None:
    """Make every table in this empty database, and let go of it: it is copied for each test."""
    engine = create_engine(database_url)
    db.metadata.create_all(engine)
    engine.dispose()


def pytest_configure() -> None:
    if STORE not in STORES:
        raise pytest.UsageError(f"TEST_STORE={STORE} is none of {', '.join(STORES)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `both_stores` runs once on SQLite and once on PostgreSQL."""
    if metafunc.definition.get_closest_marker("both_stores"):
        metafunc.fixturenames.append("store")
        metafunc.parametrize("store", STORES, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> str:
    """Which store this test runs on."""
    return str(getattr(request, "param", STORE))


@pytest.fixture
def config(
    tmp_path: Path, store: str, empty_database: Path, request: pytest.FixtureRequest
) -> Iterator[Config]:
    """The configuration of this test's application."""
    if store == "postgresql":
        make_database: Callable[..., str] = request.getfixturevalue("make_postgres_database")
        with _closing_connections():
            yield make_config(tmp_path, make_database(filled_by=create_schema))
        return
    shutil.copy(empty_database, tmp_path / "livery.db")
    yield make_config(tmp_path)


@contextmanager
def _closing_connections() -> Iterator[None]:
    """Close what is opened meanwhile: psycopg warns of a connection that is forgotten, as those of
    a second application are."""
    opened: list[DBAPIConnection] = []

    def note(connection: DBAPIConnection, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    yield
    event.remove(Pool, "connect", note)
    for connection in opened:
        connection.close()


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """An application on an empty database, its context pushed."""
    app = create_app(config)
    with app.app_context():
        share_statements(db.engine)
        db.session.add(Platform(id=1, name="Northwind Apps", origin=config.platform_origin))
        db.session.commit()
        yield app
        _await_lanes()
        db.session.remove()
        db.engine.dispose()


def _await_lanes() -> None:
    """A worker gives lanes up that a hostile server holds. Now that the server is gone they end,
    and leave no connection to the database for another test to stumble over."""
    for thread in threading.enumerate():
        if thread.name.startswith("lane to "):
            thread.join(30)


def fresh(thing: Thing) -> Thing:
    """The same row as it is in the database now; the test's transaction ends with it."""
    db.session.rollback()
    db.session.refresh(thing)
    db.session.commit()
    return thing


def kept(thing: Thing) -> Thing:
    """Store a row and let go of the database."""
    db.session.add(thing)
    db.session.commit()
    return thing


def make_white_label(
    name: str = "Acme", *, mail_mode: MailMode = MailMode.OWN, colour: str = "#7a1fa2"
) -> WhiteLabel:
    """A white label that is served at `<name>.localhost`."""
    slug = name.lower()
    white_label = kept(
        WhiteLabel(slug=slug, name=name, colour=colour, mail_mode=mail_mode, created_at=clock.now())
    )
    kept(
        Hostname(
            white_label_id=white_label.id,
            name=f"{slug}.localhost",
            proof_token=f"proof-{slug}",
            created_at=clock.now(),
            proven_at=clock.now(),
            is_vouched=True,
        )
    )
    return white_label


def make_person(
    white_label: WhiteLabel | None = None, name: str = "Ada", *, role: Role | None = None
) -> Person:
    """Somebody of this white label, an admin unless told; without one, a platform owner."""
    place = white_label.slug if white_label else "northwind"
    return kept(
        Person(
            white_label_id=white_label.id if white_label else None,
            email=f"{name.lower()}@{place}.example",
            name=name,
            role=role or (Role.ADMIN if white_label else Role.PLATFORM_OWNER),
            created_at=clock.now(),
        )
    )


def make_server(
    by: Person,
    name: str = "own",
    *,
    host: str = "127.0.0.1",
    port: int = 2525,
    tls: TlsMode = TlsMode.NONE,
    from_email: str | None = None,
    from_name: str | None = None,
    is_validated: bool = True,
    **facts: object,
) -> SmtpServer:
    """A server of the person's white label (the platform's, for an owner), with one sender."""
    server = SmtpServer(
        white_label_id=by.white_label_id,
        configured_by_id=by.id,
        name=name,
        host=host,
        port=port,
        tls=tls,
        auth=AuthKind.NONE,
        created_at=clock.now(),
        validated_at=clock.now() if is_validated else None,
        **facts,
    )
    server.health = ServerHealth()
    kept(server)
    place = by.email.rpartition("@")[2]
    kept(
        Sender(
            white_label_id=by.white_label_id,
            server_id=server.id,
            email=from_email or f"{name}@{place}",
            name=from_name or f"{name.title()} of {by.name}",
            is_primary=True,
            created_at=clock.now(),
        )
    )
    return server


def make_sender(server: SmtpServer, email: str, *, of: WhiteLabel | None, name: str = "") -> Sender:
    """One more address on a server."""
    return kept(
        Sender(
            white_label_id=of.id if of else None,
            server_id=server.id,
            email=email,
            name=name,
            created_at=clock.now(),
        )
    )


def make_default(person: Person, sender: Sender) -> SenderDefault:
    """The sender that an agent's mail leaves from."""
    return kept(SenderDefault(person_id=person.id, sender_id=sender.id))


def make_app(owner: Person, name: str = "Shop") -> App:
    """An app of this person."""
    assert owner.white_label_id is not None
    return kept(
        App(
            white_label_id=owner.white_label_id,
            owner_id=owner.id,
            name=name,
            created_at=clock.now(),
        )
    )


def make_domain(
    white_label: WhiteLabel, name: str = "acme.example", state: DomainState = DomainState.VERIFIED
) -> Domain:
    """A domain on the allow-list."""
    return kept(
        Domain(
            white_label_id=white_label.id,
            name=name,
            state=state,
            created_at=clock.now(),
            verified_at=clock.now() if state is DomainState.VERIFIED else None,
        )
    )


def make_template(
    white_label: WhiteLabel | None,
    slug: str = "welcome",
    *,
    preferred: SmtpServer | None = None,
    texts: Sequence[tuple[str, str, str | None, str | None]] = (
        ("en", "Welcome, {{ name }}", "Hello {{ name }}", "<p>Hello {{ name }}</p>"),
    ),
) -> MailTemplate:
    """A template with one version; `texts` are (language, subject, text, html)."""
    template = kept(
        MailTemplate(
            white_label_id=white_label.id if white_label else None,
            slug=slug,
            name=slug.title(),
            preferred_server_id=preferred.id if preferred else None,
            created_at=clock.now(),
        )
    )
    version = kept(
        TemplateVersion(
            template_id=template.id,
            number=1,
            default_language=texts[0][0],
            created_at=clock.now(),
        )
    )
    for language, subject, text, html in texts:
        kept(
            TemplateText(
                version_id=version.id, language=language, subject=subject, text=text, html=html
            )
        )
    return template
