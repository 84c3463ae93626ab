"""Which lines of docs/requirements.md the tests name, and which they do not yet.

python -m tests.requirements              how many lines of each product are named
python -m tests.requirements SB-12        where a line is named
python -m tests.requirements --write      bring the document's last section up to date
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "requirements.md"
LINES = {"SB": 43, "ST": 40, "SI": 32, "SS": 49, "UC": 34}
"""How many lines each product has."""

LAST_SECTION = "## Not yet named by a test\n"

_STATED = re.compile(r"^- \*\*([A-Z]{2}-\d{2})\*\* \S", re.MULTILINE)
_NAME = re.compile(r"(?P<system>[A-Z]{2})-(?P<first>\d{2})(\.\.(?P=system)-(?P<last>\d{2}))?")


@dataclass(frozen=True, slots=True)
class Claim:
    """A test says here that it proves these lines."""

    path: Path
    line: int
    ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def all_ids() -> list[str]:
    """Every id there is, in order."""
    return [f"{system}-{n:02d}" for system, count in LINES.items() for n in range(1, count + 1)]


def stated(document: str) -> list[str]:
    """The ids that the document states, in its order."""
    return _STATED.findall(document)


def expand(name: str) -> tuple[str, ...]:
    """The ids behind `SB-12` or `SB-16..SB-21`. Raises ValueError for anything else."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is neither an id like SB-12 nor a range like SB-16..SB-21")

    first, last = int(match["first"]), int(match["last"] or match["first"])
    if match["last"] and last <= first:
        raise ValueError(f"the range {name!r} does not go upwards")
    return tuple(f"{match['system']}-{n:02d}" for n in range(first, last + 1))


def claims(source: str, path: Path) -> Iterator[Claim]:
    """Every `pytest.mark.accepts(…)` in a file; ValueError names the place of an unreadable one."""
    nodes = list(ast.walk(ast.parse(source, str(path))))
    calls = {node.func: node for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.accepts":
            try:
                yield Claim(path, node.lineno, tuple(_ids(calls.get(node))))
            except ValueError as error:
                raise ValueError(f"{path}:{node.lineno}: {error}") from None


def _ids(call: ast.Call | None) -> Iterator[str]:
    if call is None or not call.args or call.keywords:
        raise ValueError("accepts needs the ids that the test proves")
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise ValueError("the ids are written out, so that one can search for them")
        yield from expand(argument.value)


def claims_of_tests(folder: Path = TESTS) -> list[Claim]:
    """All claims of all tests, whether or not a test could run on this machine."""
    return [
        claim
        for path in sorted(folder.rglob("*.py"))
        for claim in claims(path.read_text(encoding="utf-8"), path.relative_to(folder.parent))
    ]


def unknown(of: Iterable[Claim]) -> list[str]:
    """Where a test names a line that does not exist."""
    known = set(all_ids())
    return [f"{claim} names {one}" for claim in of for one in claim.ids if one not in known]


def unnamed(of: Iterable[Claim]) -> list[str]:
    """The ids that no test names, in order."""
    named = {one for claim in of for one in claim.ids}
    return [one for one in all_ids() if one not in named]


def last_section(missing: Sequence[str]) -> str:
    """The document's last section, heading included, for these ids."""
    if not missing:
        return f"{LAST_SECTION}\nEvery line is named by a test.\n"
    paragraphs = (
        textwrap.fill(" ".join(one for one in missing if one.startswith(system)), width=100)
        for system in LINES
    )
    return LAST_SECTION + "".join(f"\n{text}\n" for text in paragraphs if text)


def with_last_section(document: str, missing: Sequence[str]) -> str:
    """The document as it should be, given the ids that no test names."""
    body, heading, _ = document.partition(LAST_SECTION)
    if not heading:
        raise ValueError(f"{DOCUMENT.name} has no section {LAST_SECTION.strip()!r}")
    return body + last_section(missing)


def _coverage(of: Sequence[Claim]) -> str:
    missing = unnamed(of)
    rows = [
        f"{system}  {count - sum(one.startswith(system) for one in missing):3} of {count:3}"
        for system, count in LINES.items()
    ]
    return "\n".join([*rows, f"all {len(all_ids()) - len(missing):3} of {len(all_ids()):3}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a program; 1 if a test names a line that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m tests.requirements", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("ids", nargs="*", metavar="ID", help="say which tests name this line")
    parser.add_argument("--write", action="store_true", help="update the document's last section")
    options = parser.parse_args(arguments)

    found = claims_of_tests()
    if wrong := unknown(found):
        sys.stderr.write("\n".join(wrong) + "\n")
        return 1
    if options.write:
        document = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(with_last_section(document, unnamed(found)), encoding="utf-8")
    for one in options.ids:
        places = [str(claim) for claim in found if one in claim.ids]
        sys.stdout.write(f"{one}: {', '.join(places) or 'no test'}\n")
    if not options.ids:
        sys.stdout.write(_coverage(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
