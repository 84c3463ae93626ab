"""What somebody types to search for, as the words that a query asks for one by one.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

MOST_WORDS = 8
"""Each word is a condition that the store checks for each row."""
LONGEST = 200
"""Characters of all words together; what stands behind them is not searched for."""


def search_words(typed: str) -> list[str]:
    """The words that are searched for: the first ones, where somebody typed more."""
    return typed.strip()[:LONGEST].split()[:MOST_WORDS]
