"""The language of templates for those who write them: examples that are true, and where it ends.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portal.core.words import Words, lazy
from portal.mail_templates import language, merge


@dataclass(frozen=True, slots=True)
class Example:
    """What is written, with which values, and what comes out of it."""

    source: str
    gives: str
    values: Mapping[str, Any] = field(default_factory=dict)
    is_html: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    title: Words
    words: Words
    examples: Sequence[Example]


CHAPTERS: Sequence[Chapter] = (
    Chapter(
        lazy("Values"),
        lazy(
            "A name in two braces is replaced by its value. A dot goes one step further in. A "
            "value that is printed must be given when the mail is sent, unless it has a default."
        ),
        (
            Example("Dear {{ name }}", "Dear Kim", {"name": "Kim"}),
            Example(
                "Order {{ order.number }} for {{ order.city }}",
                "Order 17 for Graz",
                {"order": {"number": 17, "city": "Graz"}},
            ),
            Example('Hello {{ name | default: "there" }}', "Hello there"),
        ),
    ),
    Chapter(
        lazy("In HTML, values are escaped"),
        lazy(
            "Whatever a value contains is shown as text and never becomes markup. The filter safe "
            "lets markup through; use it for values that you make yourself, never for what people "
            "typed."
        ),
        (
            Example("<p>{{ note }}</p>", "<p>a &lt; b</p>", {"note": "a < b"}, is_html=True),
            Example(
                "<p>{{ note | safe }}</p>",
                "<p><b>new</b></p>",
                {"note": "<b>new</b>"},
                is_html=True,
            ),
        ),
    ),
    Chapter(
        lazy("Conditions"),
        lazy(
            "What stands between if and endif is there only if the value is. A value that is asked "
            "about may be missing."
        ),
        (
            Example(
                "{% if coupon %}Use {{ coupon }}.{% else %}See you soon.{% endif %}",
                "See you soon.",
            ),
            Example(
                "{% if total > 50 %}Delivery is free.{% endif %}",
                "Delivery is free.",
                {"total": 60},
            ),
            Example(
                '{% case plan %}{% when "basic" %}Basic{% else %}Another plan{% endcase %}',
                "Basic",
                {"plan": "basic"},
            ),
        ),
    ),
    Chapter(
        lazy("Loops"),
        lazy("For each thing in a list; forloop knows where it is."),
        (
            Example(
                "{% for item in items %}{{ forloop.index }}. {{ item.name }}\n{% endfor %}",
                "1. Tea\n2. Milk\n",
                {"items": [{"name": "Tea"}, {"name": "Milk"}]},
            ),
            Example(
                "{% for city in cities %}{{ city }}{% unless forloop.last %}, {% endunless %}"
                "{% endfor %}",
                "Graz, Linz",
                {"cities": ["Graz", "Linz"]},
            ),
        ),
    ),
    Chapter(
        lazy("Filters"),
        lazy("A filter behind a bar changes the value; several work from left to right."),
        (
            Example("{{ name | upcase }}", "KIM", {"name": "Kim"}),
            Example("{{ title | truncate: 12 }}", "A long ti...", {"title": "A long title"}),
            Example("{{ price | round: 2 }}", "12.35", {"price": 12.345678}),
            Example('{{ day | date: "%d.%m.%Y" }}', "03.12.2026", {"day": "2026-12-03"}),
            Example('{{ tags | join: " and " }}', "red and blue", {"tags": ["red", "blue"]}),
            Example("{{ seats | minus: taken }}", "4", {"seats": 12, "taken": 8}),
            Example("{{ query | url_encode }}", "tea+%26+milk", {"query": "tea & milk"}),
        ),
    ),
    Chapter(
        lazy("Own names, and what is not printed"),
        lazy("assign keeps a result under a name. A comment is for those who write."),
        (
            Example(
                "{% assign first = name | split: ' ' | first %}Hello {{ first }}",
                "Hello Kim",
                {"name": "Kim Berg"},
            ),
            Example("Hello{% comment %} informal {% endcomment %}", "Hello"),
            Example("{% raw %}{{ as it stands }}{% endraw %}", "{{ as it stands }}"),
        ),
    ),
)

OWN_VALUES: Mapping[str, Words] = {
    "email": lazy("the recipient's address"),
    "name": lazy("the recipient's name, if it is known"),
    "unsubscribe_url": lazy("in campaigns: where one click unsubscribes"),
    "brand.name": lazy("what the white label is called"),
    "brand.colour": lazy("its colour"),
    "brand.on_colour": lazy("black or white, whichever can be read on that colour"),
    "brand.link": lazy("the colour, dark enough for words on white"),
    "brand.dark_colour": lazy("the colour on dark paper"),
    "brand.on_dark_colour": lazy("black or white, whichever can be read on it"),
    "brand.dark_link": lazy("the colour, light enough for words on dark paper"),
    "brand.logo": lazy("the address of its logo, or nothing"),
    "brand.url": lazy("the address of its portal"),
    "brand.answer_to": lazy("where answers arrive, if its mailboxes only send"),
}

LIMITS: Sequence[tuple[Words, int]] = (
    (lazy("characters of one part of a template"), merge.LONGEST_SOURCE),
    (lazy("bytes of one finished part"), language.MOST_OUTPUT),
    (lazy("turns of all loops together"), language.MOST_ROUNDS),
    (lazy("values looked up"), language.MOST_LOOKUPS),
    (lazy("filters applied"), language.MOST_FILTERS),
    (lazy("characters or items that a filter takes or makes"), language.MOST_IN_A_VALUE),
)


def outcome(example: Example) -> str:
    """What really comes out of it.

    Raises:
        TemplateError: the example is no template.
    """
    return merge.parse(example.source, is_html=example.is_html).merged(example.values)


def filters() -> Sequence[str]:
    """Every filter there is, by name."""
    return sorted(language.PLAIN.filters)
