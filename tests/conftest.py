"""What every test can ask for; the pieces of equipment are plugins of their own."""

from __future__ import annotations

import os
import sys

from hypothesis import settings

# Where compiled files may not be kept, each test process and each program that a test starts
# would compile all libraries anew, and take twice as long to start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A machine that is busy with something else is no fault of the code. Under CI Hypothesis
# repeats the same examples each time; that stays.
settings.register_profile("livery", settings(), deadline=None)
settings.load_profile("livery")

pytest_plugins = [
    "pytester",
    "tests.equipment.programs",
    "tests.equipment.clock",
    "tests.equipment.compiled",
    "tests.equipment.browser",
    "tests.equipment.certificates",
    "tests.equipment.dkim_verifier",
    "tests.equipment.dns_server",
    "tests.equipment.postgres",
    "tests.equipment.postfix",
    "tests.equipment.redis_server",
    "tests.equipment.stage",
    "tests.equipment.visitor",
    "tests.equipment.served",
    "tests.equipment.mailbox",
]
