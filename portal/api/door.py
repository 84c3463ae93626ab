"""The API's door: who asks is known from the key before anything else happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Blueprint, Response, g, jsonify, request
from pydantic import BaseModel, ValidationError

from portal.api.problems import Problem
from portal.apps import keys
from portal.apps.models import ApiKey, KeyKind
from portal.audit.trail import Actor, acting
from portal.core.db import db, reading
from portal.core.errors import Refusal
from portal.core.words import _
from portal.outbox import idempotency

Body = TypeVar("Body", bound=BaseModel)
MAX_BODY = 16 * 1024 * 1024
"""Bytes of one request: 10 MB of attachments, a third more as base64, and the rest."""

OPEN_ENDPOINTS = {"api.openapi", "api.page"}
QUERIES: Mapping[str, tuple[str, ...]] = {"api.messages": ("status", "to", "after")}
"""What may stand behind the question mark of a call; behind all others nothing."""

bp = Blueprint("api", __name__, url_prefix="/api/v1")


@bp.before_request
def know_the_key() -> None:
    """Every endpoint but the description wants a key; there is nothing to forget."""
    request.max_content_length = MAX_BODY
    if request.endpoint in OPEN_ENDPOINTS:
        return
    g.held = held = ExitStack()
    if request.method in ("GET", "HEAD"):
        held.enter_context(reading())  # who only looks does not wait for those who write
    key = keys.authenticate(request.headers.get("Authorization"))
    here = getattr(g, "white_label", None)
    if key is None or (here is not None and here.id != key.app.white_label_id):
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            _("A valid API key is needed: Authorization: Bearer lv_live_…"),
            headers={"WWW-Authenticate": 'Bearer realm="livery"'},
        )
    g.api_key = key
    held.enter_context(acting(Actor(f"app {key.app.name}", None, request.remote_addr or "")))
    _refuse_unknown_query()


@bp.teardown_request
def let_go(_error: BaseException | None) -> None:
    held = g.pop("held", None)
    if held is not None:
        db.session.rollback()
        held.close()


def key() -> ApiKey:
    """The key of this request."""
    known: ApiKey = g.api_key
    return known


def refuse_test_key() -> None:
    """A test key tries things out: nothing that really leaves is begun, changed or stopped by it.

    Raises:
        Refusal: ``test_key``.
    """
    if key().kind is KeyKind.TEST:
        words = _("A test key launches and changes no campaign, and cancels test messages only.")
        raise Refusal("test_key", words)


def read(model: type[Body]) -> Body:
    """The body of this request as `model`; what does not fit is named field by field."""
    if not request.is_json:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            _("Send the body as application/json."),
        )
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise Problem.malformed(error) from None


def _refuse_unknown_query() -> None:
    """A misspelt filter that is ignored gives everything, and looks like an answer."""
    known = QUERIES.get(request.endpoint or "", ())
    words = _("This call has no such parameter.")
    errors = [
        {"field": name, "code": "parameter_unknown", "message": words}
        for name in request.args
        if name not in known
    ]
    if errors:
        raise Problem(HTTPStatus.BAD_REQUEST, "parameter_unknown", words, errors=errors)


def answer_once(status: HTTPStatus) -> Callable[[Callable[[], Any]], Callable[[], Response]]:
    """Let a view answer each `Idempotency-Key` only once.

    The view does its work and returns the answer; work, answer and key are committed together.
    """

    def decorate(view: Callable[[], Any]) -> Callable[[], Response]:
        @wraps(view)
        def answer() -> Response:
            name = request.headers.get("Idempotency-Key")
            if name is None:
                body = view()
                db.session.commit()
                return _sent(body, status)
            if not 0 < len(name) <= idempotency.LONGEST_KEY:
                raise Problem(
                    HTTPStatus.BAD_REQUEST,
                    "idempotency_key_malformed",
                    _("An idempotency key has 1 to 255 characters."),
                )
            mark = idempotency.fingerprint(request.path, request.get_data())
            before = idempotency.first_answer(key().app_id, name, mark)
            if before is not None:
                db.session.rollback()
                return _sent(before, status, {"Idempotent-Replayed": "true"})
            body = view()
            idempotency.keep_answer(key().app_id, name, body)
            db.session.commit()
            return _sent(body, status)

        return answer

    return decorate


def _sent(body: Any, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    response = jsonify(body)
    response.status_code = status
    response.headers.update(headers or {})
    return response
