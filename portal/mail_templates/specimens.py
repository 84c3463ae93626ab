"""The texts to look at or to try a server with."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager

from portal.core.db import db
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.white_labels.models import WhiteLabel


def newest_texts(white_label: WhiteLabel | None) -> Sequence[TemplateText]:
    """What the templates in use say now, in each language they have, by name and language."""
    owner = MailTemplate.white_label_id
    newest = (
        select(func.max(TemplateVersion.number))
        .where(TemplateVersion.template_id == MailTemplate.id)
        .correlate(MailTemplate)
        .scalar_subquery()
    )
    query = (
        select(TemplateText)
        .join(TemplateText.version)
        .join(TemplateVersion.template)
        .where(
            owner.is_(None) if white_label is None else owner == white_label.id,
            MailTemplate.archived_at.is_(None),
            TemplateVersion.number == newest,
        )
        .options(contains_eager(TemplateText.version).contains_eager(TemplateVersion.template))
    )
    return db.session.scalars(query.order_by(MailTemplate.name, TemplateText.language)).all()
