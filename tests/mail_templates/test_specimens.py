"""Templates to look at: which there are."""

from __future__ import annotations

import pytest

from portal.core.db import db
from portal.mail_templates import templates
from portal.mail_templates.ready import all_ready
from portal.mail_templates.specimens import newest_texts
from portal.mail_templates.wordings import Wording
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_template


@pytest.mark.accepts("SB-38")
def test_a_template_is_offered_in_the_languages_of_its_newest_version(acme: WhiteLabel) -> None:
    template = make_template(
        acme, texts=[("en", "Hello", "Hi", None), ("fr", "Salut", "Oui", None)]
    )
    newer = {"en": Wording("Hello", "Hi again"), "de": Wording("Hallo", "Servus")}
    templates.save_version(template, all_ready(newer), default_language="en", by=None)
    db.session.commit()

    offered = [(text.version.template.name, text.language) for text in newest_texts(acme)]

    assert offered == [("Welcome", "de"), ("Welcome", "en")]


def test_what_is_archived_or_somebody_elses_is_not_offered(
    acme: WhiteLabel, birch: WhiteLabel
) -> None:
    templates.archive(make_template(acme))
    make_template(birch)
    make_template(None)
    db.session.commit()

    assert list(newest_texts(acme)) == []


def test_the_platforms_own_templates_are_offered_to_the_platform(acme: WhiteLabel) -> None:
    make_template(acme)
    make_template(None, "notice")

    assert [text.version.template.slug for text in newest_texts(None)] == ["notice"]
