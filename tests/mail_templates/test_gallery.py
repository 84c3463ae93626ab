"""The gallery: every template, in each language, is whole and fit for mail programs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import html as lxml_html

from portal.accounts.models import Person
from portal.core.errors import NotFound
from portal.mail_templates import content, gallery, layout, merge, templates
from portal.mail_templates.asking import GIVEN
from portal.mail_templates.content import prepared
from portal.mail_templates.gallery import LANGUAGES, STARTS, Start
from portal.mail_templates.samples import values_of
from portal.white_labels.in_mail import brand_values
from portal.white_labels.models import WhiteLabel

EACH = [(start, language) for start in STARTS.values() for language in LANGUAGES]
IDS = [f"{start.key}-{language}" for start, language in EACH]
each = pytest.mark.parametrize(("start", "language"), EACH, ids=IDS)


def made(start: Start, language: str, white_label: WhiteLabel) -> tuple[str, str, str]:
    """Subject, text and HTML as a reader of this white label's mail gets them."""
    wording = gallery.wordings_of(start)[language]
    own = {
        "email": "kim@customer.example",
        "name": "Kim",
        "brand": brand_values(white_label),
        "unsubscribe_url": "https://acme.example/u",
    }
    values = values_of(gallery.samples_of(start, language), own=own)
    return (
        merge.parse_subject(wording.subject).merged(values),
        merge.parse(wording.text or "").merged(values),
        merge.parse(prepared(wording.html or "").inlined or "", is_html=True).merged(values),
    )


def test_there_are_eight_in_english_and_german() -> None:
    assert len(STARTS) == 8
    assert LANGUAGES == ("en", "de")


@each
def test_it_is_whole_with_its_samples(start: Start, language: str, acme: WhiteLabel) -> None:
    wording = gallery.wordings_of(start)[language]
    samples = {*gallery.samples_of(start, language), *GIVEN}
    asked = {
        name.partition(".")[0]
        for template in (
            merge.parse_subject(wording.subject),
            merge.parse(wording.text or ""),
            merge.parse(wording.html or "", is_html=True),
        )
        for name in template.variables
    }

    subject, text, body = made(start, language, acme)

    assert asked <= samples
    for said in (subject, text, body):
        assert "{{" not in said
        assert "[[" not in said
    assert subject
    assert "\n\n\n" not in text.strip()


@each
def test_styles_are_at_the_elements_and_what_cannot_be_stays(
    start: Start, language: str, acme: WhiteLabel
) -> None:
    _subject, _text, body = made(start, language, acme)
    tree = lxml_html.document_fromstring(body)

    rest = "".join(tree.xpath("//style/text()"))
    assert "prefers-color-scheme: dark" in rest.replace(":dark", ": dark")
    assert rest.lstrip().startswith("@media")
    assert all(cell.get("style") for cell in tree.xpath("//td[@class]"))
    assert f"background-color: {acme.colour}" in body


@each
def test_it_is_read_aloud_as_a_letter_and_not_as_tables(
    start: Start, language: str, acme: WhiteLabel
) -> None:
    _subject, _text, body = made(start, language, acme)
    tree = lxml_html.document_fromstring(body)

    assert tree.xpath("//table[not(@role='presentation')]") == []
    assert (tree.get("lang"), len(tree.xpath("//h1"))) == (language, 1)
    assert tree.xpath("//img[not(@alt)]") == []
    assert tree.xpath("//*[@role='article']/@aria-label") == ["Acme"]


@each
def test_text_and_html_say_the_same(start: Start, language: str, acme: WhiteLabel) -> None:
    _subject, text, body = made(start, language, acme)
    tree = lxml_html.document_fromstring(body)

    links = {str(url) for url in tree.xpath("//a/@href")}
    assert links
    for url in links:
        assert url.removeprefix("mailto:") in text
    for heading in tree.xpath("//h1|//h2"):
        assert heading.text_content().strip() in text


@each
def test_an_inbox_shows_more_than_the_subject(
    start: Start, language: str, acme: WhiteLabel
) -> None:
    subject, _text, body = made(start, language, acme)

    [preheader] = lxml_html.document_fromstring(body).xpath("//div[@class='preheader']")

    assert "display: none" in preheader.get("style")
    assert preheader.text_content().strip() not in ("", subject)


def test_a_logo_takes_the_place_of_the_name_and_has_it_for_those_without_pictures(
    acme: WhiteLabel,
) -> None:
    acme.logo_mark = "mark"

    _subject, _text, body = made(STARTS["welcome"], "en", acme)

    [image] = lxml_html.document_fromstring(body).xpath("//img")
    assert image.get("src") == "http://acme.localhost:8000/brand/acme/logo?v=mark"
    assert image.get("alt") == "Acme"


@pytest.mark.parametrize("colour", ["#ffee00", "#000000", "#7a1fa2", "#ffffff"])
def test_words_on_the_brands_colour_can_be_read(colour: str, acme: WhiteLabel) -> None:
    acme.colour = colour

    _subject, _text, body = made(STARTS["reminder"], "en", acme)

    [button] = lxml_html.document_fromstring(body).xpath("//a[@class='press']")
    ink = re.findall(r"(?<![-a-z])color: (#[0-9a-f]{6})", button.get("style"))
    assert ink == ["#000000" if colour in ("#ffee00", "#ffffff") else "#ffffff"]


@pytest.mark.accepts("SB-26")
@pytest.mark.parametrize("key", ["invitation", "reminder"])
def test_there_are_templates_for_invitations_and_reminders(
    key: str, acme: WhiteLabel, ada: Person
) -> None:
    template = templates.create(acme, slug=key)

    version = gallery.begin(template, gallery.find_start(key), default_language="de", by=ada)

    assert templates.languages_of(version) == ["de", "en"]
    assert version.texts[0].inlined_html is not None
    assert template.samples["link"].startswith("https://")


def test_styles_that_could_not_be_worked_in_are_tried_again_by_whoever_asks_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(1)")
    gallery._worked_out.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(content, "_INLINER", broken)
        before = gallery.texts_of(STARTS["welcome"])

    after = gallery.texts_of(STARTS["welcome"])

    assert [text.inlined_html for text in before.values()] == [None, None]
    assert all('<h1 class="title" style="' in (text.inlined_html or "") for text in after.values())
    assert gallery.texts_of(STARTS["welcome"]) is after, "and worked out once"


def test_what_is_not_in_the_gallery_is_not_there() -> None:
    with pytest.raises(NotFound):
        gallery.find_start("../templates")


def test_marks_become_html_and_text() -> None:
    letter = "# Hello\n\nA **b** [c](https://d.example).\n\n- one\n- two\n\n> e"

    assert layout.as_text(letter) == "Hello\n\nA b c: https://d.example.\n\n- one\n- two\n\ne\n"
    page = layout.as_html(letter, language="en", preheader="p")
    assert '<h1 class="title">Hello</h1>' in page
    assert '<a class="link" href="https://d.example">c</a>' in page
    assert "<li>one</li><li>two</li>" in page
