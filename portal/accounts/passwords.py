"""Passwords: how they are kept, compared and refused.

Argon2id (RFC 9106) with more work than OWASP's minimum of 2026 asks for. A person who is not
there costs the same work as one who is, so that time does not tell who has an account.
"""

from __future__ import annotations

import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _

AT_LEAST = 12
AT_MOST = 256
"""Longer ones only cost work; nobody types them, and a password manager stops far below."""

# Long enough and still among the first that anybody would try.
_COMMON = frozenset(
    {
        "passwordpassword",
        "password1234",
        "password12345",
        "123456789012",
        "1234567890123",
        "qwertyuiop12",
        "qwertyuiopasdf",
        "iloveyouiloveyou",
        "letmeinletmein",
        "changemechangeme",
        "administrator",
        "adminadminadmin",
        "correcthorsebatterystaple",
    }
)
_words = re.compile(r"\w{3,}").findall


def todays_work() -> PasswordHasher:
    """32 MiB, three passes, one lane: about 40 ms, and eight sign-ins at once under 300 MB."""
    return PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)


_hasher = todays_work()
_nobody: str | None = None


def work_with(hasher: PasswordHasher) -> None:
    """Use this much work from now on; tests use little."""
    global _hasher, _nobody
    _hasher, _nobody = hasher, None


def hashed(password: Secret) -> str:
    """What is stored instead of the password."""
    return _hasher.hash(password.reveal())


def is_right(stored: str | None, password: Secret) -> bool:
    """Whether this is the password. Without a stored one the answer is no, after the same work."""
    global _nobody
    if _nobody is None:
        _nobody = _hasher.hash("the password of nobody")
    try:
        _hasher.verify(stored or _nobody, password.reveal()[: AT_MOST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def needs_new_hash(stored: str) -> bool:
    """Whether the stored hash was made with less work than is asked for today."""
    return _hasher.check_needs_rehash(stored)


def check(password: Secret, *, known: tuple[str, ...] = ()) -> None:
    """Refuse a password that is too short, too long, too common or made of what everybody knows.

    `known` is what others can look up: the person's name and address, the host's name, the
    white label's. There are no rules about digits and signs: they make passwords worse
    (NIST SP 800-63B 3.1.1.2).

    Raises:
        Refusal: with words for the field `password`.
    """
    text = password.reveal()
    if len(text) < AT_LEAST:
        raise _refused(
            "password_too_short", _("Use at least %(count)s characters.", count=AT_LEAST)
        )
    if len(text) > AT_MOST:
        raise _refused("password_too_long", _("Use at most %(count)s characters.", count=AT_MOST))

    folded = text.casefold()
    if folded in _COMMON or len(set(folded)) < 5:
        raise _refused("password_common", _("This password is among the first that are tried."))

    rest = folded
    for word in {word for fact in known for word in _words(fact.casefold())}:
        rest = rest.replace(word, "")
    if len(rest) < AT_LEAST / 2:
        raise _refused(
            "password_known",
            _("This password is made of your name, your address or the name of this place."),
        )


def _refused(code: str, words: str) -> Refusal:
    return Refusal(code, words, field="password")
