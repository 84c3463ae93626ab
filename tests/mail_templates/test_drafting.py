"""Writing one language after the other, and two people at once."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.errors import NotFound, Refusal
from portal.mail_templates import drafting, templates
from portal.mail_templates.drafting import Overtaken
from portal.mail_templates.models import MailTemplate
from portal.mail_templates.ready import ReadyText, texts_of
from portal.mail_templates.wordings import Wording
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_server

HELLO = Wording("Hello", "Hello there")
HALLO = Wording("Hallo", "Guten Tag")
HI, HEY = Wording("Hi", "Hi there"), Wording("Hey", "Hey there")


@pytest.fixture
def welcome(acme: WhiteLabel, ada: Person) -> MailTemplate:
    template = templates.create(acme, slug="welcome")
    drafting.write(template, "en", ReadyText(HELLO), since=0, by=ada)
    return template


def said(template: MailTemplate) -> dict[str, Wording]:
    return templates.wordings_of(templates.newest_version(template))


def test_the_first_language_is_the_default(welcome: MailTemplate) -> None:
    assert templates.newest_version(welcome).default_language == "en"


def test_another_language_joins_those_that_are_there(welcome: MailTemplate, ada: Person) -> None:
    version = drafting.write(welcome, "de", ReadyText(HALLO), since=1, by=ada)

    assert (version.number, said(welcome)) == (2, {"en": HELLO, "de": HALLO})


@pytest.mark.both_stores
def test_the_second_of_two_writers_is_told_and_overwrites_nothing(
    welcome: MailTemplate, ada: Person, bob: Person
) -> None:
    drafting.write(welcome, "en", ReadyText(HI), since=1, by=bob)

    with pytest.raises(Overtaken) as overtaken:
        drafting.write(welcome, "en", ReadyText(HEY), since=1, by=ada)

    assert overtaken.value.version.number == 2
    assert said(welcome) == {"en": HI}


def test_what_was_worked_out_for_the_other_languages_is_taken_over(
    welcome: MailTemplate, ada: Person
) -> None:
    german = ReadyText(Wording("Hallo", None, "<p>Hallo</p>"), "<p style>Hallo</p>", "Hallo\n")
    drafting.write(welcome, "de", german, since=1, by=ada)

    version = drafting.write(welcome, "en", ReadyText(HI), since=2, by=ada)

    assert texts_of(version) == {"de": german, "en": ReadyText(HI)}


def test_whoever_has_seen_the_others_words_may_put_theirs_on_top(
    welcome: MailTemplate, ada: Person, bob: Person
) -> None:
    drafting.write(welcome, "en", ReadyText(HI), since=1, by=bob)

    version = drafting.write(welcome, "en", ReadyText(HEY), since=2, by=ada)

    assert version.number == 3


def test_two_writers_of_two_languages_do_not_disturb_each_other(
    welcome: MailTemplate, ada: Person, bob: Person
) -> None:
    drafting.write(welcome, "de", ReadyText(HALLO), since=1, by=bob)

    drafting.write(welcome, "en", ReadyText(HI), since=1, by=ada)

    assert said(welcome) == {"en": HI, "de": HALLO}


def test_two_who_begin_an_empty_template_at_once_are_told_too(
    acme: WhiteLabel, ada: Person, bob: Person
) -> None:
    empty = templates.create(acme, slug="empty")
    drafting.write(empty, "en", ReadyText(HELLO), since=0, by=ada)

    with pytest.raises(Overtaken):
        drafting.write(empty, "en", ReadyText(HALLO), since=0, by=bob)


def test_a_language_is_taken_out_but_stays_in_the_history(
    welcome: MailTemplate, ada: Person
) -> None:
    second = drafting.write(welcome, "de", ReadyText(HALLO), since=1, by=ada)

    drafting.drop_language(welcome, "de", by=ada)

    assert said(welcome) == {"en": HELLO}
    assert templates.wordings_of(second) == {"en": HELLO, "de": HALLO}


def test_the_default_language_cannot_be_taken_out(welcome: MailTemplate, ada: Person) -> None:
    drafting.write(welcome, "de", ReadyText(HALLO), since=1, by=ada)
    with pytest.raises(Refusal) as refused:
        drafting.drop_language(welcome, "en", by=ada)
    assert refused.value.code == "default_language"

    drafting.set_default(welcome, "de", by=ada)

    assert drafting.drop_language(welcome, "en", by=ada).default_language == "de"


@pytest.mark.parametrize("act", [drafting.drop_language, drafting.set_default])
def test_a_language_that_is_not_spoken_is_refused(
    act: object, welcome: MailTemplate, ada: Person
) -> None:
    with pytest.raises(Refusal) as refused:
        act(welcome, "fr", by=ada)  # type: ignore[operator]

    assert refused.value.code == "language_unknown"


def test_what_was_said_before_can_be_said_again(welcome: MailTemplate, ada: Person) -> None:
    drafting.write(welcome, "en", ReadyText(HI), since=1, by=ada)

    version = drafting.take_again(welcome, 1, by=ada)

    assert (version.number, said(welcome)) == (3, {"en": HELLO})


def test_a_version_that_never_was_cannot_be_taken(welcome: MailTemplate, ada: Person) -> None:
    with pytest.raises(NotFound):
        drafting.take_again(welcome, 7, by=ada)


@pytest.mark.accepts("SS-39")
def test_a_copy_says_the_same_and_prefers_the_same_server(
    acme: WhiteLabel, welcome: MailTemplate, ada: Person
) -> None:
    own = make_server(ada)
    templates.prefer(welcome, own)
    drafting.keep_samples(welcome, {"name": "Kim"})

    copy = drafting.copy(welcome, of=acme, slug="welcome-2", name="Second", by=ada)

    assert said(copy) == said(welcome)
    assert templates.newest_version(copy).number == 1
    assert (copy.preferred_server_id, copy.samples) == (own.id, {"name": "Kim"})


def test_an_empty_template_is_not_copied(acme: WhiteLabel, ada: Person) -> None:
    empty = templates.create(acme, slug="empty")

    with pytest.raises(Refusal):
        drafting.copy(empty, of=acme, slug="another", name="Another", by=ada)

    assert templates.find_by_slug(acme, "another") is None
