"""The demo's mailbox: takes everything, says by which door, and shows it without any danger."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from portal.commands.demo import DOCUMENT
from portal.commands.mailbox.doors import Door, DoorPlate, plates
from portal.commands.mailbox.page import make_page
from portal.commands.mailbox.shelf import KEPT, Shelf

MAIL = (
    "From: Acme <news@acme.example>\r\nTo: cy@else.example\r\n"
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n.dot\r\n"
    "--b\r\nContent-Type: text/html\r\n\r\n<p>Hello<script>alert(1)</script></p>\r\n--b--\r\n"
)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def door(shelf: Shelf) -> Iterator[Door]:
    """Acme's door, which asks for a password."""
    opened = Door(DoorPlate("Acme own", 0, "acme", "its password"), shelf)
    thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield opened
    opened.shutdown()
    thread.join()
    opened.server_close()


@pytest.fixture
def page(shelf: Shelf) -> FlaskClient:
    return make_page(shelf, ["Acme own: port 2526"]).test_client()


def put(shelf: Shelf, raw: str = MAIL) -> int:
    return shelf.put(
        door="Acme own",
        signed_in_as="acme",
        mail_from="news@acme.example",
        rcpt_to=["cy@else.example"],
        raw=raw.encode(),
    ).number


def visit(door: Door) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", door.port, local_hostname="livery.example", timeout=30)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_who_has_the_password_hands_a_mail_in_unchanged(
    door: Door, shelf: Shelf, mechanism: str
) -> None:
    with visit(door) as session:
        session.ehlo()
        session.user, session.password = "acme", "its password"
        session.auth(mechanism, getattr(session, f"auth_{mechanism.lower()}"))
        session.sendmail("news@acme.example", ["cy@else.example", "di@else.example"], MAIL)

    mail = shelf.newest_first()[0]
    assert (mail.door, mail.signed_in_as) == ("Acme own", "acme")
    assert mail.rcpt_to == ("cy@else.example", "di@else.example")
    assert mail.raw == MAIL.encode()


def test_a_wrong_password_is_refused(door: Door) -> None:
    with visit(door) as session, pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        session.login("acme", "another password")

    assert refused.value.smtp_code == 535


def test_without_signing_in_nothing_is_taken(door: Door, shelf: Shelf) -> None:
    with visit(door) as session, pytest.raises(smtplib.SMTPSenderRefused) as refused:
        session.sendmail("news@acme.example", ["cy@else.example"], MAIL)

    assert refused.value.smtp_code == 530
    assert shelf.newest_first() == []


def test_each_server_of_the_demo_has_its_door() -> None:
    doors = {plate.name: (plate.port, plate.username) for plate in plates(DOCUMENT)}

    assert doors == {
        "Northwind main": (2525, ""),
        "Acme own": (2526, "acme"),
        "Birch own": (2527, "birch"),
    }


def test_only_the_latest_are_kept(shelf: Shelf) -> None:
    for _ in range(KEPT + 1):
        put(shelf, "Subject: x\r\n\r\n")

    assert len(shelf.newest_first()) == KEPT
    assert shelf.find(1) is None


def test_the_list_says_by_which_server_each_mail_came(page: FlaskClient, shelf: Shelf) -> None:
    put(shelf)

    text = page.get("/").text

    assert "Grüße" in text
    assert "Acme own" in text


def test_a_mail_is_shown_as_text_and_framed_as_html(page: FlaskClient, shelf: Shelf) -> None:
    number = put(shelf)

    text = page.get(f"/{number}").text

    assert "Hello\n.dot" in text.replace("\r", "")
    assert f'sandbox title="The mail&#39;s HTML" src="/{number}/html"' in text.replace("'", "&#39;")
    assert "<script>" not in text


def test_a_mails_html_can_do_nothing(page: FlaskClient, shelf: Shelf) -> None:
    number = put(shelf)

    policy = page.get(f"/{number}/html").headers["Content-Security-Policy"]

    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy


def test_every_page_has_a_policy_without_inline_anything(page: FlaskClient, shelf: Shelf) -> None:
    for path in ("/", f"/{put(shelf)}", "/99"):
        answer = page.get(path)

        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_source_is_as_it_came(page: FlaskClient, shelf: Shelf) -> None:
    answer = page.get(f"/{put(shelf)}/source")

    assert answer.data == MAIL.encode()
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize("host", ["evil.example:8025", "evil.example", "localhost.evil.example"])
def test_another_name_for_this_machine_shows_nothing(
    page: FlaskClient, shelf: Shelf, host: str
) -> None:
    put(shelf)

    assert page.get("/", headers={"Host": host}).status_code == 404


def test_throwing_away_is_not_for_other_sites(page: FlaskClient, shelf: Shelf) -> None:
    put(shelf)

    refused = page.post("/clear", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, len(shelf.newest_first())) == (403, 1)

    page.post("/clear", headers={"Sec-Fetch-Site": "same-origin"})
    assert shelf.newest_first() == []


@pytest.mark.parametrize(
    "raw", ["", "no header at all", "Subject: \xff\r\nFrom: <<>\r\n\r\nx", "To: @,;\r\n\r\n"]
)
def test_a_malformed_mail_is_shown_all_the_same(page: FlaskClient, shelf: Shelf, raw: str) -> None:
    number = put(shelf, raw)

    assert page.get("/").status_code == 200
    assert page.get(f"/{number}").status_code == 200
