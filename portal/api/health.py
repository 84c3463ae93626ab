"""What machines ask: is the process there, is it ready, and in numbers."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, TypeVar

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from portal.delivery import status

bp = Blueprint("health", __name__)
View = TypeVar("View", bound=Callable[..., Any])


def at_any_host(view: View) -> View:
    """A probe asks by address: it gets its answer whatever name it used."""
    view.answers_any_host = True  # type: ignore[attr-defined]
    return view


@bp.get("/healthz")
@at_any_host
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
@at_any_host
def readyz() -> tuple[Response, int]:
    """Database, workers and the oldest mail that is due; 503 names what is not well."""
    report = status.readiness()
    code = HTTPStatus.OK if report.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    body = jsonify(status="ok" if report.is_ready else "not ready", checks=report.checks)
    return body, code


@bp.get("/metrics")
@at_any_host
def metrics() -> Response:
    """Prometheus text; for loopback, or with the configured bearer token."""
    token = current_app.config["LIVERY"].metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = token is not None and hmac.compare_digest(given, token)
    is_local = request.remote_addr is not None and ip_address(request.remote_addr).is_loopback
    if not by_token and not is_local:
        abort(HTTPStatus.NOT_FOUND)
    return Response(generate_latest(status.registry()), mimetype=CONTENT_TYPE_LATEST)
