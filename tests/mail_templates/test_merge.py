"""Templates and values: what is put out, what is asked for, and that both roads say the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.mail_templates.merge import (
    LONGEST_SOURCE,
    TemplateError,
    parse,
    parse_subject,
)
from portal.smtp.segments import Segments
from tests.smtp.letters import ADA, LETTER, body, read, written

names = st.sampled_from(["name", "user", "now", "today", "partial", "forloop", "größe"])
members = st.sampled_from(["name", "first_name", "size", "first", "0", "x"])
paths = st.builds(lambda root, rest: ".".join([root, *rest]), names, st.lists(members, max_size=2))
defaults = st.sampled_from(["", " | default: 'friend'", ' | default: "<b>&</b>"', " | default: ''"])
outputs = st.builds(
    lambda path, default, left, right: f"{{{{{left} {path}{default} {right}}}}}",
    paths.filter(lambda path: ".0" not in path),
    defaults,
    st.sampled_from(["", "-"]),
    st.sampled_from(["", "-"]),
)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}%"), max_size=12)
sources = st.lists(
    words
    | outputs
    | st.sampled_from(["\r\n", "\r", "\n", " ", "{% comment %}no{% endcomment %}", "}}"]),
    max_size=9,
).map("".join)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["<b>", "&amp;", "{{ name }}", "{% if %}", "\r", "\n", "\r\n", "."])
)
values = st.dictionaries(
    st.sampled_from(["name", "user", "now", "partial", "größe"]),
    scalars
    | st.lists(scalars, max_size=3)
    | st.dictionaries(members, scalars | st.dictionaries(members, scalars, max_size=2), max_size=3),
    max_size=5,
)


@given(sources, values, st.booleans())
def test_both_roads_say_the_same(
    source: str, given_values: dict[str, object], is_html: bool
) -> None:
    template = parse(source, is_html=is_html)
    recipient = replace(ADA, values=given_values)

    if template.segments is not None:
        assert template.segments.merged(given_values) == template.merged(given_values)
    by_segments = written(replace(LETTER, text=template.content), recipient)
    by_liquid = written(replace(LETTER, text=template.merged), recipient)
    assert body(read(by_segments), "plain") == body(read(by_liquid), "plain")


@pytest.mark.parametrize(
    "source",
    [
        "Hello {{ name }}",
        "Hello {{ user.first_name }}, {{user['last_name']}}",
        "Hello {{- name | default: 'friend' -}} !",
        "no value at all",
        "{% comment %}for us{% endcomment %}Hello",
        "{% raw %}{{ not a value }}{% endraw %}",
    ],
)
def test_a_template_without_logic_takes_the_quick_road(source: str) -> None:
    assert isinstance(parse(source).content, Segments)


@pytest.mark.parametrize(
    "source",
    [
        "{% if name %}{{ name }}{% endif %}",
        "{{ name | upcase }}",
        "{{ name | default: other }}",
        "{{ name | default: 'x', allow_false: true }}",
        "{{ items.size }}",
        "{{ items[0] }}",
        "{{ items[index] }}",
        "{{ 'literal' }}",
        "{% assign x = name %}",
    ],
)
def test_a_template_with_logic_is_rendered_by_liquid(source: str) -> None:
    assert not isinstance(parse(source).content, str | Segments)


def test_the_same_value_is_the_same_hole_in_all_templates() -> None:
    one = parse("a {{ user.name }}").segments
    two = parse("{{ user.name }} b").segments

    assert one is not None
    assert two is not None
    assert one.parts[1] is two.parts[0]


def test_logic_is_merged_with_the_values() -> None:
    template = parse(
        "{% for item in items %}{{ item.name }}: {{ item.price }}\n{% endfor %}"
        "{% if coupon %}Use {{ coupon | upcase }}.{% endif %}"
    )

    text = template.merged(
        {"items": [{"name": "Tea", "price": 3}, {"name": "Milk", "price": 1.5}], "coupon": "abc"}
    )

    assert text == "Tea: 3\nMilk: 1.5\nUse ABC."


def test_values_are_escaped_in_html_only() -> None:
    hostile = {"name": "<script>alert('1')</script>"}

    html = parse("<p>{{ name }}</p>", is_html=True)
    text = parse("{{ name }}")

    assert html.segments is not None
    assert text.segments is not None
    for road in (html.merged, html.segments.merged):
        assert road(hostile) == "<p>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;</p>"
    for road in (text.merged, text.segments.merged):
        assert road(hostile) == hostile["name"]


def test_values_are_never_parsed_as_templates() -> None:
    hostile = {"name": "{{ secret }}{% for i in (1..9) %}x{% endfor %}", "secret": "s3"}

    for source in ("{{ name }}", "{{ name | strip }}", "{% assign n = name %}{{ n }}"):
        assert parse(source).merged(hostile) == hostile["name"]


def test_a_missing_value_leaves_nothing() -> None:
    template = parse("Hello {{ name }}{{ user.name }}!")

    assert template.merged({}) == "Hello !"
    assert template.segments is not None
    assert template.segments.merged({}) == "Hello !"


def test_the_values_that_a_template_asks_for_are_named_in_order() -> None:
    template = parse(
        "{{ user.first_name }} {% assign x = total %}{{ x }}"
        "{% for item in items %}{{ item.name }}{{ shop }}{% endfor %}{{ user.first_name }}"
    )

    assert template.variables == ("user.first_name", "total", "items", "shop")


def test_printed_values_without_a_default_are_missed() -> None:
    template = parse(
        "{{ name }} {{ user.name }} {{ nick | default: 'you' }} {{ total | upcase }}"
        "{% if coupon %}{{ coupon.code }}{% endif %}"
    )

    assert template.missing({}) == ("name", "user.name", "total")
    assert template.missing({"name": "", "user": {"name": 0}, "total": False}) == ()
    assert template.missing({"name": "Ada", "user": "Ada", "total": 1}) == ("user.name",)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{{ name", 1),
        ("Hello\n{{ name }}\n{{ name", 3),
        ("a\n{% if name %}b", None),
        ("a\n{% if %}b{% endif %}", 2),
        ("a\n\n{% endif %}", 3),
        ("{{ a b }}", 1),
        ("a\r\nb\r\n{{ a | nope }}", 3),
        ("{% nope %}", 1),
        ("a\n{% raw %}", 2),
        ("{% liquid\n echo a\n echo b | nope\n%}", 3),
    ],
)
def test_a_mistake_is_refused_with_its_line(source: str, line: int | None) -> None:
    with pytest.raises(TemplateError) as refusal:
        parse(source)

    assert refusal.value.code == "template_malformed"
    assert refusal.value.words
    if line is not None:
        assert refusal.value.line == line
        assert f"Line {line}:" in refusal.value.words


def test_a_value_that_does_not_fit_its_filter_is_said_when_merging() -> None:
    with pytest.raises(TemplateError, match="template_failed"):
        parse("{{ 1 | divided_by: n }}").merged({"n": 0})


def test_a_template_of_any_size_is_not_read() -> None:
    with pytest.raises(TemplateError, match="template_too_long"):
        parse("a" * (LONGEST_SOURCE + 1))


def test_a_subject_is_one_line_however_its_source_is_broken() -> None:
    template = parse_subject("  {% if name %}\nFor {{ name }}\n{% endif %}\n")

    assert template.merged({"name": "Ada"}).strip() == "For Ada"
    assert "\n" not in template.merged({"name": "Ada"})


def test_a_subject_with_a_line_break_in_a_value_is_refused_by_the_composer() -> None:
    subject = parse_subject("For {{ name }}").content

    with pytest.raises(Exception, match="subject_control_character"):
        written(replace(LETTER, subject=subject), replace(ADA, values={"name": "x\nBcc: y"}))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a\n{% if b %}\nc", "Line 2: {% if %} is never closed."),
        ("{% for a in b %}\n{% if c %}\n{% endif %}", "Line 1: {% for %} is never closed."),
        ("{% unless a %}\n\n{%- case b -%}{% endcase %}", "Line 1: {% unless %} is never closed."),
    ],
)
def test_a_tag_without_an_end_is_named_with_its_line(source: str, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        parse(source)

    assert refused.value.words == words


def test_each_variable_is_known_by_the_line_it_appears_on_first() -> None:
    template = parse("a\n{{ b }} {{ c.d }}\n{{ b }}{% if e %}{% endif %}")

    assert template.lines == {"b": 2, "c.d": 2, "e": 3}
