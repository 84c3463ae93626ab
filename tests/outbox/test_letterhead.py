"""What a white label adds to its mail: its brand where a template asks, and a last line."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.core.db import db
from portal.mail_templates import gallery, templates
from portal.mail_templates.gallery import STARTS
from portal.outbox import letterhead
from portal.outbox.accept import accept
from portal.outbox.as_sent import letter_of
from portal.outbox.models import Message
from portal.outbox.submission import FromTemplate, OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from portal.smtp.segments import Segments
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import drain
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import make_app, make_person, make_server, make_template

HELP = "help@acme.example"
ENGLISH = "This mailbox only sends; nobody reads what arrives there. To answer, write to "
GERMAN = "Dieses Postfach sendet nur; was dort ankommt, liest niemand. Antworten Sie bitte an "


def submit(owner: Person, content: OwnContent | FromTemplate, **options: Any) -> Message:
    """By an app of this person, whose server carries it."""
    assert owner.white_label_id is not None
    message = accept(
        Submission(
            white_label_id=owner.white_label_id,
            to=(Recipient(parse_mailbox("Kim <kim@customer.example>")),),
            content=content,
            app_id=make_app(owner).id,
            **options,
        )
    ).message
    db.session.commit()
    return message


def headers(message: Message) -> dict[str, str]:
    return dict(letter_of(message.deliveries[0]).headers)


def lines(text: str | None) -> list[str]:
    return (text or "").splitlines()


@pytest.fixture
def server(ada: Person, acme: WhiteLabel) -> None:
    make_server(ada)


@pytest.fixture
def only_sends(acme: WhiteLabel, server: None) -> WhiteLabel:
    acme.answer_to = HELP
    db.session.commit()
    return acme


@pytest.mark.accepts("ST-15", "ST-16")
def test_mail_says_that_its_mailbox_only_sends_and_where_to_answer(
    only_sends: WhiteLabel, ada: Person
) -> None:
    content = OwnContent("Hello", "Your order left.", "<body><p>Your order left.</p></body>")

    message = submit(ada, content)

    letter = letter_of(message.deliveries[0])
    assert lines(letter.text) == ["Your order left.", "", "-- ", f"{ENGLISH}{HELP}."]
    assert f"{ENGLISH}{HELP}.</p></body>" in (letter.html or "")
    assert headers(message)["Reply-To"] == HELP


@pytest.mark.accepts("ST-15")
@pytest.mark.parametrize(
    ("language", "line"),
    [("de", GERMAN), ("de-AT", GERMAN), ("en", ENGLISH), ("fi", ENGLISH)],
)
def test_it_says_so_in_the_language_of_the_text(
    language: str, line: str, only_sends: WhiteLabel, ada: Person
) -> None:
    make_template(only_sends, texts=[(language, "Hello", "Hi", "<p>Hi</p>")])

    message = submit(ada, FromTemplate("welcome"))

    letter = letter_of(message.deliveries[0])
    assert line in (letter.text or "")
    assert line in (letter.html or "")


def test_mail_that_names_no_language_has_the_chosen_one(
    only_sends: WhiteLabel, ada: Person
) -> None:
    only_sends.notice_language = "de"
    db.session.commit()

    message = submit(ada, OwnContent("Hallo", "Guten Tag"))

    assert GERMAN in (letter_of(message.deliveries[0]).text or "")


@pytest.mark.accepts("ST-16")
def test_a_reply_to_of_its_own_is_where_it_says_to_answer(
    only_sends: WhiteLabel, ada: Person
) -> None:
    message = submit(
        ada, OwnContent("Hello", "Hi"), reply_to=(parse_mailbox("orders@acme.example"),)
    )

    assert f"{ENGLISH}orders@acme.example." in (letter_of(message.deliveries[0]).text or "")
    assert headers(message)["Reply-To"] == "orders@acme.example"


def test_nobody_elses_mail_says_so(only_sends: WhiteLabel, cal: Person) -> None:
    make_server(cal)

    message = submit(cal, OwnContent("Hello", "Hi"))

    assert lines(letter_of(message.deliveries[0]).text) == ["Hi"]
    assert "Reply-To" not in headers(message)


@pytest.mark.accepts("ST-15")
def test_it_leaves_like_that(app: Flask, acme: WhiteLabel, ada: Person) -> None:
    acme.answer_to = HELP
    db.session.commit()
    with FaultServer(Script()) as smtp:
        make_server(ada, port=smtp.port)
        make_template(
            acme,
            texts=[("en", "{{ brand.name }}", "{{ brand.name }}", "<p>{{ brand.colour }}</p>")],
        )
        submit(ada, FromTemplate("welcome"))

        drain(app)

    mail = message_from_bytes(smtp.ledger[0].data, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    text, html = (mail.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    assert mail["Subject"] == "Acme"
    assert text is not None
    assert html is not None
    assert lines(text.get_content()) == ["Acme", "", "-- ", f"{ENGLISH}{HELP}."]
    assert "<p>#7a1fa2</p>" in html.get_content()
    assert HELP in html.get_content()


def test_what_was_accepted_keeps_the_letterhead_it_was_accepted_with(
    only_sends: WhiteLabel, ada: Person
) -> None:
    make_template(only_sends, texts=[("en", "From {{ brand.name }}", "Hi", None)])
    message = submit(ada, FromTemplate("welcome"))
    before = letter_of(message.deliveries[0])

    only_sends.name, only_sends.answer_to = "Another", None
    db.session.commit()

    assert letter_of(message.deliveries[0]) == before
    assert before.subject == "From Acme"


def test_a_template_that_asks_for_no_brand_carries_none(server: None, ada: Person) -> None:
    white_label_id = ada.white_label_id
    make_template(db.session.get_one(WhiteLabel, white_label_id))

    message = submit(ada, FromTemplate("welcome"), values={"name": "Kim"})

    assert message.letterhead is None


def test_an_apps_own_brand_comes_before_the_white_labels(server: None, ada: Person) -> None:
    make_template(
        db.session.get_one(WhiteLabel, ada.white_label_id),
        texts=[("en", "From {{ brand.name }}", "Hi", None)],
    )

    message = submit(ada, FromTemplate("welcome"), values={"brand": {"name": "Shop"}})

    assert letter_of(message.deliveries[0]).subject == "From Shop"


def test_html_without_a_text_gets_one_for_each_reader(server: None, ada: Person) -> None:
    html = "<table>{% for i in items %}<tr {{ i.mark }}><td>{{ i.name }}</td></tr>{% endfor %}"
    make_template(
        db.session.get_one(WhiteLabel, ada.white_label_id), texts=[("en", "Hello", None, html)]
    )

    message = submit(
        ada, FromTemplate("welcome"), values={"items": [{"name": "Tea"}, {"name": "Milk"}]}
    )

    text = letter_of(message.deliveries[0]).text or ""
    assert [line.strip() for line in text.split("\n") if line.strip()] == ["Tea", "Milk"]


@pytest.mark.accepts("SB-26")
@pytest.mark.parametrize("key", ["invitation", "reminder"])
def test_invitations_and_reminders_leave_from_the_sender_of_the_server(
    key: str, acme: WhiteLabel, ada: Person
) -> None:
    make_server(ada, from_email="news@acme.example", from_name="Acme News")
    template = templates.create(acme, slug=key)
    gallery.begin(template, STARTS[key], default_language="en", by=ada)
    values = dict(gallery.samples_of(STARTS[key], "en"))

    message = submit(ada, FromTemplate(key), values=values)

    assert headers(message)["From"] == "Acme News <news@acme.example>"


# The line itself


def test_the_line_stands_inside_the_body_however_the_html_is_made() -> None:
    merged = letterhead.below_html(lambda _values: "<BODY>a</BODY>", "b & c")
    segments = letterhead.below_html(Segments(("<body>", lambda _values: "a", "</body>")), "b & c")
    bare = letterhead.below_html("<p>a", "b & c")

    assert callable(merged)
    assert isinstance(segments, Segments)
    for whole in (merged({}), segments.merged({})):
        assert whole.lower().endswith("b &amp; c</p></body>")
        assert "a<p" in whole
    assert str(bare).endswith("b &amp; c</p>")


def test_the_line_is_the_signature_of_a_text() -> None:
    rendered = letterhead.below_text(lambda _values: "a", "b")

    assert letterhead.below_text("a\n", "b") == "a\n\n-- \nb\n"
    assert callable(rendered)
    assert rendered({}) == "a\n\n-- \nb\n"


def test_every_line_has_one_place_for_the_address() -> None:
    for line in letterhead.NOTICES.values():
        assert line.count("{}") == 1


def test_the_portals_own_mail_has_the_line_of_its_white_label(
    app: Flask, only_sends: WhiteLabel, ada: Person
) -> None:
    message = accept(
        Submission(
            white_label_id=only_sends.id,
            to=(Recipient(parse_mailbox("new@acme.example")),),
            content=OwnContent("Invitation", "Come in"),
            author_id=ada.id,
        )
    ).message
    of_the_platform = accept(
        Submission(
            white_label_id=None,
            to=(Recipient(parse_mailbox(make_person(name="Otto").email)),),
            content=OwnContent("Invitation", "Come in"),
        )
    ).message

    assert (message.letterhead or {})["answer_to"] == HELP
    assert of_the_platform.letterhead is None
