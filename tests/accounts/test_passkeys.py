"""Passkeys let in their owner, at the host they were made for, once for each question."""

from __future__ import annotations

import pytest

from portal.accounts import passkeys
from portal.accounts.ceremonies import Question
from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.white_labels.models import WhiteLabel
from tests.accounts.soft_key import SoftKey
from tests.equipment.stage import fresh

HOST = "acme.localhost"
ORIGIN = "http://acme.localhost:8000"


@pytest.fixture
def key(ada: Person) -> SoftKey:
    """Ada's key, registered at her portal."""
    key = SoftKey()
    _register(ada, key)
    return key


def test_a_registered_key_signs_its_owner_in(key: SoftKey, ada: Person) -> None:
    question = passkeys.ask_to_sign_in(host=HOST)

    person = _sign_in(ada.white_label_id, key.get(question.options, origin=ORIGIN), question)

    assert person is ada
    assert passkeys.of_person(ada)[0].used_at is not None


def test_an_answer_is_good_once(key: SoftKey, ada: Person) -> None:
    question = passkeys.ask_to_sign_in(host=HOST)
    answer = key.get(question.options, origin=ORIGIN)
    _sign_in(ada.white_label_id, answer, question)
    passkeys.of_person(ada)[0].sign_count = 0  # a key that does not count

    with pytest.raises(Refusal):
        _sign_in(ada.white_label_id, answer, question)


def test_an_answer_to_another_question_is_refused(key: SoftKey, ada: Person) -> None:
    answer = key.get(passkeys.ask_to_sign_in(host=HOST).options, origin=ORIGIN)

    with pytest.raises(Refusal):
        _sign_in(ada.white_label_id, answer, passkeys.ask_to_sign_in(host=HOST))


def test_an_answer_from_another_origin_is_refused(key: SoftKey, ada: Person) -> None:
    question = passkeys.ask_to_sign_in(host=HOST)
    answer = key.get(question.options, origin="https://acme.localhost.evil.test")

    with pytest.raises(Refusal):
        _sign_in(ada.white_label_id, answer, question)


def test_a_key_that_did_not_ask_its_owner_is_refused(ada: Person) -> None:
    with pytest.raises(Refusal):
        _register(ada, SoftKey(verifies_its_owner=False))


def test_a_passkey_works_at_its_own_host_only(key: SoftKey, ada: Person) -> None:
    passkeys.of_person(ada)[0].host = "old.acme.example"
    question = passkeys.ask_to_sign_in(host=HOST)

    with pytest.raises(Refusal):
        _sign_in(ada.white_label_id, key.get(question.options, origin=ORIGIN), question)


def test_another_tenant_does_not_know_it(key: SoftKey, birch: WhiteLabel) -> None:
    question = passkeys.ask_to_sign_in(host=HOST)

    with pytest.raises(Refusal):
        _sign_in(birch.id, key.get(question.options, origin=ORIGIN), question)


def test_a_key_whose_counter_goes_back_was_copied_and_is_refused(key: SoftKey, ada: Person) -> None:
    passkeys.of_person(ada)[0].sign_count = 99
    question = passkeys.ask_to_sign_in(host=HOST)

    with pytest.raises(Refusal):
        _sign_in(ada.white_label_id, key.get(question.options, origin=ORIGIN), question)


@pytest.mark.both_stores
def test_a_key_may_count_to_the_end_of_its_32_bits(ada: Person) -> None:
    key = SoftKey(count=2**31 - 2)
    _register(ada, key)
    counts = []

    for _again in range(3):
        question = passkeys.ask_to_sign_in(host=HOST)
        _sign_in(ada.white_label_id, key.get(question.options, origin=ORIGIN), question)
        db.session.commit()
        counts.append(fresh(passkeys.of_person(ada)[0]).sign_count)

    assert counts == [2**31 - 1, 2**31, 2**31 + 1]


@pytest.mark.parametrize(
    "answer",
    ["", "{}", "[]", '{"id": 7}', '{"id": "!"}', "null", pytest.param("[" * 9999, id="deep")],
)
def test_nonsense_is_refused_in_words(ada: Person, answer: str) -> None:
    question = passkeys.ask_to_sign_in(host=HOST)

    with pytest.raises(Refusal):
        _sign_in(ada.white_label_id, answer, question)
    with pytest.raises(Refusal):
        passkeys.register(
            ada, answer=answer, challenge=question.challenge, host=HOST, origin=ORIGIN, name="x"
        )


def test_without_a_question_there_is_no_answer(key: SoftKey, ada: Person) -> None:
    question = passkeys.ask_to_sign_in(host=HOST)
    answer = key.get(question.options, origin=ORIGIN)

    with pytest.raises(Refusal):
        passkeys.sign_in(ada.white_label_id, answer=answer, challenge="", host=HOST, origin=ORIGIN)


def test_nobody_removes_another_persons_passkey(key: SoftKey, ada: Person, bob: Person) -> None:
    hers = passkeys.of_person(ada)[0]

    with pytest.raises(NotFound):
        passkeys.remove(bob, hers.id)

    assert list(passkeys.of_person(ada)) == [hers]


def _register(person: Person, key: SoftKey) -> None:
    question = passkeys.ask_to_register(person, host=HOST, place="Acme")
    passkeys.register(
        person,
        answer=key.create(question.options, origin=ORIGIN),
        challenge=question.challenge,
        host=HOST,
        origin=ORIGIN,
        name="blue key",
    )


def _sign_in(white_label_id: int | None, answer: str, question: Question) -> Person:
    return passkeys.sign_in(
        white_label_id, answer=answer, challenge=question.challenge, host=HOST, origin=ORIGIN
    )
