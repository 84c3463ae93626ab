"""Names below which everybody may register (com, co.uk, github.io …), and what stands there.

Pure. The list is Mozilla's, as of the day that its package was made.
"""

from __future__ import annotations

from functools import lru_cache

from publicsuffixlist import PublicSuffixList


def is_public_suffix(domain: str) -> bool:
    """Whether everybody may register below this canonical domain."""
    return _list().is_public(domain)


def registered_domain(domain: str) -> str:
    """The name at or above this one that somebody has registered; itself if nobody could."""
    return _list().privatesuffix(domain) or domain


@lru_cache(maxsize=1)
def _list() -> PublicSuffixList:
    # 10,000 rules are read at the first question, not at every start of every command.
    return PublicSuffixList()
