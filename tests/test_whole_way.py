"""The whole way: from a person's wish and an app's call to a mail that somebody can read.

Nothing here is a stand-in but the clock of the reader: a real browser, a real Postfix, and the
worker that `flask deliver` runs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests
from flask import Flask
from playwright.sync_api import Page, expect

from portal.accounts.models import Person
from portal.core.db import db
from tests.api.conftest import Caller
from tests.equipment.browser import Browser
from tests.equipment.mail import drain
from tests.equipment.postfix import PASSWORD, USERNAME, Postfix
from tests.equipment.served import Served
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer

PLAN = """
[platform]
name = "Northwind Apps"
origin = "http://localhost:8000"

[[people]]
email = "olive@northwind.example"
name = "Olive Owner"
role = "platform_owner"
password = "a long word that only tests say"

[[white_labels]]
slug = "acme"
name = "Acme"
hostnames = ["acme.localhost"]

[[white_labels.people]]
email = "ada@acme.example"
name = "Ada Admin"
role = "admin"
password = "a long word that only tests say"

[[white_labels.servers]]
name = "acme-own"
configured_by = "ada@acme.example"
host = "{host}"
port = {port}
tls = "starttls"
auth = "basic"
username = "{username}"
password_env = "SMTP_PASSWORD"
ca_pem = "{authority}"
from_email = "news@acme.example"
from_name = "Acme News"

[[white_labels.apps]]
name = "Shop"
owner = "ada@acme.example"
api_key = "{key}"

[[white_labels.templates]]
slug = "welcome"

[[white_labels.templates.versions]]
language = "en"
subject = "Welcome, {{{{ name }}}}"
text = "Hello {{{{ name }}}}, günstig & gut"
html = "<p>Hello <b>{{{{ name }}}}</b></p>"
"""
KEY = "lv_live_whole_a-key-that-only-tests-know-0123456789"


@pytest.mark.postfix
@pytest.mark.accepts("SI-01", "UC-03", "SS-01..SS-03", "SS-11")
def test_what_the_operator_provisions_carries_an_apps_message_to_where_it_is_read(
    app: Flask, postfix: Postfix, tmp_path: Path
) -> None:
    file = tmp_path / "livery.toml"
    file.write_text(
        PLAN.format(
            host=postfix.host,
            port=postfix.submission_port,
            username=USERNAME,
            authority=postfix.authority.pem.replace("\n", "\\n"),
            key=KEY,
        ),
        encoding="utf-8",
    )
    db.session.remove()
    made = app.test_cli_runner().invoke(
        args=["provision", str(file)], env={"SMTP_PASSWORD": PASSWORD}
    )
    assert made.exit_code == 0, made.output
    calls = Caller(app.test_client(), KEY)

    accepted = calls.post(
        "/messages",
        {
            "to": [{"email": "cy@reader.test", "name": "Cy <b>"}],
            "template": "welcome",
            "variables": {"name": "Cy <b>"},
        },
    ).json
    drain(app)

    (mail,) = postfix.wait_for_mail("cy@reader.test")
    assert mail["Subject"] == "Welcome, Cy <b>"
    assert mail.get_body(("plain",)).get_content() == "Hello Cy <b>, günstig & gut\n"  # type: ignore[union-attr]
    assert "<b>Cy &lt;b&gt;</b>" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    shown = calls.get(f"/messages/{accepted['id']}").json
    assert shown["status"] == "sent"
    assert shown["route"]["server"] == "acme-own"
    assert shown["deliveries"][0]["code"] == 250
    assert "queued as" in shown["deliveries"][0]["words"]


@pytest.mark.browser
@pytest.mark.postfix
def test_from_signing_in_to_a_mail_with_its_route_in_the_log(
    app: Flask, served: Served, browser: Browser, ada: Person, postfix: Postfix
) -> None:
    page = served.sign_in(browser.open_page(), ada)

    with SmtpServer(Script(mechanisms=("PLAIN",))) as refusing:
        _fill_in_the_server(page, served.url(ada, "/servers/new"), refusing.port)
        _test(page)
        panel = page.get_by_role("region", name="Test")
        expect(panel.get_by_text("530 5.7.0 Authentication required", exact=True)).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_label("Port").fill(str(postfix.port))
    _test(page)
    expect(panel.get_by_text("The test went well.")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. The live session went well.")).to_be_visible()
    key = _make_an_app_with_a_key(page, served.url(ada, "/apps/new"))
    answer = _send(served.url(path="/api/v1/messages"), key, to="cy@reader.test")
    drain(app)
    page.goto(served.url(ada, "/log"))
    page.get_by_role("link", name="cy@reader.test").first.click()

    assert answer["route"]["server"] == "acme-own"
    (mail,) = postfix.wait_for_mail("cy@reader.test")
    assert mail["From"] == "Acme News <news@acme.example>"
    assert mail["Subject"] == "Hello"
    shown = page.get_by_role("main")
    expect(shown.get_by_text(re.compile("Delivered by acme-own"))).to_be_visible()
    expect(
        shown.get_by_text(re.compile("owns Shop and configured this server")).first
    ).to_be_visible()


def _fill_in_the_server(page: Page, address: str, port: int) -> None:
    page.goto(address)
    page.get_by_role("link", name="Other / Generic SMTP").click()
    page.wait_for_url("**preset=generic")  # and until its scripts are there
    page.get_by_label("SMTP server").fill("127.0.0.1")
    page.get_by_label("None", exact=True).check()
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("None: the server lets us send as we are").check()
    page.get_by_label("Sender e-mail").fill("news@acme.example")
    page.get_by_label("Sender name").fill("Acme News")
    page.locator("input[name=name]").fill("acme-own")


def _test(page: Page) -> None:
    for name in ("Test", "Send"):
        page.get_by_role("button", name=name, exact=True).click()


def _make_an_app_with_a_key(page: Page, address: str) -> str:
    page.goto(address)
    page.get_by_label("Name").fill("Shop")
    page.get_by_role("button", name="Create app").click()
    page.get_by_role("link", name="Make a key").first.click()
    page.get_by_label("Name").fill("production")
    page.get_by_role("button", name="Make the key").click()
    return page.locator("#key").inner_text().strip()


def _send(address: str, key: str, *, to: str) -> dict[str, dict[str, str]]:
    db.session.commit()
    answer = requests.post(
        address,
        json={"to": [to], "subject": "Hello", "text": "Good morning"},
        headers={"Authorization": f"Bearer {key}"},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    body: dict[str, dict[str, str]] = answer.json()
    return body
