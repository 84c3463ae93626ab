"""Where `flask` and gunicorn find the application."""

from __future__ import annotations

from portal import create_app

app = create_app()
