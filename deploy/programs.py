"""The real programs that the tests talk to: where they are, and how Debian installs them.

    python3 deploy/programs.py [name …]

uses those that are there, installs the others from the system's packages where that is allowed
(root on Debian), and names what is still missing. Only Python's own library is used here.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Where Debian keeps programs that are not on everybody's path; newest PostgreSQL first.
FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin")
POSTGRES_FOLDERS = Path("/usr/lib/postgresql")

POLICY = Path("/usr/sbin/policy-rc.d")
ANSWERS = "postfix postfix/main_mailer_type select No configuration\n"


@dataclass(frozen=True, slots=True)
class Program:
    """One thing that is needed: one of `either`, all `executables`, `files` (globs), `modules`."""

    name: str
    packages: Sequence[str]
    executables: Sequence[str] = ()
    either: Sequence[str] = ()
    files: Sequence[str] = ()
    modules: Sequence[str] = ()
    needs_root: bool = False

    def missing(self) -> str:
        """Why it cannot be used here, or nothing."""
        absent = [name for name in self.executables if find(name) is None]
        absent += [glob for glob in self.files if not any(Path("/").glob(glob))]
        absent += [name for name in self.modules if importlib.util.find_spec(name) is None]
        if self.either and not any(find(name) for name in self.either):
            absent.append(" or ".join(self.either))
        if absent:
            return f"there is no {', '.join(absent)} (Debian: {' '.join(self.packages)})"
        if self.needs_root and os.geteuid() != 0:
            return "it runs only as root"
        return ""


PROGRAMS = (
    Program(
        "chromium",
        packages=("chromium", "fonts-liberation"),
        either=("chromium", "chromium-browser", "google-chrome"),
    ),
    Program(
        "postfix",
        packages=("postfix", "sasl2-bin", "libsasl2-modules"),
        executables=("postfix", "postconf", "saslpasswd2"),
        files=("usr/lib/*/sasl2/libplain.so", "usr/lib/*/sasl2/libsasldb.so"),
        needs_root=True,  # its master process binds and then gives up its rights
    ),
    Program(
        "dovecot",
        packages=("dovecot-core", "dovecot-submissiond"),
        executables=("dovecot",),
        files=("usr/lib/dovecot/submission", "usr/lib/dovecot/submission-login"),
        needs_root=True,  # its processes give up their rights one after the other
    ),
    Program("postgres", packages=("postgresql",), executables=("initdb", "postgres")),
    Program("redis", packages=("redis-server",), executables=("redis-server",)),
    Program("nginx", packages=("nginx",), executables=("nginx",)),
    Program(
        "dkimpy",  # from Debian: the package index has no wheel of it
        packages=("python3-dkim",),
        files=("usr/lib/python3/dist-packages/dkim/__init__.py",),
    ),
)
# Not for tests: deploy/install.py asks for it where Python can make no virtual environment.
VENV = Program("venv", packages=("python3-venv",), modules=("ensurepip",))
BY_NAME = {program.name: program for program in (*PROGRAMS, VENV)}


def find(executable: str) -> Path | None:
    """Where this executable is, or None."""
    versions = sorted(POSTGRES_FOLDERS.glob("[0-9]*/bin"), key=_version, reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS, *map(str, versions)])
    found = shutil.which(executable, path=path)
    return Path(found) if found else None


def _version(folder: Path) -> float:
    return float(folder.parent.name)


@contextmanager
def no_daemons() -> Iterator[None]:
    """Debian's packages start what they install; the tests start their own, so nothing else may."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install(packages: Sequence[str]) -> None:
    """Ask apt, quietly; what it says is shown only when it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    steps = (
        ([*apt, "update"], ""),
        (["debconf-set-selections"], ANSWERS),
        ([*apt, "install", "--no-install-recommends", *packages], ""),
    )
    for command, words in steps:
        done = subprocess.run(
            command, input=words, env=environment, text=True, capture_output=True, check=False
        )
        if done.returncode:
            print(done.stdout, done.stderr, f"{' '.join(command)} failed.", sep="\n")
            return


def main(names: Sequence[str]) -> int:
    chosen = [BY_NAME[name] for name in names] or PROGRAMS
    # make may run several of us at once, and apt serves one at a time.
    with Path(__file__).open(encoding="utf-8") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        wanted = [package for each in chosen if each.missing() for package in each.packages]
        if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
            print("Installing from the system's packages:", " ".join(wanted), flush=True)
            with no_daemons():
                install(wanted)

    missing = {program.name: why for program in chosen if (why := program.missing())}
    for name, why in missing.items():
        print(f"What needs {name} will not run: {why}.")
    return 1 if missing and (names or os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
