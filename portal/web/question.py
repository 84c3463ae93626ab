"""What an address asks for, asked again elsewhere: on another page of the list, or of its CSV."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, request, url_for


def open_question(app: Flask) -> None:
    """Give templates `same_question()`."""
    app.jinja_env.globals["same_question"] = same_question


def same_question(endpoint: str, **changes: object) -> str:
    """The address of this endpoint with what stands behind the question mark of this page.

    `changes` come on top; None takes a parameter away. What a reader has typed into the address
    never becomes an argument of `url_for`: there `_scheme` or `endpoint` would mean something.
    """
    asked = {**request.args.to_dict(), **changes}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    address = url_for(endpoint, **(request.view_args or {}))
    return f"{address}?{query}" if query else address
