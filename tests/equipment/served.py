"""The application behind a real socket, for a real browser.

def test_…(served, browser, ada):
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, "/apps"))
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from playwright.sync_api import Page
from werkzeug.serving import WSGIRequestHandler, make_server

from portal import create_app
from portal.accounts.models import Person
from portal.config import Config
from portal.core.db import db
from portal.white_labels.models import Platform
from tests.equipment.visitor import PASSWORD, Visits, give_password


class Quiet(WSGIRequestHandler):
    """Does not write a line for every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@dataclass(frozen=True)
class Served:
    """Where the portals answer. The database is the one that the test's factories write to."""

    app: Flask
    port: int
    visits: Visits

    def url(self, person: Person | None = None, path: str = "/", *, host: str = "") -> str:
        """An address in this person's portal, or at this host; else the platform's."""
        if person is not None:
            host = self.visits.host_of(person)
            db.session.commit()
        return f"http://{host or 'localhost'}:{self.port}{path}"

    def sign_in(self, page: Page, person: Person) -> Page:
        """Sign in with the password, as people do."""
        email = give_password(person).email
        db.session.commit()
        page.goto(self.url(person, "/sign-in"))
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("heading", level=1, name="Overview").wait_for()
        page.wait_for_load_state()  # its styles and scripts may come later than its words
        return page

    def come_in(self, page: Page, person: Person) -> Page:
        """Give the page the cookie that signing in ends with; it shows nothing yet."""
        visitor = self.visits(person)
        cookie = visitor.client.get_cookie("session", domain=visitor.host)
        assert cookie is not None
        page.context.add_cookies(
            [{"name": cookie.key, "value": cookie.value, "url": self.url(person)}]
        )
        return page


@pytest.fixture
def served(app: Flask, config: Config) -> Iterator[Served]:
    """The same installation, listening on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    origin = f"http://localhost:{server.port}"
    db.session.get_one(Platform, 1).origin = origin
    db.session.commit()
    # Its origin has the port in it, which passkeys and links depend on.
    server.app = create_app(replace(config, platform_origin=origin))
    # It looks this often, in seconds, whether it is to end; each test waits for that.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="served", daemon=True)
    thread.start()
    yield Served(app, server.port, Visits(app))
    server.shutdown()
    thread.join()
    server.server_close()
    with server.app.app_context():
        db.engine.dispose()
