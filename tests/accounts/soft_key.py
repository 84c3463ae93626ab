"""A security key made of software: answers WebAuthn questions as a browser and a key would."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT = 0x01
VERIFIED = 0x04
ATTESTED = 0x40


class SoftKey:
    """One credential on one key. It can be told to skip asking its owner for a finger."""

    def __init__(self, *, verifies_its_owner: bool = True, count: int = 0) -> None:
        self.id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._flags = PRESENT | (VERIFIED if verifies_its_owner else 0)
        self._count = count

    def create(self, options: str, *, origin: str) -> str:
        """The browser's answer to a question for a new passkey."""
        asked = json.loads(options)
        numbers = self._key.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        data = self._authenticator_data(asked["rp"]["id"], ATTESTED) + credential
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = _client_data("webauthn.create", asked["challenge"], origin)
        return self._answer(
            {
                "clientDataJSON": bytes_to_base64url(client),
                "attestationObject": bytes_to_base64url(attestation),
            }
        )

    def get(self, options: str, *, origin: str) -> str:
        """The browser's answer to a question for a sign-in."""
        asked = json.loads(options)
        self._count += 1
        data = self._authenticator_data(asked["rpId"], 0)
        client = _client_data("webauthn.get", asked["challenge"], origin)
        signed = data + hashlib.sha256(client).digest()
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": bytes_to_base64url(client),
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
                "userHandle": None,
            }
        )

    def _authenticator_data(self, host: str, flags: int) -> bytes:
        """WebAuthn 6.1: hash of the relying party's id, flags, counter."""
        return (
            hashlib.sha256(host.encode()).digest()
            + bytes([self._flags | flags])
            + self._count.to_bytes(4, "big")
        )

    def _answer(self, response: dict[str, Any]) -> str:
        name = bytes_to_base64url(self.id)
        answer = {"id": name, "rawId": name, "type": "public-key", "response": response}
        return json.dumps(answer)


def _client_data(kind: str, challenge: str, origin: str) -> bytes:
    assert base64url_to_bytes(challenge)
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()
