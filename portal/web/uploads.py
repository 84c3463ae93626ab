"""What a form may send: the usual little, unless its view says that it takes files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request, current_app, request, session
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from portal.core.secret import Secret
from portal.web.guard import SAFE_METHODS, would_admit

View = TypeVar("View", bound=Callable[..., Any])
SIGNED_IN = "_user_id"
"""Where Flask-Login leaves the token in the cookie; only the row says whether it is still good."""


class NamedParts(FormDataParser):
    """Every part of a form has a name (RFC 7578, 4.2); whoever looks through them relies on it."""

    def parse(self, *args: Any, **options: Any) -> Any:
        stream, form, files = super().parse(*args, **options)
        if None in form or None in files:
            for several in files.listvalues():
                for file in several:
                    file.close()
            raise BadRequest
        return stream, form, files


class FormRequest(Request):
    form_data_parser_class = NamedParts


def takes_files(size: int) -> Callable[[View], View]:
    """Let a request to this view have so many bytes; what is more is refused unread (413).

    Whoever may not open the view keeps to the usual little: nobody fills the disk before the
    guard asks.
    """

    def mark(view: View) -> View:
        view.takes = size  # type: ignore[attr-defined]
        return view

    return mark


def open_uploads(app: Flask) -> None:
    """Set the limit before anybody reads the form, the check of its token included."""
    app.request_class = FormRequest

    @app.before_request
    def limit() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        size = getattr(view, "takes", None)
        token = session.get(SIGNED_IN)
        if size is None or token is None or request.method in SAFE_METHODS:
            return
        if would_admit(request.endpoint or "", Secret(token)):
            request.max_content_length = size
