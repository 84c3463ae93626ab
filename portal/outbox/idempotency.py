"""The same key twice is the same answer, not the same mail again."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from portal.core import clock
from portal.core.db import db, forget_rows
from portal.core.errors import Refusal
from portal.core.words import _
from portal.outbox.models import Answer

LONGEST_KEY = 255


def fingerprint(path: str, body: bytes) -> str:
    """What tells one request from another."""
    return hashlib.sha256(path.encode() + b"\0" + body).hexdigest()


def first_answer(app_id: int, key: str, body_hash: str) -> Any | None:
    """The answer given before, or None when this key is new and now ours.

    Two requests at once: the second waits for the first one's transaction, then gets its answer.

    Raises:
        Refusal: ``idempotency_key_reused`` when the key came with another body.
    """
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    ours = db.session.execute(
        insert(Answer)
        .values(app_id=app_id, key=key, body_hash=body_hash, body=None, created_at=clock.now())
        .on_conflict_do_nothing()
        .returning(Answer.key)
    ).first()
    if ours is not None:
        return None
    before = db.session.execute(
        select(Answer.body_hash, Answer.body).where(Answer.app_id == app_id, Answer.key == key)
    ).one()
    if before.body_hash != body_hash:
        raise Refusal(
            "idempotency_key_reused",
            _("This idempotency key was used for another request."),
            field="Idempotency-Key",
        )
    return before.body


def keep_answer(app_id: int, key: str, body: Any) -> None:
    """Remember what was answered, in the transaction of what it tells."""
    db.session.execute(
        update(Answer).where(Answer.app_id == app_id, Answer.key == key).values(body=body)
    )


def forget_before(moment: datetime) -> int:
    """Forget the answers given before this moment; tells how many."""
    return forget_rows(Answer, Answer.created_at < moment)
