"""The browser as the tests have it: real, fresh, and listening to what pages complain of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.equipment.browser import PHONE, Browser, accessibility_faults, hold_timers

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'"
GOOD = """<!doctype html><html lang="en"><title>Good</title>
<main><h1>Good</h1><label>Name <input name="name"></label></main>"""

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(html)` answers every request with that page under a strict policy."""
    pages = {"html": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/favicon.ico":
                self.send_response(204)
                self.end_headers()
                return
            body = pages["html"].replace("HOST", self.headers["Host"]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Set-Cookie", "seen=yes")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    def show(html: str, host: str = "localhost") -> str:
        pages["html"] = html
        return f"http://{host}:{server.server_port}/"

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield show
        server.shutdown()
        thread.join()


def test_it_shows_a_page(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()

    page.goto(serve(GOOD))

    assert page.get_by_role("heading").inner_text() == "Good"
    assert browser.take_problems() == []


def test_every_name_under_localhost_leads_here(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()

    page.goto(serve(GOOD.replace("Good", "HOST"), "acme.localhost"))

    assert page.get_by_role("heading").inner_text().startswith("acme.localhost")


def test_what_the_policy_refuses_is_a_problem(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()

    page.goto(serve(GOOD + "<p style='color: red'>Red</p>"))

    [problem] = browser.take_problems()
    assert "Content Security Policy" in problem


def test_a_problem_that_nobody_took_fails_the_test(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()

    page.goto(serve(GOOD + "<script>alert()</script>"))

    with pytest.raises(AssertionError, match="Content Security Policy"):
        browser.assert_no_problems()


def test_what_a_script_throws_is_a_problem(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()
    page.goto(serve(GOOD))

    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('lost my keys') })")

    [problem] = browser.take_problems()
    assert "lost my keys" in problem


def test_each_page_has_a_profile_of_its_own(browser: Browser, serve: Serve) -> None:
    first, second = browser.open_page(), browser.open_page()

    first.goto(serve(GOOD))

    assert len(first.context.cookies()) == 1
    assert second.context.cookies() == []


def test_a_phone_is_as_narrow_as_one(browser: Browser, serve: Serve) -> None:
    page = browser.open_page(viewport=PHONE)

    page.goto(serve(GOOD))

    assert page.evaluate("innerWidth") == 390


def test_a_good_page_has_no_accessibility_faults(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()

    page.goto(serve(GOOD))

    assert accessibility_faults(page) == []


def test_a_field_without_a_label_is_an_accessibility_fault(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()

    page.goto(serve(GOOD.replace("label", "span")))

    assert [fault.partition(":")[0] for fault in accessibility_faults(page)] == ["label"]


def test_a_colour_on_its_way_is_no_accessibility_fault(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()
    page.goto(serve(GOOD))
    page.evaluate(
        "document.querySelector('h1').animate([{color: '#eee'}, {color: '#000'}], 600_000) && null"
    )

    assert accessibility_faults(page) == []


def test_held_timers_run_when_the_test_says_so(browser: Browser, serve: Serve) -> None:
    page = browser.open_page()
    hold_timers(page)
    page.goto(serve(GOOD))
    page.evaluate("setTimeout(() => { document.title = 'Later' }, 0)")

    before = page.title()
    page.clock.run_for(1)

    assert (before, page.title()) == ("Good", "Later")
