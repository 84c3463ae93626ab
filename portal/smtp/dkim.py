"""DKIM: the domain of a message's From vouches for it with a signature in the header (RFC 6376).

Pure. `rsa-sha256` with 2048 bits, `relaxed/relaxed`: a relay may fold the header anew and drop
spaces at the ends of lines. Signed is what the reader's server will see, which is what the composer
wrote (7-bit, CRLF only, lines under 998) without the dots that were doubled for the wire.

There is no `l=` (RFC 6376 8.2: whatever was appended would pass as signed), and neither `t=` nor
`x=`: every copy of a delivery is byte for byte the same, and the signed Date tells its age.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from portal.core.secret import Secret

KEY_BITS = 2048
"""RFC 8301 3.2: signers use at least this; a key of 4096 bits is over what some verifiers take."""

ONE_ONLY = (b"from", b"to", b"cc", b"reply-to", b"subject", b"date", b"message-id")
"""Fields that readers are shown or sort by, and that a message has once (RFC 5322 3.6).

They are named once more than they are there, those that are absent too: nobody can put another
one above ours and have the signature vouch for it (RFC 6376 8.15).
"""
IF_PRESENT = (
    *(b"mime-version", b"content-type", b"content-transfer-encoding"),
    *(b"in-reply-to", b"references", b"list-unsubscribe", b"list-unsubscribe-post"),
)
"""Fields that are signed as they are (RFC 6376 5.4.1, RFC 8058 4). Named once: relays add a missing
Content-Transfer-Encoding, and a list its own fields, without changing what the message says."""

_SIGNED = frozenset(ONE_ONLY + IF_PRESENT)
_LINE = 72
_Opening = tuple[bytes, bytes]
"""A signature's own field up to its body hash: as it is shown, and relaxed."""
_PADDING = padding.PKCS1v15()
_DIGEST = SHA256()


def new_key() -> Secret:
    """A private key, as it is sealed and stored: PKCS #8 in base64."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    encoded = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Secret(base64.b64encode(encoded).decode())


def public_key(key: Secret) -> str:
    """The public half in base64, as `p=` has it (RFC 6376 3.6.1)."""
    encoded = (
        _private_key(key)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(encoded).decode()


def record_name(selector: str, domain: str) -> str:
    """Where a verifier looks for the public key (RFC 6376 3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def record_text(public: str) -> str:
    """The TXT record with this public key; longer than one string of DNS, see RFC 6376 3.6.2.2."""
    return f"v=DKIM1; k=rsa; p={public}"


class Signer:
    """One key of one domain. Threads may share it."""

    __slots__ = ("_key", "_openings", "_tags")

    def __init__(self, key: Secret, *, domain: str, selector: str) -> None:
        self._key = _private_key(key)
        self._tags = f"v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d={domain}; s={selector};"
        self._openings: dict[tuple[tuple[bytes, ...], frozenset[bytes]], _Opening] = {}

    def sign(self, message: bytes, *, but: frozenset[bytes] = frozenset()) -> bytes:
        """The message with its signature on top; both are dot-stuffed for the wire.

        Args:
            but: fields, in lower case, that the next server is known to write anew.

        Raises:
            ValueError: a field that can be there once is there twice.
        """
        head, _blank, body = message.partition(b"\r\n\r\n")
        fields = relaxed_fields(head, but=but)
        hashed = sha256(relaxed_body(unstuffed(body))).digest()

        shown, opening = self._opening_for(tuple(fields), but)
        body_hash = base64.b64encode(hashed)
        to_sign = b"\r\n".join([*fields.values(), opening + body_hash + b"; b="])
        signature = self.rsa(to_sign)
        return b"".join([shown, body_hash, b";\r\n b=", _folded(signature), b"\r\n", message])

    def rsa(self, content: bytes) -> bytes:
        """The bare signature (PKCS #1 v1.5); nearly all of the time goes by in here."""
        return self._key.sign(content, _PADDING, _DIGEST)

    def _opening_for(self, present: tuple[bytes, ...], but: frozenset[bytes]) -> _Opening:
        known = self._openings.get((present, but))
        if known is None:
            once_more = [name for name in ONE_ONLY if name not in but]
            names = b":".join([*present, *once_more]).decode()
            value = f"{self._tags}\r\n h={_wrapped(names)};\r\n bh="
            known = (
                f"DKIM-Signature: {value}".encode(),
                b"dkim-signature:" + (value.replace("\r\n ", " ").encode()),
            )
            self._openings[present, but] = known
        return known


def relaxed_fields(head: bytes, *, but: frozenset[bytes] = frozenset()) -> Mapping[bytes, bytes]:
    """The fields that are signed, by name, as RFC 6376 3.4.2 has them, without their line ends.

    Raises:
        ValueError: one of them is there twice.
    """
    found: dict[bytes, bytes] = {}
    for line in head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        name = name.rstrip(b" \t").lower()
        if name in _SIGNED and name not in but:
            if name in found:
                raise ValueError(f"{name.decode()} is there twice")
            # The composer lets no other control characters through that split() would drop.
            found[name] = name + b":" + b" ".join(value.split())
    return found


def relaxed_body(body: bytes) -> bytes:
    """The body as RFC 6376 3.4.4 has it: no empty lines at its end, no runs of spaces."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    body = body.rstrip(b"\r\n ")
    return body + b"\r\n" if body else b""


def unstuffed(body: bytes) -> bytes:
    """Without the dots that SMTP doubles at the beginning of lines (RFC 5321 4.5.2)."""
    if body.startswith(b"."):
        body = body[1:]
    return body.replace(b"\r\n..", b"\r\n.") if b"\r\n.." in body else body


def _private_key(key: Secret) -> rsa.RSAPrivateKey:
    loaded = serialization.load_der_private_key(base64.b64decode(key.reveal()), password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return loaded


def _folded(signature: bytes) -> bytes:
    text = base64.b64encode(signature)
    return b"\r\n ".join([text[at : at + _LINE] for at in range(0, len(text), _LINE)])


def _wrapped(names: str) -> str:
    """The list of `h=` over several lines, which may break after a colon."""
    lines = [""]
    for name in names.split(":"):
        if len(lines[-1]) + len(name) > _LINE:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n ".join(lines).removesuffix(":")
