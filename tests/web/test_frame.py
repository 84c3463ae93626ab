"""What holds for every request: whose portal, which headers, whose form, how errors look."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask, g, request
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal import create_app
from portal.accounts.models import Person
from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.web.white_label.door import bp
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.stage import kept
from tests.equipment.visitor import Visits

HEADERS = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
)


@pytest.mark.parametrize(
    "host",
    ["nowhere.test", "acme.localhost.evil.test", "127.0.0.1", "[::1]", "acme..localhost", ""],
)
def test_an_unknown_host_gets_a_neutral_404(visit: Visits, acme: WhiteLabel, host: str) -> None:
    answer = visit.at().answer("GET", "/sign-in", headers={"Host": host})

    assert answer.status_code == 404
    assert answer.get_data(as_text=True) == "There is nothing here.\n"


def test_a_name_that_is_not_proven_is_not_served(visit: Visits, acme: WhiteLabel) -> None:
    kept(
        Hostname(
            white_label_id=acme.id,
            name="mail.acme.example",
            proof_token="x",
            created_at=acme.created_at,
        )
    )

    assert visit.at("mail.acme.example").answer("GET", "/sign-in").status_code == 404


def test_the_port_is_not_part_of_a_name(app: Flask, visit: Visits, acme: WhiteLabel) -> None:
    here = visit.at("acme.localhost")

    answer = here.answer("GET", "/sign-in", headers={"Host": "Acme.Localhost:4711"})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/nothing/here", "/static/css/livery.css"])
def test_every_answer_has_every_header(visit: Visits, path: str) -> None:
    answer = visit.at().answer("GET", path)

    assert [name for name in HEADERS if name not in answer.headers] == []


def test_an_unknown_host_gets_the_headers_too(visit: Visits) -> None:
    answer = visit.at("nowhere.test").answer("GET", "/")

    assert [name for name in HEADERS if name not in answer.headers] == []


def test_transport_security_is_promised_over_https_only(
    visit: Visits, https_app: Flask, config: Config
) -> None:
    over_http = visit.at().answer("GET", "/sign-in")
    over_https = https_app.test_client().get("/sign-in", base_url="https://mail.northwind.example")

    assert "Strict-Transport-Security" not in over_http.headers
    assert over_https.headers["Strict-Transport-Security"] == "max-age=63072000"


def test_over_https_the_cookie_belongs_to_this_host_alone(https_app: Flask) -> None:
    answer = https_app.test_client().get("/sign-in", base_url="https://mail.northwind.example")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie
    assert "Domain" not in cookie


def test_over_https_light_or_dark_is_kept_for_https_alone(https_app: Flask) -> None:
    client = https_app.test_client(use_cookies=False)
    page = client.get("/forgotten", base_url="https://mail.northwind.example")
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert token is not None

    # As it comes from a proxy that ends TLS and does not say so.
    answer = client.post(
        "/theme",
        data={"theme": "dark", "csrf_token": token[1]},
        base_url="http://mail.northwind.example",
        headers={"Cookie": page.headers["Set-Cookie"].partition(";")[0]},
    )

    (cookie,) = (one for one in answer.headers.getlist("Set-Cookie") if one.startswith("theme="))
    for part in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert part in cookie


def test_a_page_for_somebody_is_not_stored(visit: Visits, ada: Person) -> None:
    answer = visit(ada).answer("GET", "/overview")

    assert answer.headers["Cache-Control"] == "no-store"


def test_a_static_file_with_its_version_is_kept_for_a_year(visit: Visits) -> None:
    answer = visit.at().answer("GET", "/static/css/livery.css?v=1")

    assert "immutable" in answer.headers["Cache-Control"]


def test_a_portal_serves_its_own_brand(visit: Visits, acme: WhiteLabel) -> None:
    here = visit.at("acme.localhost")

    style = here.answer("GET", "/brand/acme.css?v=7a1fa2")
    mark = here.answer("GET", "/brand/acme.svg")

    assert "--tblr-primary: light-dark(#7a1fa2," in style.get_data(as_text=True)
    assert "max-age=31536000" in style.headers["Cache-Control"]
    assert 'fill="#7a1fa2"' in mark.get_data(as_text=True)


@pytest.mark.parametrize("name", ["birch.css", "birch.svg", "platform.css", "acme/logo"])
def test_a_portal_serves_no_other_brand_and_no_logo_that_is_not_there(
    visit: Visits, acme: WhiteLabel, birch: WhiteLabel, name: str
) -> None:
    assert visit.at("acme.localhost").answer("GET", f"/brand/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/forgotten", "/theme"])
def test_a_form_without_a_token_is_refused(visit: Visits, path: str) -> None:
    answer = visit.at().answer("POST", path, data={"email": "a@b.example", "password": "x"})

    assert answer.status_code == 400


def test_a_token_of_another_browser_is_refused(visit: Visits, ada: Person) -> None:
    theirs = visit.at("acme.localhost").get("/sign-in")
    token = theirs.tree.xpath("//input[@name='csrf_token']/@value")[0]
    here = visit(ada)

    answer = here.answer("POST", "/account/", data={"csrf_token": token, "name": "Eve"})

    assert answer.status_code == 400


@pytest.mark.parametrize("source", ["cross-site", "same-site"])
def test_a_form_that_another_site_sends_is_refused_even_with_a_token(
    visit: Visits, ada: Person, source: str
) -> None:
    here = visit(ada)
    token = here.get("/account/").tree.xpath("//input[@name='csrf_token']/@value")[0]

    answer = here.answer(
        "POST",
        "/account/",
        data={"csrf_token": token, "name": "Eve"},
        headers={"Sec-Fetch-Site": source},
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/nothing/here", "GET", 404), ("/sign-out", "GET", 405), ("/sign-in", "POST", 400)],
)
def test_an_error_is_a_page_in_the_brand(
    visit: Visits, acme: WhiteLabel, path: str, method: str, status: int
) -> None:
    here = visit.at("acme.localhost")

    page = here.get(path) if method == "GET" else here.send(path, {})

    assert page.status == status
    assert "Acme" in page.text
    assert f"Error {status}" in page.text


def test_an_error_below_the_api_is_a_problem_document(visit: Visits) -> None:
    answer = visit.at().answer("GET", "/api/v1/nothing")

    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["code"] == "not_found"


@pytest.mark.parametrize("named", ["form-data", 'form-data; filename="a.txt"', "attachment"])
def test_a_part_without_a_name_is_no_form(visit: Visits, named: str) -> None:
    body = f"--x\r\nContent-Disposition: {named}\r\n\r\nwords\r\n--x--\r\n"

    answer = visit.at().answer(
        "POST", "/sign-in", data=body, content_type="multipart/form-data; boundary=x"
    )

    assert answer.status_code == 400
    assert "This request could not be read" in answer.get_data(as_text=True)


def test_too_large_a_form_is_told_so(visit: Visits, ada: Person) -> None:
    here = visit(ada)

    answer = here.answer("POST", "/account/", data={"name": "x" * 3_000_000})

    assert answer.status_code == 413


@pytest.mark.both_stores
@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
def test_an_id_beyond_all_ids_is_not_there(visit: Visits, ada: Person, number: int) -> None:
    answer = visit(ada).answer("GET", f"/apps/{number}")

    assert answer.status_code == 404


@pytest.mark.both_stores
@pytest.mark.parametrize("query", [{"before": str(10**30)}, {"q": "a\0b"}])
def test_what_no_store_can_take_breaks_no_list(
    visit: Visits, ada: Person, query: dict[str, str]
) -> None:
    answer = visit(ada).answer("GET", "/apps", query_string=query)

    assert answer.status_code in (200, 400)


@pytest.fixture
def faulty(app: Flask) -> Flask:
    """The application with three more views of a white label, which do what views must not."""

    def writes() -> str:
        db.session.get_one(WhiteLabel, 1).name = "Changed by looking"
        db.session.flush()
        return "written"

    def refuses() -> str:
        raise Refusal("not_like_this", "Not like this.")

    def loses_the_store() -> str:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    def breaks() -> str:
        raise ZeroDivisionError

    def finds_no_table() -> str:
        db.session.execute(text("ALTER TABLE sign_in RENAME TO taken_away"))
        db.session.commit()
        g.pop("_login_user")
        return str(db.session.scalar(text("SELECT 1 FROM sign_in")))

    for view in (writes, refuses, loses_the_store, breaks, finds_no_table):
        # Like a route of the blueprint: the guard stands before it.
        app.view_functions[f"{bp.name}.{view.__name__}"] = view
        app._got_first_request = False
        app.add_url_rule(f"/faulty/{view.__name__}", endpoint=f"{bp.name}.{view.__name__}")
    return app


def test_a_get_never_writes(faulty: Flask, visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    here = visit(ada)

    with pytest.raises(RuntimeError, match="only reading is allowed"):
        here.answer("GET", "/faulty/writes")

    assert db.session.get_one(WhiteLabel, acme.id).name == "Acme"


def test_a_refusal_that_no_form_shows_is_a_page_with_its_words(
    faulty: Flask, visit: Visits, ada: Person
) -> None:
    page = visit(ada).get("/faulty/refuses")

    assert page.status == 422
    assert "Not like this." in page.text


def test_a_store_that_is_gone_is_told_with_when_to_come_again(
    faulty: Flask, visit: Visits, ada: Person
) -> None:
    page = visit(ada).get("/faulty/loses_the_store")

    assert page.status == 503
    assert page.response.headers["Retry-After"] == "30"


@pytest.mark.both_stores
def test_the_page_of_a_fault_needs_nothing_from_the_store(
    faulty: Flask, visit: Visits, ada: Person, store: str
) -> None:
    here = visit(ada)
    faulty.config["PROPAGATE_EXCEPTIONS"] = False

    page = here.get("/faulty/finds_no_table")

    # To SQLite it is all the same whose fault it is; PostgreSQL says that it is ours.
    assert page.status == {"sqlite": 503, "postgresql": 500}[store]
    assert "Acme" in page.text


def test_a_view_that_does_not_say_so_is_not_for_agents(
    faulty: Flask, visit: Visits, abe: Person
) -> None:
    page = visit(abe).get("/faulty/refuses")

    assert page.status == 403
    assert page.h1 == "This is not for your role"


def test_a_fault_of_ours_tells_nothing_of_the_inside(
    faulty: Flask, visit: Visits, ada: Person
) -> None:
    here = visit(ada)
    faulty.config["PROPAGATE_EXCEPTIONS"] = False

    page = here.get("/faulty/breaks")

    assert page.status == 500
    assert "ZeroDivisionError" not in page.body


def test_behind_proxies_the_visitors_address_is_the_one_they_saw(config: Config) -> None:
    app = create_app(_with(config, trusted_proxies=1))

    heard = _remote_address(app, {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"})

    assert heard == "198.51.100.7"


def test_without_proxies_nobody_names_an_address(config: Config) -> None:
    app = create_app(config)

    assert _remote_address(app, {"X-Forwarded-For": "203.0.113.9"}) == "127.0.0.1"


@pytest.fixture
def https_app(config: Config) -> Flask:
    """The same installation at an https origin."""
    return create_app(_with(config, platform_origin="https://mail.northwind.example"))


def _with(config: Config, **changes: object) -> Config:
    return replace(config, **changes)  # type: ignore[arg-type]


def _remote_address(app: Flask, headers: dict[str, str]) -> str:
    """What the application takes for the address of this visitor."""
    heard: list[str] = []
    app.before_request_funcs.setdefault(None, []).insert(
        0, lambda: heard.append(request.remote_addr or "")
    )
    app.test_client().get("/sign-in", headers=headers)
    return heard[0]
