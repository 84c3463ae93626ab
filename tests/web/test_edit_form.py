"""Forms of what is stored: what others save while one stands open is neither undone nor hidden."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.smtp_settings import servers
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import make_campaign
from tests.equipment.stage import fresh, make_app, make_sender, make_server, make_template
from tests.equipment.visitor import Visits

OVERTAKEN = "Somebody else changed this to “Store” in the meantime. Save again to put yours on top."


def test_what_somebody_else_saved_stays_where_nothing_was_typed(
    visit: Visits, ada: Person, bob: Person
) -> None:
    shop = make_app(ada, "Shop")
    here, there = (visit(one).get(f"/apps/{shop.id}/settings") for one in (ada, bob))

    here.submit("Save", name="Store")
    there.submit("Save", contact_email="shop@acme.example")

    assert (fresh(shop).name, shop.contact_email) == ("Store", "shop@acme.example")


def test_who_types_where_somebody_else_has_saved_is_told_and_may_save_again(
    visit: Visits, ada: Person, bob: Person
) -> None:
    shop = make_app(ada, "Shop")
    here, there = (visit(one).get(f"/apps/{shop.id}/settings") for one in (ada, bob))
    here.submit("Save", name="Store")

    told = there.submit("Save", name="Market")
    before = fresh(shop).name
    told.submit("Save")

    assert told.error_at("name") == OVERTAKEN
    assert (before, fresh(shop).name) == ("Store", "Market")


def test_another_fault_of_the_form_does_not_hide_what_somebody_else_saved(
    visit: Visits, ada: Person, bob: Person
) -> None:
    shop = make_app(ada, "Shop")
    there = visit(bob).get(f"/apps/{shop.id}/settings")
    unfit = there.submit("Save", name="Market", contact_email="nobody")
    visit(ada).get(f"/apps/{shop.id}/settings").submit("Save", name="Store")

    told = unfit.submit("Save", contact_email="")

    assert told.error_at("name") == OVERTAKEN
    assert fresh(shop).name == "Store"


def test_both_may_have_typed_the_same(visit: Visits, ada: Person, bob: Person) -> None:
    shop = make_app(ada, "Shop")
    here, there = (visit(one).get(f"/apps/{shop.id}/settings") for one in (ada, bob))

    here.submit("Save", name="Store")
    page = there.submit("Save", name="Store")

    assert "Saved." in page.content


def test_a_server_keeps_what_a_colleague_changed_while_its_form_stood_open(
    visit: Visits, acme: WhiteLabel, ada: Person, bob: Person
) -> None:
    server = make_server(ada, "acme-own")
    here, there = (visit(one).get(f"/servers/{server.id}/edit") for one in (ada, bob))
    assert servers.values_of(server).weight == 1

    here.submit("Save", weight=5)
    there.submit("Save", description="The old one")

    assert (fresh(server).weight, server.description) == (5, "The old one")


@pytest.mark.parametrize("step", ["message", "people", "values", "time"])
def test_each_step_of_a_campaign_knows_what_was_stored(
    visit: Visits, ada: Person, step: str
) -> None:
    campaign = make_campaign(ada)

    page = visit(ada).get(f"/campaigns/{campaign.id}/{step}")

    assert page.tree.xpath("//main//input[@name='as_opened']")


def test_so_do_the_other_forms_of_what_is_stored(
    visit: Visits, acme: WhiteLabel, ada: Person
) -> None:
    server = make_server(ada, "acme-own")
    sender = make_sender(server, "news@acme.example", of=acme)
    template = make_template(acme)
    here = visit(ada)

    without = [
        path
        for path in (
            "/brand",
            "/settings",
            f"/senders/{sender.id}",
            f"/templates/{template.id}/settings",
        )
        if not here.get(path).tree.xpath("//main//input[@name='as_opened']")
    ]

    assert without == []
