"""A second opinion on DKIM: dkimpy, as Debian packs it, with our own DNS behind it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.domains.resolver import TextRecords
from tests.equipment.programs import program_or_fail

PACKAGE = Path("/usr/lib/python3/dist-packages/dkim")

Verifies = Callable[[bytes], bool]
"""Whether the signature of a mail holds."""


def verifier(records: TextRecords) -> Verifies:
    """A verifier that finds public keys in these records."""
    dkimpy = _dkimpy()

    def find_key(name: bytes, timeout: float = 5) -> bytes | None:
        texts = records.texts(name.decode().removesuffix("."), timeout=timeout)
        return texts[0].encode() if len(texts) == 1 else None

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


class Published:
    """TXT records in memory."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}

    def texts(self, name: str, *, timeout: float) -> list[str]:
        return [self.records[name]] if name in self.records else []


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def verifies(published: Published) -> Verifies:
    return verifier(published)
