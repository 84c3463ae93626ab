"""Secret: a value that refuses to be shown by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A password, token or key in memory. Only `reveal()` gives it out.

    repr, str, format, JSON and pickling either mask it or refuse, so that a log line,
    a traceback with locals or a careless template cannot leak it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> NoReturn:
        raise TypeError("A Secret is not text; call reveal() where it is really needed.")

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError("A Secret cannot be formatted; call reveal() where it is really needed.")

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret cannot be pickled or copied out.")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        raise TypeError("A Secret is not hashable.")

    def __bool__(self) -> bool:
        return bool(self._value)
