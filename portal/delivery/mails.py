"""The messages of a batch: one query for all of them, with everything that their route depended on.

The answer says for each message whether it is still as it was decided (`Mail.is_current`), and has
it compiled: a campaign once for all its recipients, and not again while it is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any, TypeAlias

from sqlalchemy import Row, bindparam, exists, select
from sqlalchemy.engine import Connection

from portal.apps.models import App
from portal.campaigns.models import Campaign
from portal.campaigns.stopping import STOPPED
from portal.delivery.models import Engine
from portal.delivery.outcomes import Terms
from portal.domains import signing
from portal.domains.models import Domain, DomainState
from portal.domains.signing import LiveKey
from portal.outbox import composition
from portal.outbox.claims import Claimed
from portal.outbox.models import Attachment, Message
from portal.outbox.states import Category
from portal.outbox.unsubscribing import Link
from portal.smtp.compose import CompiledMessage, Recipient
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.presets import PRESETS
from portal.white_labels.models import MailMode, WhiteLabel

REMEMBERED = 512
"""Compiled messages in a worker; a campaign is one."""
MOST_REMEMBERED = 32 * 2**20
"""Characters of all of them; the newest stays whatever its size."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as a lane needs it."""

    id: int
    public_id: str
    server_id: int | None  # by the route it has now
    server_version: int | None
    mail_from: str
    date: datetime
    terms: Terms
    is_current: bool  # nothing that its route depended on has changed
    key: LiveKey | None  # signs what comes from its From
    rewritten: frozenset[bytes]  # fields that its server writes anew
    has_files: bool = False

    def recipient(
        self, row: Claimed, values: Mapping[str, Any], link: Link | None = None
    ) -> Recipient:
        """One delivery of it, for the composer."""
        return composition.recipient(
            self.public_id,
            row.position,
            email=row.email,
            name=row.name,
            date=self.date,
            shared=values,
            own=row.values,
            link=link,
        )


def load(connection: Connection, ids: Collection[int]) -> dict[int, Mail]:
    """These messages, with the present facts compared to those they were routed by."""
    copies = _copies(connection)
    rows = connection.execute(_messages, {"messages": list(ids)}).all()
    keys = signing.live_keys(connection, {row.white_label_id for row in rows})
    return {row.id: _mail(row, copies, keys.get(row.white_label_id, ())) for row in rows}


def terms_of(connection: Connection, ids: Collection[int]) -> dict[int, Terms]:
    """Only how their deliveries are tried."""
    copies = _copies(connection)
    rows = connection.execute(
        select(Message.id, Message.category, Message.give_up_at, Message.campaign_id).where(
            Message.id.in_(ids)
        )
    )
    return {row.id: _terms(row, copies) for row in rows}


_messages = (
    select(
        Message.id,
        Message.public_id,
        Message.white_label_id,
        Message.category,
        Message.give_up_at,
        Message.created_at,
        Message.send_at,
        Message.server_id,
        Message.server_version,
        Message.owner_id,
        Message.app_id,
        Message.domain_id,
        Message.from_email,
        Message.campaign_id,
        App.owner_id.label("owner_now"),
        SmtpServer.version.label("version_now"),
        SmtpServer.white_label_id.label("server_of"),
        SmtpServer.preset,
        SmtpServer.is_enabled,
        SmtpServer.deleted_at.label("server_deleted_at"),
        WhiteLabel.suspended_at,
        WhiteLabel.mail_mode,
        Domain.state.label("domain_state"),
        Campaign.state.label("campaign_state"),
        exists().where(Attachment.message_id == Message.id).label("has_files"),
    )
    .outerjoin(App, App.id == Message.app_id)
    .outerjoin(SmtpServer, SmtpServer.id == Message.server_id)
    .outerjoin(WhiteLabel, WhiteLabel.id == Message.white_label_id)
    .outerjoin(Domain, Domain.id == Message.domain_id)
    .outerjoin(Campaign, Campaign.id == Message.campaign_id)
    .where(Message.id.in_(bindparam("messages", expanding=True)))
)


def _terms(row: Row[*tuple[Any, ...]], copies: Mapping[Category, int]) -> Terms:
    return Terms(row.category, row.give_up_at, copies[row.category], row.campaign_id)


def _mail(
    row: Row[*tuple[Any, ...]], copies: Mapping[Category, int], keys: Iterable[LiveKey]
) -> Mail:
    return Mail(
        id=row.id,
        public_id=row.public_id,
        server_id=row.server_id,
        server_version=row.server_version,
        mail_from=row.from_email,
        date=row.send_at or row.created_at,
        terms=_terms(row, copies),
        is_current=_is_current(row),
        key=signing.key_for(keys, row.from_email),
        rewritten=_rewritten_by(row.preset),
        has_files=bool(row.has_files),
    )


@cache
def _rewritten_by(key: str | None) -> frozenset[bytes]:
    service = PRESETS.get(key or "")
    return frozenset(name.encode() for name in service.rewrites) if service else frozenset()


def _is_current(row: Row[*tuple[Any, ...]]) -> bool:
    """Whether the route would be asked for with the same facts as it was."""
    return (
        row.suspended_at is None
        and row.campaign_state not in STOPPED
        # A deleted app's mail was accepted before, so it leaves like any other.
        and (row.app_id is None or row.owner_now == row.owner_id)
        and row.server_id is not None
        and row.version_now == row.server_version
        and bool(row.is_enabled)
        and row.server_deleted_at is None
        and (row.server_of is None or row.mail_mode is MailMode.OWN)
        and (row.domain_id is None or row.domain_state is DomainState.VERIFIED)
    )


def _copies(connection: Connection) -> Mapping[Category, int]:
    engine = connection.execute(_copies_allowed).first()
    transactional, campaign = engine or (1, 0)
    return {Category.TRANSACTIONAL: transactional, Category.CAMPAIGN: campaign}


_copies_allowed = select(Engine.copies_transactional, Engine.copies_campaign)


@dataclass(frozen=True, slots=True)
class Written:
    """A compiled message, and the values that all its recipients share."""

    compiled: CompiledMessage
    values: Mapping[str, Any]
    link: Link | None = None  # to unsubscribe; with each one's address it is theirs


class Shelf:
    """The messages that a worker has compiled lately. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._written: OrderedDict[_Key, Written] = OrderedDict()
        self._size = 0  # characters of all that is there

    def get(self, mail: Mail) -> Written | None:
        with self._lock:
            written = self._written.get(key := _key(mail))
            if written is not None:
                self._written.move_to_end(key)
            return written

    def put(self, mail: Mail, written: Written) -> None:
        with self._lock:
            before = self._written.pop(key := _key(mail), None)
            self._written[key] = written
            self._size += written.compiled.size - (before.compiled.size if before else 0)
            while len(self._written) > REMEMBERED or (
                self._size > MOST_REMEMBERED and len(self._written) > 1
            ):
                _oldest, gone = self._written.popitem(last=False)
                self._size -= gone.compiled.size


_Key: TypeAlias = tuple[int, int | None, int | None, str]


def _key(mail: Mail) -> _Key:
    """A message that was routed anew may leave under another address, name or Reply-To."""
    return mail.id, mail.server_id, mail.server_version, mail.mail_from
