"""Errors as problem details (RFC 9457) with a stable `code`, and the fields at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from flask import Blueprint, Response, jsonify
from pydantic import ValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException

from portal.core.db import db, is_race
from portal.core.errors import NotFound, Refusal
from portal.core.words import _

CONFLICTS = frozenset(
    {"idempotency_key_reused", "too_late", "not_held", "not_running", "not_paused"}
)
MOST_ERRORS = 10_000
"""That are named: ten in each message of a batch. A million of them made an answer of 100 MB."""
log = structlog.get_logger()


class Problem(Exception):
    """An answer that says no."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    @classmethod
    def malformed(cls, error: ValidationError) -> Problem:
        """The body does not have the form that the description gives."""
        if error.error_count() > MOST_ERRORS:
            return cls(HTTPStatus.BAD_REQUEST, "malformed", _("This request could not be read"))
        errors = [
            {"field": _path(item["loc"]), "code": item["type"], "message": item["msg"]}
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        if any(item["code"] == "json_invalid" for item in errors):
            return cls(HTTPStatus.BAD_REQUEST, "json_invalid", errors[0]["message"])
        words = _("The body is not as described; see errors.")
        return cls(HTTPStatus.BAD_REQUEST, "malformed", words, errors=errors)

    @classmethod
    def refused(cls, refusal: Refusal) -> Problem:
        """The rules say no."""
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if isinstance(refusal, NotFound) and refusal.field is None:
            status = HTTPStatus.NOT_FOUND
        elif refusal.code in CONFLICTS:
            status = HTTPStatus.CONFLICT
        errors = []
        if refusal.field:
            errors = [{"field": refusal.field, "code": refusal.code, "message": refusal.words}]
        return cls(status, refusal.code, refusal.words, errors=errors)

    def response(self) -> Response:
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        response = jsonify(body)
        response.status_code = self.status
        response.content_type = "application/problem+json"
        response.headers.update(self.headers)
        return response


def handle(bp: Blueprint) -> None:
    """Answer every fault of the API's views as a problem; nothing half done is kept."""

    @bp.errorhandler(Problem)
    def problem(fault: Problem) -> Response:
        db.session.rollback()
        return fault.response()

    @bp.errorhandler(Refusal)
    def refused(fault: Refusal) -> Response:
        db.session.rollback()
        return Problem.refused(fault).response()

    @bp.errorhandler(HTTPException)
    def http(fault: HTTPException) -> Response:
        db.session.rollback()
        status = HTTPStatus(fault.code or 500)
        code = status.phrase.lower().replace(" ", "_")
        return Problem(status, code, fault.description or status.phrase).response()

    @bp.errorhandler(OperationalError)
    def store(fault: OperationalError) -> Response:
        """The store cannot write (full, locked, gone): nothing was promised, so come again."""
        db.session.rollback()
        log.error("the store does not answer", fault=str(fault.orig))
        return _not_stored("30").response()

    @bp.errorhandler(IntegrityError)
    def overtaken(fault: IntegrityError) -> Response:
        """Somebody else wrote at the same moment what this rests on; the next look tells."""
        db.session.rollback()
        if not is_race(fault):
            raise fault
        log.warning("somebody else was faster", fault=type(fault.orig).__name__)
        return _not_stored("1").response()

    @bp.errorhandler(DataError)
    def unfit(fault: DataError) -> Response:
        """What no store can take: a NUL in a text, a number beyond all ids."""
        db.session.rollback()
        log.warning("the store cannot take this", fault=str(fault.orig))
        return Problem(
            HTTPStatus.BAD_REQUEST, "malformed", _("This request could not be read")
        ).response()


def _not_stored(retry_after: str) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "store_unavailable",
        _("The message could not be stored. Nothing was accepted; try again."),
        headers={"Retry-After": retry_after},
    )


def _path(place: tuple[int | str, ...]) -> str:
    """``to[0].email`` from pydantic's location."""
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
