"""What differs between two versions."""

from __future__ import annotations

import pytest

from portal.core.errors import NotFound
from portal.mail_templates import history, templates
from portal.mail_templates.history import (
    MOST_LINES,
    Kind,
    Line,
    difference,
    lines_between,
    version_numbered,
    versions_of,
)
from portal.mail_templates.ready import all_ready
from portal.mail_templates.wordings import Wording
from portal.white_labels.models import WhiteLabel


def test_a_changed_line_is_one_gone_and_one_added_among_its_neighbours() -> None:
    lines = lines_between(["a", "b", "c"], ["a", "B", "c"])

    assert lines == [
        Line(Kind.SAME, 1, "a"),
        Line(Kind.REMOVED, 2, "b"),
        Line(Kind.ADDED, 2, "B"),
        Line(Kind.SAME, 3, "c"),
    ]


def test_lines_far_from_any_change_are_counted_not_shown() -> None:
    old = [str(number) for number in range(20)]

    lines = lines_between(old, [*old[:10], "new", *old[10:]])

    assert [line.number for line in lines if line.kind is Kind.SKIPPED] == [7, 7]
    assert [line.text for line in lines if line.kind is Kind.ADDED] == ["new"]
    assert len(lines) == 2 + 3 + 1 + 3


def test_texts_too_long_to_compare_are_shown_one_after_the_other() -> None:
    lines = lines_between(["a"] * (MOST_LINES + 1), ["b"])

    assert lines[-1] == Line(Kind.ADDED, 1, "b")
    assert len(lines) == MOST_LINES + 2


def test_lines_that_are_all_the_same_are_compared_as_far_as_the_work_reaches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = ["x"] * 20, ["x", "y"] * 10
    compared = lines_between(old, new)
    monkeypatch.setattr(history, "MOST_WORK", 20 * 11 - 1)

    given_up = lines_between(old, new)

    assert {line.kind for line in compared} >= {Kind.SAME, Kind.ADDED}
    assert [line.kind for line in given_up] == [Kind.REMOVED] * 20 + [Kind.ADDED] * 20


def test_only_parts_that_differ_are_told() -> None:
    before, after = Wording("Hello", "text", "<p>a</p>"), Wording("Hello", "text", "<p>b</p>")

    assert list(difference(before, after)) == ["html"]
    assert list(difference(None, after)) == ["subject", "text", "html"]
    assert difference(after, after) == {}


def test_versions_are_listed_from_the_newest(acme: WhiteLabel) -> None:
    template = templates.create(acme, slug="welcome")
    for words in ("one", "two", "three"):
        texts = all_ready({"en": Wording(words, words)})
        templates.save_version(template, texts, default_language="en", by=None)

    assert [version.number for version in versions_of(template).rows] == [3, 2, 1]
    assert version_numbered(template, 2).texts[0].subject == "two"
    with pytest.raises(NotFound):
        version_numbered(template, 4)


def test_a_version_of_another_template_is_not_there(acme: WhiteLabel) -> None:
    one, other = (templates.create(acme, slug=slug) for slug in ("one", "other"))
    texts = all_ready({"en": Wording("Hello", "x")})
    templates.save_version(one, texts, default_language="en", by=None)

    with pytest.raises(NotFound):
        version_numbered(other, 1)
    assert versions_of(other).rows == []
