"""What somebody types to search for: the words, and what a row must meet to be found."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

MOST_WORDS = 8
"""Each word is a condition that the store checks for each row."""
LONGEST = 200
"""Characters of all words together; what stands behind them is not searched for."""


def search_words(typed: str) -> list[str]:
    """The words that are searched for: the first ones, where somebody typed more."""
    return typed.strip()[:LONGEST].split()[:MOST_WORDS]


def each_word_in(
    typed: str, *columns: InstrumentedAttribute[Any]
) -> tuple[ColumnElement[bool], ...]:
    """What a row must meet, for `where`: each word stands in one of the columns, as it is written.

    Small and capital letters are the same, and `%` and `_` mean themselves.
    """
    return tuple(
        or_(*(column.icontains(word, autoescape=True) for column in columns))
        for word in search_words(typed)
    )
