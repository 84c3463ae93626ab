"""A mail is written before it is promised, and not for longer than that is worth."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.outbox import composition
from portal.outbox.accept import accept
from portal.outbox.submission import FromTemplate, OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_app, make_server, make_template


def submission(ada: Person, content: FromTemplate | OwnContent) -> Submission:
    app = make_app(ada)
    make_server(ada)
    return Submission(
        white_label_id=app.white_label_id,
        app_id=app.id,
        to=(Recipient(parse_mailbox("Ann <ann@birch.example>")),),
        content=content,
    )


def test_a_template_that_computes_for_long_is_refused(
    ada: Person, acme: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "LONGEST_TRIAL", 0.0)
    monkeypatch.setattr(composition, "LONGEST_EACH", 0.0)
    make_template(acme)

    with pytest.raises(Refusal) as refused:
        accept(submission(ada, FromTemplate("welcome")))
    db.session.rollback()

    assert (refused.value.code, refused.value.field) == ("template_slow", "template")


def test_content_that_computes_nothing_may_be_long(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition, "LONGEST_TRIAL", 0.0)
    monkeypatch.setattr(composition, "LONGEST_EACH", 0.0)

    message = accept(submission(ada, OwnContent("A subject", "Hello"))).message
    db.session.rollback()

    assert message.subject == "A subject"
