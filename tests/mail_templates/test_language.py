"""What a template cannot do: run long, grow large, tell the time, reach a file, or unescape."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from portal.mail_templates.language import HTML, MOST_OUTPUT
from portal.mail_templates.merge import TemplateError, parse


@contextmanager
def soon() -> Iterator[None]:
    """Far less than what any of these would take without its guard."""
    begun = time.process_time()  # what it costs, however busy the machine is
    yield
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..1000000) %}x{% endfor %}",
        "{% for i in (1..101) %}{% for j in (1..100) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..5001) %}{% endfor %}{% for i in (1..5000) %}{% endfor %}",
        "{% tablerow i in (1..1000000) %}x{% endtablerow %}",
    ],
)
def test_loops_turn_a_bounded_number_of_times_together(source: str) -> None:
    with soon(), pytest.raises(TemplateError, match="turns of loops"):
        parse(source).merged({})


def test_lookups_and_filters_are_counted() -> None:
    many = "{% for i in (1..10000) %}" + "{% assign b = a %}" * 11 + "{% endfor %}"
    filters = "{% for i in (1..2000) %}{{ a" + " | strip" * 6 + " }}{% endfor %}"

    with soon(), pytest.raises(TemplateError, match="values looked up"):
        parse(many).merged({})
    with soon(), pytest.raises(TemplateError, match="filters applied"):
        parse(filters).merged({})


def test_what_all_filters_take_in_is_counted_together() -> None:
    source = "{% for i in (1..5000) %}{{ a | reverse | size }}{% endfor %}"

    with soon(), pytest.raises(TemplateError, match="characters filtered"):
        parse(source).merged({"a": list(range(100_000))})


def test_the_output_is_bounded() -> None:
    source = "{% for i in (1..9000) %}" + "x" * 200 + "{% endfor %}"

    with soon(), pytest.raises(TemplateError, match="output stream limit"):
        parse(source).merged({})
    with soon(), pytest.raises(TemplateError, match="output stream limit"):
        parse(f"{{% capture a %}}{source}{{% endcapture %}}").merged({})
    assert MOST_OUTPUT == 1_000_000


def test_nesting_is_bounded() -> None:
    with soon(), pytest.raises(TemplateError):
        parse("{% if a %}" * 21 + "{% endif %}" * 21)
    with soon(), pytest.raises(TemplateError):
        parse("{{ a" + "[a" * 50_000 + "]" * 50_000 + " }}")
    with soon(), pytest.raises(TemplateError):
        parse("{% if a" + " or a" * 50_000 + " %}{% endif %}")


@pytest.mark.parametrize(
    "source",
    [
        "{% assign s = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% assign s = s | replace: 'a', s %}" * 9,
        "{% assign s = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% assign s = s | append: s %}" * 40,
        "{% assign s = 'a,a,a,a' %}"
        + "{% assign s = s | replace: ',', s | split: 'a' | join: s %}" * 9,
        "{% assign n = 9 %}" + "{% assign n = n | times: n %}" * 40,
        "{% assign n = 9 %}" + "{% assign n = n | plus: n %}" * 300,
        "{{ big | times: 2 }}",
        "{{ wide | upcase }}",
        "{{ wide | size }}",
        "{{ 'a' | append: wide }}",
        "{{ long | concat: long }}",
    ],
)
def test_no_filter_makes_a_large_value(source: str) -> None:
    values = {"big": 10**100, "wide": "a" * 100_001, "long": [1] * 60_000}

    with soon(), pytest.raises(TemplateError, match=r"too large|namespace limit"):
        parse(source).merged(values)


@pytest.mark.parametrize(
    "source",
    [
        "{% if (1..100000000000) contains 'a' %}{% endif %}",
        "{{ (1..100000000000) | join }}",
        "{% assign r = (1..100000000000) %}",
        "{% case 1 %}{% when (1..9) %}{% endcase %}",
        "{{ a | concat: (1..9) }}",
    ],
)
def test_a_range_can_only_be_looped_over(source: str) -> None:
    with soon(), pytest.raises(TemplateError, match="only be looped over"):
        parse(source)


PAGES_OF_OPENINGS = {
    "braces": "{" * 60_000,
    "closed braces": "{" * 60_000 + "}}",
    "outputs": "{{ " * 60_000,
    "space": "{{ a" + " " * 60_000,
    "raw": "{% raw %}" * 20_000,
    "closed raw": "{% raw %}" * 20_000 + "{% endraw %}",
    "doc": "{% doc %}" * 20_000,
    "comments": "{% comment %}" * 20_000,
}


@pytest.mark.parametrize("source", PAGES_OF_OPENINGS.values(), ids=PAGES_OF_OPENINGS.keys())
def test_reading_a_page_of_openings_does_not_take_minutes(source: str) -> None:
    with soon(), suppress(TemplateError):
        parse(source)


@pytest.mark.parametrize("tag", ["include 'a'", "render 'a'", "layout 'a'", "extends 'a'"])
def test_there_are_no_other_templates_to_include(tag: str) -> None:
    with pytest.raises(TemplateError, match="template_malformed"):
        parse(f"{{% {tag} %}}")


@pytest.mark.parametrize(
    "source", ["{{ now }}", "{{ today }}", "{{ 'now' | date: '%Y' }}", "{{ '10:00' | date: '%Y' }}"]
)
def test_there_is_no_present_time(source: str) -> None:
    text = parse(source).merged({})

    assert text in {"", "now", "10:00"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-11-21", "21.11.2026 00:00"),
        ("2026-11-21T12:30:00+01:00", "21.11.2026 12:30"),
        (1_795_000_000, "18.11.2026 11:06"),
        (" 1795000000", " 1795000000"),
        ("yesterday", "yesterday"),
        ("", ""),
        (None, ""),
        (10**30, str(10**30)),
    ],
)
def test_dates_are_written_as_asked_for(value: object, text: str) -> None:
    assert parse("{{ d | date: '%d.%m.%Y %H:%M' }}").merged({"d": value}) == text


def test_a_date_needs_a_pattern() -> None:
    with pytest.raises(TemplateError, match="pattern"):
        parse("{{ d | date }}").merged({"d": "2026-11-21"})


SCRIPTS = {
    "plain": "<script>",
    "url": "%3Cscript%3E",
    "base64": "PHNjcmlwdD4=",
    "entity": "&lt;script&gt;",
    "items": ["<script>", "<script>"],
}


@pytest.mark.parametrize("name", sorted(set(HTML.filters) - {"safe"}))
def test_no_filter_but_safe_lets_markup_through(name: str) -> None:
    for left in ("plain", "url", "base64", "entity", "items", "'x' | append: plain"):
        for arguments in ("", ": plain", ": 'a', plain", ": 2, plain", ": items", ": 'script'"):
            try:
                html = parse(f"{{{{ {left} | {name}{arguments} }}}}", is_html=True).merged(SCRIPTS)
            except TemplateError:
                continue
            assert "<script" not in html


def test_safe_says_that_a_value_is_markup() -> None:
    assert parse("{{ plain | safe }}", is_html=True).merged(SCRIPTS) == "<script>"


def test_a_value_may_have_any_name() -> None:
    values = {"partial": "one", "now": "two", "today": "three"}

    text = parse("{% if true %}{{ partial }} {{ now }} {{ today }}{% endif %}").merged(values)

    assert text == "one two three"


@pytest.mark.parametrize(
    "path",
    ["__class__", "a.__class__", "a.upper", "a['__init__']", "d.keys", "d.__class__.__mro__"],
)
def test_values_have_no_python_inside(path: str) -> None:
    assert parse(f"{{{{ {path} }}}}").merged({"a": "x", "d": {"k": 1}}) == ""
