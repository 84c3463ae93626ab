"""Refusal: the business says no, with a stable code and words for the reader."""

from __future__ import annotations

from portal.core.words import _


class Refusal(Exception):
    """An act that was asked for is not done; nothing has changed.

    `code` is stable and for programs (``already_decided``); `words` are for the
    reader; `field` names the form field or JSON member at fault, if there is one.
    """

    def __init__(self, code: str, words: str, *, field: str | None = None) -> None:
        super().__init__(f"{code}: {words}")
        self.code = code
        self.words = words
        self.field = field


class NotFound(Refusal):
    """The thing is not there for this asker: missing and foreign look the same.

    `what` is its name in the reader's language.
    """

    def __init__(self, what: str) -> None:
        super().__init__("not_found", _("There is no such %(what)s.", what=what))
