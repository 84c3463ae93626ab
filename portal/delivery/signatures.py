"""The keys that a worker has opened: each is unsealed once, and signs from memory after that."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from portal.delivery.store import Store
from portal.domains import signing
from portal.domains.signing import LiveKey
from portal.smtp.dkim import Signer

REMEMBERED = 1024
"""Opened keys in a worker; some kilobytes each."""


class Signers:
    """By key id: a key never changes. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._opened: OrderedDict[int, Signer] = OrderedDict()

    def sign(self, message: bytes, key: LiveKey, store: Store, *, but: frozenset[bytes]) -> bytes:
        """The message for the wire, with its signature on top; `but` as in `Signer.sign`.

        Raises:
            CannotOpen: the stored key is not what was sealed.
        """
        return (self._get(key.id) or self._open(key.id, store)).sign(message, but=but)

    def _get(self, key_id: int) -> Signer | None:
        with self._lock:
            signer = self._opened.get(key_id)
            if signer is not None:
                self._opened.move_to_end(key_id)
            return signer

    def _open(self, key_id: int, store: Store) -> Signer:
        signer = store.read(lambda connection: signing.open_key(connection, key_id))
        with self._lock:
            self._opened[key_id] = signer
            while len(self._opened) > REMEMBERED:
                self._opened.popitem(last=False)
        return signer
