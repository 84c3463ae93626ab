"""Where a notice about an SMTP server leads: to its page, in the portal of whoever reads it."""

from __future__ import annotations

from portal.accounts.models import Person
from portal.notices.post import letterhead_of
from portal.smtp_settings.models import SmtpServer


def link_to(server: SmtpServer, reader: Person, *, below: str = "") -> str:
    """The address of its page, or of one below it."""
    place = "/backoffice/settings/communication" if server.is_platform else ""
    return f"{letterhead_of(reader).origin}{place}/servers/{server.id}{below}"
