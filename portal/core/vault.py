"""The vault: secrets at rest, each bound to the place it may be sent to.

Envelope: ``v1|<key id>|<nonce>|<ciphertext>``, AES-256-GCM (NIST SP 800-38D), 96-bit random
nonce. The associated data is the *binding*: table, row, tenant and destination. A secret
whose row was copied, whose tenant changed or whose server was pointed elsewhere does not open.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.core.secret import Secret

VERSION = "v1"
Binding = tuple[str | int | None, ...]


class CannotOpen(Exception):
    """The envelope does not open: other destination, other row, unknown key or damage."""


class KeysMissing(Exception):
    """There are sealed secrets but no key file: starting would make them unreadable for good."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys by id, and the one that seals new secrets."""

    keys: Mapping[str, bytes]
    current: str

    @classmethod
    def generate(cls) -> Keyring:
        kid = _new_kid()
        return cls({kid: AESGCM.generate_key(256)}, kid)

    def with_new_key(self) -> Keyring:
        """The same keys and a fresh one that seals from now on."""
        kid = _new_kid()
        return Keyring({**self.keys, kid: AESGCM.generate_key(256)}, kid)

    def without(self, kid: str) -> Keyring:
        """Without an old key; the current one cannot be dropped."""
        if kid == self.current:
            raise ValueError("the current key cannot be dropped")
        return Keyring({k: v for k, v in self.keys.items() if k != kid}, self.current)

    def seal(self, secret: Secret, binding: Binding) -> str:
        nonce = os.urandom(12)
        sealed = AESGCM(self.keys[self.current]).encrypt(
            nonce, secret.reveal().encode(), _associated(binding)
        )
        return "|".join((VERSION, self.current, _b64(nonce), _b64(sealed)))

    def open(self, envelope: str, binding: Binding) -> Secret:
        try:
            version, kid, nonce, sealed = envelope.split("|")
            if version != VERSION:
                raise CannotOpen("unknown envelope version")
            plain = AESGCM(self.keys[kid]).decrypt(
                base64.b64decode(nonce), base64.b64decode(sealed), _associated(binding)
            )
        except (ValueError, KeyError, InvalidTag) as fault:
            raise CannotOpen(type(fault).__name__) from None
        return Secret(plain.decode())

    def save(self, path: Path) -> None:
        """Write the file whole or not at all, readable by its owner only."""
        self._written_beside(path).replace(path)

    @classmethod
    def at(cls, path: Path) -> Keyring:
        """The keyring in this file, made now if there is none.

        Whether there are sealed secrets already, which a new key could never open, is for the
        caller to ask first (`portal.core.sealed.open_vault`).
        """
        try:
            return cls.load(path)
        except FileNotFoundError:
            beside = cls.generate()._written_beside(path)
            # Of several processes that start for the first time, one makes the file.
            with suppress(FileExistsError):
                os.link(beside, path)
            beside.unlink()
            return cls.load(path)

    def _written_beside(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "current": self.current,
            "keys": {kid: _b64(key) for kid, key in self.keys.items()},
        }
        beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        return beside

    @classmethod
    def load(cls, path: Path) -> Keyring:
        document = json.loads(path.read_text())
        keys = {kid: base64.b64decode(key) for kid, key in document["keys"].items()}
        return cls(keys, document["current"])


def kid_of(envelope: str) -> str:
    """Which key sealed this envelope."""
    return envelope.split("|")[1]


@dataclass(frozen=True, slots=True)
class _InUse:
    """A keyring, and as of which state of which file: threads see all of it change at once."""

    keyring: Keyring
    file: Path | None = None
    stamp: tuple[int, int, int] | None = None


_in_use: _InUse | None = None


def use(keyring: Keyring) -> None:
    """Make this the keyring of the process."""
    global _in_use
    _in_use = _InUse(keyring)


def use_file(path: Path) -> None:
    """Use the keyring in this file, and go on reading it: another process may add a key.

    Without that, a worker could not open what was sealed after `flask keys rotate`, and would
    seal with a key that is on its way out.
    """
    global _in_use
    _in_use = _as_it_is(path)


def keyring() -> Keyring:
    """The keyring of the process, as it is in its file now."""
    global _in_use
    found = _in_use
    if found is None:
        raise KeysMissing("No keyring is in use; create_app opens it.")
    # A file that is away for the moment changes nothing for those who have read it.
    if found.file is not None and found.file.exists() and _stamp_of(found.file) != found.stamp:
        found = _in_use = _as_it_is(found.file)
    return found.keyring


def _as_it_is(path: Path) -> _InUse:
    stamp = _stamp_of(path)  # before it is read: what comes between the two is read again
    return _InUse(Keyring.load(path), path, stamp)


def _stamp_of(path: Path) -> tuple[int, int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_ino, about.st_size


def seal(secret: Secret, binding: Binding) -> str:
    """The envelope to store; `binding` must be given again, equal, to open it."""
    return keyring().seal(secret, binding)


def unseal(envelope: str, binding: Binding) -> Secret:
    """The secret, or CannotOpen when anything it was bound to has changed."""
    return keyring().open(envelope, binding)


def _associated(binding: Binding) -> bytes:
    return json.dumps(binding, ensure_ascii=True, separators=(",", ":")).encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _new_kid() -> str:
    return secrets.token_hex(4)
