"""German is complete: every word that people read, with the same values in the same places."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask

from portal.accounts.models import Person
from portal.core.schema import PROJECT
from portal.web.reader import script_name
from portal.white_labels.models import WhiteLabel
from tests.equipment.visitor import Visits

FOLDER = PROJECT / "portal" / "translations" / "de" / "LC_MESSAGES"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy": None}
NOT_OURS = {"node_modules", ".venv", "instance", ".git", "vendor"}

values_in = re.compile(r"%\(\w+\)[a-z]|%%").findall


@cache
def in_the_source() -> frozenset[str]:
    mapping = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    found = extract_from_dir(
        PROJECT,
        method_map=[(item["pattern"], item["method"]) for item in mapping],
        keywords=KEYWORDS,
        directory_filter=lambda folder: Path(folder).name not in NOT_OURS,
    )
    return frozenset(
        words if isinstance(words, str) else words[0] for _file, _line, words, *_rest in found
    )


@cache
def catalogue() -> Catalog:
    with (FOLDER / "messages.po").open("rb") as file:
        return read_po(file)


def forms(words: Any) -> list[str]:
    """A sentence, or the two of a plural."""
    return [words] if isinstance(words, str) else [*words]


def pairs() -> list[tuple[str, str]]:
    """Each English sentence with its German one; of plurals that for many."""
    # A single thing may be counted in figures or in words.
    return [
        (forms(message.id)[-1], forms(message.string)[-1]) for message in catalogue() if message.id
    ]


def test_every_word_is_there_in_german() -> None:
    known = {
        forms(message.id)[0]
        for message in catalogue()
        if message.id and forms(message.string) and all(forms(message.string))
    }

    missing = in_the_source() - known - {""}

    assert sorted(missing) == [], "translate them: portal/translations/README.md says how"


def test_nothing_is_translated_by_guessing() -> None:
    assert [message.id for message in catalogue() if message.id and message.fuzzy] == []


def test_the_same_values_stand_in_both_languages() -> None:
    differing = [
        english
        for english, german in pairs()
        if sorted(set(values_in(english))) != sorted(set(values_in(german)))
    ]

    assert differing == []


def test_what_is_compiled_is_what_is_written() -> None:
    with (FOLDER / "messages.mo").open("rb") as file:
        compiled = read_mo(file)

    written = {forms(message.id)[0]: forms(message.string) for message in catalogue()}
    assert {forms(message.id)[0]: forms(message.string) for message in compiled} == written


@pytest.mark.parametrize(
    "path", ["/", "/apps", "/servers", "/domains", "/templates", "/campaigns", "/desk", "/log"]
)
def test_pages_are_german_for_whoever_chose_it(
    visit: Visits, acme: WhiteLabel, ada: Person, path: str
) -> None:
    here = visit(ada)
    here.get("/account/").submit("Save", language="de")

    page = here.get(path)

    assert page.status == 200
    assert page.tree.get("lang") == "de"
    assert "Abmelden" in page.text


def test_scripts_have_german_names(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "de"}):
        names = [script_name(name) for name in ("Latin", "Cyrillic", "Something new")]

    assert names == ["Lateinisch", "Kyrillisch", "Something new"]
