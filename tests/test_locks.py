"""The locks: everything by hash, and nothing about the machine or the mirror that made them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ["requirements", "requirements-dev", "requirements-node"]


def pinned(name: str) -> dict[str, int]:
    """Each package of a lock, with the number of its hashes."""
    found: dict[str, int] = {}
    for line in (ROOT / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if requirement := re.match(r"([a-z0-9.-]+)(\[.*\])?==", line):
            found[requirement[1]] = 0
        elif line.strip().startswith("--hash=sha256:"):
            found[list(found)[-1]] += 1
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_a_hash(name: str) -> None:
    packages = pinned(name)

    assert packages
    assert [package for package, hashes in packages.items() if not hashes] == []


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_asked_for_is_locked(name: str) -> None:
    lines = (ROOT / f"{name}.in").read_text(encoding="utf-8").splitlines()
    asked = {found[0] for line in lines if (found := re.match(r"[a-z0-9-]+", line))}

    assert asked - set(pinned(name)) - {"-r", "-c"} == set()


@pytest.mark.parametrize("file", [f"{name}.txt" for name in LOCKS])
def test_a_lock_does_not_say_where_packages_were_found(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")

    assert re.findall(r"://|file:|--(?:index-url|extra-index-url|find-links)", text) == []


def test_the_checks_run_on_the_versions_that_livery_runs_on() -> None:
    def versions(name: str) -> set[str]:
        text = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
        return set(re.findall(r"(?m)^[a-z0-9.-]+(?:\[.*\])?==\S+", text))

    assert versions("requirements") - versions("requirements-dev") == set()


def test_the_npm_lock_has_hashes_and_no_addresses() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))

    packages = [package for name, package in lock["packages"].items() if name]

    assert packages
    assert all("integrity" in package for package in packages)
    assert not any("resolved" in package for package in packages)
