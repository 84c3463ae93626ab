"""The link by which a reader takes themselves off: in the header and body of every campaign mail.

RFC 8058: a POST to the address in List-Unsubscribe takes the reader off at once, without cookies,
sign-in or a further question; a GET never does, because scanners follow links. The link names the
white label, the campaign and the address, and is signed; nothing is stored for a recipient.

The signing key belongs to the white label and never changes, so that the link in an old mail works
for as long as there is somebody to take off. It lies sealed: turning the keyring's keys seals it
again and leaves the links alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Exists, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.core import sealed, vault
from portal.core.db import db
from portal.core.secret import Secret
from portal.core.vault import Binding
from portal.outbox import suppressions, tally
from portal.outbox.models import Message, Suppression, UnsubscribeKey
from portal.outbox.states import Category, Reason
from portal.smtp.addresses import AddressError, parse_address
from portal.white_labels.models import Hostname, Platform, WhiteLabel
from portal.white_labels.origins import at_host

PATH = "/unsubscribe/"
PURPOSE = b"unsubscribe 1\0"
MAC_OCTETS = 16

# Numbers of 31 bits at most, as the ids are that they stand for.
_token = re.compile(
    r"([0-7]?[0-9a-f]{1,7})\.([0-7]?[0-9a-f]{1,7})\.([A-Za-z0-9_-]{4,344})\.([A-Za-z0-9_-]{22})"
)


@dataclass(frozen=True, slots=True)
class Link:
    """What all links of one message have in common; call it with an address for the rest."""

    begins: str  # origin and path
    names: str  # white label and campaign, as the token says them
    key: bytes

    @property
    def is_one_click(self) -> bool:
        """RFC 8058 3.1: only an https address may be announced as one click."""
        return self.begins.startswith("https:")

    def __call__(self, email: str) -> str:
        named = self.names + _text(email.encode())
        return f"{self.begins}{named}.{_signature(self.key, named)}"


@dataclass(frozen=True, slots=True)
class Unsubscriber:
    """Somebody who came by a link of ours."""

    white_label: WhiteLabel
    email: str
    campaign_id: int | None


def link_of(session: Session, message: Message) -> Link | None:
    """How this message's recipients take themselves off; None where it is no campaign mail."""
    if message.category is not Category.CAMPAIGN or message.white_label_id is None:
        return None
    name = (
        select(Hostname.name)
        .where(Hostname.white_label_id == message.white_label_id, Hostname.is_served)
        .order_by(Hostname.id)
        .limit(1)
        .scalar_subquery()
    )
    found = session.execute(
        select(Platform.origin, name, UnsubscribeKey.key_sealed)
        .join(UnsubscribeKey, UnsubscribeKey.white_label_id == message.white_label_id)
        .where(Platform.id == 1)
    ).first()
    if found is None or found[2] is None:
        return None
    origin, host, envelope = found
    return Link(
        begins=(at_host(origin, host) if host else origin) + PATH,
        names=f"{message.white_label_id:x}.{message.campaign_id or 0:x}.",
        key=_opened(envelope, message.white_label_id),
    )


def make_key(white_label_id: int) -> None:
    """See to it that this white label's links can be signed."""
    if db.session.scalar(select(_has_key(white_label_id))):
        return
    envelope = vault.seal(Secret(secrets.token_urlsafe(32)), _binding(white_label_id))
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    db.session.execute(
        insert(UnsubscribeKey)
        .values(white_label_id=white_label_id, key_sealed=envelope)
        .on_conflict_do_nothing()
    )


def read(token: str) -> Unsubscriber | None:
    """Whose link this is; None if it is not one of ours to the last character."""
    found = _token.fullmatch(token)
    if found is None:
        return None
    white_label_id, campaign_id = int(found[1], 16), int(found[2], 16)
    envelope = db.session.scalar(
        select(UnsubscribeKey.key_sealed).where(UnsubscribeKey.white_label_id == white_label_id)
    )
    named, _dot, signature = token.rpartition(".")
    if envelope is None or not hmac.compare_digest(
        signature, _signature(_opened(envelope, white_label_id), named)
    ):
        return None
    try:
        email = str(parse_address(base64.urlsafe_b64decode(found[3] + "=" * 3).decode()))
    except (binascii.Error, UnicodeError, AddressError):
        return None
    white_label = db.session.get_one(WhiteLabel, white_label_id)
    return Unsubscriber(white_label, email, campaign_id or None)


def is_unsubscribed(who: Unsubscriber) -> bool:
    """Whether campaigns leave them alone already."""
    address = parse_address(who.email).folded
    its = (Suppression.white_label_id == who.white_label.id) & (Suppression.address == address)
    return bool(db.session.scalar(select(exists().where(its))))


def unsubscribe(who: Unsubscriber) -> bool:
    """No campaign of this white label goes to them any more; whether that is news."""
    is_news = suppressions.add(
        who.white_label.id,
        who.email,
        reason=Reason.UNSUBSCRIBED,
        by=None,
        campaign_id=who.campaign_id,
    )
    if is_news and who.campaign_id is not None:
        tally.add(db.session.connection(), who.campaign_id, {"unsubscribed": 1})
    return is_news


def _has_key(white_label_id: int) -> Exists:
    return exists().where(UnsubscribeKey.white_label_id == white_label_id)


@lru_cache(maxsize=1024)
def _opened(envelope: str, white_label_id: int) -> bytes:
    return vault.unseal(envelope, _binding(white_label_id)).reveal().encode()


def _signature(key: bytes, named: str) -> str:
    return _text(hmac.digest(key, PURPOSE + named.encode(), "sha256")[:MAC_OCTETS])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _binding(white_label_id: int) -> Binding:
    return ("unsubscribe_key", "key_sealed", white_label_id)


sealed.register(UnsubscribeKey.key_sealed, lambda row: _binding(row.white_label_id))
