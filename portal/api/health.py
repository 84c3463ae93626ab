"""What machines ask: is the process there, is it ready, and in numbers.

A probe asks by address, so these answer whatever name it used (`portal.web.site.ON_ANY_HOST`).
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from ipaddress import ip_address

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from portal.delivery import status

ADDED_BY_PROXIES = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via")
"""Headers that tell of somebody who asks by way of a proxy (RFC 7239, RFC 9110 7.6.3)."""

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
    """Prometheus text; for this machine itself, or with the configured bearer token."""
    token = current_app.config["LIVERY"].metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    # As bytes: of texts, only those of ASCII signs can be compared.
    by_token = token is not None and hmac.compare_digest(given.encode(), token.encode())
    if not by_token and not _is_local():
        abort(HTTPStatus.NOT_FOUND)
    return Response(generate_latest(status.registry()), mimetype=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    """Whether this very machine asks, and for itself.

    Behind a proxy on this machine that is not among the trusted ones, everybody comes from
    loopback. What is no address, as behind a Unix socket, is anybody.
    """
    if any(name in request.headers for name in ADDED_BY_PROXIES):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
