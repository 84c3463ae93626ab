"""A real browser, new for each test, that does not let a page complain in silence.

Whatever a page writes to the console as an error, throws, or is refused by its content security
policy ends the test as a failure, unless the test has taken it with `take_problems()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from deploy.programs import BY_NAME, find
from tests.equipment.programs import executable, program_or_fail

ARGUMENTS = [
    "--no-sandbox",  # root may not have one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # milliseconds, for each thing a test waits for, also by `expect`
PATIENCE_TO_START = 120_000
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STAND_STILL = """for (const one of document.getAnimations()) {
    if (Number.isFinite(one.effect.getComputedTiming().endTime)) one.finish();
}"""

expect.set_options(timeout=PATIENCE)


class Browser:
    """Opens pages. Each has a profile of its own: cookies and storage are shared with nobody."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium
        self._problems: list[str] = []

    def open_page(self, **options: Any) -> Page:
        """A blank page. `options` are Playwright's for a context: viewport, color_scheme, …

        Two pages that share a sign-in: `page.context.new_page()`.
        """
        context = self._chromium.new_context(**{"viewport": DESK, "locale": "en-GB", **options})
        context.set_default_timeout(PATIENCE)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._problems.append(f"uncaught: {error.error}"))
        return context.new_page()

    def take_problems(self) -> list[str]:
        """What pages complained of since the last time; taking it means having expected it."""
        problems, self._problems = self._problems, []
        return problems

    def assert_no_problems(self) -> None:
        problems = self.take_problems()
        assert not problems, "Pages complained:\n" + "\n".join(problems)

    def close(self) -> None:
        """Close every page and forget every profile."""
        for context in self._chromium.contexts:
            context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._problems.append(f"{message.text} ({message.location['url']})")


def hold_timers(page: Page) -> None:
    """What the page shows for some seconds stays there, however late the test looks."""
    page.clock.install(time=0)
    page.clock.pause_at(3600)  # further than the hands can have gone by themselves


def accessibility_faults(page: Page) -> list[str]:
    """What axe-core finds wrong with the page once it is loaded: the rule and the elements.

    What moves is put where its way ends: half-way a colour is none that anybody has chosen.
    """
    page.wait_for_load_state()
    page.evaluate(STAND_STILL)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "levels => axe.run(document, {runOnly: levels, resultTypes: ['violations']})", LEVELS
    )
    return [
        f"{fault['id']}: {fault['help']} {[node['target'] for node in fault['nodes']]}"
        for fault in found["violations"]
    ]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """One process for a file of tests. Not for the session: while Playwright lives, its event
    loop counts as running in this thread, and nobody else's `asyncio.run` would work."""
    program_or_fail("chromium")
    name = next(name for name in BY_NAME["chromium"].either if find(name))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable(name),
            headless=True,
            args=ARGUMENTS,
            timeout=PATIENCE_TO_START,
        )
        yield chromium
        chromium.close()


@pytest.fixture
def browser(chromium: Chromium) -> Iterator[Browser]:
    browser = Browser(chromium)
    yield browser
    browser.close()
    browser.assert_no_problems()
