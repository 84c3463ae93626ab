"""What each test's application would compile anew, compiled once for each test process.

An application is made for every test, and more than half of a page test's time went into compiling
the same templates, statements and addresses again.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from types import CodeType
from typing import Any, ClassVar

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Dialect, Engine
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Map, Rule, RuleFactory


class CompiledTemplates(BytecodeCache):
    """In memory; a template that has changed since is compiled again."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


class SharedMap(Map):
    """Takes its rules in when the first address is asked for, ready-made if it has met them before.

    Three quarters of the time of making an application went into its three hundred rules, and many
    tests never ask for an address.
    """

    _known: ClassVar[dict[tuple[object, ...], Map]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        self._added: list[Rule] = []
        self._taking_in = threading.RLock()
        super().__init__(*args, **options)

    def add(self, rulefactory: RuleFactory) -> None:
        with self._taking_in:
            self._added.extend(rulefactory.get_rules(self))
            self._remap = True

    def update(self) -> None:
        if not self._remap:
            return
        with self._taking_in:
            facts = (self.host_matching, *sorted(self.converters.items()))
            key = (*facts, *(_facts(rule) for rule in self._added))
            if key not in self._known:
                # Rules that are added later make another map: one that is shared stays as it is.
                known = Map(converters=self.converters, host_matching=self.host_matching)
                for rule in self._added:
                    known.add(_copy(rule))
                known.update()
                self._known[key] = known
            known = self._known[key]
            self._matcher, self._rules_by_endpoint = known._matcher, known._rules_by_endpoint
            self._remap = False


def _facts(rule: Rule) -> tuple[object, ...]:
    """Everything that a rule is made of, and what Flask has written on it."""
    made_of = {**rule.get_empty_kwargs(), "methods": sorted(rule.methods or ())}
    return rule.rule, repr(made_of), rule.provide_automatic_options  # type: ignore[attr-defined]


def _copy(rule: Rule) -> Rule:
    copied = rule.empty()
    copied.provide_automatic_options = rule.provide_automatic_options  # type: ignore[attr-defined]
    return copied


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
        patch.setattr(Flask, "url_map_class", SharedMap)
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
