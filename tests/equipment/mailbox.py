"""The demo's mailbox: a door that takes all mail, and a page where a browser reads it.

def test_…(mailbox, browser, olive):
    make_server(olive, port=mailbox.door_port)
    …
    link = mailbox.link_in(browser.open_page(), "A subject")
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page
from werkzeug.serving import make_server as listen

from portal.commands.mailbox.doors import Door, DoorPlate
from portal.commands.mailbox.page import make_page
from portal.commands.mailbox.shelf import Mail, Shelf
from tests.equipment.served import Quiet


@dataclass(frozen=True)
class Mailbox:
    """What left, and where it can be read."""

    door_port: int
    page_port: int
    shelf: Shelf

    def text_of(self, page: Page, subject: str) -> str:
        """Read the newest mail with this subject, as people do."""
        page.goto(f"http://localhost:{self.page_port}/")
        page.get_by_role("link", name=subject).first.click()
        page.wait_for_url(re.compile(r"/\d+$"))  # and until all of the mail is there
        return page.locator("pre").first.inner_text()

    def link_in(self, page: Page, subject: str) -> str:
        """The link in the newest mail with this subject."""
        text = self.text_of(page, subject)
        found = re.search(r"http://\S+", text)
        assert found is not None, text
        return found[0]

    def mails(self, subject: str) -> list[Mail]:
        """Every mail with this subject, the newest first."""
        return [mail for mail in self.shelf.newest_first() if mail.header("Subject") == subject]

    def senders_of(self, subject: str) -> list[str]:
        """From of every mail with this subject."""
        return [mail.header("From") for mail in self.mails(subject)]

    def has(self, subject: str) -> bool:
        return bool(self.mails(subject))


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    shelf = Shelf()
    door = Door(DoorPlate("Northwind main", 0, "", ""), shelf)
    page = listen("127.0.0.1", 0, make_page(shelf, []), threaded=True, request_handler=Quiet)
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        for server in (door, page)
    ]
    for thread in threads:
        thread.start()
    yield Mailbox(door.port, page.port, shelf)
    for server in (door, page):
        server.shutdown()
    for thread in threads:
        thread.join()
    for server in (door, page):
        server.server_close()
