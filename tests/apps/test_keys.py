"""API keys: shown once, stored as a hash, and closed by whatever closes their app."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.apps import apps, keys
from portal.apps.models import ApiKey, App, KeyKind
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.white_labels import tenants
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh, make_app

GIVEN = Secret("lv_test_shop_0123456789abcdefghijkl")


@pytest.fixture
def shop(ada: Person) -> App:
    return make_app(ada, "Shop")


@pytest.fixture
def key(shop: App, ada: Person) -> tuple[ApiKey, str]:
    made, text = keys.make_key(shop, kind=KeyKind.LIVE, name="Production", by=ada)
    db.session.commit()
    return made, text.reveal()


def knock(text: str) -> ApiKey | None:
    """As the API does it, in a transaction of its own."""
    db.session.commit()
    found = keys.authenticate(f"Bearer {text}")
    db.session.commit()
    return found


@pytest.mark.both_stores
def test_a_key_opens_its_app(key: tuple[ApiKey, str], shop: App) -> None:
    found = knock(key[1])

    assert found is not None
    assert found.app_id == shop.id


def test_a_key_has_256_random_bits_and_is_stored_as_a_hash(key: tuple[ApiKey, str]) -> None:
    made, text = key
    prefix, kind, public_id, secret = text.split("_")

    assert (prefix, kind, public_id) == ("lv", "live", made.public_id)
    assert len(bytes.fromhex(secret)) == 32
    assert secret not in repr(vars(made))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer lv_live_{id}_{wrong}",
        "Bearer lv_live_unknown_{secret}",
        "Bearer lv_test_{id}_{secret}",
        "Basic lv_live_{id}_{secret}",
        "lv_live_{id}_{secret}",
        "Bearer lv_live_{id}_{secret}x",
        "Bearer lv_live_{id}_{secret} and more",
    ],
)
def test_whatever_is_not_exactly_the_key_opens_nothing(
    key: tuple[ApiKey, str], header: str | None
) -> None:
    _prefix, _kind, public_id, secret = key[1].split("_")
    wrong = "0" * 64

    said = header.format(id=public_id, secret=secret, wrong=wrong) if header else header

    assert keys.authenticate(said) is None


def test_a_revoked_key_opens_nothing(key: tuple[ApiKey, str]) -> None:
    keys.revoke(key[0])

    assert knock(key[1]) is None


def test_the_keys_of_a_deleted_app_open_nothing(key: tuple[ApiKey, str], shop: App) -> None:
    apps.delete(shop)

    assert knock(key[1]) is None
    assert key[0].revoked_at is not None


def test_a_deleted_apps_key_opens_nothing_even_if_it_was_not_revoked(
    key: tuple[ApiKey, str], shop: App, clock: HandSetClock
) -> None:
    shop.deleted_at = clock.now()

    assert knock(key[1]) is None


def test_the_keys_of_a_suspended_white_label_rest(key: tuple[ApiKey, str], shop: App) -> None:
    tenants.suspend(shop.white_label)
    assert knock(key[1]) is None

    tenants.resume(shop.white_label)
    assert knock(key[1]) is not None


@pytest.mark.both_stores
def test_the_last_use_is_noted_to_the_minute(key: tuple[ApiKey, str], clock: HandSetClock) -> None:
    knock(key[1])
    first = fresh(key[0]).used_at

    clock.advance(seconds=30)
    knock(key[1])
    assert fresh(key[0]).used_at == first

    clock.advance(seconds=31)
    knock(key[1])
    assert fresh(key[0]).used_at == clock.now()


def test_a_given_key_works_and_is_known_again(shop: App) -> None:
    keys.make_key(shop, kind=KeyKind.TEST, name="given", by=None, given=GIVEN)

    assert keys.is_given_key_in_place(shop, GIVEN)
    assert not keys.is_given_key_in_place(shop, Secret(GIVEN.reveal() + "x"))
    found = knock(GIVEN.reveal())
    assert found is not None
    assert found.kind is KeyKind.TEST


@pytest.mark.parametrize(
    "text", ["lv_live_shop_0123456789abcdefghijkl", "lv_test_shop_tooshort", "sk_test_x", ""]
)
def test_a_given_key_must_look_like_one_of_its_kind(shop: App, text: str) -> None:
    with pytest.raises(Refusal):
        keys.make_key(shop, kind=KeyKind.TEST, name="given", by=None, given=Secret(text or "-"))


def test_the_same_given_key_cannot_open_two_apps(shop: App, ada: Person) -> None:
    blog = make_app(ada, "Blog")
    keys.make_key(shop, kind=KeyKind.TEST, name="given", by=None, given=GIVEN)

    with pytest.raises(Refusal) as refused:
        keys.make_key(blog, kind=KeyKind.TEST, name="given", by=None, given=GIVEN)

    assert refused.value.code == "key_taken"


def test_another_apps_key_is_not_there(key: tuple[ApiKey, str], cal: Person) -> None:
    orders = make_app(cal, "Orders")

    with pytest.raises(NotFound):
        keys.find_key(orders, key[0].id)
