"""What stored messages say, compiled for the wire: once for all their recipients."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, selectinload, undefer

from portal.delivery.mails import Mail, Written
from portal.mail_templates.models import TemplateText
from portal.outbox import composition
from portal.outbox.models import Attachment, Message
from portal.outbox.submission import File
from portal.outbox.unsubscribing import link_of


def write(connection: Connection, mails: Collection[Mail]) -> dict[int, Written | Exception]:
    """Compile these messages; the Refusal or fault where that is not possible (any more)."""
    with Session(bind=connection, autoflush=False) as session:
        messages = session.scalars(
            select(Message)
            .where(Message.id.in_([mail.id for mail in mails]))
            .options(selectinload(Message.attachments).options(undefer(Attachment.content)))
        )
        return {message.id: _written(session, message) for message in messages}


def _written(session: Session, message: Message) -> Written | Exception:
    text = None
    if message.template_text_id is not None:
        text = session.get(TemplateText, message.template_text_id)
    files = [File(file.filename, file.content_type, file.content) for file in message.attachments]
    try:
        link = link_of(session, message)
        writer = composition.compiled(message, text, files, link=link)
        return Written(writer, composition.shared_values(message), link)
    except DBAPIError:
        raise
    except Exception as fault:  # noqa: BLE001 - one message must not stop the others
        return fault
