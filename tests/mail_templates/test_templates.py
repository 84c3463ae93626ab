"""Templates: versions that never change, and the language that a reader gets."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.errors import NotFound, Refusal
from portal.mail_templates import templates
from portal.mail_templates.merge import LONGEST_SOURCE
from portal.mail_templates.models import MailTemplate
from portal.mail_templates.ready import all_ready, make_ready
from portal.mail_templates.wordings import Wording
from portal.smtp_settings import servers
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_server, make_template

HELLO = {"en": Wording("Hello", "Hello there")}


@pytest.fixture
def welcome(acme: WhiteLabel) -> MailTemplate:
    return templates.create(acme, slug="welcome")


def test_each_saved_state_is_a_version_of_its_own(welcome: MailTemplate, ada: Person) -> None:
    first = templates.save_version(welcome, all_ready(HELLO), default_language="en", by=ada)
    hi = all_ready({"en": Wording("Hi", "Hi there")})
    second = templates.save_version(welcome, hi, default_language="en", by=ada)

    assert (first.number, second.number) == (1, 2)
    assert templates.wordings_of(first) == HELLO
    assert templates.newest_version(welcome) is second


def test_saving_the_same_again_makes_no_version(welcome: MailTemplate, ada: Person) -> None:
    first = templates.save_version(welcome, all_ready(HELLO), default_language="en", by=ada)

    assert templates.save_version(welcome, all_ready(HELLO), default_language="en", by=ada) is first


@pytest.mark.parametrize(
    ("wordings", "default", "field"),
    [
        ({}, "en", "language"),
        ({"de": Wording("Hallo", "x")}, "en", "language"),
        ({"english": Wording("Hello", "x")}, "english", "language"),
        ({"en": Wording("", "x")}, "en", "subject"),
        ({"en": Wording("two\nlines", "x")}, "en", "subject"),
        ({"en": Wording("x" * 501, "x")}, "en", "subject"),
        ({"en": Wording("Hello")}, "en", "text"),
        ({"en": Wording("Hello", "x" * (LONGEST_SOURCE + 1))}, "en", "text"),
        ({"en": Wording("Hello", None, "x" * (LONGEST_SOURCE + 1))}, "en", "html"),
        ({"en": Wording("Hello {{ name", "x")}, "en", "subject"),
        ({"en": Wording("Hello", "{% if name %}never ended")}, "en", "text"),
        ({"en": Wording("Hello", "x", "{% no_such_tag %}")}, "en", "html"),
    ],
)
def test_wrong_wordings_are_refused_at_their_field(
    welcome: MailTemplate, wordings: dict[str, Wording], default: str, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        templates.save_version(welcome, all_ready(wordings), default_language=default, by=None)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("de", "de"), ("de-AT", "de"), ("pt-BR", "pt-BR"), ("fr", "en"), ("", "en"), (None, "en")],
)
def test_a_reader_gets_the_own_language_a_wider_one_or_the_default(
    welcome: MailTemplate, wanted: str | None, given: str
) -> None:
    wordings = {language: Wording(f"in {language}", "x") for language in ("en", "de", "pt-BR")}
    version = templates.save_version(welcome, all_ready(wordings), default_language="en", by=None)

    assert templates.text_in(version, wanted).language == given


@pytest.mark.accepts("SB-38")
def test_the_languages_to_choose_from_are_those_it_has(welcome: MailTemplate) -> None:
    wordings = {language: Wording("Hello", "x") for language in ("fr", "de", "en")}
    version = templates.save_version(welcome, all_ready(wordings), default_language="en", by=None)

    assert templates.languages_of(version) == ["en", "de", "fr"]


def test_a_template_is_found_by_its_slug_until_it_is_archived(
    acme: WhiteLabel, welcome: MailTemplate
) -> None:
    assert templates.find(acme.id, "welcome") is welcome

    templates.archive(welcome)

    with pytest.raises(Refusal) as refused:
        templates.find(acme.id, "welcome")
    assert (refused.value.code, refused.value.field) == ("template_unknown", "template")


def test_an_empty_template_says_so(welcome: MailTemplate) -> None:
    with pytest.raises(Refusal) as refused:
        templates.newest_version(welcome)

    assert refused.value.code == "template_empty"


@pytest.mark.parametrize("slug", ["", "Welcome", "1st", "with space", "a" * 61])
def test_a_malformed_slug_is_refused(acme: WhiteLabel, slug: str) -> None:
    with pytest.raises(Refusal) as refused:
        templates.create(acme, slug=slug)

    assert refused.value.field == "slug"


def test_a_slug_is_taken_once_in_a_white_label_even_by_an_archived_one(
    acme: WhiteLabel, birch: WhiteLabel, welcome: MailTemplate
) -> None:
    templates.archive(welcome)

    with pytest.raises(Refusal):
        templates.create(acme, slug="welcome")
    assert templates.create(birch, slug="welcome").white_label_id == birch.id
    assert templates.create(None, slug="welcome").white_label_id is None


def test_a_foreign_template_is_not_there(birch: WhiteLabel, welcome: MailTemplate) -> None:
    for stranger in (birch, None):
        with pytest.raises(NotFound):
            templates.find_template(stranger, welcome.id)
        assert templates.find_by_slug(stranger, "welcome") is None
        assert templates.templates_of(stranger) == []
    with pytest.raises(Refusal):
        templates.find(birch.id, "welcome")


@pytest.mark.accepts("SS-39")
def test_a_template_prefers_a_server_of_its_own_or_the_platforms(
    welcome: MailTemplate, ada: Person, olive: Person, cal: Person
) -> None:
    own, main, foreign = make_server(ada), make_server(olive, "main"), make_server(cal)

    assert templates.prefer(welcome, own)
    assert templates.prefer(welcome, main)
    with pytest.raises(NotFound):
        templates.prefer(welcome, foreign)
    assert welcome.preferred_server_id == main.id


def test_a_deleted_server_cannot_be_preferred(welcome: MailTemplate, ada: Person) -> None:
    own = make_server(ada)
    servers.delete(own)

    with pytest.raises(NotFound):
        templates.prefer(welcome, own)


@pytest.mark.accepts("SS-46")
def test_a_forgotten_server_is_preferred_by_nobody(acme: WhiteLabel, ada: Person) -> None:
    own, other = make_server(ada, "own"), make_server(ada, "other")
    preferring = make_template(acme, "a", preferred=own)
    elsewhere = make_template(acme, "b", preferred=other)

    assert templates.forget_server(own) == 1

    assert preferring.preferred_server_id is None
    assert elsewhere.preferred_server_id == other.id


def test_a_version_has_what_mail_programs_need(welcome: MailTemplate) -> None:
    html = "<style>p { color: red }</style><p>Hello {{ name }}</p>"

    texts = all_ready({"en": Wording("Hello", None, html)})
    version = templates.save_version(welcome, texts, default_language="en", by=None)

    [text] = version.texts
    assert text.html == html
    assert '<p style="color: red;">Hello {{ name }}</p>' in (text.inlined_html or "")
    assert text.derived_text == "Hello {{ name }}\n"


def test_a_text_that_was_written_is_not_made() -> None:
    text = make_ready("en", Wording("Hello", "Mine", "<p>Hello</p>"))

    assert (text.derived_text, text.inlined_html) == (None, None)


def test_names_can_be_changed_unless_they_are_taken(
    acme: WhiteLabel, welcome: MailTemplate
) -> None:
    make_template(acme, "taken")

    templates.change(welcome, name="  Hello   all ", slug="hello")
    for name, slug, field in (
        ("Hello", "taken", "slug"),
        ("Hello", "No", "slug"),
        ("", "x", "name"),
    ):
        with pytest.raises(Refusal) as refused:
            templates.change(welcome, name=name, slug=slug)
        assert refused.value.field == field

    assert (welcome.name, welcome.slug) == ("Hello all", "hello")


def test_an_archived_template_can_be_used_again(acme: WhiteLabel, welcome: MailTemplate) -> None:
    templates.archive(welcome)
    with pytest.raises(NotFound):
        templates.find_template(acme, welcome.id)
    assert templates.find_template(acme, welcome.id, or_archived=True) is welcome

    templates.unarchive(welcome)

    assert templates.find_template(acme, welcome.id) is welcome


def test_a_template_that_says_nothing_yet_is_not_offered(
    acme: WhiteLabel, welcome: MailTemplate
) -> None:
    assert templates.templates_of(acme) == []

    templates.save_version(welcome, all_ready(HELLO), default_language="en", by=None)

    assert templates.templates_of(acme) == [welcome]
