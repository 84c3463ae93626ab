"""The link by which a reader takes themselves off (RFC 8058)."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.campaigns import campaigns, listing
from portal.core import sealed, vault
from portal.core.db import db
from portal.outbox import as_sent, suppressions, unsubscribing
from portal.outbox.models import Suppression, UnsubscribeKey
from portal.outbox.states import Category, Reason
from portal.outbox.unsubscribing import Link
from portal.white_labels.models import Platform, WhiteLabel
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.mail import deliveries, drain, send
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import (
    make_app,
    make_person,
    make_server,
    make_template,
    make_white_label,
)

TEXTS = (("en", "News", "Leave: {{ unsubscribe_url }}", '<a href="{{ unsubscribe_url }}">Off</a>'),)


def sent_campaign(app: Flask, *, origin: str = "https://mail.example") -> list[EmailMessage]:
    """What two readers get from a campaign of Acme."""
    db.session.execute(update(Platform).values(origin=origin))
    acme = make_white_label()
    ada = make_person(acme)
    with Fake() as server:
        make_server(ada, port=server.port)
        template = make_template(acme, texts=TEXTS)
        audience = make_audience(ada, ["Kim@x.example,Kim", "lee@x.example,Lee"])
        launched(make_campaign(ada, audience, template=template))
        drain(app)
        return [message_from_bytes(t.data, policy=policy.default) for t in server.wait_for(2)]


def link_in(mail: EmailMessage) -> str:
    return str(mail["List-Unsubscribe"]).removeprefix("<").removesuffix(">")


def token_in(mail: EmailMessage) -> str:
    return link_in(mail).rpartition("/")[2]


def test_every_campaign_mail_says_how_to_leave_in_header_text_and_html(app: Flask) -> None:
    for mail in sent_campaign(app):
        link = link_in(mail)
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))

        assert link.startswith("https://acme.localhost/unsubscribe/")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert text is not None
        assert text.get_content().strip() == f"Leave: {link}"
        assert html is not None
        assert f'href="{link}"' in html.get_content()


def test_without_https_no_one_click_is_announced(app: Flask) -> None:
    mails = sent_campaign(app, origin="http://localhost:8000")

    assert [mail["List-Unsubscribe-Post"] for mail in mails] == [None, None]
    assert link_in(mails[0]).startswith("http://acme.localhost:8000/unsubscribe/")


def test_the_link_names_its_reader_and_nobody_else(app: Flask) -> None:
    kim, lee = (unsubscribing.read(token_in(mail)) for mail in sent_campaign(app))

    assert kim is not None
    assert lee is not None
    assert (kim.email, kim.white_label.slug, lee.email) == (
        "Kim@x.example", "acme", "lee@x.example",
    )  # fmt: skip


def test_a_post_takes_the_reader_off_and_the_campaign_counts_it_once(app: Flask) -> None:
    mail, _other = sent_campaign(app)
    who = unsubscribing.read(token_in(mail))
    assert who is not None

    answers = [unsubscribing.unsubscribe(who), unsubscribing.unsubscribe(who)]
    db.session.commit()

    assert answers == [True, False]
    assert unsubscribing.is_unsubscribed(who)
    entry = db.session.scalars(select(Suppression)).one()
    assert (entry.address, entry.reason, entry.by_id) == (
        "kim@x.example", Reason.UNSUBSCRIBED, None,
    )  # fmt: skip
    assert who.campaign_id is not None
    campaign = listing.find(who.white_label.id, who.campaign_id)
    assert campaigns.balance_of(campaign).unsubscribed == 1


def test_a_token_that_was_changed_anywhere_is_nobodys(app: Flask) -> None:
    mail, _other = sent_campaign(app)
    token = token_in(mail)

    changed = [
        token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        for at in range(len(token))
    ]

    # The last letter of a signature has two bits that say nothing.
    assert [one for one in changed[:-1] if unsubscribing.read(one) is not None] == []
    assert unsubscribing.read("") is None
    assert unsubscribing.read(token + "x") is None


@pytest.mark.both_stores
def test_a_token_of_a_white_label_beyond_all_ids_is_nobodys(app: Flask) -> None:
    assert unsubscribing.read(f"ffffffff.0.{'A' * 8}.{'A' * 22}") is None


def test_another_white_label_cannot_sign_for_this_one(app: Flask) -> None:
    acme, birch = make_white_label(), make_white_label("Birch")
    for white_label in (acme, birch):
        unsubscribing.make_key(white_label.id)
    db.session.commit()
    theirs = link_for(birch)

    forged = replace(theirs, names=f"{acme.id:x}.0.")("kim@x.example")

    assert unsubscribing.read(forged.rpartition("/")[2]) is None
    assert unsubscribing.read(theirs("kim@x.example").rpartition("/")[2]) is not None


def link_for(white_label: WhiteLabel) -> Link:
    person = make_person(white_label, f"Writer{white_label.id}")
    make_server(person, f"server{white_label.id}")
    message = send(make_app(person), category=Category.CAMPAIGN)
    link = unsubscribing.link_of(db.session(), message)
    assert link is not None
    return link


def test_turning_the_keys_leaves_old_links_alone(app: Flask) -> None:
    mail, _other = sent_campaign(app)
    old = vault.keyring()
    vault.use(old.with_new_key())
    (keys,) = (one for one in sealed.columns() if one.model is UnsubscribeKey)
    resealed = sealed.reseal_batch(keys, after=0, size=100)
    db.session.commit()
    vault.use(vault.keyring().without(old.current))
    unsubscribing._opened.cache_clear()

    who = unsubscribing.read(token_in(mail))

    assert resealed.resealed == 1
    assert who is not None
    assert who.email == "Kim@x.example"


def test_transactional_mail_has_no_such_link(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)

    message = send(make_app(ada))

    names = [name for name, _value in as_sent.letter_of(deliveries(message)[0]).headers]
    assert "List-Unsubscribe" not in names


def test_an_apps_campaign_mail_has_one(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)

    message = send(make_app(ada), category=Category.CAMPAIGN)

    headers = dict(as_sent.letter_of(deliveries(message)[0]).headers)
    assert re.fullmatch(
        r"<http://acme\.localhost:8000/unsubscribe/[A-Za-z0-9._-]+>", headers["List-Unsubscribe"]
    )


def test_a_recipients_own_value_cannot_take_the_links_place(app: Flask) -> None:
    acme = make_white_label()
    ada = make_person(acme)
    make_server(ada)
    campaign = make_campaign(ada, template=make_template(acme, texts=TEXTS))
    campaign.values = {"unsubscribe_url": "https://evil.example/"}
    db.session.commit()
    launched(campaign)

    letter = as_sent.letter_of(deliveries()[0])

    assert "evil.example" not in f"{letter.text}{letter.html}{letter.headers}"


def test_who_unsubscribed_is_left_out_of_the_next_campaign(app: Flask) -> None:
    mail, _other = sent_campaign(app)
    who = unsubscribing.read(token_in(mail))
    assert who is not None
    unsubscribing.unsubscribe(who)
    db.session.commit()

    found = suppressions.among(who.white_label.id, ["kim@x.example"], Category.CAMPAIGN)

    assert found == {"kim@x.example": Reason.UNSUBSCRIBED}
