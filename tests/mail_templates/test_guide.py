"""What the guide says is so."""

from __future__ import annotations

import pytest

from portal.mail_templates import guide, language
from portal.mail_templates.asking import GIVEN
from portal.mail_templates.guide import CHAPTERS, Example
from portal.mail_templates.samples import PARTS_OF_BRAND
from portal.white_labels.in_mail import brand_values
from portal.white_labels.models import WhiteLabel

EXAMPLES = [example for chapter in CHAPTERS for example in chapter.examples]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.source)
def test_each_example_gives_what_it_says(example: Example) -> None:
    assert guide.outcome(example) == example.gives


def test_every_value_that_mail_has_is_told_and_there(acme: WhiteLabel) -> None:
    of_brand = [f"brand.{part}" for part in PARTS_OF_BRAND]

    assert guide.OWN_VALUES.keys() == {*GIVEN, *of_brand} - {"brand"}
    assert tuple(brand_values(acme)) == PARTS_OF_BRAND
    assert tuple(brand_values(None)) == PARTS_OF_BRAND


def test_filters_that_are_used_in_examples_exist() -> None:
    assert set(guide.filters()) == set(language.HTML.filters)
    assert "include" not in language.HTML.tags
