"""Links that carry the question of a page along, whatever somebody has written into its address."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.web.question import same_question
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import make_audience, make_campaign
from tests.equipment.stage import make_app
from tests.equipment.visitor import Visits

MEANT_FOR_FLASK = ("endpoint=x", "_method=POST", "_scheme=javascript", "_external=1", "_anchor=x")


@pytest.mark.parametrize("path", ["/log", "/desk", "/audit"])
@pytest.mark.parametrize("written", MEANT_FOR_FLASK)
def test_what_is_written_into_an_address_is_no_argument_of_ours(
    visit: Visits, ada: Person, path: str, written: str
) -> None:
    page = visit(ada).get(f"{path}?{written}")

    csv = urlsplit(page.links()["CSV"])
    assert page.status == 200
    assert (csv.scheme, csv.netloc, csv.path, csv.query) == ("", "", f"{path}.csv", written)


def test_the_file_of_a_campaigns_log_is_of_this_campaign_whatever_the_address_says(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    campaign = make_campaign(ada, make_audience(acme))

    page = visit(ada).get(f"/campaigns/{campaign.id}/log?campaign_id=7&state=failed")

    assert urlsplit(page.links()["CSV"]).path == f"/campaigns/{campaign.id}/log.csv"


def test_the_next_page_has_the_same_filter_and_another_place(visit: Visits, ada: Person) -> None:
    for number in range(51):
        make_app(ada, f"Shop {number}")

    page = visit(ada).get("/apps?q=Shop&_scheme=javascript")

    older = page.links()["Older"]
    question = parse_qs(urlsplit(older).query)
    assert urlsplit(older).path == "/apps"
    assert question.keys() == {"q", "_scheme", "before"}
    assert "Shop 0" in visit(ada).get(older).content


def test_a_parameter_can_be_taken_away(app: Flask) -> None:
    with app.test_request_context("/log?state=failed&before=7"):
        assert same_question("white_label.log", before=None, after=9) == "/log?state=failed&after=9"
