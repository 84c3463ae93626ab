"""A stored message's route, decided anew: asked as it was asked when the message was accepted."""

from __future__ import annotations

from random import Random, SystemRandom

from sqlalchemy import select

from portal.core.db import db
from portal.mail_templates.models import TemplateText, TemplateVersion
from portal.outbox.models import Message
from portal.routing.decide import Decision, Facts, decide
from portal.routing.facts import Ask, gather
from portal.smtp.addresses import Mailbox, parse_address


def decide_again(message: Message, *, random: Random | None = None) -> tuple[Decision, Facts]:
    """What the rule says now. Nothing is written.

    Raises:
        Refusal: the sender, app or agent that was asked for is no longer there.
    """
    facts = gather(ask_of(message))
    return decide(facts, random or SystemRandom()), facts


def ask_of(message: Message) -> Ask:
    """The question that was asked when the message was accepted."""
    template_id = None
    if message.template_text_id is not None:
        template_id = db.session.scalar(
            select(TemplateVersion.template_id)
            .join(TemplateText, TemplateText.version_id == TemplateVersion.id)
            .where(TemplateText.id == message.template_text_id)
        )
    return Ask(
        white_label_id=message.white_label_id,
        app_id=message.app_id,
        author_id=message.author_id,
        agent_id=message.agent_id,
        sender=message.wanted_sender_id or message.wanted_from,
        template_id=template_id,
        recipients=message.recipients,
        reply_to=tuple(
            Mailbox(parse_address(item["email"]), item["name"]) for item in message.reply_to
        ),
    )
