"""Name, colour and logo, changed by admins and by platform owners."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from portal.accounts.models import Person
from portal.core.db import db
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import Browser
from tests.equipment.served import Served
from tests.equipment.stage import fresh
from tests.equipment.visitor import Page, Visits

# The head of the first answer comes at once, its words when `goOn` is called.
WORDS_COME_LATE = """() => {
    const { text } = Response.prototype;
    let isFirst = true;
    Response.prototype.text = function () {
        if (!isFirst) return text.call(this);
        isFirst = false;
        return new Promise((heard) => {
            window.goOn = async () => heard(await text.call(this));
            document.body.dataset.waits = "yes";
        });
    };
}"""


def picture(kind: str = "PNG") -> tuple[io.BytesIO, str]:
    """A file as a browser sends it."""
    stream = io.BytesIO()
    Image.new("RGB", (60, 20), "#7a1fa2").save(stream, kind)
    stream.seek(0)
    return stream, f"logo.{kind.lower()}"


def save(page: Page, **typed: object) -> Page:
    return page.submit("Save", **typed)


def test_a_new_name_and_colour_are_seen_at_once(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    page = save(visit(ada).get("/brand"), name="Acme Apps", colour="#1B7F4B")

    assert "The brand is changed." in page.text
    assert page.tree.xpath("string(//title)") == "Brand – Acme Apps"
    sheet = page.tree.xpath("//link[contains(@href, '/brand/acme.css')]/@href")[0]
    assert "light-dark(#1b7f4b" in visit(ada).answer("GET", sheet).get_data(as_text=True)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "What is it called?"),
        ("name", "a\u202eb", "invisible"),
        ("colour", "", "Which colour?"),
        ("colour", "red", "A colour is written as #rrggbb"),
        ("colour", "#12345", "A colour is written as #rrggbb"),
        ("logo", (io.BytesIO(b"<svg/>"), "logo.svg"), "Export it as PNG."),
        ("logo", (io.BytesIO(b"GIF89a"), "logo.png"), "not a picture that can be read"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_changes(
    visit: Visits, acme: WhiteLabel, ada: Person, field: str, value: object, words: str
) -> None:
    typed = {"name": "Another", "colour": "#000000", field: value}

    page = save(visit(ada).get("/brand"), **typed)

    assert words in page.error_at(field)
    assert (fresh(acme).name, acme.colour, acme.logo_mark) == ("Acme", "#7a1fa2", None)


@pytest.mark.parametrize(
    ("button", "colour"), [("Save", "no colour"), ("Preview", "no colour"), ("Preview", "#1f5fa8")]
)
def test_a_logo_that_the_browser_forgets_is_asked_for_once_more(
    visit: Visits, ada: Person, button: str, colour: str
) -> None:
    page = visit(ada).get("/brand").submit(button, colour=colour, logo=picture())

    assert page.error_at("logo") == "Choose the files once more."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_takes_the_place_of_the_first_letter(
    visit: Visits, acme: WhiteLabel, ada: Person, kind: str
) -> None:
    here = visit(ada)

    page = save(here.get("/brand"), logo=picture(kind))

    address = page.tree.xpath("//img[@class='brand-logo']/@src")[0]
    answer = here.answer("GET", address)
    assert answer.content_type == "image/png"
    assert Image.open(io.BytesIO(answer.get_data())).size == (60, 20)


def test_a_logo_may_be_shown_in_mail_which_others_show(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)
    save(here.get("/brand"), logo=picture())

    answer = here.answer("GET", "/brand/acme/logo")

    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_another_logo_has_another_address_so_that_no_browser_shows_the_old_one(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)
    first = save(here.get("/brand"), logo=picture())
    stream = io.BytesIO()
    Image.new("RGB", (60, 20), "#000000").save(stream, "PNG")

    second = save(here.get("/brand"), logo=(io.BytesIO(stream.getvalue()), "logo.png"))

    source = "//img[@class='brand-logo']/@src"
    assert first.tree.xpath(source) != second.tree.xpath(source)


def test_the_logo_is_taken_away_again(visit: Visits, acme: WhiteLabel, ada: Person) -> None:
    here = visit(ada)
    save(here.get("/brand"), logo=picture())

    page = save(here.get("/brand"), removes_logo=True)

    assert not page.tree.xpath("//img[@class='brand-logo']")
    assert fresh(acme).logo_mark is None


def test_a_logo_stays_when_only_the_name_is_changed(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)
    save(here.get("/brand"), logo=picture())

    save(here.get("/brand"), name="Acme Apps")

    assert fresh(acme).logo_mark is not None


def test_a_preview_shows_what_is_typed_and_saves_nothing(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    page = visit(ada).get("/brand").submit("Preview", name="Another", colour="#ffd700")

    assert page.tree.xpath("//*[@id='preview']//*[@fill='#ffd700']")
    assert "contrast of only 1.4, so links are darkened" in page.content
    assert page.tree.xpath("//input[@name='colour']/@value") == ["#ffd700"]
    assert (fresh(acme).name, acme.colour) == ("Acme", "#7a1fa2")


def test_a_dark_colour_is_judged_for_dark_pages_too(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/brand").submit("Preview", colour="#00008b")

    assert "Links on white: contrast" in page.content
    assert "On dark pages it is lightened to" in page.content


def test_the_preview_alone_is_a_piece_of_a_page(visit: Visits, ada: Person) -> None:
    answer = visit(ada).answer("GET", "/brand/preview?colour=%23ffd700&name=%3Cb%3EAda")

    assert "#ffd700" in answer.get_data(as_text=True)
    assert "&lt;b&gt;Ada" in answer.get_data(as_text=True)


@pytest.mark.parametrize("colour", ["", "red", "#fff", '"/><script>'])
def test_no_preview_of_what_is_no_colour(visit: Visits, ada: Person, colour: str) -> None:
    answer = visit(ada).answer("GET", "/brand/preview", query_string={"colour": colour})

    assert answer.status_code == 422
    assert answer.mimetype == "text/plain"


def test_an_owner_changes_it_too_and_says_whether_the_platform_is_named(
    visit: Visits, acme: WhiteLabel, olive: Person, ada: Person
) -> None:
    here = visit(olive)
    brand = f"/backoffice/white-labels/{acme.id}/brand"

    page = save(here.get(brand), name="Acme Apps", logo=picture(), shows_platform_name=True)

    assert page.h1 == "Acme Apps"
    assert here.answer("GET", f"{brand}/logo").content_type == "image/png"
    assert fresh(acme).shows_platform_name
    assert "Provided by Northwind Apps" in visit(ada).get("/brand").text


def test_an_admin_cannot_have_the_platform_named(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(ada)
    page = here.get("/brand")
    assert not page.tree.xpath("//input[@name='shows_platform_name']")

    here.post("/brand", {"name": "Acme", "colour": "#7a1fa2", "shows_platform_name": "y"})

    assert not fresh(acme).shows_platform_name


@pytest.mark.browser
def test_the_preview_follows_while_a_colour_is_typed(
    served: Served, browser: Browser, acme: WhiteLabel, ada: Person
) -> None:
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, "/brand"))

    page.get_by_role("textbox", name="Colour", exact=True).fill("#ffd700")
    page.get_by_label("Name").fill("Acme in gold")

    page.locator("#preview [fill='#ffd700']").first.wait_for()
    page.locator("#preview").get_by_text("Acme in gold").first.wait_for()
    assert page.get_by_label("Pick a colour").input_value() == "#ffd700"
    assert page.get_by_role("button", name="Preview").is_hidden()
    db.session.rollback()
    assert fresh(acme).colour == "#7a1fa2"


@pytest.mark.browser
def test_an_answer_that_comes_late_does_not_replace_a_newer_one(
    served: Served, browser: Browser, acme: WhiteLabel, ada: Person
) -> None:
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, "/brand"))
    page.evaluate(WORDS_COME_LATE)
    name, preview = page.get_by_label("Name"), page.locator("#preview")

    name.fill("The older name")
    page.locator("body[data-waits]").wait_for()
    name.fill("The newer name")
    preview.get_by_text("The newer name").first.wait_for()
    page.evaluate("goOn()")

    assert "The newer name" in preview.inner_text()
