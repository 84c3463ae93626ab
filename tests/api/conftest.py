"""A program that calls the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import App, KeyKind
from portal.core.db import db
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_app, make_person, make_server, make_white_label


@dataclass(frozen=True)
class Answer:
    """What a program gets."""

    status_code: int
    json: Any
    headers: Mapping[str, str]
    content_type: str | None


@dataclass
class Caller:
    """An app with its key."""

    client: FlaskClient
    key: str
    host: str = "localhost:8000"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; the test's own transaction is over before it begins."""
        db.session.commit()
        answer = self.client.open(
            f"/api/v1{path}",
            method=method,
            json=body,
            base_url=f"http://{self.host}",
            headers={
                "Authorization": f"Bearer {self.key}",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        return Answer(answer.status_code, answer.json, dict(answer.headers), answer.content_type)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, {} if body is None else body, **headers)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)


@dataclass
class Stage:
    """Acme with Ada's app and server, the platform with Olive's server."""

    acme: WhiteLabel
    olive: Person
    ada: Person
    bob: Person
    main: SmtpServer
    own: SmtpServer
    shop: App
    shop_calls: Caller
    app: Flask

    def caller(self, app: App, kind: KeyKind = KeyKind.LIVE) -> Caller:
        """Somebody with a new key of this app."""
        _row, secret = keys.make_key(app, kind=kind, name="test", by=None)
        db.session.commit()
        return Caller(self.app.test_client(), secret.reveal())


@pytest.fixture
def stage(app: Flask) -> Stage:
    """Everything an app of Ada's needs to send."""
    olive = make_person(name="Olive")
    main = make_server(olive, "main", max_recipients=50)
    acme = make_white_label("Acme")
    ada = make_person(acme, "Ada")
    bob = make_person(acme, "Bob")
    own = make_server(ada, "acme-own")
    shop = make_app(ada, "Shop")
    _row, secret = keys.make_key(shop, kind=KeyKind.LIVE, name="test", by=ada)
    db.session.commit()
    calls = Caller(app.test_client(), secret.reveal())
    return Stage(acme, olive, ada, bob, main, own, shop, calls, app)


@pytest.fixture
def calls(stage: Stage) -> Caller:
    """Ada's Shop with a live key."""
    return stage.shop_calls
