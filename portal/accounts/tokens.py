"""Tokens that stand for a person: long, random, and kept as a hash only."""

from __future__ import annotations

import hashlib
import secrets

from portal.core.secret import Secret


def make() -> Secret:
    """A token of 256 random bits, safe in a cookie and in a path."""
    return Secret(secrets.token_urlsafe(32))


def digest(token: Secret) -> str:
    """What is stored and looked up. A plain hash: 256 random bits are not guessed."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()
