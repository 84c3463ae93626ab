"""What to say beside the form of a server, with regard to what its white label has proven."""

from __future__ import annotations

from portal.domains import allow_list
from portal.smtp_settings.presets import Advice
from portal.smtp_settings.values import ServerValues, domain_of, warnings_for
from portal.white_labels.models import WhiteLabel


def advice_for(
    white_label: WhiteLabel | None, values: ServerValues, *, from_email: str = ""
) -> list[Advice]:
    """`warnings_for` these settings in this white label; None: of the platform's own server."""
    domain = domain_of(from_email)
    is_approved = bool(white_label and domain and allow_list.may_send_from(white_label, domain))
    return warnings_for(values, from_email=from_email, is_approved=is_approved)
