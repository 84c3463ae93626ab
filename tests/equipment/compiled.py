"""What each test's application would compile anew, compiled once for each test process.

An application is made for every test, and more than half of a page test's time went into compiling
the same templates, statements and builders of addresses again.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Dialect, Engine
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule


class CompiledTemplates(BytecodeCache):
    """In memory; a template that has changed since is compiled again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def compiled_once(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """A rule's builder is made of its text and its defaults and is given the rule when called."""
    kept: dict[tuple[object, ...], Any] = {}

    def builder(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)
        return kept[key]

    return builder


_statements: dict[type[Dialect], LRUCache[Any, Any]] = {}


def share_statements(engine: Engine) -> None:
    """Let it know what earlier engines of its kind have compiled."""
    engine._compiled_cache = _statements.setdefault(type(engine.dialect), LRUCache(5000))


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}
        )
        patch.setattr(Rule, "_compile_builder", compiled_once(Rule._compile_builder))
        # Compiled statements are known by their dialect; here those of one kind are all alike.
        for dialect in (SQLiteDialect, PGDialect):
            patch.setattr(dialect, "__eq__", lambda one, other: type(one) is type(other))
            patch.setattr(dialect, "__hash__", lambda one: hash(type(one)))
        # What is there now stays: a quarter of the time went into looking it through for garbage.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 10, 20)
        yield
        gc.unfreeze()
