"""How much a form may send: the usual little, unless its view says that it takes files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request, session

View = TypeVar("View", bound=Callable[..., Any])
SIGNED_IN = "_user_id"
"""What Flask-Login leaves in the signed cookie of somebody who is signed in."""


def takes_files(size: int) -> Callable[[View], View]:
    """Let a request to this view have so many bytes; what is more is refused unread (413).

    A stranger's request keeps to the usual little: nobody fills the disk before the guard asks.
    """

    def mark(view: View) -> View:
        view.takes = size  # type: ignore[attr-defined]
        return view

    return mark


def open_uploads(app: Flask) -> None:
    """Set the limit before anybody reads the form, the check of its token included."""

    @app.before_request
    def limit() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        size = getattr(view, "takes", None)
        if size is not None and SIGNED_IN in session:
            request.max_content_length = size
