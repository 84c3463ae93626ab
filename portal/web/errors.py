"""Pages for what went wrong: in the portal's brand, with what happened and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import get_args

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from portal.core.db import LARGEST_ID, Race, db, is_race
from portal.core.errors import NotFound, Refusal
from portal.core.words import lazy
from portal.white_labels.platform import NotSetUp

log = structlog.get_logger()
RETRY_AFTER = "30"

WORDS = {
    400: (
        lazy("This request could not be read"),
        lazy("The form was damaged or open for too long. Go back, reload the page, try again."),
    ),
    403: (
        lazy("This is not for your role"),
        lazy("An admin can do this for you, or change your role."),
    ),
    404: (
        lazy("There is nothing here"),
        lazy("The page was moved or removed, or it was never yours to see."),
    ),
    405: (
        lazy("This address does not work like that"),
        lazy("Go to the page that it belongs to, and start from there."),
    ),
    409: (
        lazy("This cannot be done"),
        lazy("Go back, change what was sent, and try again."),
    ),
    413: (
        lazy("This is too large"),
        lazy("Send less at once, or a smaller file."),
    ),
    422: (
        lazy("This cannot be done"),
        lazy("Go back, change what was sent, and try again."),
    ),
    429: (
        lazy("Too many tries"),
        lazy("Wait a little, then try again."),
    ),
    500: (
        lazy("Something failed on our side"),
        lazy("It was noted. Nothing was half done. Try again in a minute."),
    ),
    503: (
        lazy("The store does not answer"),
        lazy("Nothing was lost and nothing was changed. Try again in a minute."),
    ),
}


def open_errors(app: Flask) -> None:
    """Answer every fault with a page."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(OperationalError, _store)
    app.register_error_handler(DataError, _unfit)
    for race in get_args(Race):
        app.register_error_handler(race, _overtaken)


def _http(fault: HTTPException) -> ResponseReturnValue:
    if fault.response is not None:
        return fault
    status = fault.code or 500
    headers = {
        name: value
        for name, value in fault.get_headers()
        if name in ("Allow", "Retry-After", "WWW-Authenticate")
    }
    return _page(status), status, headers


def _csrf(fault: CSRFError) -> ResponseReturnValue:
    log.info("a form without a valid token", path=request.path, why=fault.description)
    return _page(400), 400


def _refused(fault: Refusal) -> ResponseReturnValue:
    """A refusal that no form has shown."""
    db.session.rollback()
    if isinstance(fault, NotFound):
        return _page(404), 404
    if isinstance(fault, NotSetUp):
        return _page(503, fault.words), 503
    return _page(422, fault.words), 422


def _store(fault: OperationalError) -> ResponseReturnValue:
    """Busy, full or gone: the page needs nothing from it."""
    db.session.rollback()
    log.error("the store does not answer", fault=str(fault.orig))
    return _page(503), 503, {"Retry-After": RETRY_AFTER}


def _unfit(fault: DataError) -> ResponseReturnValue:
    """What no store can take: a NUL in a text, a number beyond all that ids can be."""
    db.session.rollback()
    log.warning("the store cannot take this", path=request.path, fault=str(fault.orig))
    numbers = [one for one in (request.view_args or {}).values() if isinstance(one, int)]
    status = 404 if any(number > LARGEST_ID for number in numbers) else 400
    return _page(status), status


def _overtaken(fault: Race) -> ResponseReturnValue:
    """Of two who take the same name at the same moment, or of whom one deletes what the other
    changes, the second."""
    db.session.rollback()
    if not is_race(fault):
        raise fault
    log.warning("somebody else was faster", path=request.path, fault=type(fault).__name__)
    return _page(409), 409


def _page(status: int, words: str | None = None) -> str | Response:
    known = status if status in WORDS else 400 if status < 500 else 500
    title, advice = WORDS[known]
    if request.path.startswith("/api/"):
        phrase = HTTPStatus(status).phrase
        code = phrase.lower().replace(" ", "_")
        problem = jsonify(
            type="about:blank", title=phrase, status=status, code=code, detail=words or str(title)
        )
        problem.content_type = "application/problem+json"
        return problem
    if "site" not in g:
        return f"{title}\n"
    # Whatever failed may fail again, so that this page does not ask who reads it.
    g.reads_as_nobody = status >= 500
    return render_template(
        "errors/page.html", status=status, title=title, words=words, advice=advice
    )
