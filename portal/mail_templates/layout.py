"""The house style of the gallery: a few marks become HTML that mail programs show well, and a text.

A letter is written in paragraphs with a blank line between them:

    # Heading            ## Smaller heading       Words with **weight** and [a link](address).
    => [A button](address)      > a box      ! small print      - a list
    | Name | value |  and  |= Sum | value |       --- a rule
    {% Liquid's tags on lines of their own %}

Tables carry the layout, because Outlook knows nothing else; `role="presentation"` keeps them out of
what is read aloud. Colours are the brand's, in light and in dark. Pictures are not needed to read.
Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

FRAME = Path(__file__).with_name("layout.html")

_bold = re.compile(r"\*\*(.+?)\*\*")
_link = re.compile(r"\[(.+?)\]\((.+?)\)")
_button = re.compile(r"=> \[(.+?)\]\((.+?)\)")
_row = re.compile(r"\|(=?) (.+?) \| (.+?) \|")
_rule = re.compile(r"^---\n*", re.MULTILINE)
_tag = re.compile(r"\{%.*%\}")
_tag_line = re.compile(r"^(\{%.*%\})\n", re.MULTILINE)

_FILLER = "&#847;&zwnj;&nbsp;" * 60
"""Nothing to see: it keeps the letter's first words from being shown behind the preheader."""
_TABLE = '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'


def as_html(letter: str, *, language: str, preheader: str) -> str:
    """The whole document, as a template."""
    frame = FRAME.read_text(encoding="utf-8")
    for mark, words in (
        ("[[language]]", language),
        ("[[preheader]]", preheader),
        ("[[filler]]", _FILLER),
        ("[[letter]]", "\n".join(_html_lines(letter))),
    ):
        frame = frame.replace(mark, words)
    return frame


def as_text(letter: str) -> str:
    """The same to be read as it is, as a template."""
    text = "\n".join(_text_lines(_rule.sub("", letter)))
    # A tag on a line of its own leaves no line behind.
    return _tag_line.sub(r"\1", text).strip() + "\n"


def _html_lines(letter: str) -> Iterator[str]:
    """Each line as a row of the card's table; rows of values stand in a table of their own."""
    for paragraph in letter.strip().split("\n\n"):
        lines = paragraph.splitlines()
        if any(line.startswith("|") for line in lines):
            yield f'<tr><td class="inside">{_TABLE} class="facts">'
            yield from (_html_row(line) for line in lines)
            yield "</table></td></tr>"
        elif lines[0].startswith("- "):
            items = "".join(f"<li>{_html(line[2:])}</li>" for line in lines)
            yield f'<tr><td class="inside"><ul class="list">{items}</ul></td></tr>'
        else:
            yield from (line if _tag.fullmatch(line) else _html_block(line) for line in lines)


def _html_row(line: str) -> str:
    found = _row.fullmatch(line)
    if found is None:
        return line
    kind = "sum" if found[1] else "fact"
    return (
        f'<tr><td class="{kind}-name">{_html(found[2])}</td>'
        f'<td class="{kind}" align="right">{_html(found[3])}</td></tr>'
    )


def _html_block(line: str) -> str:
    if found := _button.fullmatch(line):
        return (
            '<tr><td class="inside"><table role="presentation" cellpadding="0" cellspacing="0" '
            'border="0" class="button"><tr><td class="face" bgcolor="{{ brand.colour }}">'
            f'<a class="press" href="{found[2]}">{found[1]}</a></td></tr></table></td></tr>'
        )
    if _rule.fullmatch(line):
        rule = f'{_TABLE}><tr><td class="rule">&nbsp;</td></tr></table>'
        return f'<tr><td class="inside">{rule}</td></tr>'
    if line.startswith("> "):
        return (
            f'<tr><td class="inside">{_TABLE}><tr><td class="box" bgcolor="#f3f4f6">'
            f"{_html(line[2:])}</td></tr></table></td></tr>"
        )
    for mark, element, kind in (
        ("## ", "h2", "part"),
        ("# ", "h1", "title"),
        ("! ", "p", "small"),
        ("", "p", "words"),
    ):
        if line.startswith(mark):
            words = _html(line[len(mark) :])
            return f'<tr><td class="inside"><{element} class="{kind}">{words}</{element}></td></tr>'
    raise AssertionError(line)


def _html(words: str) -> str:
    words = _link.sub(r'<a class="link" href="\2">\1</a>', words)
    return _bold.sub(r"<strong>\1</strong>", words)


def _text_lines(letter: str) -> Iterator[str]:
    """The lines, and a blank one after each paragraph: within the tags, if those are around it."""
    for paragraph in letter.strip().split("\n\n"):
        *lines, last = paragraph.splitlines()
        yield from map(_text, lines)
        if not _tag.fullmatch(last) or "| " in paragraph:
            yield from (_text(last), "")
        elif lines:
            yield from ("", last)
        else:
            yield last


def _text(line: str) -> str:
    if found := _row.fullmatch(line):
        return f"{found[2]}: {found[3]}"
    line = re.sub(r"^(?:=> |## |# |! |> )", "", line)
    line = _bold.sub(r"\1", line)
    # An address that is its own words, or one to write to, is not said twice.
    line = re.sub(r"\[(.+?)\]\((?:mailto:)?\1\)", r"\1", line)
    return _link.sub(r"\1: \2", line)
