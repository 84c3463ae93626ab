"""A program: HTML on standard input, the same with its styles at the elements on standard output.

It is run in a process of its own, because the parser repairs broken HTML at any price: deep nesting
ends the stack, and twenty kilobytes of unclosed elements become a gigabyte. Here that costs this
process and nothing else.
"""

from __future__ import annotations

import resource
import sys

from css_inline import CSSInliner

MOST_MEMORY = 512 * 1024 * 1024
MOST_SECONDS = 2
# Every element may get all the rules; a whole page does not grow tenfold by that.
MOST_GROWTH = 10


def main() -> int:
    """Inline once. 1 if the result is out of proportion."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    html = sys.stdin.buffer.read().decode("utf-8")
    inliner = CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)
    inlined = inliner.inline(html).encode("utf-8")
    if len(inlined) > 10_000 + MOST_GROWTH * len(html):
        return 1
    sys.stdout.buffer.write(inlined)
    return 0


if __name__ == "__main__":
    sys.exit(main())
