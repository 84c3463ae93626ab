"""The gallery as mail programs show it: narrow and wide, light and dark, with and without CSS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from portal.core.db import db
from portal.mail_templates import gallery
from portal.mail_templates.gallery import LANGUAGES, STARTS
from portal.mail_templates.wordings import Wording
from portal.outbox.preview import Preview, desk_of, preview
from portal.white_labels.brand import in_dark, in_light
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import Browser, accessibility_faults
from tests.equipment.stage import make_white_label

COLOUR = "#7a1fa2"
PHONE, WIDE = 320, 700
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"></svg>'
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
A_MAIL_IS_NO_PAGE = ("landmark-one-main", "region")
"""Its reader's mail program has the landmarks around it."""

MARKUP = re.compile(r"[<>{}]|\*\*|\]\(|\[\[|&[a-z#]+;|^[#!|]|^---", re.MULTILINE)

COLOURS = """() => Object.fromEntries([
    ["bar", ".bar", "backgroundColor"], ["button", ".face", "backgroundColor"],
    ["words on it", ".press", "color"], ["card", ".card", "backgroundColor"]
].map(([name, selector, part]) => {
    const element = document.querySelector(selector);
    return [name, element && getComputedStyle(element)[part]];
}))"""


BROKEN_WORDS = """() => [...document.querySelectorAll(".fact-name, .sum-name, .press")]
    .map((element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return [element.textContent, range.getClientRects().length];
    })
    .filter(([words, lines]) => lines > words.trim().split(/\\s+/).length)
    .map(([words]) => words)"""


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*bytes.fromhex(colour.removeprefix("#")))


@pytest.fixture
def acme(app: Flask) -> WhiteLabel:
    acme = make_white_label()
    acme.colour, acme.logo_mark = COLOUR, "mark"
    db.session.commit()
    return acme


def mails(white_label: WhiteLabel, typed: Mapping[str, str] | None = None) -> dict[str, Preview]:
    """Each in each language, as it leaves."""
    desk = desk_of(white_label)
    found = {}
    for start in STARTS.values():
        for language, text in gallery.texts_of(start).items():
            sent = Wording(text.wording.subject, text.wording.text, text.inlined_html)
            samples = {**gallery.samples_of(start, language), **(typed or {})}
            found[f"{start.key} {language}"] = preview(desk, language, sent, typed=samples)
    assert len(found) == len(STARTS) * len(LANGUAGES) == 16
    return found


def open_page(browser: Browser, width: int, scheme: Any) -> Page:
    page = browser.open_page(viewport={"width": width, "height": 600}, color_scheme=scheme)
    page.route("**/brand/**", lambda route: route.fulfill(body=LOGO, content_type="image/svg+xml"))
    return page


def overflow(page: Page) -> int:
    """Pixels that it is wider than the window."""
    wider: int = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wider


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mail_fits_can_be_read_and_has_the_brand(
    browser: Browser, acme: WhiteLabel, scheme: str
) -> None:
    shade = in_dark(COLOUR) if scheme == "dark" else in_light(COLOUR)
    page = open_page(browser, PHONE, scheme)

    for name, mail in mails(acme).items():
        page.set_viewport_size({"width": PHONE, "height": 600})
        page.set_content(mail.html or "")
        faults = [
            fault for fault in accessibility_faults(page) if not fault.startswith(A_MAIL_IS_NO_PAGE)
        ]
        colours, broken = page.evaluate(COLOURS), page.evaluate(BROKEN_WORDS)
        [logo] = page.get_by_role("img").all()
        too_wide = [overflow(page)]
        page.set_viewport_size({"width": WIDE, "height": 600})
        too_wide.append(overflow(page))

        assert (faults, broken) == ([], []), name
        assert too_wide == [0, 0], name
        assert logo.get_attribute("alt") == "Acme", name
        assert colours["bar"] == rgb(shade.fill), name
        assert colours["button"] in (rgb(shade.fill), None), name
        assert colours["words on it"] in (rgb(shade.on_fill), None), name
        assert colours["card"] == rgb("#262626" if scheme == "dark" else "#ffffff"), name


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_long_words_and_a_program_that_drops_style_sheets_are_no_reason_to_scroll(
    browser: Browser, acme: WhiteLabel, width: int
) -> None:
    words = ("event", "task", "title", "service", "host", "details", "contact")
    page = open_page(browser, width, "light")

    for name, mail in mails(acme, dict.fromkeys(words, LONG)).items():
        bare = re.sub(r"<style.*?</style>", "", mail.html or "", flags=re.DOTALL)
        page.set_content(bare)
        colours = page.evaluate(COLOURS)
        too_wide = [overflow(page)]
        page.set_content(mail.html or "")
        too_wide.append(overflow(page))

        assert "<style" in (mail.html or ""), name
        assert too_wide == [0, 0], name
        assert colours["bar"] == rgb(in_light(COLOUR).fill), name


def test_the_text_beside_it_has_no_markup_left(app: Flask, acme: WhiteLabel) -> None:
    for name, mail in mails(acme).items():
        assert not MARKUP.search(mail.text), name
