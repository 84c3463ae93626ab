"""Mail that the portal writes itself: whose brand, which way, what is in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.notices import letters
from portal.notices.post import letterhead_of, post
from portal.outbox.models import Delivery, Message
from portal.white_labels.models import Hostname, Platform
from tests.equipment.stage import make_server

PARKED: dict[str, Any] = {
    "server": "acme-own",
    "words": "535 5.7.8 <b>wrong</b>",
    "advice": "Type the password again.",
    "link": "http://acme.localhost:8000/servers/1",
    "is_ours": False,
}

MARKED = '<a href="https://else.example">Acme</a>'


def test_a_parked_server_is_told_with_its_words_and_what_to_do(ada: Person) -> None:
    post("server_parked", to=ada, **PARKED)

    mail = _mail()
    assert mail.subject == "acme-own does not send at present"
    for words in ("535 5.7.8 <b>wrong</b>", "Type the password again.", PARKED["link"]):
        assert words in (mail.text or "")
    assert "<b>wrong</b>" not in (mail.html or "")


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (
            "domain_news",
            {
                "news": "requested",
                "domain": "acme.example",
                "asker": MARKED,
                "words": "",
                "was_asked": True,
            },
        ),
        ("hostname_news", {"news": "proven", "hostname": "mail.acme.example"}),
    ],
)
def test_a_name_that_looks_like_html_stays_a_name_in_words_that_text_and_html_share(
    olive: Person, kind: str, facts: dict[str, Any]
) -> None:
    post(kind, to=olive, white_label=MARKED, link="http://localhost:8000/", **facts)

    mail = _mail()
    assert MARKED in (mail.text or "")
    assert "else.example" in (mail.html or "")
    assert MARKED not in (mail.html or "")


def test_it_goes_to_the_person_and_nobody_else(ada: Person) -> None:
    post("server_parked", to=ada, **PARKED)

    assert [delivery.email for delivery in db.session.scalars(select(Delivery))] == [ada.email]


def test_an_invitation_leaves_by_the_inviters_own_server(ada: Person, bob: Person) -> None:
    own = make_server(ada, "own")

    letters.send_invitation(bob, by=ada)

    assert _mail().server_id == own.id


def test_somebody_with_a_password_is_not_invited_again(ada: Person, bob: Person) -> None:
    bob.password_hash = Secret("anything").reveal()

    with pytest.raises(Refusal):
        letters.send_invitation(bob, by=ada)


def test_links_begin_with_the_first_proven_name(ada: Person) -> None:
    assert letterhead_of(ada).origin == "http://acme.localhost:8000"


def test_without_a_proven_name_links_lead_to_the_platform(ada: Person) -> None:
    db.session.scalars(select(Hostname)).one().proven_at = None

    assert letterhead_of(ada).origin == "http://localhost:8000"


def test_links_have_the_scheme_and_port_of_the_stored_origin(ada: Person, olive: Person) -> None:
    db.session.get_one(Platform, 1).origin = "https://mail.northwind.example"

    assert letterhead_of(ada).origin == "https://acme.localhost"
    assert letterhead_of(olive).origin == "https://mail.northwind.example"


def test_a_missing_fact_is_a_fault_and_never_an_empty_place(ada: Person) -> None:
    facts = {name: words for name, words in PARKED.items() if name != "advice"}

    with pytest.raises(Exception, match="advice"):
        post("server_parked", to=ada, **facts)


def _mail() -> Message:
    return db.session.scalars(select(Message)).one()
