"""What is typed to search means the same in every list: each of the first eight words counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from portal.accounts import people
from portal.accounts.models import Person
from portal.apps import apps
from portal.audit import search as audit
from portal.audit import trail
from portal.audit.search import Wanted
from portal.campaigns import audiences, drafts, listing
from portal.core.db import db
from portal.core.paging import Page
from portal.core.search import LONGEST, MOST_WORDS
from portal.desk import conversations, request_listing
from portal.desk.conversations import Search
from portal.desk.request_listing import Show
from portal.mail_templates import listing as templates
from portal.mail_templates.listing import TemplateSearch
from portal.senders import listing as senders
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import asked, platforms_server
from tests.desk.talk import begin
from tests.equipment.stage import (
    make_app,
    make_domain,
    make_person,
    make_sender,
    make_server,
    make_template,
    make_white_label,
)
from tests.equipment.visitor import Visits

NAME = "Big_Red 100% Boat"
Find = Callable[[str], Page[Any]]


@pytest.fixture
def lists(olive: Person) -> Mapping[str, Find]:
    """Every list, with one thing of this name in it, and how many it finds."""
    acme = make_white_label("Acme")
    acme.name = NAME
    ada = make_person(acme, "Ada")
    ada.name = NAME
    platforms_server(olive)
    make_app(ada, NAME).name = NAME
    make_template(acme, "news").name = NAME
    make_sender(make_server(ada, "own"), "ship@acme.example", of=acme, name=NAME)
    audiences.create(acme, name=NAME, by=ada)
    drafts.create(acme, name=NAME, author=ada)
    begin(acme, ada, NAME)
    trail.record(acme.id, "app.created", NAME)
    asked(ada, "acme.example")
    db.session.commit()
    return {
        "white labels": tenants.search,
        "apps": lambda words: apps.search_apps(acme, words),
        "people": lambda words: people.search(acme.id, words),
        "templates": lambda words: templates.page_of_templates(acme, TemplateSearch(words)),
        "senders": lambda words: senders.page_of_senders(acme, search=words),
        "audiences": lambda words: audiences.page(acme.id, search=words),
        "campaigns": lambda words: listing.page(acme.id, search=words),
        "desk": lambda words: conversations.search(acme.id, Search(words), reader=ada),
        "audit": lambda words: audit.entries(acme.id, Wanted(target=words)),
        "requests": lambda words: request_listing.page_of_requests(Show.ALL, words=words),
    }


TYPED = {
    "": True,
    "boat": True,
    " BOAT  big_ ": True,
    "100% oat": True,
    "big boats": False,
    "bigred": False,
    "big%boat": False,
    "1__%": False,
    f"{'boat ' * MOST_WORDS} nothing": True,
    f"{'boat ' * (MOST_WORDS - 1)} nothing": False,
    f"boat{' ' * LONGEST}nothing": True,
}


@pytest.mark.both_stores
def test_each_word_is_looked_for_as_it_stands_and_the_first_eight(
    lists: Mapping[str, Find],
) -> None:
    found = {
        where: {typed: bool(find(typed).rows) for typed in TYPED} for where, find in lists.items()
    }

    assert found == dict.fromkeys(lists, TYPED)


def test_domains_are_searched_in_the_same_way(visit: Visits, acme: WhiteLabel, ada: Person) -> None:
    make_domain(acme, "big-boat.example")
    db.session.commit()
    here = visit(ada)
    typed = {
        " BOAT  big ": True,
        "big boats": False,
        f"{'boat ' * MOST_WORDS} nothing": True,
        f"{'boat ' * (MOST_WORDS - 1)} nothing": False,
    }

    found = {
        words: "big-boat.example" in here.get("/domains", query={"q": words}).text
        for words in typed
    }

    assert found == typed
