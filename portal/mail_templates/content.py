"""HTML as mail programs need it: styles at the elements, and a text for those who read text.

Styles are worked in by a process of their own. All of it takes finished HTML and template source
alike: Liquid's markup is taken out before a parser sees the HTML and put back after. Where it would
not come back in its place (a loop in a table, a condition in a tag), the source is left as it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.mail_templates.merge import LONGEST_SOURCE, Template, TemplateError, parse
from portal.smtp.segments import Content

_liquid = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_html = re.compile(
    r"(?P<style><style\b[^<>]*>.*?</style\s*>)|(?P<comment><!--.*?-->)"
    r"|(?P<tag></?[a-z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>)|(?P<text>[^<]+|<)",
    re.DOTALL | re.IGNORECASE,
)
_quoted = re.compile(r"\"[^\"]*\"|'[^']*'")

_PAIRS = (("{{", "}}"), ("{%", "%}"), ("<!--", "-->"))
_end_of_style = re.compile(r"</style\s*>", re.IGNORECASE)
# A stand-in is a number between two characters that Unicode leaves to private use.
_BEGIN, _END = "\ue000", "\ue001"
_stand_in = re.compile(f"(?:<!--|&lt;!--)?{_BEGIN}([0-9]+){_END}(?:-->|--&gt;)?")

_INLINER = Path(__file__).with_name("css_inliner.py")
_LONGEST_WAIT = 10.0
_MOST_TEXT = 20_000_000
"""Characters of a text laid out as a table, if each line were as wide as all words together."""
# What each line of a cell is padded for, and what lines are moved in by.
_laid_out = re.compile(
    r"<(/?)(?:table|thead|tbody|tfoot|tr|td|th|div|ul|ol)\b", re.ASCII | re.IGNORECASE
)
_begins_line = re.compile(
    r"<(?:tr|br|hr|p|div|li|ul|ol|table|figure|h[1-6r]|address|article|aside|footer|header"
    r"|hgroup|layer|main|nav|figcaption|blockquote|dt|dd)\b|display\s*:\s*block",
    re.ASCII | re.IGNORECASE,
)
_is_verbatim = re.compile(
    r"<(?:pre|xmp|listing|plaintext|textarea|iframe|noembed|noframes)\b|white-space\s*:\s*pre",
    re.ASCII | re.IGNORECASE,
)
_tag = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_address = re.compile(r"\bhref\s*=\s*([^<>]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What mail programs need of an HTML template; None where it is the same or cannot be done."""

    inlined: str | None
    text: str | None


def prepared(html: str) -> Prepared:
    """Styles at the elements, and the text that belongs to it: both are templates like the HTML."""
    inlined = inline_css(html)
    return Prepared(
        inlined=inlined if inlined != html and _is_template(inlined, is_html=True) else None,
        text=text_template_from_html(html),
    )


def _is_template(source: str, *, is_html: bool) -> bool:
    try:
        return len(source) <= LONGEST_SOURCE and bool(parse(source, is_html=is_html))
    except TemplateError:
        return False


def inline_css(html: str) -> str:
    """The HTML with the rules of its `<style>` written at the elements they apply to.

    Many mail programs ignore `<style>`. What cannot stand at an element (`@media`) stays where it
    is. Nothing is ever loaded: `<link>` is dropped. HTML that cannot be done comes back as it was.
    A tenth of a second: for saving a template, not for sending.
    """
    if "<style" not in html.lower():
        return html
    masked = _Masked.of(html)
    if masked is None or masked.has_logic_in_styles or masked.stands_in_tags:
        return html
    inlined = _inlined_elsewhere(masked.with_comments)
    if inlined is None:
        return html
    if "<tbody" not in html.lower():
        # The parser adds what HTML lets one leave out; a loop may begin before it and end in it.
        inlined = inlined.replace("<tbody>", "").replace("</tbody>", "")
    return masked.restored(inlined, in_styles_too=False) or html


def _inlined_elsewhere(html: str) -> str | None:
    """What `css_inliner.py` makes of it, in a process that may die; None if it does."""
    try:
        done = subprocess.run(  # noqa: S603 - our own file, no words of others in the command
            [sys.executable, "-I", str(_INLINER)],
            input=html.encode("utf-8"),
            capture_output=True,
            timeout=_LONGEST_WAIT,
            check=True,
        )
        return done.stdout.decode("utf-8")
    except (subprocess.SubprocessError, OSError, UnicodeError):
        return None


def text_from_html(html: str) -> str:
    """Finished HTML as plain text, links with their addresses: `[Shop](https://acme.example)`.

    Tables stand beside each other as they do in HTML, unless the padding would be a flood.
    """
    if _most_text(html) > _MOST_TEXT:
        html = _laid_out.sub("<br", html)
    from portal.mail_templates.laying_out import laid_out  # noqa: PLC0415 - its library is 5 MB

    text = laid_out(html)
    return "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())


def _most_text(html: str) -> int:
    """Lines by the width of the widest: what padding may make of it."""
    lines = len(_begins_line.findall(html))
    indent = 4 * len(_laid_out.findall(html))
    if _is_verbatim.search(html):
        return (lines + html.count("\n") + html.count("&")) * (len(html) + indent)
    addresses = sum(map(len, _address.findall(html)))
    return lines * (len(_tag.sub("", html)) + addresses + indent)


def text_template_from_html(source: str) -> str | None:
    """The text that belongs to an HTML template, as a template; None if its logic would be lost."""
    masked = _Masked.of(source)
    if masked is None or masked.has_logic_in_styles:
        return None
    text = masked.restored(text_from_html(masked.plain), in_styles_too=True)
    return text if text is not None and _is_template(text, is_html=False) else None


def text_content(html: Template, source: str) -> Content:
    """What the composer takes as the text beside this HTML template, where none was written.

    Made from the template if that can be, else from each recipient's finished HTML.
    """
    text = text_template_from_html(source)
    if text is not None:
        return parse(text).content

    def text_of_merged(values: Mapping[str, object]) -> str:
        return text_from_html(html.merged(values))

    return text_of_merged


def _is_closed(source: str) -> bool:
    """Is each last opening followed by its end, and for a style by a whole one?"""
    lower = source.lower()
    last_style = lower.rfind("<style")
    return all(lower.rfind(opening) <= lower.rfind(closing) for opening, closing in _PAIRS) and (
        last_style < 0 or _end_of_style.search(lower, last_style) is not None
    )


@dataclass(frozen=True, slots=True)
class _Masked:
    """HTML with stand-ins for Liquid's markup."""

    taken: tuple[str, ...]
    """The markup that was taken out, by number."""
    plain: str
    """With stand-ins as words: text stays text, attributes stay attributes."""
    with_comments: str
    """With stand-ins as comments between tags, where words would be moved (in tables)."""
    outside_styles: tuple[int, ...]
    has_logic_in_styles: bool
    stands_in_tags: bool
    """Liquid's markup is itself part of a tag, and not only of an attribute's value."""

    @classmethod
    def of(cls, source: str) -> _Masked | None:
        """Take Liquid's markup out.

        None if the source has our own signs in it, or opens what it does not close: searching for
        the end of each would take the square of its length.
        """
        if _BEGIN in source or _END in source or not _is_closed(source):
            return None
        taken: list[str] = []

        def take(match: re.Match[str]) -> str:
            taken.append(match.group())
            return f"{_BEGIN}{len(taken) - 1}{_END}"

        plain = _liquid.sub(take, source)
        pieces: list[str] = []
        in_styles: list[int] = []
        stands_in_tags = False
        for match in _html.finditer(plain):
            piece = match.group()
            if match.lastgroup == "style":
                in_styles += map(int, _stand_in.findall(piece))
            elif match.lastgroup == "tag":
                stands_in_tags |= _BEGIN in _quoted.sub("", piece)
            elif match.lastgroup == "text":
                piece = _stand_in.sub(r"<!--\g<0>-->", piece)
            pieces.append(piece)
        return cls(
            taken=tuple(taken),
            plain=plain,
            with_comments="".join(pieces),
            outside_styles=tuple(n for n in range(len(taken)) if n not in set(in_styles)),
            has_logic_in_styles=any(taken[number].startswith("{%") for number in in_styles),
            stands_in_tags=stands_in_tags,
        )

    def restored(self, text: str, *, in_styles_too: bool) -> str | None:
        """The text with Liquid's markup back, or None if any of it has moved or is lost.

        For plain text values may be lost (an address of a picture), logic may not.
        """
        found = [int(number) for number in _stand_in.findall(text)]
        if in_styles_too:
            kept = [n for n in found if self._is_logic(n)]
            wanted = [n for n in self.outside_styles if self._is_logic(n)]
            in_order = found == sorted(found)
        else:
            kept = [n for n in found if n in set(self.outside_styles)]
            wanted = list(self.outside_styles)
            in_order = True
        if kept != wanted or not in_order:
            return None
        return _stand_in.sub(lambda match: self.taken[int(match.group(1))], text)

    def _is_logic(self, number: int) -> bool:
        return self.taken[number].startswith("{%")
