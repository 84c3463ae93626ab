"""API keys: made and shown once, stored as a hash, found by their public part."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from portal.accounts.models import Person
from portal.apps.models import ApiKey, App, KeyKind
from portal.audit import trail
from portal.core import clock
from portal.core.db import db, reading, writing_aside
from portal.core.errors import NotFound, Refusal
from portal.core.secret import Secret
from portal.core.words import _
from portal.white_labels.models import WhiteLabel

# Hexadecimal throughout, so that a double click takes the whole key and a scanner for leaked
# secrets needs one pattern. A key that is given (a demo, a test) may also be base64url; 22 of
# those characters are 128 bits.
_parse = re.compile(r"lv_(live|test)_([A-Za-z0-9]{1,40})_([A-Za-z0-9_-]{22,128})").fullmatch
_NOBODY = "0" * 64
_NOTED_EVERY = timedelta(minutes=1)


def make_key(
    app: App, *, kind: KeyKind, name: str, by: Person | None, given: Secret | None = None
) -> tuple[ApiKey, Secret]:
    """A new key for this app, and its text, which nobody can read again.

    `given` is a key that the operator brings along instead of a random one.

    Raises:
        Refusal: the app was deleted, the name is empty or too long, or the given key is none.
    """
    if app.deleted_at is not None:
        raise NotFound(_("app"))
    name = name.strip()
    if not 0 < len(name) <= 60:
        raise Refusal("name_length", _("A name of 1 to 60 characters is needed."), field="name")
    whole = given or _random(kind)
    match = _parse(whole.reveal())
    if match is None or match[1] != kind:
        raise Refusal("key_malformed", _("This is not an API key of that kind."), field="api_key")

    if given and db.session.scalar(select(ApiKey.id).where(ApiKey.public_id == match[2])):
        raise Refusal("key_taken", _("There is an API key with this id already."), field="api_key")
    key = ApiKey(
        app=app,
        public_id=match[2],
        kind=kind,
        name=name,
        secret_hash=_hash(match[3]),
        created_by_id=by.id if by else None,
        created_at=clock.now(),
    )
    db.session.add(key)
    db.session.flush()
    trail.record(app.white_label_id, "api_key.made", _told(key), {"kind": kind.value, "key": name})
    return key, whole


def authenticate(header: str | None) -> ApiKey | None:
    """The key that this `Authorization` header proves, or None, whatever is wrong with it.

    Looks and notes the use in transactions of its own, so call it before the request opens one;
    on SQLite a second writer would wait for the first.
    """
    scheme, _space, text = (header or "").partition(" ")
    match = _parse(text.strip())
    if scheme.lower() != "bearer" or match is None:
        return None

    query = (
        select(ApiKey.id, ApiKey.secret_hash, ApiKey.used_at)
        .join(App)
        .join(WhiteLabel)
        .where(
            ApiKey.public_id == match[2],
            ApiKey.kind == KeyKind(match[1]),
            ApiKey.revoked_at.is_(None),
            App.deleted_at.is_(None),
            WhiteLabel.suspended_at.is_(None),
        )
    )
    with reading(), db.engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    # The same work for an unknown id, so that the time tells nothing about which ids exist.
    is_right = hmac.compare_digest(_hash(match[3]), row.secret_hash if row else _NOBODY)
    if row is None or not is_right:
        return None

    now = clock.now()
    if row.used_at is None or row.used_at <= now - _NOTED_EVERY:
        # A busy store must not keep an app waiting for a note.
        with suppress(OperationalError), writing_aside() as connection:
            connection.execute(update(ApiKey).where(ApiKey.id == row.id).values(used_at=now))
    return db.session.get(ApiKey, row.id)


def revoke(key: ApiKey) -> None:
    """From the next request on the key opens nothing; revoking twice is no fault."""
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        trail.record(key.app.white_label_id, "api_key.revoked", _told(key), {"key": key.name})


def keys_of(app: App) -> Sequence[ApiKey]:
    """The keys that work, oldest first."""
    return db.session.scalars(
        select(ApiKey)
        .where(ApiKey.app_id == app.id, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id)
    ).all()


def find_key(app: App, key_id: int) -> ApiKey:
    """This app's key with this id, or NotFound."""
    query = select(ApiKey).where(ApiKey.app_id == app.id, ApiKey.id == key_id)
    key = db.session.scalar(query)
    if key is None:
        raise NotFound(_("API key"))
    return key


def is_given_key_in_place(app: App, given: Secret) -> bool:
    """Whether this very key already opens this app: for a provisioning file that is run again."""
    match = _parse(given.reveal())
    if match is None:
        return False
    query = select(ApiKey.secret_hash).where(
        ApiKey.app_id == app.id, ApiKey.public_id == match[2], ApiKey.revoked_at.is_(None)
    )
    stored = db.session.scalar(query)
    return stored is not None and hmac.compare_digest(stored, _hash(match[3]))


def kind_of(given: Secret) -> KeyKind:
    """Whether a given key is for live mail or for tests; Refusal when it is no key at all."""
    match = _parse(given.reveal())
    if match is None:
        raise Refusal(
            "key_malformed",
            _("An API key looks like lv_live_<id>_<secret> or lv_test_<id>_<secret>."),
            field="api_key",
        )
    return KeyKind(match[1])


def _random(kind: KeyKind) -> Secret:
    return Secret(f"lv_{kind}_{secrets.token_hex(8)}_{secrets.token_hex(32)}")


def _hash(secret: str) -> str:
    # A plain hash is enough for 256 random bits: there is no dictionary to try.
    return hashlib.sha256(secret.encode()).hexdigest()


def _told(key: ApiKey) -> str:
    return f"app {key.app_id} {key.app.name}"
