"""Signing in: which mechanism, and what is said. One mechanism for one attempt.

Pure.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from portal.core.secret import Secret
from portal.smtp.target import Auth, Basic, Bearer, Credentials, Grant


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A SASL mechanism: its first answer (or None: the server speaks first), then the others.

    `answers` gets the server's challenges one by one and is asked for one answer to each.
    """

    name: str
    first: bytes | None
    answers: Callable[[bytes], bytes]
    explains: bool = False  # a challenge after our first answer tells why it is refused


def choose(auth: Credentials, offered: Collection[str], *, is_encrypted: bool) -> Mechanism | None:
    """The mechanism to sign in with, or None if the server offers none that fits.

    Under TLS the plain ones come first: they are what providers test with, and CRAM-MD5 obliges
    the server to store the password itself. In clear CRAM-MD5 at least keeps it off the wire.
    """
    if isinstance(auth, Bearer):
        return _xoauth2(auth) if "XOAUTH2" in offered else None
    order = (_plain, _login, _cram_md5) if is_encrypted else (_cram_md5, _plain, _login)
    known = (make(auth) for make in order)
    return next((mechanism for mechanism in known if mechanism.name in offered), None)


def secrets_of(auth: Auth | None) -> Iterator[Secret]:
    """The secret and the blobs that carry it: what a server could repeat to us."""
    match auth:
        case Basic(username, password):
            yield password
            yield Secret(f"\0{username}\0{password.reveal()}")
        case Bearer(username, token):
            yield token
            yield Secret(_bearer_text(username, token))
        case Grant():
            yield auth.client_secret
        case None:
            return


def decode_challenge(text: str) -> bytes:
    """What stands after a 334. Unreadable is empty: CRAM-MD5 then fails, others do not need it."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _plain(auth: Basic) -> Mechanism:
    """RFC 4616."""
    blob = f"\0{auth.username}\0{auth.password.reveal()}".encode()
    return Mechanism("PLAIN", blob, _repeat(blob))


def _login(auth: Basic) -> Mechanism:
    """No standard, but everywhere. Prompts differ between servers; the order never does."""
    parts = iter((auth.username.encode(), auth.password.reveal().encode()))
    return Mechanism("LOGIN", None, lambda _challenge: next(parts, b""))


def _cram_md5(auth: Basic) -> Mechanism:
    """RFC 2195."""

    def answer(challenge: bytes) -> bytes:
        digest = hmac.new(auth.password.reveal().encode(), challenge, "md5").hexdigest()
        return f"{auth.username} {digest}".encode()

    return Mechanism("CRAM-MD5", None, answer)


def _xoauth2(auth: Bearer) -> Mechanism:
    """https://developers.google.com/gmail/imap/xoauth2-protocol, the same at Microsoft.

    A refused token is answered with 334 and an error in JSON; an empty line brings on the 535.
    """
    blob = _bearer_text(auth.username, auth.token).encode()
    return Mechanism("XOAUTH2", blob, lambda _challenge: b"", explains=True)


def _bearer_text(username: str, token: Secret) -> str:
    return f"user={username}\x01auth=Bearer {token.reveal()}\x01\x01"


def _repeat(blob: bytes) -> Callable[[bytes], bytes]:
    return lambda _challenge: blob
