"""The rule for real programs: a test without its program is skipped by hand, and fails in CI."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.programs import BY_NAME, find

WANT = "for want of "


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def program_or_fail(name: str) -> None:
    """Go on only when this program (a name in deploy/programs.py) can be used here."""
    why = BY_NAME[name].missing()
    if not why:
        return
    if in_ci():
        pytest.fail(f"{WANT}{name}: {why}", pytrace=False)
    pytest.skip(f"{WANT}{name}: {why}")


def executable(name: str) -> Path:
    """The path of an executable that `program_or_fail` has promised."""
    found = find(name)
    assert found is not None, f"{name} is gone"
    return found


def _skip_reasons(config: pytest.Config) -> Iterator[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # an xdist worker: the one who started it keeps the books
        return
    for report in reporter.stats.get("skipped", ()):
        if isinstance(report.longrepr, tuple):
            yield report.longrepr[2].removeprefix("Skipped: ")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing is left out, whatever the reason."""
    if in_ci() and any(_skip_reasons(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The very last lines name what was not run."""
    for reason, tests in Counter(_skip_reasons(config)).items():
        print(f"Not run: {tests} test{'s' * (tests > 1)}, {reason}")
