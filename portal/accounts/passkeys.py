"""Passkeys (WebAuthn Level 3): something that a device keeps, opened by its owner.

A passkey is made for one host and works there only. User verification is always asked for, so
that a passkey alone is two factors: the device, and the finger, face or PIN that opens it.

The library is 6 MB and loaded by the ceremonies only: most processes never see one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from portal.accounts import attempts
from portal.accounts.models import Passkey, Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _

CHALLENGE_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Question:
    """What the browser is asked to sign, and the challenge to compare the answer with."""

    options: str  # JSON for the browser
    challenge: str


def of_person(person: Person) -> Sequence[Passkey]:
    """The person's passkeys, oldest first."""
    query = select(Passkey).where(Passkey.person_id == person.id)
    return db.session.scalars(query.order_by(Passkey.id)).all()


def ask_to_register(person: Person, *, host: str, place: str) -> Question:
    """Ask the browser for a new passkey; `place` is the name that its owner sees."""
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import bytes_to_base64url, structs  # noqa: PLC0415

    options = webauthn.generate_registration_options(
        rp_id=host,
        rp_name=place,
        user_id=str(person.id).encode(),
        user_name=person.email,
        user_display_name=person.name,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(id=passkey.credential_id)
            for passkey in of_person(person)
        ],
    )
    return Question(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))


def register(
    person: Person, *, answer: str, challenge: str, host: str, origin: str, name: str
) -> Passkey:
    """Keep the passkey that the browser made.

    Raises:
        Refusal: the answer does not belong to the question, or to this host.
    """
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    _use_up(challenge)
    try:
        verified = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=host,
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as fault:
        raise _not_accepted() from fault
    passkey = Passkey(
        person_id=person.id,
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        name=name.strip()[:60] or _("Passkey"),
        host=host,
        created_at=clock.now(),
    )
    db.session.add(passkey)
    db.session.flush()
    trail.record(
        person.white_label_id, "person.passkey_added", _target(person), {"name": passkey.name}
    )
    return passkey


def ask_to_sign_in(*, host: str) -> Question:
    """Ask the browser for any passkey of this host; its owner chooses which."""
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import bytes_to_base64url, structs  # noqa: PLC0415

    options = webauthn.generate_authentication_options(
        rp_id=host, user_verification=structs.UserVerificationRequirement.REQUIRED
    )
    return Question(webauthn.options_to_json(options), bytes_to_base64url(options.challenge))


def sign_in(
    white_label_id: int | None, *, answer: str, challenge: str, host: str, origin: str
) -> Person:
    """Whose passkey answered, if it is somebody of this tenant.

    Raises:
        Refusal: unknown, of another tenant or host, or the answer does not belong to the question.
    """
    import webauthn  # noqa: PLC0415
    from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    _use_up(challenge)
    try:
        credential_id = base64url_to_bytes(json.loads(answer)["id"])
    except (ValueError, KeyError, TypeError) as fault:
        raise _not_accepted() from fault
    passkey = db.session.scalar(
        select(Passkey)
        .join(Passkey.person)
        .where(
            Person.white_label_id.is_(None)
            if white_label_id is None
            else Person.white_label_id == white_label_id,
            Person.removed_at.is_(None),
            Passkey.credential_id == credential_id,
            Passkey.host == host,
        )
    )
    if passkey is None:
        raise _not_accepted()
    try:
        verified = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as fault:
        raise _not_accepted() from fault
    passkey.sign_count = verified.new_sign_count
    passkey.used_at = clock.now()
    return passkey.person


def remove(person: Person, passkey_id: int) -> None:
    """Let this passkey in no more.

    Raises:
        NotFound: it is not the person's.
    """
    passkey = db.session.scalar(
        select(Passkey).where(Passkey.person_id == person.id, Passkey.id == passkey_id)
    )
    if passkey is None:
        raise NotFound(_("passkey"))
    db.session.delete(passkey)
    trail.record(
        person.white_label_id, "person.passkey_removed", _target(person), {"name": passkey.name}
    )


def _use_up(challenge: str) -> None:
    """A challenge is answered once: it travels in a cookie, which somebody might play again."""
    subject = "passkey challenge:" + hashlib.sha256(challenge.encode()).hexdigest()[:40]
    if not challenge or attempts.how_often(subject, CHALLENGE_FOR):
        raise _not_accepted()
    attempts.count(subject)


def _not_accepted() -> Refusal:
    return Refusal("passkey_not_accepted", _("This passkey is not known here, or came too late."))


def _target(person: Person) -> str:
    return f"person:{person.id} {person.email}"
