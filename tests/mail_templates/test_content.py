"""HTML for mail programs: styles at the elements, a text made of it, and templates left intact."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.mail_templates import content
from portal.mail_templates.content import (
    inline_css,
    text_content,
    text_from_html,
    text_template_from_html,
)
from portal.mail_templates.merge import parse
from portal.smtp.segments import Segments
from tests.smtp.letters import ADA, LETTER, body, read, written

PAGE = """\
<html><head><title>Order {{ number }}</title>
<style>p { color: red } td { padding: {{ space }} }
@media (max-width: 600px) { p { color: blue } }</style>
</head><body><h1>Hello {{ name | default: "you" }}</h1>
<p style="margin: {{ margin }}">See <a href="https://acme.example/{{ id }}?a=1&amp;b=2">here</a></p>
<table>{% for item in items %}<tr><td>{{ item.name }}</td><td>{{ item.price }}</td></tr>{%
endfor %}</table>
{% if coupon %}<p>Use {{ coupon }}</p>{% endif %}</body></html>
"""
VALUES = {
    "number": 7,
    "space": "4px",
    "name": "Ada & Bob",
    "margin": "1px",
    "id": 12,
    "items": [{"name": "Tea", "price": 3}, {"name": "Milk", "price": 1}],
    "coupon": "ABC",
}


def test_rules_are_written_at_their_elements() -> None:
    html = inline_css("<style>p { color: red }</style><p>Hello</p>")

    assert '<p style="color: red;">Hello</p>' in html
    assert "<style>" not in html


def test_rules_for_small_screens_stay() -> None:
    assert "@media (max-width: 600px)" in inline_css(PAGE).replace(
        "max-width:600px", "max-width: 600px"
    )


def test_html_without_styles_is_not_touched() -> None:
    sloppy = "<P>Hello<br>{{ name }}<table>{% for i in l %}<tr>{% endfor %}"

    assert inline_css(sloppy) == sloppy


def test_a_template_stays_the_template_it_was() -> None:
    inlined = inline_css(PAGE)

    html = parse(inlined, is_html=True).merged(VALUES)
    assert parse(inlined, is_html=True).variables != ()
    assert '<tr><td style="padding: 4px;">Tea</td><td style="padding: 4px;">3</td></tr><tr>' in html
    assert "<h1>Hello Ada &amp; Bob</h1>" in html
    assert '<a href="https://acme.example/12?a=1&amp;b=2">' in html
    assert '<p style="color: red;">Use ABC</p>' in html
    assert "<title>Order 7</title>" in html


@pytest.mark.parametrize(
    "html",
    [
        "<p {% if a %}class=b{% endif %}>x</p>",
        "<style>{% if a %}p { color: blue }{% endif %}</style>",
        "<style>p { color: blue }",
        "<!-- <p>",
        "{{ never closed",
        "<p>\ue000</p>",
        "<p>\ud83e</p>",
    ],
)
def test_what_cannot_be_done_is_left_as_it_was(html: str) -> None:
    html = f"<style>p {{ color: red }}</style><p>a</p>{html}"

    assert inline_css(html) == html


HOSTILE = {
    "deep": "<div>" * 100_000,
    "deep, in what may be a comment": f"<!-->{'<b>' * 100_000}-->",
    "unclosed": f"<p>{''.join(f'<b id={n}>' for n in range(1500))}{'<p>x' * 1500}",
    "unclosed, but not so many": f"<p>{''.join(f'<b id={n}>' for n in range(300))}{'<p>x' * 300}",
    "styles everywhere": "<style>p { color: red }</style>" + "<style>" * 50_000,
    "braces": "{{" * 100_000,
    "brackets": "<a" * 100_000,
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_html_costs_a_process_and_not_ours(html: str) -> None:
    html = f"<style>p {{ color: red }}</style>{html}"

    assert len(inline_css(html)) <= 10_000 + 10 * len(html)
    assert len(text_from_html(html)) <= 10_000 + 10 * len(html)


FLOODS = {
    "one wide cell": f"<table>{'<tr><td>a' * 4000}<tr><td>{'w' * 10_000}</table>",
    "a wide cell of fixed words": f"<table><td><pre>{'a' + chr(10)}{'a&#10;' * 4000}{'w' * 10_000}",
    "margins": "<p style='margin-top: 100000em; padding-left: 99999em'>a" * 500,
    "lists in lists": "<ul>" * 250 + "<li>x" * 50_000,
}


@pytest.mark.parametrize("html", FLOODS.values(), ids=FLOODS.keys())
def test_a_text_is_no_flood_of_padding(html: str) -> None:
    text = text_from_html(html)

    assert len(text) <= 2 * len(html)
    assert "a" in text or "x" in text


def test_a_margin_beyond_all_numbers_is_no_margin() -> None:
    assert text_from_html(f"<p style='margin-top: {'9' * 400}em'>Hello") == "Hello\n"


@pytest.mark.parametrize("end", ["</style", "</style >"])
def test_a_page_of_openings_of_styles_does_not_take_minutes(end: str) -> None:
    begun = time.process_time()

    text_template_from_html("<style " * 60_000 + end)

    assert time.process_time() - begun < 5


def test_an_inliner_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(content, "_INLINER", silent)
    monkeypatch.setattr(content, "_LONGEST_WAIT", 0.2)
    html = "<style>p { color: red }</style><p>a</p>"

    assert inline_css(html) == html


@pytest.mark.parametrize(
    "link", ["/etc/hostname", "file:///etc/hostname", "http://127.0.0.1:9/a.css"]
)
def test_nothing_is_loaded(link: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.css"
    sheet.write_text("p { color: lime }")
    html = (
        f'<link rel="stylesheet" href="{sheet}"><link rel="stylesheet" href="file://{sheet}">'
        f'<link rel="stylesheet" href="{link}"><style>p {{ margin: 0 }}'
        f' @import "{sheet}";</style><p>a</p>'
    )

    inlined = inline_css(html)

    assert "lime" not in inlined
    assert '<p style="margin: 0;">a</p>' in inlined


def test_the_text_says_what_the_html_says() -> None:
    text = text_from_html(
        '<style>p{}</style><h1>Hello &amp; welcome</h1><p>See <a href="https://acme.example/a?b=1&amp;c">'
        "our shop</a>.</p><ul><li>Tea<li>Milk</ul>"
    )

    assert text == (
        "Hello & welcome\n\nSee [our shop](https://acme.example/a?b=1&c).\n\n  * Tea\n  * Milk\n"
    )


@pytest.mark.parametrize("html", ["", "  ", "<!-- -->", "<img src=x>"])
def test_html_without_words_has_an_empty_text(html: str) -> None:
    assert text_from_html(html) == ""


def test_the_text_of_a_template_is_a_template() -> None:
    source = (
        '<p>Hello {{ name }},</p><p><a href="https://acme.example/{{ id }}">Look</a></p>'
        "{% if coupon %}<p>Use {{ coupon }}.</p>{% endif %}"
    )

    text = text_template_from_html(source)

    assert text is not None
    merged = parse(text).merged({"name": "Ada & Bob", "id": 7, "coupon": "ABC"})
    assert " ".join(merged.split()) == "Hello Ada & Bob, [Look](https://acme.example/7) Use ABC."


def test_logic_that_would_move_is_not_made_into_a_text_template() -> None:
    assert text_template_from_html(PAGE) is None


def test_the_text_beside_html_is_pre_encoded_where_that_can_be() -> None:
    source = "<p>Hello {{ name }}</p>"

    text = text_content(parse(source, is_html=True), source)

    assert isinstance(text, Segments)
    assert text.merged({"name": "Ada & Bob"}) == "Hello Ada & Bob\n"


def test_the_text_beside_html_is_else_made_for_each_recipient() -> None:
    html = parse(PAGE, is_html=True)
    draft = replace(LETTER, text=text_content(html, PAGE), html=html.content)

    message = read(written(draft, replace(ADA, values=VALUES)))

    text = body(message, "plain")
    assert "Hello Ada & Bob" in text
    assert [line.split() for line in text.splitlines() if "Tea" in line] == [["Tea", "3"]]
    assert "Use ABC" in text


words = st.text(st.sampled_from("ab &;\n"), max_size=8)
pieces = words | st.sampled_from(
    [
        "{{ name }}",
        "{% if a %}",
        "{% endif %}",
        "<p>",
        "</p>",
        "<b>",
        "<br>",
        '<i title="{{ name }}">',
        "<td>",
        "<table>",
        "</table>",
        "<style>p{color:red}</style>",
        "<!-- {{ name }} -->",
        "<",
        ">",
        '"',
        "'",
    ]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_liquid_comes_back_in_its_order_or_not_at_all(html: str) -> None:
    html = f"<style>p {{ color: red }}</style>{html}"

    inlined = inline_css(html)

    wanted = content._liquid.findall(html)
    assert content._liquid.findall(inlined) == wanted
    assert "\ue000" not in inlined
    text = text_template_from_html(html)
    if text is not None:
        logic = [markup for markup in wanted if markup.startswith("{%")]
        assert [m for m in content._liquid.findall(text) if m.startswith("{%")] == logic
