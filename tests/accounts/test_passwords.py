"""Which passwords are taken, and how they are kept."""

from __future__ import annotations

from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters

from portal.accounts import passwords
from portal.core.errors import Refusal
from portal.core.secret import Secret

ADA = ("Ada Lovelace", "ada@acme.example", "acme.localhost")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("eleven char", "password_too_short"),
        ("x" * 257, "password_too_long"),
        ("PasswordPassword", "password_common"),
        ("123456789012", "password_common"),
        ("ababababababab", "password_common"),
        ("Ada.Lovelace.1", "password_known"),
        ("lovelace@acme.example", "password_known"),
        ("acme localhost 7", "password_known"),
    ],
)
def test_a_password_that_others_would_try_is_refused(password: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        passwords.check(Secret(password), known=ADA)

    assert refused.value.code == code
    assert refused.value.field == "password"


@pytest.mark.parametrize(
    "password",
    ["four words in a row", "twelve chars", "pässwört mit Umlaut", "acme but much longer"],
)
def test_any_other_password_is_taken(password: str) -> None:
    passwords.check(Secret(password), known=ADA)


def test_the_right_password_is_right_and_others_are_not() -> None:
    stored = passwords.hashed(Secret("four words in a row"))

    assert passwords.is_right(stored, Secret("four words in a row"))
    assert not passwords.is_right(stored, Secret("Four words in a row"))
    assert not passwords.is_right("not a hash", Secret("four words in a row"))


def test_nobody_has_a_password() -> None:
    assert not passwords.is_right(None, Secret("the password of nobody"))


def test_nobodys_password_costs_as_much_work_as_somebodys() -> None:
    before, counted = passwords._hasher, _CountingHasher()
    stored = counted.hash("four words in a row")
    try:
        passwords.work_with(counted)
        passwords.is_right(None, Secret("so that nobody has a hash"))
        counted.compared.clear()

        passwords.is_right(stored, Secret("a guess"))
        passwords.is_right(None, Secret("a guess"))
    finally:
        passwords.work_with(before)

    somebodys, nobodys = map(extract_parameters, counted.compared)
    assert somebodys == nobodys


def test_a_hash_of_less_work_is_made_again() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("four words in a row")
    before = passwords._hasher
    try:
        passwords.work_with(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))

        assert passwords.needs_new_hash(weak)
    finally:
        passwords.work_with(before)


def test_livery_works_harder_than_the_least_that_is_advised() -> None:
    work = extract_parameters(passwords.todays_work().hash("four words in a row"))

    assert work.type.name == "ID"
    assert work.memory_cost >= 19 * 1024
    assert work.time_cost >= 2


class _CountingHasher(PasswordHasher):
    """Remembers the hashes that it compared a password with."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=16, parallelism=1)
        self.compared: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.compared.append(str(hash))
        return super().verify(hash, password)
