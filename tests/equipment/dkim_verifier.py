"""A second opinion on DKIM: dkimpy, as Debian packs it, with our own DNS behind it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.equipment.programs import program_or_fail

PACKAGE = Path("/usr/lib/python3/dist-packages/dkim")

Verifies = Callable[[bytes], bool]
"""Whether the signature of a mail holds."""


def verifier(record_at: Callable[[str], str | None]) -> Verifies:
    """A verifier that asks here for the TXT record at a name."""
    dkimpy = _dkimpy()

    def find_key(name: bytes, timeout: float = 5) -> bytes | None:
        record = record_at(name.decode().removesuffix("."))
        return None if record is None else record.encode()

    def verifies(mail: bytes) -> bool:
        return bool(dkimpy.verify(mail, dnsfunc=find_key, minkey=2048))

    return verifies


def _dkimpy() -> Any:
    """The system's package in this process: it is pure Python and needs nothing else."""
    program_or_fail("dkimpy")
    if "dkim" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "dkim", PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["dkim"] = module
        spec.loader.exec_module(module)
    return sys.modules["dkim"]


@pytest.fixture
def published() -> dict[str, str]:
    """TXT records by name: a test's own DNS."""
    return {}


@pytest.fixture
def verifies(published: dict[str, str]) -> Verifies:
    return verifier(published.get)
