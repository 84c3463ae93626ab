"""Templates and values become text: Liquid, parsed strictly once, merged for each recipient.

Pure. A template of literals and plain values only (`{{ name }}`, `{{ user.first_name }}`,
`{{ name | default: "friend" }}`) goes to the composer as segments, which it encodes beforehand; one
with logic in it is rendered by Liquid for each recipient. Both roads say the same. Values are never
parsed as templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from liquid import BoundTemplate, Environment, Node, RenderContext
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, LoopExpression, Path, StringLiteral
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.filters.misc import default as liquid_default
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.exceptions import LiquidError, LiquidSyntaxError, UnknownFilterError
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from markupsafe import Markup, escape

from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates import language
from portal.smtp.segments import Content, Merge, Segments

LONGEST_SOURCE = 512 * 1024
"""Characters of a template; ten times what a richly laid out newsletter has."""

_line_break = re.compile(r"\r\n?")
_find_markup = re.compile(r"""[&<>"']""").search
# On these Liquid answers something else than the member of that name.
_SPECIAL_MEMBERS = frozenset({"size", "first", "last"})
# What is opened must be closed after its last opening. Without this the parser's own search for the
# end, from every beginning, takes minutes for a page of braces.
_PAIRS = (
    (re.compile(r"\{\{"), re.compile(r"\}\}"), "{{"),
    (re.compile(r"\{%"), re.compile(r"%\}"), "{%"),
    (re.compile(r"\{%-?\s*raw\b"), re.compile(r"\{%-?\s*endraw\b"), "{% raw %}"),
    (re.compile(r"\{%-?\s*doc\b"), re.compile(r"\{%-?\s*enddoc\b"), "{% doc %}"),
)
_block_tag = re.compile(
    r"\{%-?\s*(?P<end>end)?(?P<name>if|unless|for|case|tablerow|capture|comment)\b"
)


class TemplateError(Refusal):
    """The template cannot be read, or not be merged with these values; `line` counts from 1."""

    def __init__(self, code: str, reason: str, *, line: int | None = None) -> None:
        words = reason if line is None else _("Line %(line)s: %(what)s", line=line, what=reason)
        super().__init__(code, words)
        self.line = line


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A parsed template. Compare by identity; keep it, parsing costs a thousand times merging."""

    variables: tuple[str, ...]
    """The values it asks for, as `name` and `user.first_name`, in order of appearance."""
    lines: Mapping[str, int]
    """On which line each of them appears first, from 1."""
    segments: Segments | None
    """The whole of it, if it has no logic."""
    _parsed: BoundTemplate
    _printed: tuple[tuple[str, ...], ...]

    @property
    def content(self) -> Content:
        """What the composer takes."""
        return self.merged if self.segments is None else self.segments

    def merged(self, values: Mapping[str, object]) -> str:
        """The text with these values, by Liquid itself; a value that is missing leaves nothing.

        Raises:
            TemplateError: a limit is reached, or a filter cannot do this with these values.
        """
        try:
            return self._parsed.render(values)
        except LiquidError as error:
            raise _refused(error, "template_failed") from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise TemplateError("template_failed", _("A value does not fit its filter.")) from error
        except RecursionError as error:
            raise TemplateError("template_failed", _("The template is nested too deep.")) from error

    def missing(self, values: Mapping[str, object]) -> tuple[str, ...]:
        """Names of values that are printed, but are not among these.

        Values with a `default`, and those the template asks about before (`{% if coupon %}`), may
        be missing.
        """
        return tuple(".".join(path) for path in self._printed if _find(path, values) is None)


def parse(source: str, *, is_html: bool = False) -> Template:
    """Read a template strictly: what Liquid would only notice when it is sent is refused now.

    Raises:
        TemplateError: with the line at fault.
    """
    source = _line_break.sub("\n", source)
    if len(source) > LONGEST_SOURCE:
        raise TemplateError(
            "template_too_long",
            _("A template cannot be longer than %(n)s characters.", n=LONGEST_SOURCE),
        )
    _refuse_unclosed(source)
    liquid = language.HTML if is_html else language.PLAIN
    try:
        parsed = liquid.from_string(source)
        nodes = list(_all_nodes(parsed.nodes, RenderContext(parsed)))
        for node in nodes:
            _refuse_mistakes(node, liquid)
        found = parsed.analyze(include_partials=False).globals
    except LiquidError as error:
        _refuse_unended(source)
        raise _refused(error, "template_malformed") from error
    except RecursionError as error:
        raise TemplateError("template_malformed", _("The template is nested too deep.")) from error

    seen = sorted((v for group in found.values() for v in group), key=lambda v: v.span.index)
    lines: dict[str, int] = {}
    line, counted = 1, 0
    for variable in seen:
        line += source.count("\n", counted, variable.span.index)
        counted = variable.span.index
        lines.setdefault(str(variable), line)
    return Template(
        variables=tuple(lines),
        lines=lines,
        segments=_segments(parsed.nodes, is_html=is_html),
        _parsed=parsed,
        _printed=tuple(_printed(nodes, known=found.keys())),
    )


def parse_subject(source: str) -> Template:
    """Read a subject: plain text on one line, however its source is broken.

    Raises:
        TemplateError: as `parse`.
    """
    return parse(" ".join(source.split("\n")).strip())


# Mistakes


def _refuse_unclosed(source: str) -> None:
    for opening, closing, name in _PAIRS:
        opened = [match.start() for match in opening.finditer(source)]
        closed = [match.start() for match in closing.finditer(source)]
        if opened and (not closed or closed[-1] < opened[-1]):
            line = source.count("\n", 0, opened[-1]) + 1
            raise TemplateError(
                "template_malformed", _("%(what)s is never closed.", what=name), line=line
            )


def _refuse_unended(source: str) -> None:
    """Name the tag that has no end; Liquid itself only knows that it came to the end of all."""
    begun: list[tuple[str, int]] = []
    for match in _block_tag.finditer(source):
        if match["end"] is None:
            begun.append((match["name"], match.start()))
        elif begun and begun[-1][0] == match["name"]:
            begun.pop()
        else:
            return  # Liquid's own words say more about an end without a beginning
    if begun:
        name, at = begun[-1]
        what = f"{{% {name} %}}"
        raise TemplateError(
            "template_malformed",
            _("%(what)s is never closed.", what=what),
            line=source.count("\n", 0, at) + 1,
        )


def _refuse_mistakes(node: Node, liquid: Environment) -> None:
    """Refuse unknown filters, and ranges anywhere but in a loop, which alone counts its turns."""
    for expression in _all_expressions(node):
        if isinstance(expression, FilteredExpression):
            for applied in expression.filters or ():
                if applied.name not in liquid.filters:
                    raise UnknownFilterError(
                        f"there is no filter '{applied.name}'", token=applied.token
                    )
        for child in expression.children():
            if isinstance(child, RangeLiteral) and not isinstance(expression, LoopExpression):
                raise LiquidSyntaxError("a range can only be looped over", token=child.token)
        if isinstance(expression, RangeLiteral) and expression in node.expressions():
            raise LiquidSyntaxError("a range can only be looped over", token=expression.token)


def _refused(error: LiquidError, code: str) -> TemplateError:
    try:
        context = error.context()
    except ValueError:  # it points behind the end
        context = None
    reason = str(error.message) if error.message else _("Something is wrong here.")
    return TemplateError(code, reason, line=context[0] if context else None)


# The tree


def _all_nodes(nodes: Iterable[Node], context: RenderContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all_nodes(node.children(context), context)


def _all_expressions(node: Node) -> Iterator[Expression]:
    waiting = list(node.expressions())
    while waiting:
        expression = waiting.pop()
        yield expression
        waiting += expression.children()


def _printed(nodes: Iterable[Node], *, known: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Paths of the values put out as they are, but for those that the template asks about."""
    nodes = list(nodes)
    asked_about = {
        expression.path[0]
        for node in nodes
        if not isinstance(node, OutputNode)
        for expression in _all_expressions(node)
        if isinstance(expression, Path)
    }
    printed = dict.fromkeys(
        path
        for node in nodes
        if isinstance(node, OutputNode)
        and isinstance(node.expression, FilteredExpression)
        and not any(applied.name == "default" for applied in node.expression.filters or ())
        and (path := _plain_path(node.expression.left)) is not None
    )
    for path in printed:
        if path[0] in known and path[0] not in asked_about:
            yield path


def _plain_path(expression: Expression) -> tuple[str, ...] | None:
    """The members to follow, if each is named by a word that means nothing else."""
    if not isinstance(expression, Path):
        return None
    path = tuple(member for member in expression.path if isinstance(member, str))
    if len(path) < len(expression.path) or not _SPECIAL_MEMBERS.isdisjoint(path[1:]):
        return None
    return path


# The quick road


def _segments(nodes: Iterable[Node], *, is_html: bool) -> Segments | None:
    parts: list[str | Merge] = []
    for node in nodes:
        if isinstance(node, ContentNode):
            parts.append(node.text)
        elif isinstance(node, OutputNode):
            hole = _hole(node.expression, is_html=is_html)
            if hole is None:
                return None
            parts.append(hole)
        elif not isinstance(node, CommentNode):
            return None
    return Segments(tuple(parts))


def _hole(expression: Expression, *, is_html: bool) -> Merge | None:
    """The value to put out, if it is a plain one, perhaps with a literal `default`."""
    if not isinstance(expression, FilteredExpression):
        return None
    path = _plain_path(expression.left)
    if path is None:
        return None
    match expression.filters:
        case None | []:
            return _plain_value(path, None, is_html)
        case [only] if only.name == "default" and len(only.args) == 1:
            fallback = getattr(only.args[0], "value", None)
            if isinstance(fallback, StringLiteral) and not hasattr(only.args[0], "name"):
                return _plain_value(path, fallback.value, is_html)
    return None


@lru_cache(maxsize=8192)
def _plain_value(path: tuple[str, ...], default: str | None, is_html: bool) -> Merge:
    """What Liquid puts out for this path. Cached, so that the same hole is the same callable."""
    # The template's author may write markup; what comes in as a value is escaped.
    fallback = Markup(default) if is_html and default is not None else default  # noqa: S704

    def plain_value(values: Mapping[str, object]) -> str:
        value = _find(path, values)
        if type(value) is str and value:
            return str(escape(value)) if is_html and _find_markup(value) else value
        if fallback is not None:
            value = liquid_default(value, fallback)
        return to_liquid_string(value, is_html)

    return plain_value


def _find(path: tuple[str, ...], values: Mapping[str, object]) -> object:
    """The value at the end of the path, or None."""
    value: object = values
    try:
        for member in path:
            value = value[member]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return None
    return value
