"""Templates of the platform's own mail: the same pages, other templates."""

from __future__ import annotations

from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.mail_templates.models import MailTemplate
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import fresh, make_server, make_template
from tests.equipment.visitor import Visits


def test_an_owner_begins_one_from_the_gallery_in_the_platforms_brand(
    visit: Visits, olive: Person
) -> None:
    here = visit(olive)

    page = here.get("/backoffice/templates/new?start=announcement").submit("Create template")

    template = db.session.scalars(select(MailTemplate)).one()
    [address] = page.tree.xpath("//iframe/@src")
    source = here.answer("GET", address).get_data(as_text=True)
    assert (template.white_label_id, template.slug) == (None, "announcement")
    assert "#1f5fa8" in source
    assert "Northwind Apps" in source


def test_only_the_platforms_own_are_there(visit: Visits, olive: Person, acme: WhiteLabel) -> None:
    make_template(None, "notice")
    foreign = make_template(acme, "welcome")
    here = visit(olive)

    page = here.get("/backoffice/templates")

    assert "Notice" in page.links()
    assert "Welcome" not in page.links()
    assert here.get(f"/backoffice/templates/{foreign.id}").status == 404


def test_it_prefers_one_of_the_platforms_servers(visit: Visits, olive: Person, ada: Person) -> None:
    main = make_server(olive, "main")
    make_server(ada, "acme-own")
    template = make_template(None)

    page = visit(olive).get(f"/backoffice/templates/{template.id}/settings")
    saved = page.submit("Save", server=main.id)

    assert "acme-own" not in page.text
    assert "Leaves throughmain" in saved.content
    assert fresh(template).preferred_server_id == main.id
