"""Sample values: typed as lines, used as values, and names that may be slips."""

from __future__ import annotations

import random
import time

import pytest

from portal.core.errors import Refusal
from portal.mail_templates.samples import (
    LONGEST,
    LONGEST_GUESSED,
    MOST_GUESSED,
    check_samples,
    unknown,
    values_of,
)


def test_dots_lead_into_things() -> None:
    values = values_of({"user.name": "Ada", "user.city": "Graz", "order": "17"})

    assert values == {"user": {"name": "Ada", "city": "Graz"}, "order": "17"}


def test_what_begins_with_a_bracket_is_a_list_or_a_thing() -> None:
    values = values_of({"items": '[{"name": "Tea"}]', "box": '{"a": 1}', "note": "[sic"})

    assert values == {"items": [{"name": "Tea"}], "box": {"a": 1}, "note": "[sic"}


def test_an_empty_list_is_a_list() -> None:
    assert values_of({"items": "[]", "box": "{}"}) == {"items": [], "box": {}}


def test_a_name_without_a_sample_stands_for_itself() -> None:
    assert values_of({}, ["order", "user.name"]) == {
        "order": "[order]",
        "user": {"name": "[user.name]"},
    }


def test_a_value_and_its_parts_stand_beside_each_other() -> None:
    assert values_of({}, ["user", "user.name"]) == {"user": {"name": "[user.name]"}}
    assert values_of({"user": "Ada", "user.name": "Ada L."}) == {"user": {"name": "Ada L."}}


def test_a_sample_comes_before_what_every_mail_has() -> None:
    assert values_of({"name": "Ada"}, own={"name": "Kim", "email": "kim@customer.example"}) == {
        "name": "Ada",
        "email": "kim@customer.example",
    }


@pytest.mark.parametrize("value", ["[1, 2", '{"a": }', "x" * (LONGEST + 1)])
def test_a_sample_that_is_not_fit_is_refused_at_its_field(value: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_samples({"fine": "1", "items": value})

    assert refused.value.field == "sample-items"


def test_empty_samples_are_not_kept() -> None:
    assert check_samples({"a": "  ", "b": " 1 "}) == {"b": "1"}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("email", []),
        ("brand.colour", []),
        ("brand", []),
        ("order", ["order"]),
        ("user", ["user.name"]),
        ("items[0].name", ["items"]),
        ("order.number", ["order"]),
    ],
)
def test_what_is_known(name: str, known: list[str]) -> None:
    assert unknown([name], known) == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("frist_name", "first_name"),
        ("brand.color", "brand.colour"),
        ("user.nmae", "user.name"),
        ("coupon", None),
    ],
)
def test_a_name_that_nothing_is_known_of_may_be_a_slip(name: str, meant: str | None) -> None:
    assert unknown([name], ["first_name", "user.name"]) == {name: meant}


def test_thousands_of_names_are_told_and_only_the_first_few_are_guessed_at() -> None:
    dice = random.Random(1)
    letters = "ab" * (LONGEST_GUESSED // 2)
    names, known = (["".join(dice.sample(letters, len(letters))) for _ in range(n)]
                    for n in (2000, 2000))  # fmt: skip
    begun = time.process_time()

    found = unknown(names, known)

    assert time.process_time() - begun < 5
    assert found.keys() == set(names) - set(known)
    assert all(meant is None for meant in list(found.values())[MOST_GUESSED:])


def test_a_very_long_name_is_not_guessed_at() -> None:
    long = "a" * 50_000

    assert unknown([f"{long}b"], [f"{long}c"]) == {f"{long}b": None}
