"""From a stored message to what the composer needs: one place for accepting and for sending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from time import thread_time
from typing import Any

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates import merge
from portal.mail_templates.content import text_content
from portal.mail_templates.models import TemplateText
from portal.outbox import letterhead
from portal.outbox.models import Message
from portal.outbox.submission import File, Recipient
from portal.outbox.unsubscribing import Link, link_of
from portal.smtp import compose
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp.compose import Attachment, CompiledMessage, Draft, compile_message
from portal.smtp.segments import Content

TRIED_AT_ACCEPT = 50
"""Recipients whose mail is written once before anything is promised; the rest differ in values."""
LONGEST_TRIAL = 2.0
LONGEST_EACH = 0.1
"""Seconds of the processor that these may take: so long together, or else so long each."""


def compiled(
    message: Message,
    text: TemplateText | None,
    files: Sequence[File],
    *,
    link: Link | None = None,
) -> CompiledMessage:
    """The message, ready to be written for each recipient.

    Own content is literal, whatever it looks like; only a template's text is merged. With a `link`,
    the recipients' values have an address to unsubscribe at, and the header says it too.

    Raises:
        Refusal: something in it cannot be written as mail; `field` says what.
    """
    plain, html = _bodies(message, text)
    reply_to = message.route_reply_to
    added = message.letterhead or {}
    if "answer_to" in added:
        reply_to = reply_to or [{"email": added["answer_to"], "name": ""}]
        line = letterhead.notice_line(added, reply_to[0]["email"])
        plain = plain if plain is None else letterhead.below_text(plain, line)
        html = html if html is None else letterhead.below_html(html, line)
    return compile_message(
        Draft(
            sender=Mailbox(parse_address(message.from_email), message.from_name),
            reply_to=tuple(_mailbox(item) for item in reply_to),
            to=tuple(_mailbox(item) for item in message.to_header) if message.to_header else None,
            cc=tuple(_mailbox(item) for item in message.cc_header),
            subject=subject_template(text.subject).content if text else message.subject or "",
            text=plain,
            html=html,
            headers=tuple(message.headers.items()),
            attachments=tuple(
                Attachment(file.filename, file.content_type, file.content) for file in files
            ),
            seed=message.public_id,
            unsubscribe=_unsubscribe_url if link else None,
            is_one_click=link is not None and link.is_one_click,
        )
    )


def _bodies(message: Message, text: TemplateText | None) -> tuple[Content | None, Content | None]:
    """The plain text and the HTML; a template's HTML never goes without a text."""
    if text is None:
        return message.text, message.html
    source = text.inlined_html or text.html
    html = _html(source) if source is not None else None
    written = text.text if text.text is not None else text.derived_text
    if written is not None:
        return _body(written).content, html.content if html else None
    if html is None or text.html is None:
        return None, None
    return text_content(html, text.html), html.content


def shared_values(message: Message) -> Mapping[str, Any]:
    """The values that all its recipients share: those it was given, and the white label's brand."""
    brand = (message.letterhead or {}).get("brand")
    return {"brand": brand, **message.values} if brand else message.values


def _unsubscribe_url(values: Mapping[str, object]) -> str:
    return str(values["unsubscribe_url"])


def variables_of(text: TemplateText | None) -> frozenset[str]:
    """The values that any part of it asks for."""
    return frozenset(name for template in _templates_of(text) for name in template.variables)


def missing_in(text: TemplateText | None, values: Mapping[str, object]) -> set[str]:
    """Names of values that the text prints and that are not among these."""
    return {name for template in _templates_of(text) for name in template.missing(values)}


def recipient(
    public_id: str,
    position: int,
    *,
    email: str,
    name: str,
    date: datetime,
    shared: Mapping[str, Any],
    own: Mapping[str, Any] | None,
    link: Link | None = None,
) -> compose.Recipient:
    """One delivery for the composer; each copy has the same seed and date, so the same bytes.

    Its own values come before those of the message, and before the address and name that
    every template may use; the link to unsubscribe is nobody's to choose.
    """
    values = {"email": email, "name": name, **shared} if name else {"email": email, **shared}
    if own:
        values.update(own)
    if link is not None:
        values["unsubscribe_url"] = link(email)
    return compose.Recipient(email, f"{public_id}.{position}", date, name, values)


def check(
    message: Message,
    text: TemplateText | None,
    files: Sequence[File],
    recipients: Sequence[Recipient],
) -> None:
    """Write the mail before it is promised, so that what cannot be written is refused now.

    Raises:
        Refusal: it cannot be written, takes too long, or values are missing; nothing was stored.
    """
    link = link_of(db.session(), message)
    writer = compiled(message, text, files, link=link)
    begun = thread_time()
    for position, who in enumerate(recipients[:TRIED_AT_ACCEPT], start=1):
        written = recipient(
            message.public_id,
            position,
            email=str(who.mailbox.address),
            name=who.mailbox.name,
            date=message.send_at or message.created_at,
            shared=shared_values(message),
            own=who.values,
            link=link,
        )
        missing = missing_in(text, written.values)
        if missing:
            raise Refusal(
                "variables_missing",
                _("The template needs values for: %(names)s.", names=", ".join(sorted(missing))),
                field="variables",
            )
        writer.render(written)
        if text and thread_time() - begun > max(LONGEST_TRIAL, LONGEST_EACH * position):
            raise Refusal(
                "template_slow",
                _("Writing this mail takes too long. Simplify what the template computes."),
                field="template",
            )


def _templates_of(text: TemplateText | None) -> list[merge.Template]:
    if text is None:
        return []
    templates = [subject_template(text.subject)]
    written = text.text if text.text is not None else text.derived_text
    if written is not None:
        templates.append(_body(written))
    if text.html is not None:
        templates.append(_html(text.html))
    return templates


# Texts of a version never change, so their parsed forms may be kept by source.


@lru_cache(maxsize=256)
def subject_template(source: str) -> merge.Template:
    """A template's subject, parsed; a list of mails asks for the same few again and again."""
    return merge.parse_subject(source)


@lru_cache(maxsize=256)
def _body(source: str) -> merge.Template:
    return merge.parse(source)


@lru_cache(maxsize=256)
def _html(source: str) -> merge.Template:
    return merge.parse(source, is_html=True)


def _mailbox(item: Mapping[str, str]) -> Mailbox:
    return Mailbox(parse_address(item["email"]), item["name"])
