"""Programs: the HTTP API of version 1, and what machines ask about the process."""

from __future__ import annotations

from flask import Flask

from portal.api import campaigns, description, health, lists, messages, problems, route
from portal.api.door import bp

FAMILIES = (messages, campaigns, route, lists, description)
"""Importing a family is what adds its endpoints to the door."""

problems.handle(bp)


def open_door(app: Flask) -> None:
    """Serve `/api/v1`, `/healthz`, `/readyz` and `/metrics`."""
    app.register_blueprint(bp)
    app.register_blueprint(health.bp)
