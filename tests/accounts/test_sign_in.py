"""Signed-in browsers as rows: what finds them, and what does not."""

from __future__ import annotations

from portal.accounts import sign_in
from portal.accounts.models import Person
from portal.core import clock as time
from portal.core.secret import Secret

HOST = "acme.localhost"


def test_the_token_finds_the_row_and_is_not_in_it(ada: Person) -> None:
    row, token = sign_in.start(ada, host=HOST, address="203.0.113.9", browser="Firefox")

    assert sign_in.find(token, host=HOST) is row
    assert token.reveal() not in str(vars(row))
    assert len(token.reveal()) >= 43  # 256 bits in base64


def test_another_token_and_another_host_find_nothing(ada: Person) -> None:
    _row, token = sign_in.start(ada, host=HOST, address="", browser="")

    assert sign_in.find(Secret("something else"), host=HOST) is None
    assert sign_in.find(token, host="birch.localhost") is None


def test_whoever_is_removed_by_any_path_is_out(ada: Person) -> None:
    _row, token = sign_in.start(ada, host=HOST, address="", browser="")

    ada.removed_at = time.now()

    assert sign_in.find(token, host=HOST) is None


def test_ending_all_but_one_keeps_that_one(ada: Person, bob: Person) -> None:
    kept, _token = sign_in.start(ada, host=HOST, address="", browser="")
    sign_in.start(ada, host=HOST, address="", browser="")
    bobs, _token = sign_in.start(bob, host=HOST, address="", browser="")

    sign_in.end_all(ada, keep=kept.id)

    assert sign_in.of_person(ada) == [kept]
    assert sign_in.of_person(bob) == [bobs]


def test_what_a_browser_says_of_itself_is_cut(ada: Person) -> None:
    row, _token = sign_in.start(ada, host=HOST, address="x" * 500, browser="y" * 500)

    assert (len(row.address), len(row.browser)) == (64, 200)
