"""Make the virtual environment and install one lock into it, on machines that lack ensurepip too.

    python3 deploy/install.py requirements.txt

Only Python's own library is used here: this runs before there is anything else.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"

NEITHER = """\
This Python can make no virtual environment: it has neither ensurepip nor pip.
On Debian and Ubuntu: apt install python3-venv"""


def succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def make_environment() -> None:
    """A virtual environment that works; one that lost its Python is made again."""
    if succeeds(PYTHON, "-c", ""):
        return
    if succeeds(sys.executable, "-m", "venv", "--clear", ENVIRONMENT):
        return
    # Debian packs ensurepip apart from Python, and pip apart from both.
    options = []
    if succeeds(sys.executable, "-m", "pip", "--version"):
        options = ["--without-pip"]
    elif not succeeds(sys.executable, ROOT / "deploy" / "programs.py", "venv"):
        sys.exit(NEITHER)
    subprocess.run([sys.executable, "-m", "venv", "--clear", *options, ENVIRONMENT], check=True)


def pip() -> list[str | Path]:
    """The environment's own pip, or the machine's, told where to install."""
    if succeeds(PYTHON, "-m", "pip", "--version"):
        return [PYTHON, "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", PYTHON]


def install(lock: Path) -> None:
    """Install exactly what the lock says: by hash, as wheels, so that nothing is built or run."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-warn-script-location"]
    exactly = ["--require-hashes", "--only-binary", ":all:", "-r", str(lock)]
    subprocess.run([*pip(), "install", *options, *exactly], check=True)


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit("Livery needs Python 3.11 or newer; this is " + sys.version.split()[0])
    # make may run several of us at once; they would tread on each other in one environment.
    with Path(__file__).open(encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        make_environment()
        for lock in sys.argv[1:]:
            install(ROOT / lock)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)
