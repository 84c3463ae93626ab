"""The banner that says which client secrets will expire, for those who can enter new ones."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, g

from portal.core import clock
from portal.smtp_settings import expiry
from portal.smtp_settings.expiry import Expiring


def open_expiring(app: Flask) -> None:
    """Give templates `expiring_secrets()`, which `shared/servers/expiring.html` shows."""
    app.jinja_env.globals["expiring_secrets"] = expiring_secrets


def expiring_secrets() -> Sequence[Expiring]:
    """Of the servers of this portal."""
    white_label_id = g.white_label.id if g.white_label else None
    return expiry.expiring(white_label_id, today=clock.now().date())
