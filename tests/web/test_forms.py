"""What every form does: what no store can keep is refused at its field."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from portal.accounts.models import Person
from portal.apps import apps
from portal.apps.models import ApiKey, App
from portal.core import clock
from portal.core.db import db
from portal.white_labels.models import WhiteLabel
from tests.equipment.races import Race
from tests.equipment.stage import make_app
from tests.equipment.visitor import Visits

UNFIT = "This cannot contain the invisible character U+0000."


@pytest.mark.both_stores
def test_a_nul_is_named_at_its_field_and_nothing_is_lost(visit: Visits, ada: Person) -> None:
    shop = make_app(ada, "Shop")

    page = visit(ada).get(f"/apps/{shop.id}/keys/new").submit("Make the key", name="blog\0")

    assert page.error_at("name") == UNFIT
    assert db.session.scalar(select(func.count()).select_from(ApiKey)) == 0


@pytest.mark.both_stores
def test_a_nul_in_the_name_of_a_file_is_named_too(visit: Visits, ada: Person) -> None:
    page = (
        visit(ada)
        .get("/desk/new")
        .submit("Send", subject="Hello", text="Look", files=(io.BytesIO(b"text"), "a\0.txt"))
    )

    assert page.error_at("files").startswith(UNFIT)


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_of_two_who_take_a_name_at_the_same_moment_the_second_is_told(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    here = visit(ada)
    form = {"csrf_token": here.token, "name": "Shop", "owner": str(ada.id)}
    acme_id, ada_id = acme.id, ada.id
    answers = []

    def take_it() -> None:
        owner = db.session.get_one(Person, ada_id)
        apps.create(db.session.get_one(WhiteLabel, acme_id), name="Shop", owner=owner)

    Race(app).run(
        take_it, lambda: answers.append(here.answer("POST", "/apps/new", data=form).status_code)
    )

    assert answers == [409]
    assert db.session.scalar(select(func.count()).select_from(App)) == 1


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_what_no_race_explains_is_our_own_mistake(app: Flask, visit: Visits, ada: Person) -> None:
    def forget_the_name() -> str:
        db.session.execute(insert(App).values(owner_id=ada.id, created_at=clock.now()))
        return "made"

    app.view_functions["white_label.apps"] = forget_the_name

    with pytest.raises(IntegrityError):
        visit(ada).answer("GET", "/apps")
