"""A token service as Microsoft's, on loopback: it checks what that checks and says what that says.

    with TokenEndpoint() as endpoint:
        ... authority: endpoint.authority, tenant: TENANT, client: CLIENT, secret: SECRET ...
        assert endpoint.given == ["token-1"]

Words and codes are those of Microsoft's identity platform. Dovecot asks `/introspect` whether a
token is good and whose it is (RFC 7662). `misbehave` makes it answer something else, once.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

TENANT = "8f3c1d2e-5b6a-4c7d-9e8f-0a1b2c3d4e5f"
CLIENT = "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d"
SECRET = "abc8Q~the-value-of-a-client-secret_"
MAILBOX = "news@acme.example"
SCOPE = "https://outlook.office365.com/.default"


@dataclass(frozen=True)
class Odd:
    """An answer that is none of the usual ones; `body` in pieces, with a pause before each."""

    status: int = 200
    body: tuple[bytes, ...] = (b"",)
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One question, as it came."""

    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


class TokenEndpoint:
    """Listens from `with` on. `certificate` (a PEM file) makes it speak TLS."""

    def __init__(self, *, certificate: Path | None = None, name: str = "127.0.0.1") -> None:
        self.asked: list[Asked] = []
        self.given: list[str] = []
        self.life: Any = 3599  # seconds, as it says it
        self.secret = SECRET
        self.is_expired = False  # the client secret
        self.has_consent = True  # else tokens are given, and no mail server takes them
        self.pause = 0.0  # before each answer
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._odd: deque[Odd] = deque()
        self._in_turn = threading.Lock()  # no two get the same token, or the same odd answer
        self._is_closing = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint._answer(self)

            def do_GET(self) -> None:
                _say(self, 405, {"error": "invalid_request"})

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.port: int = self._server.server_address[1]
        self.authority = f"{scheme}://{name}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    @property
    def good(self) -> str:
        """The token that mail servers take: the last one."""
        return self.given[-1]

    def misbehave(self, odd: Odd, *, times: int = 1) -> None:
        """Answer like this the next time, or the next times."""
        self._odd.extend([odd] * times)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", "0"))
        text = handler.rfile.read(length).decode()
        fields = {name: values[0] for name, values in parse_qs(text).items()}
        path = urlsplit(handler.path).path
        if path == "/introspect":
            token = fields.get("token", "")
            is_active = self.has_consent and token in self.given
            _say(handler, 200, {"active": is_active, "username": MAILBOX if is_active else ""})
            return
        self.asked.append(Asked(path, fields, dict(handler.headers.items())))
        self._is_closing.wait(self.pause)
        while not self.may_answer.wait(0.02) and not self._is_closing.is_set():
            pass
        with self._in_turn:
            odd = self._odd.popleft() if self._odd else None
        if odd is not None:
            _say_odd(handler, odd, self._is_closing)
            return
        content_type = handler.headers.get("Content-Type", "")
        with self._in_turn:
            status, said = self._judge(path, content_type, fields)
        _say(handler, status, said)

    def _judge(
        self, path: str, content_type: str, fields: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """What the real one checks, in its order."""
        tenant, _, service = path.lstrip("/").partition("/")
        if service != "oauth2/v2.0/token" or content_type != "application/x-www-form-urlencoded":
            return 404, {}
        if tenant not in (TENANT, "acme.onmicrosoft.com"):
            return _no(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        for needed in ("grant_type", "client_id", "client_secret", "scope"):
            if needed not in fields:
                words = f"The request body must contain the following parameter: '{needed}'."
                return _no(400, "invalid_request", 900144, words)
        if fields["grant_type"] != "client_credentials":
            words = f"The app requested an unsupported grant type '{fields['grant_type']}'."
            return _no(400, "unsupported_grant_type", 70003, words)
        if fields["client_id"] != CLIENT:
            words = (
                f"Application with identifier '{fields['client_id']}' was not found in the "
                f"directory 'Acme'. This can happen if the application has not been installed."
            )
            return _no(400, "unauthorized_client", 700016, words)
        if fields["client_secret"] != self.secret:
            words = (
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                "the client secret value, not the client secret ID, for a secret added to app "
                f"'{CLIENT}'."
            )
            return _no(401, "invalid_client", 7000215, words)
        if self.is_expired:
            words = (
                f"The provided client secret keys for app '{CLIENT}' are expired. Visit the Azure "
                "portal to create new keys for your app."
            )
            return _no(401, "invalid_client", 7000222, words)
        if fields["scope"] != SCOPE:
            words = f"The provided value for scope {fields['scope']} is not valid."
            return _no(400, "invalid_scope", 1002012, words)
        self.given.append(f"token-{len(self.given) + 1}")
        return 200, {
            "token_type": "Bearer",
            "expires_in": self.life,
            "ext_expires_in": self.life,
            "access_token": self.given[-1],
        }


def _no(status: int, error: str, code: int, words: str) -> tuple[int, Mapping[str, Any]]:
    trace = "3f0a3f5e-7e5b-4f0e-9c0b-0d1c2b3a4f5e"
    return status, {
        "error": error,
        "error_description": f"AADSTS{code}: {words} Trace ID: {trace} Correlation ID: {trace}",
        "error_codes": [code],
        "trace_id": trace,
        "correlation_id": trace,
    }


def _say(handler: BaseHTTPRequestHandler, status: int, said: Mapping[str, Any]) -> None:
    body = json.dumps(said).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json; charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _say_odd(handler: BaseHTTPRequestHandler, odd: Odd, is_closing: threading.Event) -> None:
    handler.close_connection = True
    try:
        handler.send_response(odd.status)
        for name, value in odd.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        for piece in odd.body:
            is_closing.wait(odd.pause)
            handler.wfile.write(piece)
            handler.wfile.flush()
    except OSError:
        pass  # whoever asked had enough


def slowly(data: bytes, *, pause: float) -> Odd:
    """A good status, and a body byte by byte."""
    return Odd(body=tuple(bytes([byte]) for byte in data), pause=pause)


def endless() -> Odd:
    """More than anybody wants to read."""
    return Odd(body=(b" " * 65536,) * 64)
