"""How much a form may send: the usual little, unless its view says that it takes files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

View = TypeVar("View", bound=Callable[..., Any])


def takes_files(size: int) -> Callable[[View], View]:
    """Let a request to this view have so many bytes; what is more is refused unread (413)."""

    def mark(view: View) -> View:
        view.takes = size  # type: ignore[attr-defined]
        return view

    return mark


def open_uploads(app: Flask) -> None:
    """Set the limit before anybody reads the form."""

    @app.before_request
    def limit() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        size = getattr(view, "takes", None)
        if size is not None:
            request.max_content_length = size
