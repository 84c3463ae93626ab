"""Templates in a white label's portal: begun, written, looked at, and kept as versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.accounts.models import Person
from portal.campaigns.schedule import Start
from portal.core.db import db
from portal.mail_templates import drafting, gallery, ready, samples, templates
from portal.mail_templates.content import Prepared, prepared
from portal.mail_templates.gallery import STARTS
from portal.mail_templates.merge import LONGEST_SOURCE
from portal.mail_templates.models import MailTemplate, TemplateVersion
from portal.mail_templates.ready import ReadyText
from portal.mail_templates.samples import unknown
from portal.mail_templates.wordings import MOST_NAMES, Wording
from portal.outbox.accept import accept
from portal.outbox.as_sent import letter_of
from portal.outbox.models import Delivery
from portal.outbox.submission import FromTemplate, Recipient, Submission
from portal.routing.decide import By
from portal.smtp.addresses import parse_mailbox
from portal.smtp_settings import rations
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import launched, make_audience, make_campaign, worked
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh, make_app, make_server, make_template
from tests.equipment.visitor import Page, Visits


def frame_of(page: Page, name: str | None = None) -> str:
    """What the page's frame shows: the source of the mail, with its outer page."""
    by_name = f"[@name='{name}']" if name else ""
    [address] = page.tree.xpath(f"//iframe{by_name}/@src")
    answer = page.visitor.answer("GET", address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def newest(template: MailTemplate) -> TemplateVersion:
    db.session.rollback()
    version = templates.newest_version(template)
    db.session.commit()
    return version


def said(template: MailTemplate) -> dict[str, Wording]:
    version = newest(template)
    wordings = templates.wordings_of(version)
    db.session.commit()
    return wordings


# Beginning


def test_an_empty_list_leads_to_the_gallery(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/templates").click("Look at the gallery")

    names = {str(start.name) for start in STARTS.values()}
    assert names <= page.links().keys()


@pytest.mark.parametrize("key", STARTS)
def test_each_of_the_gallery_is_begun_with_one_button(
    key: str, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).get(f"/templates/new?start={key}").submit("Create template")

    template = db.session.scalars(select(MailTemplate)).one()
    assert page.path == f"/templates/{template.id}"
    assert "is ready" in page.text
    assert (template.white_label_id, template.slug) == (acme.id, key)
    assert templates.languages_of(newest(template)) == ["en", "de"]
    assert acme.colour in frame_of(page)


def test_the_gallery_is_looked_at_in_the_own_brand(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)

    page = here.get("/templates/gallery?language=de")

    first = page.tree.xpath("//iframe/@src")[0]
    source = here.answer("GET", first).get_data(as_text=True)
    assert acme.colour in source
    assert "Sie sind eingeladen, Kim" in source


def test_whoever_begins_with_nothing_writes_next(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/templates/new").submit("Create template", name="News", slug="news")
    assert page.h1 == "Write News in English"

    saved = page.submit("Save", subject="News", text="Hello {{ name }}")

    assert "Saved as version 1." in saved.text
    template = db.session.scalars(select(MailTemplate)).one()
    assert said(template) == {"en": Wording("News", "Hello {{ name }}")}


@pytest.mark.parametrize(
    ("name", "slug", "field"),
    [
        ("", "news", "name"),
        ("News", "", "slug"),
        ("News", "No News", "slug"),
        ("x", "welcome", "slug"),
    ],
)
def test_a_name_that_is_not_fit_is_said_at_its_field(
    name: str, slug: str, field: str, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_template(acme)

    page = visit(ada).get("/templates/new").submit("Create template", name=name, slug=slug)

    assert page.error_at(field)
    assert len(db.session.scalars(select(MailTemplate)).all()) == 1


# The list


def test_the_list_is_narrowed_by_name_language_and_state(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_template(acme, "receipt", texts=[("de", "Beleg", "x", None)])
    make_template(acme, "reminder")
    templates.archive(make_template(acme, "old"))
    db.session.commit()
    here = visit(ada)

    assert {"Receipt", "Reminder"} <= here.get("/templates").links().keys()
    assert "Reminder" not in here.get("/templates?language=de").links()
    assert "Receipt" not in here.get("/templates").submit("Search", q="remind").links()
    assert "Old" in here.get("/templates").click("One archived template").links()
    assert "Nothing found" in here.get("/templates?q=nothing").text


def test_the_whole_list_is_had_as_a_file(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    make_template(acme, preferred=make_server(ada, "own"))

    rows = visit(ada).answer("GET", "/templates.csv").get_data(as_text=True).splitlines()

    assert rows[1].startswith("Welcome,welcome,en,own,1,")


# Writing


def test_saving_makes_a_version_and_leaves_the_others_as_they_were(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    here = visit(ada)

    page = here.get(f"/templates/{template.id}/edit").submit("Save", subject="Hi, {{ name }}")

    assert "Saved as version 2." in page.text
    version = newest(template)
    assert (version.number, version.created_by_id) == (2, ada.id)
    assert said(template)["en"].subject == "Hi, {{ name }}"
    assert "Welcome, Kim" in here.answer(
        "GET", f"/templates/{template.id}/look?version=1"
    ).get_data(as_text=True)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"subject": ""}, "subject", "one line"),
        ({"subject": "{{ name"}, "subject", "{{ is never closed."),
        ({"text": "a\n{% if b %}\n"}, "text", "Line 2: {% if %} is never closed."),
        ({"html": "<p>\n{{ a | nonsense }}"}, "html", "Line 2: there is no filter"),
        ({"text": "", "html": ""}, "text", "A text or an HTML body is needed."),
    ],
)
def test_what_cannot_be_sent_is_said_at_its_field_with_its_line(
    typed: dict[str, str], field: str, words: str, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)

    page = visit(ada).get(f"/templates/{template.id}/edit").submit("Save", **typed)

    assert words in page.error_at(field)
    assert newest(template).number == 1
    for name, value in typed.items():
        kept = page.tree.xpath(f"//*[@name='{name}']")[0]
        assert (kept.get("value") or kept.text_content()).strip() == value.strip()


def test_a_template_may_be_as_long_as_it_is_allowed_to(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    long = "a line of words\n" * (LONGEST_SOURCE // 16)

    page = visit(ada).get(f"/templates/{template.id}/edit").submit("Save", text=long)

    assert "Saved as version 2." in page.text
    assert said(template)["en"].text == long


def test_a_name_that_looks_like_a_slip_is_asked_about_before_it_is_saved(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme, texts=[("en", "Hello", "{{ first_name }}", None)])

    asked = (
        visit(ada)
        .get(f"/templates/{template.id}/edit")
        .submit("Save", text="one\n{{ frist_name }}")
    )

    assert asked.error_at("text") == "Line 2: nothing is known of frist_name. Is first_name meant?"
    assert newest(template).number == 1

    saved = asked.submit("Save", is_sure=True)

    assert "Saved as version 2." in saved.text
    assert "frist_name (Text, line 2)" in saved.text


def test_nobody_waits_for_a_lock_while_names_are_compared(
    visit: Visits, ada: Person, acme: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = make_template(acme, texts=[("en", "Hello", "{{ first_name }}", None)])
    page = visit(ada).get(f"/templates/{template.id}/edit")
    was_in_transaction: list[bool] = []

    def watched(*arguments: Any) -> dict[str, str | None]:
        was_in_transaction.append(db.session().in_transaction())
        return unknown(*arguments)

    monkeypatch.setattr(samples, "unknown", watched)
    page.submit("Save", text="{{ frist_name }}")

    assert was_in_transaction == [False, False]


def test_nobody_waits_for_a_lock_while_a_text_is_made_ready(
    visit: Visits, ada: Person, acme: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = make_template(acme, texts=[("en", "Hello", "Hello", None)])
    was_in_transaction: list[bool] = []

    def watched(html: str) -> Prepared:
        was_in_transaction.append(db.session().in_transaction())
        return prepared(html)

    monkeypatch.setattr(ready, "prepared", watched)
    gallery._worked_out.cache_clear()
    here = visit(ada)
    here.get(f"/templates/{template.id}/edit").submit("Save", html="<p>Hi</p>")
    here.get("/templates/new?start=reminder").submit("Create template")

    assert newest(template).number == 2
    assert was_in_transaction == [False] * 3
    assert len(templates.templates_of(acme)) == 2


def test_a_text_asks_for_a_bounded_number_of_values(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    names = "".join(f"{{{{ n{number} }}}}\n" for number in range(MOST_NAMES + 1))
    page = visit(ada).get(f"/templates/{template.id}/edit")

    refused = page.submit("Save", text=names)

    assert refused.error_at("text") == "A text asks for at most 500 values."
    assert newest(template).number == 1


def test_new_names_are_told_with_their_lines(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(acme)

    page = (
        visit(ada)
        .get(f"/templates/{template.id}/edit")
        .submit("Save", html="<p>a</p>\n<p>{{ coupon }}</p>")
    )

    assert "coupon (HTML, line 2)" in page.text


def test_the_second_of_two_people_is_told_and_loses_nothing(
    visit: Visits, ada: Person, bob: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    of_ada, of_bob = (visit(one).get(f"/templates/{template.id}/edit") for one in (ada, bob))
    of_bob.submit("Save", subject="From Bob")

    told = of_ada.submit("Save", subject="From Ada")

    assert "Version 2 was saved by somebody else while you wrote." in told.text
    assert "What Bob saved" in told.text
    assert "From Bob" in told.content
    assert told.tree.xpath("//input[@name='subject']/@value") == ["From Ada"]
    assert said(template)["en"].subject == "From Bob"

    told.submit("Save")

    assert said(template)["en"].subject == "From Ada"
    assert newest(template).number == 3


def test_two_people_write_two_languages_at_once(
    visit: Visits, ada: Person, bob: Person, acme: WhiteLabel
) -> None:
    template = make_template(
        acme, texts=[("en", "Hello", "Hello", None), ("de", "Hallo", "Hallo", None)]
    )
    of_ada = visit(ada).get(f"/templates/{template.id}/edit?language=en")
    of_bob = visit(bob).get(f"/templates/{template.id}/edit?language=de")
    of_bob.submit("Save", subject="Servus")

    of_ada.submit("Save", subject="Hi")

    assert {code: words.subject for code, words in said(template).items()} == {
        "en": "Hi",
        "de": "Servus",
    }


def test_another_language_begins_with_the_words_of_the_default(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)

    page = visit(ada).get(f"/templates/{template.id}/edit").submit("Add language", language="de")
    assert "It does not speak German yet." in page.text
    assert page.tree.xpath("//input[@name='subject']/@value") == ["Welcome, {{ name }}"]
    page.submit("Save", subject="Willkommen, {{ name }}")

    assert {code: words.subject for code, words in said(template).items()} == {
        "en": "Welcome, {{ name }}",
        "de": "Willkommen, {{ name }}",
    }


def test_a_language_is_taken_out(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(
        acme, texts=[("en", "Hello", "Hello", None), ("de", "Hallo", "Hallo", None)]
    )

    page = visit(ada).get(f"/templates/{template.id}?language=de").submit("Take German out")

    assert "It no longer speaks German." in page.text
    assert said(template).keys() == {"en"}


def test_what_is_typed_is_looked_at_without_saving(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    here = visit(ada)
    here.get(f"/templates/{template.id}")
    typed = {"subject": "Typed {{ name }}", "html": "<p>{{ brand.name }}</p>", "language": "en"}
    [token] = here.get("/templates/new").tree.xpath("//main//input[@name='csrf_token']/@value")

    answer = here.answer(
        "POST", f"/templates/{template.id}/try", data={"csrf_token": token, **typed}
    )
    source = answer.get_data(as_text=True)

    assert "Typed Kim" in source
    assert "&lt;p&gt;Acme&lt;/p&gt;" in source
    assert newest(template).number == 1


def test_looking_at_what_is_typed_needs_a_token(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)

    answer = visit(ada).answer("POST", f"/templates/{template.id}/try", data={"subject": "x"})

    assert answer.status_code == 400


# Looking


def test_a_frame_runs_nothing_sends_nothing_and_loads_nothing_from_elsewhere(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(
        acme, texts=[("en", "Hello", None, "<script>x</script><img src='https://spy.example/'>")]
    )
    here = visit(ada)
    page = here.get(f"/templates/{template.id}")

    [frame] = page.tree.xpath("//iframe")
    policy = here.answer("GET", frame.get("src")).headers["Content-Security-Policy"]

    assert frame.get("sandbox") == ""
    assert {rule.strip() for rule in policy.split(";")} >= {
        "sandbox",
        "default-src 'none'",
        "img-src 'self' data:",
        "form-action 'none'",
        "frame-ancestors 'self'",
    }


@pytest.mark.parametrize(("paper", "wanted"), [("", "max-width: 0"), ("dark", "min-width: 0")])
def test_dark_paper_is_shown_to_whoever_asks_for_it(
    paper: str, wanted: str, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    html = "<style>@media (prefers-color-scheme: dark) { p { color: red } }</style><p>a</p>"
    template = make_template(acme, texts=[("en", "Hello", None, html)])

    source = frame_of(visit(ada).get(f"/templates/{template.id}?paper={paper}"))

    assert f"@media ({wanted})" in source


def test_samples_are_kept_and_used(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(
        acme,
        texts=[("en", "{{ user.name }}", "{% for i in items %}{{ i }};{% endfor %}", None)],
    )
    page = visit(ada).get(f"/templates/{template.id}")

    kept = page.submit(
        "Keep and look", **{"sample-user.name": "Ada Berg", "sample-items": '["Tea", "Milk"]'}
    )

    assert "The sample values are kept." in kept.text
    assert "Ada Berg" in frame_of(kept)
    assert "Tea;Milk;" in frame_of(kept)
    assert fresh(template).samples == {"user.name": "Ada Berg", "items": '["Tea", "Milk"]'}


def test_a_sample_that_is_not_fit_is_said_at_its_field(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme, texts=[("en", "Hello", "{{ items }}", None)])

    page = (
        visit(ada)
        .get(f"/templates/{template.id}")
        .submit("Keep and look", **{"sample-items": "[1"})
    )

    assert "is no JSON" in page.error_at("sample-items")
    assert page.tree.xpath("//*[@name='sample-items']")[0].text_content().strip() == "[1"
    assert fresh(template).samples == {}


# Sending oneself a test


@pytest.mark.accepts("SB-34", "SB-35", "SB-36", "SB-40", "SB-41")
def test_a_test_mail_takes_the_way_of_the_template_with_its_samples(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_server(ada, "other")
    template = make_template(
        acme,
        preferred=make_server(ada, "own"),
        texts=[("en", "Hello", "Hi", None), ("de", "Hallo {{ name }}", "{{ order }}", None)],
    )
    drafting.keep_samples(template, {"order": "17"})
    db.session.commit()
    page = visit(ada).get(f"/templates/{template.id}?language=de")

    sent = page.submit("Send in German", recipient="kim@customer.example")

    delivery = db.session.scalars(select(Delivery)).one()
    letter = letter_of(delivery)
    assert sent.path == f"/log/{delivery.id}"
    assert "Check whether it arrives, and look for spam." in sent.text
    assert delivery.message.server is not None
    assert (delivery.email, delivery.message.server.name) == ("kim@customer.example", "own")
    assert (letter.subject, (letter.text or "").strip()) == ("Hallo Kim", "17")


@pytest.mark.accepts("SB-37")
@pytest.mark.parametrize(
    ("address", "words"), [("", "To whom?"), ("nobody", "@"), ("a b@c.example", "")]
)
def test_a_test_mail_needs_an_address(
    address: str, words: str, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)

    page = visit(ada).get(f"/templates/{template.id}").submit("Send in English", recipient=address)

    assert page.error_at("recipient")
    assert words in page.error_at("recipient")
    assert db.session.scalars(select(Delivery)).all() == []


@pytest.mark.accepts("SB-37")
def test_strangers_get_few_test_mails_and_oneself_more(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_server(ada)
    template = make_template(acme)
    page = visit(ada).get(f"/templates/{template.id}")

    for _number in range(rations.MESSAGES_TO_ONE_ADDRESS):
        page.submit("Send in English", recipient="kim@customer.example")
    refused = page.submit("Send in English", recipient="kim@customer.example")
    own = [
        page.submit("Send in English", recipient=ada.email).path
        for _number in range(rations.MESSAGES_A_PERSON + 1)
    ]

    assert "has had 3 test mails" in refused.error_at("recipient")
    assert all(path.startswith("/log/") for path in own)


def test_what_is_archived_is_not_sent(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(acme)
    page = visit(ada).get(f"/templates/{template.id}")
    templates.archive(template)
    db.session.commit()

    answer = page.submit("Send in English", recipient="kim@customer.example")

    assert db.session.scalars(select(Delivery)).all() == []
    assert "Archived" in answer.text


# History


def test_the_history_says_who_saved_what(
    clock: HandSetClock, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    here = visit(ada)
    here.get(f"/templates/{template.id}/edit").submit("Save", text="Hello again, {{ name }}")

    page = here.get(f"/templates/{template.id}/history")
    version = page.click("Version 2")

    assert "Ada" in page.content
    assert "Saved just now by Ada." in version.content
    rows = [
        " ".join(row.text_content().split())
        for row in version.tree.xpath("//tr[starts-with(@class, 'diff-')]")
    ]
    assert "1−removedHello {{ name }}" in rows
    assert "1+addedHello again, {{ name }}" in rows


def test_an_older_version_is_said_again(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(acme)
    here = visit(ada)
    here.get(f"/templates/{template.id}/edit").submit("Save", subject="Another")

    page = here.get(f"/templates/{template.id}/history/1").submit("Say this again")

    assert "Version 3 says what version 1 said." in page.text
    assert said(template)["en"].subject == "Welcome, {{ name }}"


# Settings


@pytest.mark.accepts("SS-36", "SS-37", "SS-39", "SS-40")
def test_important_mail_leaves_through_one_server_and_other_mail_through_another(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    premium, cheap = make_server(ada, "premium"), make_server(ada, "cheap")
    verify, updates = make_template(acme, "verify"), make_template(acme, "updates")
    shop = make_app(ada)
    here = visit(ada)

    for template, server in ((verify, premium), (updates, cheap)):
        page = here.get(f"/templates/{template.id}/settings").submit("Save", server=server.id)
        assert server.name in page.content

    for slug, server in (("verify", premium), ("updates", cheap)):
        for _again in range(5):
            message = accept(
                Submission(
                    white_label_id=acme.id,
                    app_id=shop.id,
                    to=(Recipient(parse_mailbox("kim@customer.example")),),
                    content=FromTemplate(slug),
                    values={"name": "Kim"},
                )
            ).message
            assert (message.server_id, message.reason) == (server.id, By.TEMPLATE)
        db.session.rollback()


@pytest.mark.accepts("SS-43")
def test_a_template_goes_back_to_the_draw(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(acme, preferred=make_server(ada, "own"))

    page = visit(ada).get(f"/templates/{template.id}/settings").submit("Save", server="")

    assert "one of the available servers, drawn" in page.content
    assert fresh(template).preferred_server_id is None


@pytest.mark.accepts("SS-46", "SS-47")
def test_a_deleted_server_is_gone_from_its_templates(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    old = make_server(ada, "old")
    make_server(ada, "other")
    template = make_template(acme, preferred=old)
    here = visit(ada)
    deleting = here.get(f"/servers/{old.id}/delete")

    deleting.submit("Delete server old")

    assert "1: Welcome" in deleting.content
    assert "They fall back to the random choice" in deleting.content
    assert "one of the available servers, drawn" in here.get(f"/templates/{template.id}").content
    assert "old" not in here.get(f"/templates/{template.id}/settings").content.split()


def test_the_platforms_server_can_be_preferred_without_being_named(
    visit: Visits, ada: Person, olive: Person, acme: WhiteLabel
) -> None:
    main = make_server(olive, "ses-frankfurt")
    template = make_template(acme)

    page = visit(ada).get(f"/templates/{template.id}/settings").submit("Save", server=main.id)

    assert "The platform's server" in page.content
    assert "ses-frankfurt" not in page.text
    assert fresh(template).preferred_server_id == main.id


def test_anothers_server_cannot_be_preferred(
    visit: Visits, ada: Person, cal: Person, acme: WhiteLabel
) -> None:
    foreign = make_server(cal)
    template = make_template(acme)

    page = visit(ada).get(f"/templates/{template.id}/settings").submit("Save", server=foreign.id)

    assert page.error_at("server")
    assert fresh(template).preferred_server_id is None


def test_the_default_language_is_chosen(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(
        acme, texts=[("en", "Hello", "Hello", None), ("de", "Hallo", "Hallo", None)]
    )

    visit(ada).get(f"/templates/{template.id}/settings").submit("Save", default_language="de")

    assert newest(template).default_language == "de"


def test_a_copy_has_a_name_of_its_own(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(acme)
    page = visit(ada).get(f"/templates/{template.id}").click("Copy")

    refused = page.submit("Copy", slug="welcome")
    copied = page.submit("Copy")

    assert refused.error_at("slug") == "This short name is taken."
    assert copied.h1 == "Copy of Welcome"
    assert said(templates.find(acme.id, "welcome-copy")) == said(template)


def test_whoever_archives_it_is_told_which_campaigns_still_leave_with_it(
    visit: Visits, ada: Person, acme: WhiteLabel, clock: HandSetClock
) -> None:
    make_server(ada, "acme-own")
    template, another = make_template(acme), make_template(acme, "another")
    people, later = make_audience(ada, 3), Start(clock.now() + timedelta(minutes=5), "UTC")
    make_campaign(ada, people, template=template, name="Was written")
    launched(make_campaign(ada, people, template=another, name="Has another", start=later))
    waits = launched(make_campaign(ada, people, template=template, name="Waits", start=later))
    here = visit(ada)

    archived = here.get(f"/templates/{template.id}").submit("Archive")
    clock.advance(minutes=6)
    worked(waits)
    gone = here.get(f"/templates/{template.id}")

    words = "Campaigns that were launched before still leave with it:"
    assert f"{words} Waits" in archived.text
    assert "Was written" not in archived.text
    assert "Has another" not in archived.text
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 3
    assert (gone.h1, words in gone.text) == ("Welcome", False)


def test_archived_and_in_use_again(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    template = make_template(acme)

    archived = visit(ada).get(f"/templates/{template.id}").submit("Archive")
    assert "nothing new is sent with it" in archived.text
    assert fresh(template).archived_at is not None

    archived.submit("Use it again")

    assert fresh(template).archived_at is None


# The guide, and whose


def test_the_guide_shows_examples_and_what_they_give(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/templates/language")

    rows = [
        [" ".join(cell.text_content().split()) for cell in row.xpath("td")]
        for row in page.tree.xpath("//tbody/tr")
    ]
    assert ["{{ name | upcase }}", '{"name": "Kim"}', "KIM"] in rows
    assert ["<p>{{ note }}</p>", '{"note": "a < b"}', "<p>a &lt; b</p>"] in rows


def test_what_the_platform_or_another_white_label_says_is_not_there(
    visit: Visits, ada: Person, birch: WhiteLabel
) -> None:
    here = visit(ada)

    for template in (make_template(birch), make_template(None)):
        for path in ("", "/look", "/edit", "/history/1", "/settings", "/copy"):
            assert here.answer("GET", f"/templates/{template.id}{path}").status_code == 404


@pytest.mark.parametrize("since", ["9" * 5000, "9" * 20, "²", "-1"])
def test_a_version_that_there_cannot_be_overwrites_none(
    visit: Visits, ada: Person, acme: WhiteLabel, since: str
) -> None:
    template = make_template(acme)
    page = visit(ada).get(f"/templates/{template.id}/edit")

    told = page.submit("Save", since=since, subject="Mine")

    assert "Version 1 was saved by somebody else while you wrote." in told.text
    assert "Mine" in told.body
    assert newest(template).number == 1


def test_a_rival_in_the_room_is_no_rival_if_both_wrote_the_same(
    visit: Visits, ada: Person, bob: Person, acme: WhiteLabel
) -> None:
    template = make_template(acme)
    page = visit(ada).get(f"/templates/{template.id}/edit")
    text = ReadyText(Wording("Same", "Same", "<p>Same</p>"))
    drafting.write(template, "en", text, since=1, by=bob)
    db.session.commit()

    page.submit("Save", subject="Same", text="Same", html="<p>Same</p>")

    assert newest(template).number == 2
