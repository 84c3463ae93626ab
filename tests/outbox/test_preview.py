"""Looking at mail before there is any."""

from __future__ import annotations

import pytest

from portal.core.errors import Refusal
from portal.mail_templates.wordings import Wording
from portal.outbox.preview import Fault, desk_of, preview
from portal.white_labels.models import WhiteLabel


def test_samples_names_and_the_brand_are_filled_in(acme: WhiteLabel) -> None:
    wording = Wording("{{ brand.name }}: {{ order }}", "For {{ name }}", "<b>{{ note }}</b>")

    shown = preview(desk_of(acme), "en", wording, typed={"note": "a < b"})

    assert (shown.subject, shown.text) == ("Acme: [order]", "For Kim")
    assert shown.html == "<b>a &lt; b</b>"
    assert shown.in_full() is shown


def test_a_text_is_made_where_there_is_none(acme: WhiteLabel) -> None:
    shown = preview(desk_of(acme), "en", Wording("Hello", None, "<p>Hello</p><p>Kim</p>"), typed={})

    assert shown.text.split() == ["Hello", "Kim"]


def test_a_part_that_cannot_be_read_is_named_and_the_others_are_shown(acme: WhiteLabel) -> None:
    wording = Wording("Hello", "fine", "one\n{% if a %}")

    shown = preview(desk_of(acme), "en", wording, typed={})

    assert (shown.subject, shown.text, shown.html) == ("Hello", "fine", None)
    [fault] = shown.faults
    assert (fault.part, fault.words) == ("html", "Line 2: {% if %} is never closed.")
    with pytest.raises(Refusal) as refused:
        shown.in_full()
    assert refused.value.field == "html"


def test_what_fails_with_these_samples_is_named(acme: WhiteLabel) -> None:
    wording = Wording("Hello", "{{ n | divided_by: 0 }}")

    shown = preview(desk_of(acme), "en", wording, typed={"n": "4"})

    assert [type(fault) for fault in shown.faults] == [Fault]
    assert shown.faults[0].part == "text"


def test_the_last_line_is_seen_too(acme: WhiteLabel) -> None:
    acme.answer_to = "help@acme.example"

    shown = preview(
        desk_of(acme), "de", Wording("Hallo", "Guten Tag", "<p>Guten Tag</p>"), typed={}
    )

    assert "Dieses Postfach sendet nur" in shown.text
    assert "Dieses Postfach sendet nur" in (shown.html or "")


def test_the_platform_has_a_brand_too(acme: WhiteLabel) -> None:
    assert preview(desk_of(None), "en", Wording("{{ brand.name }}", "x"), typed={}).subject == (
        "Northwind Apps"
    )
