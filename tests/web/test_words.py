"""Words in the reader's language: collected from the source, chosen by person, else by browser."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from flask import Flask
from sqlalchemy import select

from portal import create_app
from portal.accounts.models import Person
from portal.config import Config
from portal.core.db import db
from portal.core.schema import PROJECT
from portal.notices import letters, post
from portal.outbox.models import Message
from portal.web import reader
from portal.white_labels.models import WhiteLabel
from tests.equipment.visitor import Visits

GERMAN = {
    "Sign in": "Anmelden",
    "Type your password.": "Geben Sie Ihr Passwort ein.",
    "Use at least %(count)s characters.": "Nehmen Sie mindestens %(count)s Zeichen.",
    "Your invitation to %(place)s": "Ihre Einladung zu %(place)s",
    "Your account": "Ihr Konto",
}


@pytest.fixture
def german(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Config, app: Flask
) -> Iterator[Flask]:
    """The same installation with a small German catalogue."""
    catalogue = Catalog(locale="de")
    for source, translation in GERMAN.items():
        catalogue.add(source, translation)
    folder = tmp_path / "translations" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    (folder / "messages.mo").write_bytes(compiled.getvalue())
    monkeypatch.setattr(reader, "TRANSLATIONS", tmp_path / "translations")
    monkeypatch.setattr(post, "TRANSLATIONS", tmp_path / "translations")
    forget_the_letters()
    yield create_app(config)
    forget_the_letters()


def forget_the_letters() -> None:
    """A process reads each catalogue once."""
    post._catalogue.cache_clear()
    post._letters.cache_clear()


@pytest.mark.parametrize(
    ("asked", "language", "heading"),
    [("de-AT,de;q=0.9,en;q=0.8", "de", "Anmelden"), ("fr,en;q=0.5", "en", "Sign in")],
)
def test_before_signing_in_the_browser_says_which_language(
    german: Flask, asked: str, language: str, heading: str
) -> None:
    here = Visits(german).at()

    page = here.get("/sign-in", headers={"Accept-Language": asked})

    assert page.tree.get("lang") == language
    assert page.h1 == heading


def test_whoever_is_signed_in_chose_the_language(german: Flask, ada: Person) -> None:
    here = Visits(german)(ada)

    page = here.get("/account/").submit("Save", language="de")

    assert page.h1 == "Ihr Konto"
    assert page.tree.get("lang") == "de"


def test_words_of_forms_are_translated_too(german: Flask, acme: WhiteLabel) -> None:
    here = Visits(german).at("acme.localhost")
    speaks_german = {"Accept-Language": "de"}
    page = here.get("/sign-in", headers=speaks_german)
    token = page.tree.xpath("//input[@name='csrf_token']/@value")[0]

    page = here.send("/sign-in", {"csrf_token": token}, headers=speaks_german)

    assert page.error_at("password") == "Geben Sie Ihr Passwort ein."


def test_a_mail_is_in_the_language_of_whom_it_is_for(
    german: Flask, ada: Person, bob: Person, acme: WhiteLabel
) -> None:
    bob.language = "de"

    letters.send_invitation(bob, by=ada)

    mail = db.session.scalars(select(Message)).one()
    assert mail.subject == "Ihre Einladung zu Acme"


def test_every_word_of_pages_forms_and_rooms_is_collected() -> None:
    mapping = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    methods = [(item["pattern"], item["method"]) for item in mapping]
    keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy": None}

    found = {
        message if isinstance(message, str) else message[0]
        for _file, _line, message, _comments, _context in extract_from_dir(
            PROJECT, method_map=methods, keywords=keywords, directory_filter=_is_ours
        )
    }

    for place, words in {
        "a template": "Forgot your password?",
        "a form": "Type your password.",
        "a view": "You are signed out.",
        "a room": "Use at least %(count)s characters.",
        "a mail": "If you did not expect this mail, do nothing.",
    }.items():
        assert words in found, f"the words of {place} are not collected"


def _is_ours(folder: str) -> bool:
    return Path(folder).name not in {"node_modules", ".venv", "instance", ".git", "vendor"}
