"""Headers of every answer, errors and static files included: what a browser may do with it.

Measured against Mozilla's HTTP Observatory and OWASP's list of secure headers.
"""

from __future__ import annotations

from flask import Flask, Response, request

from portal.config import Config

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
PERMISSIONS = {
    "camera": "()",
    "microphone": "()",
    "geolocation": "()",
    "payment": "()",
    "usb": "()",
    "browsing-topics": "()",
    "clipboard-write": "(self)",
    "publickey-credentials-create": "(self)",
    "publickey-credentials-get": "(self)",
}
TWO_YEARS = 2 * 365 * 24 * 60 * 60
ONE_YEAR = TWO_YEARS // 2


def policy(**changes: str) -> str:
    """The content security policy; a page that needs more names it: ``frame_src="'self'"``."""
    rules = POLICY | {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def open_headers(app: Flask) -> None:
    """Put the headers on every answer; a view that set one of them itself keeps its own."""
    config: Config = app.config["LIVERY"]
    fixed = {
        "Content-Security-Policy": policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{name}={value}" for name, value in PERMISSIONS.items()),
    }
    if config.is_https:
        # Without its subdomains: a white label's name may have neighbours that are not ours.
        fixed["Strict-Transport-Security"] = f"max-age={TWO_YEARS}"

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static":
            if "v" in request.args:  # the address changes with the file
                response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
