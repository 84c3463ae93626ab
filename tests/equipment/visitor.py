"""A visitor to the portals with a real session, who reviews every page that comes along.

    def test_an_admin_renames_an_app(visit, ada):
        shop = make_app(ada, "Shop")

        page = visit(ada).get(f"/apps/{shop.id}").submit("Rename", name="Store")

        assert page.h1 == "Store"

What the review asks of a page stands in `reviews.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from argon2 import PasswordHasher
from flask import Flask, g, session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from lxml import html
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.accounts import passwords
from portal.accounts.models import Person, Role
from portal.core.db import db
from portal.core.secret import Secret
from portal.web.public.sign_in import let_in
from portal.web.site import site_at
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.reviews import review
from tests.equipment.stage import make_person, make_white_label

PASSWORD = "a password that only tests use"
BROWSER = "Mozilla/5.0 (tests) Visitor/1.0"
MOST_REDIRECTS = 5

Data = Mapping[str, Any]


@dataclass
class Page:
    """What came back, after redirects."""

    visitor: Visitor
    path: str
    response: TestResponse = field(repr=False)

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def body(self) -> str:
        """The source."""
        return self.response.get_data(as_text=True)

    @cached_property
    def tree(self) -> html.HtmlElement:
        return html.document_fromstring(self.body)

    @property
    def text(self) -> str:
        """What can be read, with single spaces."""
        return " ".join(self.tree.text_content().split())

    @property
    def h1(self) -> str:
        return " ".join(self.tree.xpath("string(//h1)").split())

    @property
    def content(self) -> str:
        """What can be read in the main part, without navigation."""
        return " ".join(self.tree.xpath("string(//main)").split())

    @property
    def faults(self) -> list[str]:
        """The errors that the form's summary lists."""
        items = self.tree.xpath("//*[substring(@id, string-length(@id) - 5) = 'faults']//li")
        return [" ".join(item.text_content().split()) for item in items]

    def error_at(self, name: str) -> str:
        """The words at the field of this name."""
        return " ".join(self.tree.xpath(f"string(//*[@id='{name}-error'])").split())

    def links(self) -> dict[str, str]:
        """Where each link leads, by its words."""
        return {
            " ".join(link.text_content().split()): link.get("href")
            for link in self.tree.xpath("//a[@href]")
        }

    def click(self, words: str) -> Page:
        """Follow the link with these words."""
        links = self.links()
        assert words in links, f"no link {words!r} here, only {sorted(links)}"
        return self.visitor.get(urljoin(self.path, links[words]))

    def submit(self, button: str, /, **values: Any) -> Page:
        """Fill in the form that has this button, and press it.

        Fields keep what stands in them; a value of None empties or unticks a field. A name that
        the form does not have is a mistake of the test.
        """
        form, pressed = self._form_with(button)
        fields = dict(_fields(form))
        for name, value in values.items():
            assert form.xpath(f".//*[@name='{name}']"), f"the form has no field {name!r}"
            if value is None:
                fields.pop(name, None)
            elif value is True:
                box = form.xpath(f".//input[@name='{name}']")[0]
                fields[name] = box.get("value", "y")
            elif isinstance(value, tuple):
                fields[name] = value  # a file: (stream, its name)
            elif isinstance(value, list):
                fields[name] = [one if isinstance(one, tuple) else str(one) for one in value]
            else:
                fields[name] = str(value)
        if pressed.get("name"):
            fields[pressed.get("name")] = pressed.get("value", "")
        action = pressed.get("formaction") or form.get("action") or self.path
        where = urljoin(self.path, action)
        if form.get("method", "get").lower() == "get":
            return self.visitor.get(where, query=fields)
        return self.visitor.send(where, fields)

    def _form_with(self, button: str) -> tuple[html.HtmlElement, html.HtmlElement]:
        there = []
        for form in self.tree.xpath("//form"):
            for element in form.xpath(".//button[not(@type='button')]|.//input[@type='submit']"):
                words = " ".join((element.text_content() or element.get("value", "")).split())
                if words == button:
                    return form, element
                there.append(words)
        raise AssertionError(f"no button {button!r} on {self.path}, only {there}")


class Visitor:
    """Somebody with a browser, at one portal's host."""

    def __init__(self, app: Flask, host: str) -> None:
        self.app = app
        self.host = host
        self.client: FlaskClient = app.test_client()
        self._token = ""

    def get(self, path: str, *, query: Data | None = None, **options: Any) -> Page:
        """Open a page; redirects are followed."""
        return self._go("GET", path, query_string=query, **options)

    def post(self, path: str, data: Data | None = None, **options: Any) -> Page:
        """Send a form that no page needs to show, with a valid token."""
        return self.send(path, {"csrf_token": self.token, **(data or {})}, **options)

    def send(self, path: str, data: Data, **options: Any) -> Page:
        """Send a form just like this."""
        return self._go("POST", path, data=data, **options)

    def answer(self, method: str, path: str, **options: Any) -> TestResponse:
        """One request and its bare answer; nothing is followed or reviewed."""
        # What the test has set up must be there, and its session must not hold the database.
        db.session.commit()
        headers = {"User-Agent": BROWSER, **options.pop("headers", {})}
        # In a context of its own: Flask would share the test's `g` and database session otherwise.
        answer: TestResponse = Context().run(
            self.client.open,
            path,
            method=method,
            base_url=self._origin,
            headers=headers,
            buffered=True,
            **options,
        )
        # A large form is a file on disk that the client leaves open.
        answer.request.environ["wsgi.input"].close()
        db.session.rollback()
        return answer

    def sign_in(self, person: Person, password: str = PASSWORD) -> Page:
        """Through the page, as people do."""
        email = give_password(person, password).email
        db.session.commit()
        return self.get("/sign-in").submit("Sign in", email=email, password=password)

    def come_in(self, person: Person) -> None:
        """Get the cookie that the page gives to whoever has typed the right password.

        The pages on the way there cost more than most of what is tested behind them.
        """
        person_id = give_password(person).id
        db.session.commit()
        cookie = Context().run(self._begun_session, person_id)
        with self.client.session_transaction(base_url=self._origin) as own:
            own.clear()
            own.update(cookie)

    def _begun_session(self, person_id: int) -> Mapping[str, Any]:
        came = {"HTTP_USER_AGENT": BROWSER, "REMOTE_ADDR": "127.0.0.1"}
        with self.app.test_request_context("/sign-in", base_url=self._origin, environ_base=came):
            site = site_at(self.host)
            assert site is not None, f"no portal is served at {self.host}"
            g.site = site
            let_in(db.session.get_one(Person, person_id), to="/")
            self._token = generate_csrf()
            return dict(session)

    @property
    def token(self) -> str:
        """What every form of this visitor has to bring along."""
        if not self._token:
            self.get("/")
        return self._token

    @property
    def _origin(self) -> str:
        return f"http://{self.host}:8000"

    def _go(self, method: str, path: str, **options: Any) -> Page:
        response = self.answer(method, path, **options)
        for _step in range(MOST_REDIRECTS):
            if response.status_code not in (301, 302, 303):
                break
            path = self._our_path(response.headers["Location"])
            response = self.answer("GET", path)
        else:
            raise AssertionError(f"too many redirects, the last to {path}")
        page = Page(self, path, response)
        if response.mimetype == "text/html":
            review(self.app, self.host, path, response, page.tree)
            db.session.rollback()  # the review has looked into the database
            tokens = page.tree.xpath("//input[@name='csrf_token']/@value")
            self._token = tokens[0] if tokens else self._token
        return page

    def _our_path(self, location: str) -> str:
        parts = urlsplit(location)
        assert not parts.hostname or parts.hostname == self.host, f"sent away to {location}"
        return parts.path + (f"?{parts.query}" if parts.query else "")


class Visits:
    """`visit(person)` is somebody who is signed in; `visit.at(host)` somebody who has not."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.platform = urlsplit(app.config["LIVERY"].platform_origin).hostname or ""

    def __call__(self, person: Person) -> Visitor:
        visitor = self.at(self.host_of(person))
        visitor.come_in(person)
        return visitor

    def at(self, host: str = "") -> Visitor:
        return Visitor(self.app, host or self.platform)

    def host_of(self, person: Person) -> str:
        """The host of this person's portal."""
        query = select(Hostname.name).where(Hostname.white_label_id == person.white_label_id)
        return db.session.scalar(query.order_by(Hostname.id)) or self.platform


def give_password(person: Person, password: str = PASSWORD) -> Person:
    """The person as it is in the store, with this password unless it has one."""
    db.session.refresh(person)
    if person.password_hash is None:
        person.password_hash = passwords.hashed(Secret(password))
    return person


def _fields(form: html.HtmlElement) -> Iterator[tuple[str, Any]]:
    """What a browser would send for the form as it stands, without buttons."""
    collected: dict[str, list[str]] = {}
    for element in form.xpath(".//input[@name]|.//select[@name]|.//textarea[@name]"):
        name, kind = element.get("name"), element.get("type", "text")
        if element.get("disabled") is not None or kind in ("submit", "button", "file", "image"):
            continue
        if kind in ("checkbox", "radio"):
            if element.get("checked") is not None:
                collected.setdefault(name, []).append(element.get("value", "on"))
        elif element.tag == "select":
            chosen = element.xpath(".//option[@selected]")
            if not chosen and element.get("multiple") is None:
                chosen = element.xpath(".//option")[:1]
            for option in chosen:
                collected.setdefault(name, []).append(option.get("value", option.text or ""))
        elif element.tag == "textarea":
            collected.setdefault(name, []).append((element.text or "").removeprefix("\n"))
        else:
            collected.setdefault(name, []).append(element.get("value", ""))
    for name, values in collected.items():
        yield name, values[0] if len(values) == 1 else values


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """Passwords cost next to nothing to hash: tests sign in by the hundred."""
    passwords.work_with(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def visit(app: Flask) -> Visits:
    """Somebody visits a portal."""
    return Visits(app)


@pytest.fixture
def acme(app: Flask) -> WhiteLabel:
    """Ada's, Bob's and Abe's white label, at acme.localhost."""
    return make_white_label("Acme")


@pytest.fixture
def birch(app: Flask) -> WhiteLabel:
    """Cal's white label, at birch.localhost."""
    return make_white_label("Birch", colour="#1b7f4b")


@pytest.fixture
def olive(app: Flask) -> Person:
    """The platform owner."""
    return make_person(None, "Olive")


@pytest.fixture
def ada(acme: WhiteLabel) -> Person:
    """An admin of Acme."""
    return make_person(acme, "Ada")


@pytest.fixture
def bob(acme: WhiteLabel) -> Person:
    """Another admin of Acme."""
    return make_person(acme, "Bob")


@pytest.fixture
def abe(acme: WhiteLabel) -> Person:
    """An agent of Acme."""
    return make_person(acme, "Abe", role=Role.AGENT)


@pytest.fixture
def cal(birch: WhiteLabel) -> Person:
    """An admin of Birch, whom Acme is none of the business."""
    return make_person(birch, "Cal")


Visit = Callable[[Person], Visitor]
