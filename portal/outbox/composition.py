"""From a stored message to what the composer needs: one place for accepting and for sending."""

from __future__ import annotations

from collections.abc import Sequence

from portal.mail_templates.models import TemplateText
from portal.outbox.models import Message
from portal.outbox.submission import File, Recipient


def check(
    message: Message,
    text: TemplateText | None,
    files: Sequence[File],
    recipients: Sequence[Recipient],
) -> None:
    """Write the mail once to see that it can be written."""
