"""All tables in one place: whoever needs the whole schema (migrations, tests) imports this."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MIGRATIONS = PROJECT / "migrations"
