"""The list of templates: found by name and language, each with its newest version."""

from __future__ import annotations

import pytest

from portal.core.db import db
from portal.mail_templates import templates
from portal.mail_templates.listing import (
    TemplateSearch,
    all_templates,
    count_archived,
    newest_to_send,
    page_of_templates,
)
from portal.mail_templates.ready import all_ready
from portal.mail_templates.wordings import Wording
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_template


@pytest.fixture
def shelf(acme: WhiteLabel, birch: WhiteLabel) -> WhiteLabel:
    make_template(acme, "receipt", texts=[("en", "Receipt", "x", None), ("de", "Beleg", "x", None)])
    make_template(acme, "reminder")
    templates.archive(make_template(acme, "old"))
    templates.create(acme, slug="empty")
    make_template(birch, "receipt")
    make_template(None, "receipt")
    db.session.commit()
    return acme


def slugs(white_label: WhiteLabel | None, **search: object) -> list[str]:
    page = page_of_templates(white_label, TemplateSearch(**search))  # type: ignore[arg-type]
    return [row.template.slug for row in page.rows]


def test_those_in_use_are_listed_the_newest_first(shelf: WhiteLabel) -> None:
    assert slugs(shelf) == ["empty", "reminder", "receipt"]


def test_every_word_has_to_be_in_name_or_short_name(shelf: WhiteLabel) -> None:
    assert slugs(shelf, words="RE") == ["reminder", "receipt"]
    assert slugs(shelf, words="re mind") == ["reminder"]
    assert slugs(shelf, words="%") == []


@pytest.mark.both_stores
def test_a_language_narrows_to_what_speaks_it_now(shelf: WhiteLabel) -> None:
    receipt = templates.find(shelf.id, "receipt")
    assert slugs(shelf, language="de") == ["receipt"]

    english = all_ready({"en": Wording("Receipt", "x")})
    templates.save_version(receipt, english, default_language="en", by=None)

    assert slugs(shelf, language="de") == []


def test_archived_ones_are_listed_for_themselves(shelf: WhiteLabel) -> None:
    assert slugs(shelf, is_archived=True) == ["old"]
    assert count_archived(shelf) == 1


@pytest.mark.both_stores
def test_each_row_has_its_newest_version_and_languages(shelf: WhiteLabel) -> None:
    rows = {row.template.slug: row for row in page_of_templates(shelf, TemplateSearch()).rows}

    assert rows["receipt"].languages == ["en", "de"]
    assert (rows["empty"].version, rows["empty"].languages) == (None, ())


def test_nobody_sees_anothers(shelf: WhiteLabel, birch: WhiteLabel) -> None:
    assert slugs(birch) == ["receipt"]
    assert slugs(None) == ["receipt"]
    assert [row.template.slug for row in all_templates(birch)] == ["receipt"]
    assert count_archived(birch) == 0


@pytest.mark.both_stores
def test_what_can_be_sent_is_what_each_one_in_use_says_now(shelf: WhiteLabel) -> None:
    receipt = templates.find(shelf.id, "receipt")
    english = all_ready({"en": Wording("Receipt", "x")})
    templates.save_version(receipt, english, default_language="en", by=None)
    db.session.expunge_all()

    found = newest_to_send(shelf)

    assert [(one.template.slug, one.number, templates.languages_of(one)) for one in found] == [
        ("receipt", 2, ["en"]),
        ("reminder", 1, ["en"]),
    ]
