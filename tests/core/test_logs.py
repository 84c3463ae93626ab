"""Logs: however early a module asks for its logger, every line is JSON and without secrets."""

from __future__ import annotations

import json
import subprocess
import sys

EARLY = """
from portal.core import logs

log = logs.logger("jobs")
logs.configure()
log.info("chore done", rows=1, password="swordfish")
"""


def test_a_logger_from_before_the_configuration_obeys_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, check=True, timeout=60
    )

    line = json.loads(ended.stderr)
    assert (line["room"], line["event"], line["rows"]) == ("jobs", "chore done", 1)
    assert line["password"] == "<redacted>"
