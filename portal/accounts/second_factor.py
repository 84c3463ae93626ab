"""The second factor: codes from an app (TOTP, RFC 6238) and recovery codes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import pyotp
from sqlalchemy import delete, func, select, update

from portal.accounts import tokens
from portal.accounts.models import Person, RecoveryCode
from portal.audit import trail
from portal.core import clock, sealed, vault
from portal.core.db import db, lock
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _

STEP = 30
"""Seconds that one code is shown for."""
DRIFT = 1
"""Codes of the step before and the step after count too: clocks differ."""
DIGITS = 6
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1: people copy recovery codes from paper."""


def new_secret() -> Secret:
    """A secret to show as a QR code; it counts once `enable` has seen a code made with it."""
    return Secret(pyotp.random_base32())


def uri(secret: Secret, *, person: Person, place: str) -> str:
    """What the QR code says; `place` is the name that the app shows."""
    return pyotp.TOTP(secret.reveal()).provisioning_uri(name=person.email, issuer_name=place)


def is_on(person: Person) -> bool:
    return person.totp_sealed is not None


def enable(person: Person, secret: Secret, *, code: str) -> list[str]:
    """Ask for codes from now on; the recovery codes are given out this once.

    Raises:
        Refusal: the code does not fit the secret, so the app was not set up.
    """
    step = _step_of(secret, code)
    if step is None:
        raise Refusal("wrong_code", _("This is not the code that the app shows."), field="code")
    person.totp_sealed = vault.seal(secret, _binding(person))
    person.totp_last_step = step
    trail.record(person.white_label_id, "person.second_factor_on", _target(person))
    return new_recovery_codes(person)


def disable(person: Person) -> None:
    """Ask for the password alone again."""
    person.totp_sealed = None
    person.totp_last_step = None
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    trail.record(person.white_label_id, "person.second_factor_off", _target(person))


def is_right(person: Person, code: str) -> bool:
    """Whether this is the app's code or an unused recovery code; a right one is used up."""
    code = "".join(code.split()).lower()
    if len(code) == DIGITS:
        return _use_code(person, code)
    return _use_recovery_code(person, code)


def new_recovery_codes(person: Person) -> list[str]:
    """Fresh codes instead of all old ones; only their hashes are kept."""
    # Of two who ask at once the second waits, or the codes of both would be good.
    lock(person)
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(16)) for _ in range(CODES)]
    db.session.add_all(
        RecoveryCode(person_id=person.id, code_hash=tokens.digest(Secret(code))) for code in codes
    )
    db.session.flush()
    trail.record(person.white_label_id, "person.recovery_codes_made", _target(person))
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def codes_left(person: Person) -> int:
    """How many recovery codes are unused."""
    query = select(func.count()).select_from(RecoveryCode)
    unused = RecoveryCode.used_at.is_(None)
    return db.session.scalar(query.where(RecoveryCode.person_id == person.id, unused)) or 0


def _use_code(person: Person, code: str) -> bool:
    if person.totp_sealed is None:
        return False
    step = _step_of(vault.unseal(person.totp_sealed, _binding(person)), code)
    if step is None:
        return False
    # The database decides which of two who type the same code at once was first.
    first = db.session.scalar(
        update(Person)
        .where(
            Person.id == person.id,
            (Person.totp_last_step.is_(None)) | (Person.totp_last_step < step),
        )
        .values(totp_last_step=step)
        .returning(Person.id)
    )
    return first is not None


def _use_recovery_code(person: Person, code: str) -> bool:
    used = db.session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == person.id,
            RecoveryCode.code_hash == tokens.digest(Secret(code.replace("-", ""))),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .returning(RecoveryCode.id)
    )
    if used is None:
        return False
    trail.record(person.white_label_id, "person.recovery_code_used", _target(person))
    return True


def _step_of(secret: Secret, code: str) -> int | None:
    """The time step whose code this is, within the drift; None if it is of none."""
    totp = pyotp.TOTP(secret.reveal(), interval=STEP)
    now = int(clock.now().timestamp()) // STEP
    steps: Sequence[int] = range(now - DRIFT, now + DRIFT + 1)
    typed = code.encode()  # of text, only ASCII can be compared
    found = [s for s in steps if secrets.compare_digest(totp.generate_otp(s).encode(), typed)]
    return max(found, default=None)


def _binding(person: Person) -> vault.Binding:
    return ("person", "totp_sealed", person.id, person.white_label_id)


def _target(person: Person) -> str:
    return f"person:{person.id} {person.email}"


sealed.register(Person.totp_sealed, _binding)
