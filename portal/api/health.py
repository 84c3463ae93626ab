"""What machines ask: is the process there, is it ready, and in numbers."""

from __future__ import annotations

import hmac
from http import HTTPStatus
from ipaddress import ip_address

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from portal.delivery import status

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Database, workers and the oldest mail that is due; 503 names what is not well."""
    report = status.readiness()
    code = HTTPStatus.OK if report.is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    body = jsonify(status="ok" if report.is_ready else "not ready", checks=report.checks)
    return body, code


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus text; for loopback, or with the configured bearer token."""
    token = current_app.config["LIVERY"].metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_token = token is not None and hmac.compare_digest(given, token)
    is_local = request.remote_addr is not None and ip_address(request.remote_addr).is_loopback
    if not by_token and not is_local:
        abort(HTTPStatus.NOT_FOUND)
    return Response(generate_latest(status.registry()), mimetype=CONTENT_TYPE_LATEST)
