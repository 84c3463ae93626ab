"""Programs: the HTTP API of version 1."""

from __future__ import annotations

from flask import Flask


def open_door(app: Flask) -> None:
    """Open this door of the application."""
