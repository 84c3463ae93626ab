"""Mailboxes that only send: saying so below every mail, and where an answer arrives instead."""

from __future__ import annotations

from sqlalchemy import select

from portal.audit import trail
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.senders.models import Sender
from portal.smtp.addresses import AddressError, parse_address
from portal.white_labels.models import WhiteLabel


def say_where_to_answer(white_label: WhiteLabel, *, address: str | None, language: str) -> bool:
    """Say it below this white label's mail from now on; None: say nothing. Tells if that is new.

    `language` is used where a mail says in none that it is written in one.

    Raises:
        Refusal: the address is none, or one of those that only send.
    """
    answer_to = _checked(white_label, address) if address is not None else None
    changes = {
        field: [getattr(white_label, field), value]
        for field, value in (("answer_to", answer_to), ("notice_language", language))
        if getattr(white_label, field) != value
    }
    if changes:
        white_label.answer_to, white_label.notice_language = answer_to, language
        told = f"white label {white_label.slug}"
        trail.record(white_label.id, "white_label.changed", told, changes)
    return bool(changes)


def _checked(white_label: WhiteLabel, address: str) -> str:
    try:
        parsed = str(parse_address(address.strip()))
    except AddressError as fault:
        raise Refusal(fault.code, fault.words, field="answer_to") from None
    only_sends = db.session.scalar(
        select(Sender.id)
        .where(
            Sender.white_label_id == white_label.id,
            Sender.email == parsed,
            Sender.deleted_at.is_(None),
        )
        .limit(1)
    )
    if only_sends is not None:
        raise Refusal(
            "answer_to_only_sends",
            _("This is one of your senders, and those only send. Where are answers read?"),
            field="answer_to",
        )
    return parsed
