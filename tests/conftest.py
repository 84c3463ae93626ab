"""What every test can ask for; the pieces of equipment are plugins of their own."""

from __future__ import annotations

pytest_plugins = [
    "pytester",
    "tests.equipment.programs",
    "tests.equipment.clock",
    "tests.equipment.browser",
    "tests.equipment.certificates",
    "tests.equipment.postgres",
    "tests.equipment.postfix",
    "tests.equipment.redis_server",
    "tests.equipment.stage",
    "tests.equipment.visitor",
]
