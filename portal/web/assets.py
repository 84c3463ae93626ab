"""Addresses of static files that change with the file, so that a browser may keep it for a year."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, url_for


def open_assets(app: Flask) -> None:
    """Give templates `asset(name)`."""
    folder = Path(app.static_folder or "")

    @cache
    def version(name: str, _modified: int) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()[:10]

    def asset(name: str) -> str:
        path = folder / name
        mark = version(name, path.stat().st_mtime_ns) if path.is_file() else None
        return url_for("static", filename=name, v=mark)

    app.jinja_env.globals["asset"] = asset
