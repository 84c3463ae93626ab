"""Liquid as a white label may use it: no code, no files, no clock, and an end to everything.

Pure. python-liquid has limits of its own (nesting, loops, local values, output) and they are set
here. What they leave open is closed too: loops count together and not each by itself, lookups and
filters are counted, no filter makes a large result out of small ones, and there is no present time,
for two copies of one delivery must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any

from liquid import BoundTemplate, Environment, Mode, RenderContext, Token
from liquid.exceptions import FilterArgumentError, FilterValueError, ResourceLimitError
from liquid.output import LimitedStringIO
from liquid.utils import ReadOnlyChainMap

MOST_OUTPUT = 1_000_000
"""Octets of one rendered text."""
MOST_ROUNDS = 10_000
"""Turns of all loops of one rendering together."""
MOST_LOOKUPS = 100_000
MOST_FILTERS = 10_000
"""Values looked up, and filters applied, in one rendering."""
MOST_WORK = 2_000_000
"""Characters and items that all filters of one rendering take in together."""
MOST_IN_A_VALUE = 100_000
"""Characters or items of what a filter takes or makes."""
_MOST_BITS = 256

# No templates beside this one, so nothing to include.
_TAGS_LEFT_OUT = ("include", "render")

Filter = Callable[..., Any]


class MailContext(RenderContext):
    """One rendering: its values, and what it has used up."""

    __slots__ = ("_filters", "_lookups", "_rounds", "_work")

    def __init__(self, template: BoundTemplate, **options: Any) -> None:
        super().__init__(template, **options)
        # Without python-liquid's own `now` and `today`.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self._rounds = self._lookups = self._filters = self._work = 0

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self._rounds += length
        if self._rounds > MOST_ROUNDS:
            raise ResourceLimitError(f"more than {MOST_ROUNDS} turns of loops", token=None)

    def get(self, path: list[object], **options: Any) -> object:
        self._lookups += 1
        if self._lookups > MOST_LOOKUPS:
            raise ResourceLimitError(f"more than {MOST_LOOKUPS} values looked up", token=None)
        return super().get(path, **options)

    def filter(self, name: str, token: Token | None) -> Filter:
        self._filters += 1
        if self._filters > MOST_FILTERS:
            raise ResourceLimitError(f"more than {MOST_FILTERS} filters applied", token=token)
        function = super().filter(name, token)

        def counted(*taken: object, **options: object) -> object:
            self._work += sum(map(_size, (*taken, *options.values())))
            if self._work > MOST_WORK:
                raise ResourceLimitError(f"more than {MOST_WORK} characters filtered", token=token)
            return function(*taken, **options)

        return counted

    def get_buffer(self, buf: Any = None) -> LimitedStringIO:
        # Line ends stay as they are; the composer knows what to do with each kind.
        used = buf.size if isinstance(buf, LimitedStringIO) else 0
        return LimitedStringIO(limit=MOST_OUTPUT - used, newline="")


class ParsedTemplate(BoundTemplate):
    """A parsed template."""

    context_class = MailContext

    def _get_buffer(self) -> LimitedStringIO:
        return LimitedStringIO(limit=MOST_OUTPUT, newline="")

    def make_partial_namespace(
        self, partial: bool, render_args: Mapping[str, object]
    ) -> Mapping[str, object]:
        # There are no partials, and a value may be called "partial".
        return dict(render_args)


class MailLiquid(Environment):
    """The language of mail templates."""

    block_nesting_limit = 20
    context_depth_limit = 30
    local_namespace_limit = 200_000
    loop_iteration_limit = MOST_ROUNDS
    output_stream_limit = MOST_OUTPUT
    template_class = ParsedTemplate

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in _TAGS_LEFT_OUT:
            del self.tags[tag]
        self.filters["date"] = _date
        for name, function in self.filters.items():
            if name != "default":  # hands on one of its inputs, whatever its size
                self.filters[name] = _bounded(function, makes_more=_MAKES_MORE.get(name))


def _size(value: object) -> int:
    return len(value) if isinstance(value, Sized) else 0


def _replaced_size(value: object, seek: object = "", put: object = "", *_others: object) -> int:
    return _size(value) + str(value).count(str(seek)) * len(str(put))


def _joined_size(value: object, separator: object = " ", *_others: object) -> int:
    items: Iterable[object] = value if isinstance(value, list | tuple) else ()
    return sum(len(str(separator)) + _size(item) for item in items)


# Filters whose result may be as large as two of their inputs multiplied: measured beforehand.
_MAKES_MORE: dict[str, Callable[..., int]] = {"replace": _replaced_size, "join": _joined_size}


def _bounded(function: Filter, *, makes_more: Callable[..., int] | None) -> Filter:
    """The filter, refusing what is too large before it works and after.

    Raises:
        FilterValueError: an input or the result has more than `MOST_IN_A_VALUE` or `_MOST_BITS`.
    """

    @wraps(function)
    def bounded(left: object, *arguments: object, **options: object) -> object:
        for value in (left, *arguments):
            _refuse_large(value)
        if makes_more is not None and makes_more(left, *arguments) > MOST_IN_A_VALUE:
            raise FilterValueError("the result would be too large", token=None)
        result = function(left, *arguments, **options)
        _refuse_large(result)
        return result

    return bounded


def _refuse_large(value: object) -> None:
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise FilterValueError("the number is too large", token=None)
    elif _size(value) > MOST_IN_A_VALUE:
        raise FilterValueError("the value is too large", token=None)


_is_whole_number = re.compile(r"[0-9]{1,11}").fullmatch


def _date(value: object, pattern: object = None) -> object:
    """Liquid's `date` for ISO 8601 and for seconds since 1970 in UTC; other text stays as it is.

    Unlike the original it knows neither today nor the machine's zone, and does not guess.
    """
    if not isinstance(pattern, str) or len(pattern) > 200:
        raise FilterArgumentError("date: a short pattern such as '%d.%m.%Y' is needed", token=None)
    moment = _moment(value)
    return value if moment is None else moment.strftime(pattern)


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        if isinstance(value, int) or (isinstance(value, str) and _is_whole_number(value)):
            return datetime.fromtimestamp(int(value), UTC)
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None


HTML = MailLiquid(autoescape=True, tolerance=Mode.STRICT)
"""Values are escaped for HTML wherever they are put out, unless the template says `safe`."""
PLAIN = MailLiquid(autoescape=False, tolerance=Mode.STRICT)
"""For subjects and plain text."""
