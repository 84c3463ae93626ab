"""The rule for real programs: by hand their tests are skipped and named, in CI nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.programs import Program, find

ROOT = str(Path(__file__).parents[2])

TESTS = """
    import pytest
    from tests.equipment.programs import program_or_fail
    from deploy import programs

    programs.BY_NAME["teleprinter"] = programs.Program(
        "teleprinter", packages=("bsdgames",), executables=("teleprinter",)
    )

    def test_one():
        program_or_fail("teleprinter")

    def test_other():
        program_or_fail("teleprinter")
"""
SKIPPED = """
    import pytest

    def test_it():
        pytest.skip("not today")
"""


def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tests: str, *, ci: str
) -> pytest.RunResult:
    """A pytest of its own, with nothing of ours but the rule."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", ROOT)
    pytester.makepyfile(tests)
    return pytester.runpytest_subprocess("-q", "-p", "tests.equipment.programs")


def test_by_hand_the_last_line_names_what_was_not_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, TESTS, ci="")

    assert result.ret == pytest.ExitCode.OK
    assert result.outlines[-1] == (
        "Not run: 2 tests, for want of teleprinter: there is no teleprinter (Debian: bsdgames)"
    )


def test_in_ci_a_missing_program_is_a_failure(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, TESTS, ci="true")

    result.assert_outcomes(failed=2)


def test_in_ci_any_skipped_test_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, SKIPPED, ci="true")

    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_by_hand_a_skipped_test_fails_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, SKIPPED, ci="")

    assert result.ret == pytest.ExitCode.OK


def test_a_program_is_missing_when_any_of_its_parts_is() -> None:
    complete = Program("shell", packages=("dash",), executables=("sh",), files=("bin/sh",))
    without_file = Program("shell", packages=("dash",), files=("no/such/*",))
    without_module = Program("shell", packages=("dash",), modules=("no_such_module",))
    without_choice = Program("shell", packages=("dash",), either=("no-such", "nor-such"))

    assert complete.missing() == ""
    assert "no no/such/*" in without_file.missing()
    assert "no no_such_module" in without_module.missing()
    assert "no no-such or nor-such" in without_choice.missing()


def test_programs_are_found_beyond_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert find("chroot") == Path("/usr/sbin/chroot")
