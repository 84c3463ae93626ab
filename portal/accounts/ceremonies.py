"""The two ceremonies of WebAuthn (Level 3, section 7): a key is made, a key answers.

Loaded by the first of them, for its library is 6 MB and most processes never see a passkey. It
knows no database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, structs
from webauthn.helpers.exceptions import WebAuthnException

from portal.accounts.models import Person

_FAULTS = (WebAuthnException, ValueError, KeyError, TypeError, RecursionError)
"""What the library raises at an answer that is none, or one of brackets within brackets."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the browser is asked to sign, and the challenge to compare the answer with."""

    options: str  # JSON for the browser
    challenge: str


@dataclass(frozen=True, slots=True)
class MadeKey:
    """What a browser answers when it has made a key."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Ceremony:
    """Either ceremony at one host."""

    host: str

    def ask_for_new(self, person: Person, *, place: str, known: Sequence[bytes]) -> Question:
        """Ask for a key that is none of those `known`; `place` is the name its owner sees."""
        options = webauthn.generate_registration_options(
            rp_id=self.host,
            rp_name=place,
            user_id=str(person.id).encode(),
            user_name=person.email,
            user_display_name=person.name,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=key) for key in known],
        )
        return Question(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))

    def made(self, answer: str, *, challenge: str, origin: str) -> MadeKey | None:
        """The new key; None where the answer does not belong to the question or to this host."""
        try:
            verified = webauthn.verify_registration_response(
                credential=answer,
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self.host,
                expected_origin=origin,
                require_user_verification=True,
            )
        except _FAULTS:
            return None
        return MadeKey(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def ask_for_any(self) -> Question:
        """Ask for any key of this host; its owner chooses which."""
        options = webauthn.generate_authentication_options(
            rp_id=self.host, user_verification=structs.UserVerificationRequirement.REQUIRED
        )
        return Question(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))

    def key_in(self, answer: str) -> bytes | None:
        """Which key answers, as it says itself."""
        try:
            return base64url_to_bytes(json.loads(answer)["id"])
        except _FAULTS:
            return None

    def count_in(
        self, answer: str, *, challenge: str, origin: str, public_key: bytes, count: int
    ) -> int | None:
        """How often this key has signed; None where the answer is not of it, or is no answer."""
        try:
            verified = webauthn.verify_authentication_response(
                credential=answer,
                expected_challenge=base64url_to_bytes(challenge),
                expected_rp_id=self.host,
                expected_origin=origin,
                credential_public_key=public_key,
                credential_current_sign_count=count,
                require_user_verification=True,
            )
        except _FAULTS:
            return None
        return verified.new_sign_count
